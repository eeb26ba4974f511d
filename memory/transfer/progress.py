"""Progress bars on standard error, if that is a terminal."""

from collections.abc import Iterable, Iterator
from typing import Any

from tqdm import tqdm

from memory.transfer.lines import Readable


def shown_export(chunks: Iterable[bytes], *, total: int) -> Iterator[bytes]:
    """Yields the same chunks. Each line is a row."""
    with tqdm(total=total, unit=" rows", unit_scale=True, disable=None) as bar:
        for chunk in chunks:
            yield chunk
            bar.update(chunk.count(b"\n"))


class ImportBar(tqdm):  # type: ignore[type-arg] # generic only in its type stubs
    """Measures bytes, because the number of rows is unknown before the end. Shows rows."""

    rows = 0

    @property
    def format_dict(self) -> Any:
        shown = super().format_dict
        rate = self.rows / shown["elapsed"] if shown["elapsed"] else 0
        return {**shown, "rows": f"{self.rows:,}", "rows_rate": f"{rate:,.0f}"}


def import_bar(total: int | None) -> ImportBar:
    """For a pipe, whose size is unknown, it shows no remaining time."""
    known = "{l_bar}{bar}| {rows} rows [{elapsed}<{remaining}, {rows_rate} rows/s]"
    return ImportBar(
        total=total, bar_format=known if total else "{rows} rows [{elapsed}, {rows_rate} rows/s]", disable=None
    )


class ShownBytes:
    def __init__(self, stream: Readable, bar: ImportBar) -> None:
        self.stream = stream
        self.bar = bar

    def read(self, size: int) -> bytes:
        chunk = self.stream.read(size)
        self.bar.update(len(chunk))
        return chunk


class ShownRows:
    """Wraps the unpacked stream. Each line is a row."""

    def __init__(self, stream: Readable, bar: ImportBar) -> None:
        self.stream = stream
        self.bar = bar

    def read(self, size: int) -> bytes:
        chunk = self.stream.read(size)
        self.bar.rows += chunk.count(b"\n")
        return chunk
