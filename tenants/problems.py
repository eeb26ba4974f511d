"""Errors that DRF has no exception for. Each has a status, a stable code for programs and a sentence for people."""

from collections.abc import Sequence

from rest_framework import status
from rest_framework.exceptions import APIException, Throttled


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = "This conflicts with existing data."


class Unprocessable(APIException):
    """The request is well-formed but invalid, as a whole or at some depth. For one field use a `ValidationError`."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "invalid"
    default_detail = "The request could be read, but its content is invalid."

    def __init__(self, detail: str | None = None, code: str | None = None, *, place: str = "") -> None:
        super().__init__(detail, code)
        self.place = place


class PayloadTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "payload_too_large"
    default_detail = "The body is too large."


class UnsupportedEncoding(APIException):
    """415 with the codings that the route accepts (RFC 9110, section 15.5.16)."""

    status_code = status.HTTP_415_UNSUPPORTED_MEDIA_TYPE
    default_code = "unsupported_encoding"

    def __init__(self, accepted: Sequence[str]) -> None:
        codings = ", ".join(accepted)
        super().__init__(f"Send the body with one of these as Content-Encoding, or without it: {codings}.")
        self.headers = {"Accept-Encoding": codings}


class BodyTooSlow(APIException):
    status_code = status.HTTP_408_REQUEST_TIMEOUT
    default_code = "body_too_slow"
    default_detail = "The request body arrived too slowly and was discarded."


class Unavailable(APIException):
    """503 with `Retry-After`, in seconds."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "busy"
    default_detail = "The server is busy. Try again in a second."
    wait = 1


class DatabaseBusy(Unavailable):
    default_code = "database_busy"
    default_detail = "The database is busy. Try again in a second."


class TooManyRequests(Throttled):
    """429 with `Retry-After` in whole seconds, at least one."""

    default_code = "too_many_requests"
    default_detail = "Too many tries."
    extra_detail_singular = "Try again in {wait} second."
    extra_detail_plural = "Try again in {wait} seconds."

    def __init__(self, seconds: int, *, name: str, most: int, window: int) -> None:
        """Adds the headers of draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4."""
        super().__init__(max(1, seconds))
        self.headers = {
            "RateLimit": f'"{name}";r=0;t={max(1, seconds)}',
            "RateLimit-Policy": f'"{name}";q={most};w={window}',
        }
