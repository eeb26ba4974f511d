import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import QueryDict
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.parsers import MultiPartParser as DRFMultiPartParser

from tenants.problems import PayloadTooLarge

DEEPEST: Final = 50
ESCAPED_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def holds_nul(body: bytes) -> bool:
    """Whether text in this JSON holds the character NUL, which PostgreSQL has no place for."""
    return b"\\u0000" in body and ESCAPED_NUL.search(body) is not None


def misplaced_byte(body: bytes) -> int | None:
    """Which byte, counted from 1, is not UTF-8."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return error.start + 1
    return None


def what_is_unfit(body: bytes, *, parse_int: Callable[[str], float] | None = None) -> str | None:
    """What orjson refuses of JSON that can be parsed, but not kept; None if it can't. Slow: for a refusal's words."""
    infinite = False

    def number(digits: str) -> float:
        nonlocal infinite
        read = float(digits)
        infinite = infinite or math.isinf(read)
        return read

    try:  # text, because `json` would guess UTF-16 from bytes
        parsed = json.loads(
            body.decode(), parse_constant=refuse_constant, parse_float=number, parse_int=parse_int or number
        )
    except (ValueError, RecursionError):
        return None
    if nests_deeper(parsed):
        return None
    return "a number out of range" if infinite else "text with a lone surrogate"


def refuse_constant(name: str) -> None:
    raise ValueError(name)


def is_too_deep(body: bytes, parsed: Any) -> bool:
    """Whether this JSON is nested deeper than 50; few brackets in its text say at once that it is not."""
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return False
    return nests_deeper(parsed)


def nests_deeper(parsed: Any) -> bool:
    level = [parsed]
    for _ in range(DEEPEST + 1):
        level = [outer for outer in level if isinstance(outer, dict | list)]
        if not level:
            return False
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
    return True


def read_body(stream: Any, *, most: int) -> bytes:
    """The whole body, unless it is too large: DRF's own parsers read whatever is sent."""
    body: bytes = stream.read(most + 1)
    if len(body) > most:
        raise PayloadTooLarge(f"The body is larger than {most:,} bytes.")
    return body


class FormParser(BaseParser):
    """`application/x-www-form-urlencoded`, of bounded size."""

    media_type = "application/x-www-form-urlencoded"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> QueryDict:
        body = read_body(stream, most=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        try:
            unquote_to_bytes(body).decode()
        except UnicodeDecodeError:
            # Django would put other characters in their place, into passwords too.
            raise ParseError("The body is not UTF-8.", code="malformed") from None
        return QueryDict(body)


class MultiPartParser(DRFMultiPartParser):
    """`multipart/form-data`, of bounded size: Django bounds its fields, but not its files."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        if int(stream.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise PayloadTooLarge(f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes.")
        request = (parser_context or {})["request"]._request
        request.upload_handlers = [MemoryFileUploadHandler(request)]  # elsewhere files are dropped
        return super().parse(stream, media_type, parser_context)
