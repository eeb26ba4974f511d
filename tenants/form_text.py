"""Parses `application/x-www-form-urlencoded` in C.

Python's own functions take 0.25 us for each `%41` and 0.7 us for each `%` without digits, and must run twice, once to
check that the text is UTF-8: 0.4 s for 272 KiB of percent signs. This takes at most 40 ms, and 5 ms for `%41`.
"""

import re
from binascii import a2b_qp
from typing import Final

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent
from django.http import QueryDict

LONE_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def read_fields(body: bytes) -> QueryDict:
    """Raises UnicodeDecodeError for bytes that are not UTF-8. Django would replace them with other characters."""
    if body.count(b"&") >= settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:
        raise TooManyFieldsSent
    fields = QueryDict(mutable=True)
    for field in filter(None, body.split(b"&")):
        name, _, value = field.partition(b"=")
        fields.appendlist(unescaped(name).decode(), unescaped(value).decode())
    fields._mutable = False
    return fields


def unescaped(text: bytes) -> bytes:
    """Decodes it as quoted-printable, which uses `=` for `%`. Escapes `=` first. A `%` without digits stays."""
    text = text.replace(b"+", b" ")
    if b"%" not in text:
        return text
    text = text.replace(b"%%", b"%25%").replace(b"%%", b"%25%")  # optional: four times as fast as the expression
    return a2b_qp(LONE_PERCENT.sub(b"%25", text).replace(b"=", b"%3D").replace(b"%", b"="))
