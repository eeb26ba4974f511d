"""Finds out things about JSON from its text, without parsing it and without a loop in Python.

An attacker chooses the body, so every step is one pass over it in C. For 2 MiB, counting takes 0.1 to 0.6 ms, searching
for long numbers 0.5 to 4 ms, and removing the strings at most 20 ms, which is done only if texts contain thousands of
commas. `orjson` takes 1 ms for one long text, but 200 ms for a list of empty lists. So values are counted first.
"""

import re
from typing import Final

DIGITS_AS_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
LONG_NUMBER: Final = b"0" * 19
STEP: Final = 4  # every fourth byte of 19 digits gives at least four digits
STEPPED_NUMBER: Final = b"0" * (19 // STEP)
BRACES_AS_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
BLANKS: Final = b" \t\r\n"
LONG_INTEGER: Final = re.compile(rb"(?<![0-9.eE+])-?[0-9]{19,}(?![0-9.eE])")
LARGEST_INTEGER: Final = 2**64 - 1
SMALLEST_INTEGER: Final = -(2**63)


def count_up_to(most: int, character: bytes, body: bytes) -> int:
    """How often a character occurs, at most `most`. Stops counting there, and copies the rest at memory speed."""
    return len(body) - len(body.replace(character, b"", most))


def holds_more_values(most: int, body: bytes) -> bool:
    """Whether there are more than `most` values: texts, numbers, lists and so on, at any depth, not counting names.

    Each value follows a comma, or is the first in its list or object. The first count includes commas in texts. Only if
    it exceeds `most` are the texts removed for a second count. For text that isn't JSON the result may be wrong, but
    parsing it is cheap as well.
    """
    if len(body) <= 2 * most or at_most_values(most + 1, body) <= most:
        return False
    pieces = unescaped(body).split(b'"', 4 * most + 1)
    if len(pieces) > 4 * most + 1:  # a value has at most two texts, itself and its name, with two quotation marks each
        return True
    outside = b'"'.join(pieces[::2]).translate(BRACES_AS_BRACKETS, BLANKS)
    return 1 + outside.count(b",") + outside.count(b"]") - outside.count(b"[]") > most


def at_most_values(most: int, body: bytes) -> int:
    """An upper bound. Counts closing brackets only: many that are never closed nest deeper than the parser allows."""
    return 1 + sum(count_up_to(most, character, body) for character in (b",", b"]", b"}"))


def has_long_texts(body: bytes) -> bool:
    """Whether values have 128 bytes or more on average."""
    return at_most_values(len(body) // 128, body) <= len(body) // 128


def unescaped(body: bytes) -> bytes:
    """Removes escaped backslashes and quotation marks. The remaining marks begin and end strings."""
    return body.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in body else body


def outside_strings(body: bytes) -> bytes:
    """Replaces each string with a quotation mark. Count the values first: this makes a list of all strings."""
    return b'"'.join(unescaped(body).split(b'"')[::2])


def holds_nul(body: bytes) -> bool:
    """Whether valid JSON contains an escaped NUL. `\\\\u0000` with an escaped backslash is not one."""
    return b"\\" in body and b"\\u0000" in body and b"\\u0000" in body.replace(b"\\\\", b"")


def may_hold_long_number(body: bytes) -> bool:
    """Whether there are 19 digits in a row, even in a string. For most bodies, checking every fourth byte is enough."""
    if STEPPED_NUMBER not in body[::STEP].translate(DIGITS_AS_ZEROS):
        return False
    return LONG_NUMBER in body.translate(DIGITS_AS_ZEROS)


def holds_long_integer(body: bytes) -> bool:
    """Whether there is an integer beyond 64 bits outside the strings."""
    return any(
        len(number) > 20 or not SMALLEST_INTEGER <= int(number) <= LARGEST_INTEGER
        for number in LONG_INTEGER.findall(outside_strings(body))
    )
