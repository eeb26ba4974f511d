"""Which rows there are, what each needs, and the making of the table."""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Final, NamedTuple

from bench import bulk, limits, rows
from bench.comparing import HEADINGS, Comparison, compare
from bench.installation import SCALES, Installation
from bench.wrk import LoadError


class Row(NamedTuple):
    tenants: set[str]
    comparisons: Callable[[Installation], Iterator[Comparison]]


ROWS: Final = {
    "R0": Row(set(), rows.server_itself),
    "R1": Row(set(), rows.whoami_by_keys),
    "R2": Row(set(), rows.whoami_by_one_key),
    "R3": Row(set(), rows.whoami_by_tokens),
    "R4": Row({"events", "beliefs"}, rows.pages),
    "W1": Row({"written"}, rows.one_event),
    "W2": Row({"written"}, bulk.batches),
    "E1": Row({"events", "few events"}, bulk.exports),
    "I1": Row({"events", "few events"}, bulk.imports),
    "K1": Row(set(), limits.key_lookups),
    "K2": Row({"many events", "few events"}, rows.stats),
    "K3": Row({"many events", "few events"}, rows.lists),
    "S1": Row({"beliefs", "few beliefs"}, rows.search),
    "L1": Row(set(), limits.sign_ins),
    "M1": Row({"written"}, limits.memory),
    "C1": Row(set(), limits.start),
}


def run(options: Namespace, data_dir: Path) -> Iterator[str]:
    """The table's lines, each when it is known."""
    wanted = read_rows(options.rows)
    bench = Installation(data_dir, options.peers, SCALES[options.scale], options.seconds)
    with bench.stack:
        started = perf_counter()
        bench.load({tenant for name in wanted for tenant in ROWS[name].tenants})
        yield f"Loaded in {perf_counter() - started:.0f} s. {options.rounds} rounds of {options.seconds} s.\n"
        yield HEADINGS
        for name in wanted:
            try:
                for comparison in ROWS[name].comparisons(bench):
                    yield compare(comparison, options.rounds).line(name)
            except LoadError as error:
                yield f"{name:<4} FAILED: {error}"


def read_rows(text: str) -> list[str]:
    names = [name for name in text.upper().replace(" ", "").split(",") if name]
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        sys.exit(f"bench: there is no row {', '.join(unknown)}. There are {', '.join(ROWS)}.")
    return names or list(ROWS)
