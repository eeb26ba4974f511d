"""Serializer fields that several apps share. They check text in C, because a body may be one text of 16 MiB."""

import re
from collections.abc import Mapping
from typing import Any, Final
from unicodedata import category

from rest_framework import serializers
from rest_framework.validators import ProhibitSurrogateCharactersValidator

CONTROL_CHARACTER: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # Unicode's categories Cc, Zl and Zp


# Letters and symbols without a shape: the Hangul fillers and the blank Braille pattern.
BLANK_LETTERS: Final = "\u115f\u1160\u2800\u3164\uffa0"
# Separators, marks without a letter, format characters and unassigned code points.
BLANK_CATEGORIES: Final = ("Zs", "Zl", "Zp", "Mn", "Me", "Cc", "Cf", "Cn")


def is_invisible(text: str) -> bool:
    """Whether a list would show nothing for this name."""
    return all(category(each) in BLANK_CATEGORIES or each in BLANK_LETTERS for each in text)


def holds_control_character(text: str) -> bool:
    return CONTROL_CHARACTER.search(text) is not None


class NoSurrogates(ProhibitSurrogateCharactersValidator):
    """DRF's validator checks each character in Python: 0.15 s for 2 MiB. It runs only if encoding to UTF-8 fails."""

    def __call__(self, value: Any) -> None:
        try:
            str(value).encode()
        except UnicodeEncodeError:
            super().__call__(value)


class TextField(serializers.CharField):
    """Text whose length is limited only by the size of the body."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators = [
            NoSurrogates() if isinstance(validator, ProhibitSurrogateCharactersValidator) else validator
            for validator in self.validators
        ]


class ShortListField(serializers.ListField):
    """Checks the length before the items: thousands of bad items would give thousands of errors."""

    def __init__(self, *, most: int, **kwargs: Any) -> None:
        super().__init__(max_length=most, **kwargs)
        self.most = most

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list) and len(data) > self.most:
            self.fail("max_length", max_length=self.most)
        items: list[Any] = super().to_internal_value(data)
        return items


class LineField(TextField):
    """A name or label on one line.

    No control characters, because they could forge lines in logs or headers. At least one visible character.
    """

    default_error_messages = {
        "control_character": "Control characters are not allowed.",
        "invisible": "This has no visible character.",
    }

    def to_internal_value(self, data: Any) -> str:
        text = str(super().to_internal_value(data))
        if holds_control_character(text):
            self.fail("control_character")
        if text and is_invisible(text):
            self.fail("invisible")
        return text


HIGHEST_RATE_LIMIT: Final = 1_000_000


class RateLimitField(serializers.IntegerField):
    """Requests per minute, from 1 to 1,000,000; null for no limit."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=HIGHEST_RATE_LIMIT, allow_null=True, **kwargs)


class TruthField(serializers.BooleanField):
    """`true` or `false`, in JSON or as a word in a query. DRF would also accept "yes", "1" and "ON"."""

    default_error_messages = {"invalid": "Must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if isinstance(data, bool):
            return data
        if data not in ("true", "false"):
            self.fail("invalid")
        return bool(data == "true")


def refuse_different(attrs: Mapping[str, Any], name: str, other: str) -> None:
    """Raises 422 if both names of one field are sent with different values, rather than guess which one is meant."""
    if attrs.get(name) and attrs.get(other) and attrs[name] != attrs[other]:
        fault = serializers.ErrorDetail(f"This differs from {name}, which means the same.", code="ambiguous")
        raise serializers.ValidationError({other: [fault]})
