"""Replaces the framework's field errors with plainer ones. Our own messages stay as they are, whatever their code."""

import re
from typing import Final

PLAIN: Final = [
    (re.compile(wording), plain)
    for wording, plain in (
        (r"This field (?:may not be blank|may not be null|is required)\.", "Fill in this field."),
        (r"Ensure this value is less than or equal to (\S+)\.", "At most {}."),
        (r"Ensure this value is greater than or equal to (\S+)\.", "At least {}."),
        (r"Ensure this field has no more than (\d+) characters\.", "At most {} characters."),
        (r"Ensure this field has no more than (\d+) elements\.", "At most {}."),
        (r"A valid integer is required\.", "Enter a whole number."),
        (r"(?:A valid number is required|String value too large)\.", "Enter a number."),
        (r"Datetime has wrong format\..*|Datetime value out of range\.", "Enter a valid date."),
        (r'"(?s:.*)" is not a valid choice\.', "Choose one of the options."),
        (r"Must be a valid UUID\.", "Enter a valid id."),
        (r"This is not a cursor of this list\.", "This page of the list no longer exists. Go to the first page."),
    )
]


def in_plain_words(sentence: str) -> str:
    for wording, plain in PLAIN:
        if found := wording.fullmatch(sentence):
            return plain.format(*map(grouped, found.groups()))
    return sentence


def grouped(number: str) -> str:
    return f"{int(number):,}" if number.isdecimal() else number
