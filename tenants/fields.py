import unicodedata
from typing import Any, Final

from rest_framework import serializers


def holds_control_character(text: str) -> bool:
    return any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text)


class LineField(serializers.CharField):
    """A name or label on one line: no control character, so that no log, header or page is led astray by it."""

    default_error_messages = {"control_character": "Control characters are not allowed."}

    def to_internal_value(self, data: Any) -> str:
        text = str(super().to_internal_value(data))
        if holds_control_character(text):
            self.fail("control_character")
        return text


HIGHEST_RATE_LIMIT: Final = 1_000_000


class RateLimitField(serializers.IntegerField):
    """Requests a minute, from 1 to 1,000,000; null for no limit."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=HIGHEST_RATE_LIMIT, allow_null=True, **kwargs)


class TruthField(serializers.BooleanField):
    """`true` or `false`, in JSON or as a word in a query: DRF would take "yes", "1" and "ON" as well."""

    default_error_messages = {"invalid": "Must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if isinstance(data, bool):
            return data
        if data not in ("true", "false"):
            self.fail("invalid")
        return bool(data == "true")
