"""The JSON objects that events hold: PostgreSQL keeps their numbers in full, so 1e30 comes back as 31 digits."""

import json
from decimal import Decimal
from typing import Any, Final

import orjson

from tenants.json_text import DIGITS_AS_ZEROS

LARGEST_CONTENT: Final = 64 * 1024  # bytes, as `content_size` counts them
EXPONENT: Final = b"0e"  # after any digit, in a text too


class ContentDecoder(json.JSONDecoder):
    """Reads an integer beyond 64 bits as the float that it was when it came: JSON here holds no such integer."""

    def decode(self, s: str, *_: Any) -> Any:
        return orjson.loads(s)


def content_size(content: dict[str, Any]) -> int:
    """Bytes as compact UTF-8, with every number written out: what is let in is also let in again by an import.

    Of what is too large already, at least these. 0.8 us for each number with an exponent, and nearly nothing where
    there is none; calculating the lengths instead of writing them out takes 0.65 us.
    """
    dumped = orjson.dumps(content)
    added = 0

    def note(number: str) -> None:
        nonlocal added
        added += len(f"{Decimal(number):f}") - len(number)

    if len(dumped) <= LARGEST_CONTENT and EXPONENT in dumped.translate(DIGITS_AS_ZEROS):
        json.loads(dumped, parse_float=note)
    return len(dumped) + added
