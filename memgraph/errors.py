"""Turns every error of the API into a problem (RFC 9457): an object with a sentence and a stable code."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

import orjson
import psycopg
from django.core.exceptions import ObjectDoesNotExist, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from psycopg.errors import (
    DeadlockDetected,
    ForeignKeyViolation,
    LockNotAvailable,
    QueryCanceled,
    SerializationFailure,
    TooManyConnections,
)
from rest_framework import exceptions

from memgraph.error_pages import error_page
from postgres.base import database
from tenants.problems import BodyTooSlow, DatabaseBusy, PayloadTooLarge, Unavailable

API_PREFIXES: Final = ("/v1", "/v2", "/health", "/live", "/metrics")
CONTENT_TYPE: Final = "application/problem+json"
NOT_FOUND: Final = "Nothing was found at this URL."
NOT_UNDERSTOOD: Final = "The request can't be understood."
RENAMED_CODES: Final = {
    "error": "unexpected_error",
    "permission_denied": "role_required",
    "parse_error": "malformed",
    "authentication_failed": "not_authenticated",
    "throttled": "too_many_requests",
}
SENTENCES: Final = {
    "not_authenticated": "Send an API key as 'X-API-KEY: mg_live_...' or a JWT as 'Authorization: Bearer ...'.",
    "not_found": NOT_FOUND,
}
# PostgreSQL's error classes of a server that can't serve: connection failures, a transaction in a state that it can't
# have (such as read-only after a failover), no resources, operators' shutdowns, system errors, internal errors.
UNAVAILABLE: Final = ("08", "25", "53", "57", "58", "XX")
FAILED_BEFORE: Final = "25P02"  # a statement after a failed one in the same transaction: a fault of ours
BUSY: Final = (
    DeadlockDetected,
    LockNotAvailable,
    QueryCanceled,
    SerializationFailure,
    TooManyConnections,
)


def exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's hook. None passes an unexpected exception on to `server_error`."""
    exc = as_api_exception(exc)
    if not isinstance(exc, exceptions.APIException):
        return None
    # Not DRF's Response, which would be rendered in the format that the client asked for, not always JSON.
    return respond(context["request"]._request, exc)


def as_api_exception(exc: Exception) -> Exception:
    if isinstance(exc, Http404 | ObjectDoesNotExist) or is_broken_reference(exc):
        return exceptions.NotFound()  # a row that the request found may be deleted while it runs
    if isinstance(exc, DjangoPermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(exc, UnreadablePostError):
        return unread_body(exc)
    if isinstance(exc, RequestDataTooBig):
        return PayloadTooLarge()
    if isinstance(exc, TooManyFieldsSent | TooManyFilesSent):  # Django would log it with a traceback
        return exceptions.ParseError(NOT_UNDERSTOOD)
    if isinstance(exc, DatabaseError | InterfaceError):
        return database_problem(exc)
    return exc


def is_broken_reference(exc: Exception) -> bool:
    return isinstance(exc, IntegrityError) and isinstance(exc.__cause__, ForeignKeyViolation)


def unread_body(exc: UnreadablePostError) -> exceptions.APIException:
    if isinstance(exc.__cause__, TimeoutError):
        return BodyTooSlow()
    return exceptions.ParseError("The connection closed before the whole body arrived.")


def database_problem(exc: Exception) -> Exception:
    """503 when the database is down or too busy: never a 500, and never a 401 for a credential that wasn't checked.

    Errors in our own statements and data (SQLSTATE classes 22, 23, 42 and so on) stay unexpected.
    """
    cause = exc.__cause__
    if isinstance(cause, BUSY):
        return DatabaseBusy()
    if isinstance(cause, psycopg.Error):
        state = cause.sqlstate  # None: the connection was lost
        is_unavailable = state is None or (state.startswith(UNAVAILABLE) and state != FAILED_BEFORE)
    else:
        is_unavailable = isinstance(exc, OperationalError | InterfaceError)
    if not is_unavailable:
        return exc
    drop_connection()
    return Unavailable("The database is unavailable. Try again in a second.", code="database_unavailable")


def drop_connection() -> None:
    """The next request connects anew: this connection may lead to a server that has become read-only, or is broken."""
    if not database().in_atomic_block:
        database().close()


def status_of(exc: exceptions.APIException) -> int:
    return 422 if isinstance(exc, exceptions.ValidationError) else exc.status_code


def code_of(exc: exceptions.APIException) -> str:
    if isinstance(exc, exceptions.ValidationError):
        return "invalid"
    code = str(exc.get_codes())
    return RENAMED_CODES.get(code, code)


def problem_of(exc: exceptions.APIException, *, request_id: str | None) -> dict[str, Any]:
    code = code_of(exc)
    problem = make_problem(status_of(exc), code, SENTENCES.get(code) or str(exc.detail), request_id=request_id)
    if isinstance(exc, exceptions.ValidationError):
        errors = list(field_errors(exc.detail))
        problem["detail"] = " ".join(
            f"{error['field']}: {error['detail']}" if error["field"] else error["detail"] for error in errors[:3]
        )
        problem["errors"] = errors
    elif place := getattr(exc, "place", ""):
        problem["errors"] = [{"field": place, "code": code, "detail": problem["detail"]}]
        problem["detail"] = f"{place}: {problem['detail']}"
    return problem


def make_problem(status: int, code: str, detail: str, *, request_id: str | None) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }


def field_errors(detail: Any, field: str = "") -> Iterator[dict[str, str]]:
    """Flattens DRF's nested detail. `items.3.content` names the place."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            place = "" if name == "non_field_errors" else str(name)
            yield from field_errors(inner, ".".join(filter(None, [field, place])))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from field_errors(inner, f"{field}.{index}".strip(".") if nested else field)
    else:
        yield {"field": field, "code": getattr(detail, "code", "invalid"), "detail": str(detail)}


def headers_of(exc: exceptions.APIException) -> dict[str, str]:
    headers: dict[str, str] = {**getattr(exc, "headers", {})}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    elif exc.status_code == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="memgraph"'
    wait = getattr(exc, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(int(wait))
    return headers


def is_api(request: HttpRequest) -> bool:
    return request.path.startswith(API_PREFIXES)


def respond(request: HttpRequest, exc: exceptions.APIException) -> HttpResponse:
    """A problem under the API's paths, a page elsewhere."""
    problem = problem_of(exc, request_id=getattr(request, "request_id", None))
    request.problem_code = problem["code"]  # type: ignore[attr-defined] # for the request's log line
    if is_api(request):
        body = orjson.dumps(problem)
        response = HttpResponse(body, status=problem["status"], content_type=CONTENT_TYPE)
    else:
        response = HttpResponse(error_page(request, problem), status=problem["status"])
    for name, value in headers_of(exc).items():
        response[name] = value
    return response


class UnexpectedError(exceptions.APIException):
    default_detail = "Something went wrong on our side. The error was logged with this request's id."


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, exceptions.ParseError(NOT_UNDERSTOOD))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, exceptions.NotFound())


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return respond(request, exceptions.PermissionDenied())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    sentence = "This form was open for too long, or came from another site. Go back, reload the page and try again."
    return respond(request, exceptions.PermissionDenied(sentence, code="csrf_failed"))


def server_error(request: HttpRequest) -> HttpResponse:
    return respond(request, UnexpectedError())
