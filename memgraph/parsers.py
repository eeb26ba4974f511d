from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from tenants.parsers import read_body
from tenants.problems import Unprocessable
from tenants.strict_json import (
    DEEPEST,
    Unfit,
    holds_long_number,
    holds_nul,
    is_too_deep,
    misplaced_byte,
    place_of_depth,
    what_is_unfit,
)


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
            sentence = f"The body is nested deeper than {DEEPEST}, in {place_of_depth(parsed)}."
            raise ParseError(sentence, code="malformed")
        if (holds_nul(body) or holds_long_number(body)) and (unfit := what_is_unfit(body)):
            raise refusal_of(unfit)
        return parsed


def why_unreadable(body: bytes, error: orjson.JSONDecodeError) -> APIException:
    """Lone surrogates and infinite numbers can be parsed, but not kept."""
    if place := misplaced_byte(body):  # orjson says line 1, column 1, wherever it is
        return ParseError(f"The body is not UTF-8: byte {place:,}.", code="malformed")
    if unfit := what_is_unfit(body):
        return refusal_of(unfit)
    return ParseError(f"The body is not JSON: line {error.lineno}, column {error.colno}.", code="malformed")


def refusal_of(unfit: Unfit) -> APIException:
    return Unprocessable(f"This holds {unfit.what}, which can't be kept.", code=unfit.code, place=unfit.place)
