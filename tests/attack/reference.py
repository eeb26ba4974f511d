"""JSON read slowly and plainly, by two whole parsers and a recursive walk. `memgraph/parsers.py` must say the same."""

import json
import re
from collections.abc import Iterator
from math import inf
from typing import Any

import orjson

DEEPEST = 50
LONGEST_PLACE = 200
SURROGATE = re.compile("[\ud800-\udfff]")
NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
LONG_NUMBER = re.compile(rb"[0-9]{19}")
Refusal = tuple[int, str, str]  # status, code, and the place or a part of the sentence


def read(body: bytes, *, most: int) -> Any:
    """The value, or a refusal."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return why_unreadable(body, error)
    if count(parsed) > most and not repeats_a_name(body):
        return 413, "too_many_values", ""
    if depth(parsed) > DEEPEST:
        return 400, "malformed", f"nested deeper than {DEEPEST}"
    if NUL.search(body) or LONG_NUMBER.search(body):
        return unfit(body) or parsed
    return parsed


def why_unreadable(body: bytes, error: orjson.JSONDecodeError) -> Refusal:
    try:
        body.decode()
    except UnicodeDecodeError as fault:
        return 400, "malformed", f"byte {fault.start + 1:,}."
    return unfit(body) or (400, "malformed", f"line {error.lineno}, column {error.colno}.")


def count(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(count, inner))


def repeats_a_name(body: bytes) -> bool:
    """Then more values are written than are read."""
    repeated = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        repeated.extend(pairs[len(dict(pairs)) :])
        return dict(pairs)

    json.loads(body.decode(), object_pairs_hook=note)
    return bool(repeated)


def depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)


def unfit(body: bytes) -> Refusal | None:
    try:
        parsed = json.loads(body.decode(), parse_constant=refuse, parse_int=bounded)
    except (ValueError, RecursionError):
        return None
    if depth(parsed) > DEEPEST:
        return None
    for place, value in values_of(parsed):
        if isinstance(value, str) and ("\0" in value or SURROGATE.search(value)):
            return 422, "invalid_text", place
        if value in (inf, -inf):
            return 422, "number_out_of_range", place
    return None


def refuse(name: str) -> None:
    raise ValueError(name)


def bounded(digits: str) -> float:
    number = int(digits) if len(digits) <= 20 else inf
    return number if -(2**63) <= number < 2**64 else inf


def values_of(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(name, str):
                yield place, name
            yield from values_of(inner, f"{place}.{name}".removeprefix(".")[:LONGEST_PLACE])
    else:
        yield place, value
