"""How far a transfer is, for people: on standard error, and only where that is a terminal."""

from collections.abc import Iterable, Iterator
from typing import Any

from tqdm import tqdm

from memory.transfer.lines import Readable


def shown_export(chunks: Iterable[bytes], *, total: int) -> Iterator[bytes]:
    """The same chunks. Every row is a line."""
    with tqdm(total=total, unit=" rows", unit_scale=True, disable=None) as bar:
        for chunk in chunks:
            yield chunk
            bar.update(chunk.count(b"\n"))


class ImportBar(tqdm):  # type: ignore[type-arg] # generic for the type checker alone
    """By bytes of the file, which tell the time left: nobody knows its rows before its end. Shows rows."""

    rows = 0

    @property
    def format_dict(self) -> Any:
        shown = super().format_dict
        rate = self.rows / shown["elapsed"] if shown["elapsed"] else 0
        return {**shown, "rows": f"{self.rows:,}", "rows_rate": f"{rate:,.0f}"}


def import_bar(total: int | None) -> ImportBar:
    """Of a pipe, whose end nobody knows, there is no time left."""
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
    """Around what is unpacked already. Every row is a line."""

    def __init__(self, stream: Readable, bar: ImportBar) -> None:
        self.stream = stream
        self.bar = bar

    def read(self, size: int) -> bytes:
        chunk = self.stream.read(size)
        self.bar.rows += chunk.count(b"\n")
        return chunk
