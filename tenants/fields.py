import unicodedata
from typing import Any

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
