import json
import re
from collections.abc import Mapping
from typing import Any, Final

import orjson
from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from tenants.parsers import DEEPEST, holds_nul, is_too_deep, misplaced_byte, read_body, what_is_unfit
from tenants.problems import Unprocessable

LARGEST_INTEGER: Final = 2**64 - 1
SMALLEST_INTEGER: Final = -(2**63)
LONG_NUMBER: Final = re.compile(rb"[0-9]{19}")


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
            raise ParseError(f"The body is nested deeper than {DEEPEST}.", code="malformed")
        if holds_nul(body):
            raise Unprocessable("Text can't hold the character NUL.", code="invalid_text")
        if LONG_NUMBER.search(body):
            json.loads(body, parse_int=bounded_integer)
        return parsed


def why_unreadable(body: bytes, error: orjson.JSONDecodeError) -> Exception:
    if place := misplaced_byte(body):  # orjson says line 1, column 1, wherever it is
        return ParseError(f"The body is not UTF-8: byte {place}.", code="malformed")
    if unfit := what_is_unfit(body, parse_int=bounded_integer):
        return Unprocessable(f"The body holds {unfit}.", code="invalid_text")
    return ParseError(f"The body is not JSON: line {error.lineno}, column {error.colno}.", code="malformed")


def bounded_integer(digits: str) -> int:
    number = int(digits) if len(digits) <= 20 else LARGEST_INTEGER + 1
    if not SMALLEST_INTEGER <= number <= LARGEST_INTEGER:
        raise Unprocessable("The body holds an integer beyond 64 bits: send it as text.", code="number_out_of_range")
    return number
