"""What JSON is let in, in a body as in a line of an import: I-JSON (RFC 7493), not too deep, and what can be kept."""

import json
import re
from collections.abc import Iterator
from math import inf
from typing import Any, Final, NamedTuple

DEEPEST: Final = 50
LONGEST_PLACE: Final = 200
LARGEST_INTEGER: Final = 2**64 - 1
SMALLEST_INTEGER: Final = -(2**63)
DIGITS_AS_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
LONG_NUMBER: Final = b"0" * 19
CONTAINERS: Final = {dict, list}
ESCAPED_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Unfit(NamedTuple):
    what: str
    code: str
    place: str  # `events.1.content`; a name's is its object's


NUL: Final = ("the character NUL", "invalid_text")  # PostgreSQL has no place for it
LONE_SURROGATE: Final = ("a lone surrogate", "invalid_text")
LARGE_NUMBER: Final = ("a number beyond 64 bits", "number_out_of_range")


def holds_nul(body: bytes) -> bool:
    return b"\\u0000" in body and ESCAPED_NUL.search(body) is not None


def holds_long_number(body: bytes) -> bool:
    """Which orjson may have taken as a float. A tenth of the time that a regular expression takes."""
    return LONG_NUMBER in body.translate(DIGITS_AS_ZEROS)


def is_too_deep(body: bytes, parsed: Any) -> bool:
    """Whether this JSON is nested deeper than 50; few brackets in its text say at once that it is not."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return False
    return nests_deeper(parsed)


def nests_deeper(parsed: Any, than: int = DEEPEST) -> bool:
    level = [parsed]
    for _ in range(than + 1):
        level = [outer for outer in level if type(outer) in CONTAINERS]
        if not level:
            return False
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
    return True


def place_of_depth(parsed: Any) -> str:
    """The way there for two steps: of a batch, the item."""
    place = []
    for left in (DEEPEST - 1, DEEPEST - 2):
        inner = parsed.items() if isinstance(parsed, dict) else enumerate(parsed)
        name, parsed = next((name, value) for name, value in inner if nests_deeper(value, left))
        place.append(str(name))
    return ".".join(place)[:LONGEST_PLACE]


def misplaced_byte(body: bytes) -> int | None:
    """Which byte, counted from 1, is not UTF-8."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.start + 1
    return None


def what_is_unfit(body: bytes) -> Unfit | None:
    """The first value of JSON that can be parsed, but not kept; None if it can't be parsed. Slow: to refuse it."""
    try:  # text, because `json` would guess UTF-16 from bytes
        parsed = json.loads(body.decode(), parse_constant=refuse_constant, parse_int=bounded_integer)
    except (ValueError, RecursionError):
        return None
    if nests_deeper(parsed):
        return None
    for place, value in values_of(parsed):
        if isinstance(value, str) and "\0" in value:
            return Unfit(*NUL, place)
        if isinstance(value, str) and SURROGATE.search(value):
            return Unfit(*LONE_SURROGATE, place)
        if value in (inf, -inf):
            return Unfit(*LARGE_NUMBER, place)
    return None


def refuse_constant(name: str) -> None:
    raise ValueError(name)


def bounded_integer(digits: str) -> float:
    number = int(digits) if len(digits) <= 20 else inf
    return number if SMALLEST_INTEGER <= number <= LARGEST_INTEGER else inf


def values_of(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Texts and numbers, names among them, each with its place."""
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(name, str):
                yield place, name
            yield from values_of(inner, f"{place}.{name}".removeprefix(".")[:LONGEST_PLACE])
    else:
        yield place, value
