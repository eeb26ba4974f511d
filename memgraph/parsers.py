from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from tenants.json_text import holds_more_values
from tenants.limits.bodies import largest_body, most_values
from tenants.parsers import read_body
from tenants.problems import PayloadTooLarge, Unprocessable
from tenants.strict_json import (
    DEEPEST,
    Unfit,
    is_too_deep,
    misplaced_byte,
    place_of_depth,
    what_is_unfit,
    what_is_unkept,
)


class JSONParser(BaseParser):
    """JSON by RFC 8259 and I-JSON (RFC 7493): 400 if it can't be parsed, 422 if it can't be stored.

    413 `too_many_values` comes before both, because every later step takes time for each value.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        view = (parser_context or {}).get("view")
        body = read_body(stream, most=largest_body(view))
        if not body:
            return {}
        if holds_more_values(most := most_values(view), body):
            raise PayloadTooLarge(f"The body contains more than {most:,} values.", code="too_many_values")
        return parse_strictly(body)


def parse_strictly(body: bytes) -> Any:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise why_unreadable(body, error) from None
    if is_too_deep(body, parsed):
        sentence = f"The body is nested deeper than {DEEPEST}, in {place_of_depth(parsed)}."
        raise ParseError(sentence, code="malformed")
    if unfit := what_is_unkept(body, parsed):
        raise refusal_of(unfit)
    return parsed


def why_unreadable(body: bytes, error: orjson.JSONDecodeError) -> APIException:
    """400, or 422 for lone surrogates and infinite numbers, which are valid JSON but can't be stored."""
    if place := misplaced_byte(body):  # orjson always says line 1, column 1
        return ParseError(f"The body is not UTF-8: byte {place:,}.", code="malformed")
    if unfit := what_is_unfit(body):
        return refusal_of(unfit)
    return ParseError(f"The body is not JSON: line {error.lineno}, column {error.colno}.", code="malformed")


def refusal_of(unfit: Unfit) -> APIException:
    return Unprocessable(f"This contains {unfit.what}, which can't be stored.", code=unfit.code, place=unfit.place)
