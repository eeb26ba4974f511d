"""Checks JSON in bodies and in lines of an import: I-JSON (RFC 7493), not nested too deep, and possible to store.

orjson parses it. But orjson reads an integer beyond 64 bits as a float, and accepts NUL, which PostgreSQL can't store.
So a body that contains either is examined again.
"""

import json
import re
from collections.abc import Iterator
from gc import get_referents
from itertools import islice
from math import inf
from typing import Any, Final, NamedTuple

from tenants.json_text import (
    LARGEST_INTEGER,
    SMALLEST_INTEGER,
    count_up_to,
    has_long_texts,
    holds_long_integer,
    holds_nul,
    may_hold_long_number,
)

DEEPEST: Final = 50
LONGEST_PLACE: Final = 200
CONTAINERS: Final = {dict, list}
SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Unfit(NamedTuple):
    what: str
    code: str
    place: str  # such as `events.1.content`; for a name, the place of its object


NUL: Final = ("the character NUL", "invalid_text")  # PostgreSQL can't store it
LONE_SURROGATE: Final = ("a lone surrogate", "invalid_text")
LARGE_NUMBER: Final = ("a number beyond 64 bits", "number_out_of_range")


def is_too_deep(body: bytes, parsed: Any) -> bool:
    """Whether this JSON is nested deeper than 50. Skips the values if the text has too few brackets."""
    if sum(count_up_to(DEEPEST + 1, bracket, body) for bracket in (b"[", b"{")) <= DEEPEST:
        return False
    return nests_deeper(parsed)


def nests_deeper(parsed: Any, than: int = DEEPEST) -> bool:
    return any(not kinds.isdisjoint(CONTAINERS) for kinds, _ in islice(levels_of(parsed), than, than + 1))


def levels_of(parsed: Any) -> Iterator[tuple[set[type], list[Any]]]:
    """Yields the values of one depth and their types, then those of the next depth, with names among them.

    Asks the garbage collector what the containers hold, which takes half the time of a loop.
    """
    level = [parsed]
    while level:
        kinds = set(map(type, level))
        yield kinds, level
        if kinds.isdisjoint(CONTAINERS):
            return
        level = get_referents(*[outer for outer in level if type(outer) in CONTAINERS])


def place_of_depth(parsed: Any) -> str:
    """The first two steps of the path to the deep value. In a batch, they name the item."""
    place = []
    for left in (DEEPEST - 1, DEEPEST - 2):
        inner = parsed.items() if isinstance(parsed, dict) else enumerate(parsed)
        name, parsed = next((name, value) for name, value in inner if nests_deeper(value, left))
        place.append(str(name))
    return ".".join(place)[:LONGEST_PLACE]


def misplaced_byte(body: bytes) -> int | None:
    """The position, from 1, of the first byte that is not UTF-8. None if there is none."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.start + 1
    return None


def holds_large_integer(body: bytes, parsed: Any) -> bool:
    """Whether orjson read an integer beyond 64 bits as a float. The exact test is slow and comes last.

    If the values are short, there are many of them, so the text is searched first. If they are long, there are few.
    """
    if not has_long_texts(body) and not may_hold_long_number(body):
        return False
    return holds_large_float(parsed) and holds_long_integer(body)


def holds_large_float(parsed: Any) -> bool:
    return any(
        float in kinds
        and any(type(value) is float and not SMALLEST_INTEGER < value <= LARGEST_INTEGER for value in level)
        for kinds, level in levels_of(parsed)
    )


def what_is_unkept(body: bytes, parsed: Any) -> Unfit | None:
    """The first value that orjson accepts, but that can't be stored."""
    if holds_large_integer(body, parsed):
        return what_is_unfit(body)
    if not holds_nul(body):
        return None
    places = (place for place, value in values_of(parsed) if type(value) is str and "\0" in value)
    return next((Unfit(*NUL, place) for place in places), None)  # None if a later member of the same name replaced it


def what_is_unfit(body: bytes) -> Unfit | None:
    """The first value that can be parsed but not stored. None if the JSON can't be parsed or is nested too deep.

    Slow. Only for text that orjson refused or that has an integer beyond 64 bits. Limit the number of values first.
    """
    try:  # as text, because `json` might take bytes for UTF-16
        parsed = json.loads(body.decode(), parse_constant=refuse_constant, parse_int=bounded_integer)
    except (ValueError, RecursionError):
        return None
    if nests_deeper(parsed):
        return None
    for place, value in values_of(parsed):
        if isinstance(value, str) and "\0" in value:
            return Unfit(*NUL, place)
        if isinstance(value, str) and not value.isascii() and SURROGATE.search(value):
            return Unfit(*LONE_SURROGATE, place)
        if value in (inf, -inf):
            return Unfit(*LARGE_NUMBER, place)
    return None


def refuse_constant(name: str) -> None:
    raise ValueError(name)


def bounded_integer(digits: str) -> float:
    number = int(digits) if len(digits) <= 20 else inf
    return number if SMALLEST_INTEGER <= number <= LARGEST_INTEGER else inf


def values_of(parsed: Any) -> Iterator[tuple[str, Any]]:
    """Yields names and all values except containers, each with its place, in the order of the text."""
    under_way = [iter([("", parsed)])]
    while under_way:
        for place, value in under_way[-1]:
            if type(value) in CONTAINERS:
                under_way.append(members_of(place, value))
                break
            yield place, value
        else:
            under_way.pop()


def members_of(place: str, container: Any) -> Iterator[tuple[str, Any]]:
    for name, value in container.items() if type(container) is dict else enumerate(container):
        if isinstance(name, str):
            yield place, name
        yield f"{place}.{name}".removeprefix(".")[:LONGEST_PLACE], value
