"""Questions about JSON that are answered from its text, without parsing it and without a loop in Python.

An attacker chooses the body, so every step is one pass of C over it. For 2 MiB: counting 0.1 to 0.6 ms, looking for
long numbers 0.5 to 4 ms, leaving the strings out at most 20 ms, and only where there are thousands of commas in texts.
`orjson` takes 1 ms for one long text, but 200 ms for a list of empty lists: values have to be counted before.
"""

import re
from typing import Final

DIGITS_AS_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
LONG_NUMBER: Final = b"0" * 19
STEP: Final = 4  # every fourth byte of 19 digits is a digit, four times at least
STEPPED_NUMBER: Final = b"0" * (19 // STEP)
BRACES_AS_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
BLANKS: Final = b" \t\r\n"
LONG_INTEGER: Final = re.compile(rb"(?<![0-9.eE+])-?[0-9]{19,}(?![0-9.eE])")
LARGEST_INTEGER: Final = 2**64 - 1
SMALLEST_INTEGER: Final = -(2**63)


def count_up_to(most: int, character: bytes, body: bytes) -> int:
    """How often a character is there, at most `most`. Stops there, and skips the rest as fast as memory is read."""
    return len(body) - len(body.replace(character, b"", most))


def holds_more_values(most: int, body: bytes) -> bool:
    """Whether there are more values than that: texts, numbers, lists and so on, at any depth, without the names.

    Each stands after a comma or is the first of its list or object. Commas in texts may be counted at first, and are
    left out if they decide. Of text that isn't JSON the answer is anything; it is then as cheap to parse.
    """
    if len(body) <= 2 * most or at_most_values(most + 1, body) <= most:
        return False
    pieces = unescaped(body).split(b'"', 4 * most + 1)
    if len(pieces) > 4 * most + 1:  # two quotation marks a text, and two texts a value: its name and itself
        return True
    outside = b'"'.join(pieces[::2]).translate(BRACES_AS_BRACKETS, BLANKS)
    return 1 + outside.count(b",") + outside.count(b"]") - outside.count(b"[]") > most


def at_most_values(most: int, body: bytes) -> int:
    """Counts what is closed: what is only opened is deeper than the parser goes."""
    return 1 + sum(count_up_to(most, character, body) for character in (b",", b"]", b"}"))


def has_long_texts(body: bytes) -> bool:
    """Whether a value has 128 bytes or more on average."""
    return at_most_values(len(body) // 128, body) <= len(body) // 128


def unescaped(body: bytes) -> bytes:
    """Without escaped backslashes and quotation marks: the marks that are left begin and end the strings."""
    return body.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in body else body


def outside_strings(body: bytes) -> bytes:
    """The rest, with a quotation mark in the place of each string. Of a body whose values were counted."""
    return b'"'.join(unescaped(body).split(b'"')[::2])


def holds_nul(body: bytes) -> bool:
    """Of JSON that could be parsed. `\\\\u0000` with an escaped backslash is none."""
    return b"\\" in body and b"\\u0000" in body and b"\\u0000" in body.replace(b"\\\\", b"")


def may_hold_long_number(body: bytes) -> bool:
    """Whether 19 digits follow each other anywhere, strings among it. Most bodies are done after every fourth byte."""
    if STEPPED_NUMBER not in body[::STEP].translate(DIGITS_AS_ZEROS):
        return False
    return LONG_NUMBER in body.translate(DIGITS_AS_ZEROS)


def holds_long_integer(body: bytes) -> bool:
    """Whether an integer beyond 64 bits stands outside the strings."""
    return any(
        len(number) > 20 or not SMALLEST_INTEGER <= int(number) <= LARGEST_INTEGER
        for number in LONG_INTEGER.findall(outside_strings(body))
    )
