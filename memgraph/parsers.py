import json
import re
from collections.abc import Iterator, Mapping
from math import inf
from typing import Any, Final

import orjson
from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from tenants.parsers import DEEPEST, holds_nul, is_too_deep, nests_deeper, read_body
from tenants.problems import Unprocessable

LARGEST_INTEGER: Final = 2**64 - 1
SMALLEST_INTEGER: Final = -(2**63)
LONG_NUMBER: Final = re.compile(rb"[0-9]{19}")
SURROGATE: Final = re.compile("[\ud800-\udfff]")
LONGEST_PLACE: Final = 200


class JSONParser(BaseParser):
    """JSON as RFC 8259 and I-JSON (RFC 7493) have it: 400 what can't be parsed, 422 what can't be kept.

    orjson reads it. It would take an integer beyond 64 bits as a float, and NUL, which PostgreSQL has no place for.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        view = (parser_context or {}).get("view")
        body = read_body(stream, most=getattr(view, "largest_body", settings.DATA_UPLOAD_MAX_MEMORY_SIZE))
        if not body:
            return {}
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise why_unreadable(body, error) from None
        if is_too_deep(body, parsed):
            raise too_deep(parsed)
        if holds_nul(body) or LONG_NUMBER.search(body):
            refuse_unfit(json.loads(body, parse_int=bounded_integer))
        return parsed


def too_deep(parsed: Any) -> APIException:
    """Names the way there for two steps: of a batch, the item."""
    place = []
    for left in (DEEPEST - 1, DEEPEST - 2):
        inner = parsed.items() if isinstance(parsed, dict) else enumerate(parsed)
        name, parsed = next((name, value) for name, value in inner if nests_deeper(value, left))
        place.append(str(name))
    where = ".".join(place)[:LONGEST_PLACE]
    return ParseError(f"The body is nested deeper than {DEEPEST}, in {where}.", code="malformed")


def why_unreadable(body: bytes, error: orjson.JSONDecodeError) -> APIException:
    """Lone surrogates and infinite numbers can be parsed, but not kept. `json` would guess UTF-16 from bytes."""
    try:
        text = body.decode()
    except UnicodeDecodeError as fault:
        return ParseError(f"The body is not UTF-8: byte {fault.start + 1:,}.", code="malformed")
    malformed = ParseError(f"The body is not JSON: line {error.lineno}, column {error.colno}.", code="malformed")
    try:
        parsed = json.loads(text, parse_constant=refuse_constant, parse_int=bounded_integer)
    except (ValueError, RecursionError):
        return malformed
    if not nests_deeper(parsed):
        refuse_unfit(parsed)
    return malformed


def refuse_constant(name: str) -> None:
    raise ValueError(name)


def bounded_integer(digits: str) -> float:
    number = int(digits) if len(digits) <= 20 else inf
    return number if SMALLEST_INTEGER <= number <= LARGEST_INTEGER else inf


def refuse_unfit(parsed: Any) -> None:
    """Names the first value that can't be kept."""
    for place, value in values_of(parsed):
        if isinstance(value, str) and "\0" in value:
            raise Unprocessable("Text can't hold the character NUL.", code="invalid_text", place=place)
        if isinstance(value, str) and SURROGATE.search(value):
            raise Unprocessable("Text can't hold a lone surrogate.", code="invalid_text", place=place)
        if value in (inf, -inf):
            sentence = "A number can't be beyond 64 bits: send it as text."
            raise Unprocessable(sentence, code="number_out_of_range", place=place)


def values_of(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Texts and numbers in JSON, names among them, with their places: `events.1.content`. A name's is its object's."""
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(name, str):
                yield place, name
            yield from values_of(inner, f"{place}.{name}".removeprefix(".")[:LONGEST_PLACE])
    else:
        yield place, value
