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


def import_bar(total: int | None) -> "tqdm[Any]":
    """By bytes of the file: nobody knows its rows before its end."""
    return tqdm(total=total, unit="B", unit_scale=True, disable=None)


class ShownBytes:
    def __init__(self, stream: Readable, bar: "tqdm[Any]") -> None:
        self.stream = stream
        self.bar = bar

    def read(self, size: int) -> bytes:
        chunk = self.stream.read(size)
        self.bar.update(len(chunk))
        return chunk


class ShownRows:
    """Around what is unpacked already."""

    def __init__(self, stream: Readable, bar: "tqdm[Any]") -> None:
        self.stream = stream
        self.bar = bar
        self.rows = 0

    def read(self, size: int) -> bytes:
        chunk = self.stream.read(size)
        self.rows += chunk.count(b"\n")
        self.bar.set_postfix_str(f"{self.rows:,} rows", refresh=False)
        return chunk
