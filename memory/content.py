"""The JSON objects that events hold: PostgreSQL keeps their numbers in full, so 1e30 comes back as 31 digits."""

import json
import re
from decimal import Decimal
from typing import Any, Final

import orjson

LARGEST_CONTENT: Final = 64 * 1024  # bytes, as `content_size` counts them
EXPONENT: Final = re.compile(rb"[0-9]e[-+0-9]")


class ContentDecoder(json.JSONDecoder):
    """Reads an integer beyond 64 bits as the float that it was when it came: JSON here holds no such integer."""

    def decode(self, s: str, *_: Any) -> Any:
        return orjson.loads(s)


def content_size(content: dict[str, Any]) -> int:
    """Bytes as compact UTF-8, with every number written out: what is let in is also let in again by an import.

    Of what is too large already, at least these.
    """
    dumped = orjson.dumps(content)
    added = 0

    def note(number: str) -> None:
        nonlocal added
        added += len(f"{Decimal(number):f}") - len(number)

    if len(dumped) <= LARGEST_CONTENT and EXPONENT.search(dumped):
        json.loads(dumped, parse_float=note)
    return len(dumped) + added
