"""Two measurements side by side, round by round, and what their ratio must reach."""

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from bench.wrk import LoadError

Measure = Callable[[], float]
COLUMNS: Final = "{:<4} {:<54} {:>18} {:>18} {:>20} {:>8}  {}"
HEADINGS: Final = COLUMNS.format("row", "what, against what", "ours", "theirs", "ratio (range)", "limit", "").rstrip()


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Of a rate the ratio has to be `at_least` so much, of a cost `at_most`; with neither it is only told."""

    what: str
    unit: str
    ours: Measure
    theirs: Measure
    at_least: float | None = None
    at_most: float | None = None
    most_rounds: int | None = None  # where one round takes long and no round differs from the next


@dataclass
class Result:
    comparison: Comparison
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    fault: str = ""

    @property
    def ratios(self) -> list[float]:
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def verdict(self) -> str:
        least, most = self.comparison.at_least, self.comparison.at_most
        if self.fault:
            return f"FAILED: {self.fault}"
        if least is None and most is None:
            return ""
        met = median(self.ratios) >= least if least is not None else median(self.ratios) <= (most or 0)
        return "met" if met else "MISSED"

    def line(self, row: str) -> str:
        limit = next(
            (
                f"{sign} {bound:g}"
                for sign, bound in ((">=", self.comparison.at_least), ("<=", self.comparison.at_most))
                if bound is not None
            ),
            "",
        )
        ratio = f"{median(self.ratios):.2f} ({min(self.ratios):.2f}-{max(self.ratios):.2f})" if self.ratios else ""
        return COLUMNS.format(
            row, self.comparison.what, self.shown(self.ours), self.shown(self.theirs), ratio, limit, self.verdict
        ).rstrip()

    def shown(self, measured: list[float]) -> str:
        if not measured:
            return ""
        value = median(measured)
        return f"{value:,.0f} {self.comparison.unit}" if value >= 100 else f"{value:.1f} {self.comparison.unit}"


def compare(comparison: Comparison, rounds: int) -> Result:
    """Each round measures both, one right after the other, in the other order than the round before."""
    result = Result(comparison)
    try:
        for number in range(min(rounds, comparison.most_rounds or rounds)):
            pair = [(result.ours, comparison.ours), (result.theirs, comparison.theirs)]
            measured = [(values, measure()) for values, measure in (reversed(pair) if number % 2 else pair)]
            for values, value in measured:
                values.append(value)
    except LoadError as error:
        result.fault = str(error)
    return result
