"""Bar charts as SVG, without scripts. The page also shows the same numbers as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

WIDTH: Final = 720
HEIGHT: Final = 150
GAP: Final = 3


@dataclass(frozen=True, kw_only=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    day: date
    number: int


@dataclass(frozen=True, kw_only=True)
class Chart:
    bars: list[Bar]
    most: int
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def total(self) -> int:
        return sum(bar.number for bar in self.bars)


def daily_chart(days: Sequence[dict[str, Any]]) -> Chart:
    """Takes `[{"date", "events"}]`. A day without events gets a bar of one pixel, so that the day is visible."""
    most = max((day["events"] for day in days), default=0)
    step = WIDTH / max(len(days), 1)
    bars = []
    for place, day in enumerate(days):
        height = max(2.0, HEIGHT * day["events"] / most) if day["events"] else 1.0
        bar = Bar(
            x=round(place * step, 1),
            y=round(HEIGHT - height, 1),
            width=round(step - GAP, 1),
            height=round(height, 1),
            day=day["date"],
            number=day["events"],
        )
        bars.append(bar)
    return Chart(bars=bars, most=most)
