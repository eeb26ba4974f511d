"""The JSON objects of events. PostgreSQL stores numbers as decimals, so 1e30 comes back as 31 digits."""

import json
from decimal import Decimal
from typing import Any, Final

import orjson

from tenants.json_text import DIGITS_AS_ZEROS

LARGEST_CONTENT: Final = 64 * 1024  # bytes, as `content_size` counts them
EXPONENT: Final = b"0e"  # an `e` after a digit, also inside a string


class ContentDecoder(json.JSONDecoder):
    """Reads an integer of more than 64 bits as a float. It was sent as one: larger integers are refused."""

    def decode(self, s: str, *_: Any) -> Any:
        return orjson.loads(s)


def content_size(content: dict[str, Any]) -> int:
    """Bytes as compact UTF-8 with every number written out, as an export has it. So an import accepts what the API did.

    For an object that is too large anyway, a lower bound. Takes 0.8 us per number with an exponent, and next to nothing
    without one. To compute the lengths without writing the numbers out would take 0.65 us.
    """
    dumped = orjson.dumps(content)
    added = 0

    def add(number: str) -> None:
        nonlocal added
        added += len(f"{Decimal(number):f}") - len(number)

    if len(dumped) <= LARGEST_CONTENT and EXPONENT in dumped.translate(DIGITS_AS_ZEROS):
        json.loads(dumped, parse_float=add)
    return len(dumped) + added
