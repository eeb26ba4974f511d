"""Responses to requests that never reach Django, as whole HTTP responses with a problem (RFC 9457) as body."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from gunicorn.http import errors


@dataclass(frozen=True)
class Refusal:
    status: HTTPStatus
    code: str
    detail: str
    headers: tuple[str, ...] = ()

    def as_response(self) -> bytes:
        content = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "code": self.code,
            "request_id": None,
        }
        body = json.dumps(content).encode()
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            "Connection: close",
            "Content-Type: application/problem+json",
            "X-Content-Type-Options: nosniff",
            *self.headers,
            f"Content-Length: {len(body)}",
        )
        return "\r\n".join((*head, "", "")).encode() + body


class RefusedError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


HEAD_TOO_SLOW: Final = Refusal(
    HTTPStatus.REQUEST_TIMEOUT, "request_too_slow", "The request headers arrived too slowly."
)
BODY_TOO_SLOW: Final = Refusal(
    HTTPStatus.REQUEST_TIMEOUT, "body_too_slow", "The request body arrived too slowly and was discarded."
)
TOO_LARGE: Final = Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "payload_too_large", "The request body is too large.")
TINY_CHUNKS: Final = Refusal(
    HTTPStatus.BAD_REQUEST, "malformed", "The request body was split into too many small chunks."
)
NO_ROOM: Final = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "busy",
    "Too many requests are arriving at once. Try again in a second.",
    ("Retry-After: 1",),
)


def refusal_of(status: HTTPStatus) -> Refusal:
    """The refusal for a request that gunicorn's parser refused, or that failed outside Django."""
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return Refusal(status, "unexpected_error", "Something went wrong. The error was logged.")
    detail = "The request's first line or a header is malformed, too long or not supported."
    return Refusal(status, "malformed", detail)


STATUSES: Final[dict[type[Exception], HTTPStatus]] = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    errors.ParseException: HTTPStatus.BAD_REQUEST,
}


def status_of(error: Exception) -> HTTPStatus:
    """The status for an error that gunicorn's parser has raised."""
    return next((STATUSES[kind] for kind in STATUSES if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
