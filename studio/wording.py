"""What the framework says of a field, for people. What we word ourselves stays as it is, whatever its code."""

import re
from typing import Final

PLAIN: Final = [
    (re.compile(wording), plain)
    for wording, plain in (
        (r"This field (?:may not be blank|may not be null|is required)\.", "Fill this in."),
        (r"Ensure this value is less than or equal to (\S+)\.", "At most {}."),
        (r"Ensure this value is greater than or equal to (\S+)\.", "At least {}."),
        (r"Ensure this field has no more than (\d+) characters\.", "At most {} characters."),
        (r"Ensure this field has no more than (\d+) elements\.", "At most {}."),
        (r"A valid integer is required\.", "This is no whole number."),
        (r"(?:A valid number is required|String value too large)\.", "This is no number."),
        (r"Datetime has wrong format\..*|Datetime value out of range\.", "This is no date."),
        (r'"(?s:.*)" is not a valid choice\.', "Choose one of those that are offered."),
        (r"Must be a valid UUID\.", "This is no id."),
        (r"This is not a cursor of this list\.", "This page of the list is gone: go to the first."),
    )
]


def in_plain_words(sentence: str) -> str:
    for wording, plain in PLAIN:
        if found := wording.fullmatch(sentence):
            return plain.format(*map(grouped, found.groups()))
    return sentence


def grouped(number: str) -> str:
    return f"{int(number):,}" if number.isdecimal() else number
