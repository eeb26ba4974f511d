"""Numbered lines of an import's body, unpacked if necessary. Every size has a limit."""

import zlib
from collections.abc import Iterator
from typing import Any, Final, Protocol

import orjson
from rest_framework.exceptions import APIException

from tenants.json_text import holds_more_values, holds_nul
from tenants.limits.bodies import LARGE_BODY
from tenants.problems import PayloadTooLarge, Unprocessable
from tenants.strict_json import DEEPEST, is_too_deep, misplaced_byte, what_is_unfit

CHUNK_BYTES: Final = 64 * 1024
LINE_BYTES: Final = LARGE_BODY
LINE_VALUES: Final = 50_000  # 64 KiB of content can hold 32,768, and older versions had no limit


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def refuse_line(number: int, reason: str) -> Unprocessable:
    return Unprocessable(f"Line {number}: {reason}. Nothing was imported.", code="import_invalid")


class UnreadableError(Exception):
    """Why a stream can't be read. `read_after` turns it into a refusal with the line number."""


class TooLargeError(UnreadableError):
    pass


def refuse_after(number: int, fault: UnreadableError) -> APIException:
    """The fault is somewhere after the last complete line."""
    place = f"After line {number}: the" if number else "The"
    detail = f"{place} {fault}. Nothing was imported."
    if isinstance(fault, TooLargeError):
        return PayloadTooLarge(detail)
    return Unprocessable(detail, code="import_invalid")


class Bounded:
    """Limits the bytes of a stream. Used on the packed stream too, because that may unpack to nothing."""

    def __init__(self, stream: Readable, most: int | None) -> None:
        self.stream = stream
        self.most = most
        self.total = 0

    def read(self, size: int) -> bytes:
        chunk = self.stream.read(size)
        self.total += len(chunk)
        if self.most is not None and self.total > self.most:
            raise TooLargeError(f"file is larger than {self.most:,} bytes (`manage.py import_tenant` accepts any size)")
        return chunk


class Gunzipped:
    """Unpacks gzip, at most 64 KiB at a time, so that a gzip bomb reaches the limit before it fills the memory."""

    def __init__(self, stream: Readable) -> None:
        self.stream = stream
        self.packed = b""
        self.unpacker = zlib.decompressobj(wbits=31)

    def read(self, size: int) -> bytes:
        while True:
            self.packed = self.packed or self.stream.read(CHUNK_BYTES)
            if self.unpacker.eof:
                if not self.packed:
                    return b""
                self.unpacker = zlib.decompressobj(wbits=31)  # for the next member (RFC 1952, section 2.2)
            if unpacked := self.unpack(size):
                return unpacked

    def unpack(self, size: int) -> bytes:
        if not self.packed:
            raise UnreadableError("gzip stream is incomplete")
        try:
            unpacked = self.unpacker.decompress(self.packed, size)
        except zlib.error:
            raise UnreadableError("data is not a valid gzip stream") from None
        self.packed = self.unpacker.unconsumed_tail or self.unpacker.unused_data
        return unpacked


def read_lines(stream: Readable, *, most: int | None) -> Iterator[tuple[int, bytes]]:
    """Yields lines with their numbers, from 1, and with their newlines, which the last one may lack."""
    number, rest = 0, b""
    bounded = Bounded(stream, most)
    while chunk := read_after(number, bounded):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            number += 1
            refuse_length(number, line)
            yield number, line + b"\n"
        refuse_length(number + 1, rest)
    if rest:
        yield number + 1, rest


def read_after(number: int, stream: Readable) -> bytes:
    try:
        return stream.read(CHUNK_BYTES)
    except UnreadableError as fault:
        raise refuse_after(number, fault) from None


def refuse_length(number: int, line: bytes) -> None:
    if len(line) > LINE_BYTES:
        raise refuse_line(number, f"longer than {LINE_BYTES:,} bytes")


def parse_line(number: int, line: bytes) -> dict[str, Any]:
    if holds_more_values(LINE_VALUES, line):
        raise refuse_line(number, f"more than {LINE_VALUES:,} values")
    try:
        parsed = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise refuse_line(number, why_unreadable(line)) from None
    if not isinstance(parsed, dict):
        raise refuse_line(number, "not a JSON object")
    if is_too_deep(line, parsed):
        raise refuse_line(number, f"nested deeper than {DEEPEST}")
    if holds_nul(line):
        raise refuse_line(number, "it contains the character NUL")
    return parsed


def why_unreadable(line: bytes) -> str:
    if line.endswith(b"\n") and (place := misplaced_byte(line)):  # otherwise the file may end inside a character
        return f"not UTF-8: its byte {place}"
    if unfit := what_is_unfit(line):
        return f"it contains {unfit.what}"
    return "not JSON, or incomplete"
