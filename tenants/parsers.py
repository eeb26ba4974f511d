from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import QueryDict
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.parsers import MultiPartParser as DRFMultiPartParser

from tenants.form_text import read_fields
from tenants.limits.bodies import LARGE_FORM, largest_body
from tenants.problems import PayloadTooLarge

NOT_UTF8: Final = "The body is not UTF-8."
REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def read_body(stream: Any, *, most: int) -> bytes:
    """Returns the whole body, or raises 413 if it is larger than `most` bytes. DRF's own parsers have no limit."""
    body: bytes = stream.read(most + 1)
    if len(body) > most:
        raise PayloadTooLarge(f"The body is larger than {most:,} bytes.")
    return body


def read_form(stream: Any, parser_context: Mapping[str, Any] | None) -> bytes:
    return read_body(stream, most=min(LARGE_FORM, largest_body((parser_context or {}).get("view"))))


class FormParser(BaseParser):
    """`application/x-www-form-urlencoded`, of bounded size."""

    media_type = "application/x-www-form-urlencoded"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> QueryDict:
        try:
            return read_fields(read_form(stream, parser_context))
        except UnicodeDecodeError:
            # Django would replace the bytes with other characters, even in passwords.
            raise ParseError(NOT_UTF8, code="malformed") from None


class MultiPartParser(DRFMultiPartParser):
    """`multipart/form-data`, of bounded size. Django limits the size of fields, but not of files."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        body = read_form(stream, parser_context)
        request = (parser_context or {})["request"]._request
        request.upload_handlers = [MemoryFileUploadHandler(request)]  # the handler in the settings drops files
        parsed = super().parse(BytesIO(body), media_type, parser_context)
        replaced = sum(value.count(REPLACEMENT) for values in parsed.data.lists() for value in values[1])
        if replaced > body.count(REPLACEMENT.encode()):  # Django added some, because the body is not UTF-8
            raise ParseError(NOT_UTF8, code="malformed")
        return parsed
