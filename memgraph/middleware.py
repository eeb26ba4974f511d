import logging
import re
from collections.abc import Callable
from http import HTTPStatus
from time import perf_counter
from typing import Any, Final
from urllib.parse import unquote_to_bytes
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import DisallowedHost, SuspiciousOperation
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.module_loading import import_string
from rest_framework.exceptions import APIException, ParseError

from memgraph.errors import as_api_exception, is_api, respond
from tenants.metrics import REQUEST_SECONDS
from tenants.page_forms import refuse_large_form
from tenants.places import place
from tenants.principal import Principal

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
PROBES: Final = ("/health", "/v1/health", "/live", "/metrics")  # asked by address, so under any Host
FORWARDING: Final = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST")
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
logger = logging.getLogger("memgraph.request")


class RequestMiddleware:
    """Around every request: its id, the host check, headers that every answer has, its log line and its measure."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.warned_of_proxy = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = perf_counter()
        sent_id = request.META.get("HTTP_X_REQUEST_ID", "")
        request.request_id = sent_id if REQUEST_ID.fullmatch(sent_id) else uuid4().hex  # type: ignore[attr-defined]
        self.warn_of_proxy(request)
        response = self.refuse_host(request) or refuse_address(request) or self.get_response(request)
        self.finish(request, response)
        note_whose(request, response)
        self.note(request, response, perf_counter() - started)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Outside DRF, what is refused is a problem too, and a database that is away a 503."""
        problem = as_api_exception(exception)
        return respond(request, problem) if isinstance(problem, APIException) else None

    def refuse_host(self, request: HttpRequest) -> HttpResponse | None:
        if request.path in PROBES:
            return None
        try:
            request.get_host()
        except DisallowedHost:
            sentence = "This host name is not served here. The operator sets ALLOWED_HOSTS or PUBLIC_URL."
            return respond(request, ParseError(sentence, code="host_not_allowed"))
        return None

    def finish(self, request: HttpRequest, response: HttpResponse) -> None:
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if request.path.startswith(("/v1", "/v2", "/studio")):
            response.headers.setdefault("Cache-Control", "no-store")
        if not response.streaming:
            response.headers.setdefault("Content-Length", str(len(response.content)))

    def note(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        """The route, never the path: people paste keys and addresses into paths."""
        match = request.resolver_match
        route = (match.view_name or match.route) if match else "none"
        method = request.method if request.method in KNOWN_METHODS else "other"
        REQUEST_SECONDS.labels(route, method, str(response.status_code)).observe(seconds)
        logger.info("request", extra={**describe(request, response), "route": route, "ms": round(seconds * 1000, 2)})

    def warn_of_proxy(self, request: HttpRequest) -> None:
        if settings.TRUSTED_PROXIES or self.warned_of_proxy:
            return
        if any(header in request.META for header in FORWARDING):
            self.warned_of_proxy = True
            logger.warning("A forwarding header came in, and is not believed. Behind a proxy, set TRUSTED_PROXIES=1.")


def note_whose(request: HttpRequest, response: HttpResponse) -> None:
    """Tells the worker, which shares its threads out by tenant, which tenant the credential belongs to."""
    principal = getattr(request, "principal", None)
    if isinstance(principal, Principal):
        place.get().belongs_to(principal.tenant_id)
    elif response.status_code == HTTPStatus.UNAUTHORIZED:
        place.get().belongs_to(None)


def refuse_address(request: HttpRequest) -> HttpResponse | None:
    """What is no UTF-8 in a path or query is refused: Django would put other characters in its place."""
    address: str = request.META.get("RAW_URI") or request.META["QUERY_STRING"]  # the first is gunicorn's
    if "%" not in address and address.isascii():
        return None
    try:
        unquote_to_bytes(address.encode("latin-1")).decode()
    except UnicodeError:
        return respond(request, ParseError("The address is not UTF-8.", code="malformed"))
    return None


class PageMiddleware:
    """`PAGE_MIDDLEWARE`: sessions, forms and the like. The API has no use for them, and would wait for them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = self.get_page = get_response
        self.view_hooks: list[Callable[..., HttpResponse | None]] = []
        for name in reversed(settings.PAGE_MIDDLEWARE):
            middleware = import_string(name)(self.get_page)
            if hasattr(middleware, "process_view"):
                self.view_hooks.insert(0, middleware.process_view)
            self.get_page = convert_exception_to_response(middleware)  # type: ignore[assignment]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request) if is_api(request) else self.get_page(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        """The hook against forgery reads a form before its view does, so the form's size is looked at before both."""
        if is_api(request):
            return None
        try:
            refuse_large_form(request, view[0])
            return next(filter(None, (hook(request, *view) for hook in self.view_hooks)), None)
        except (APIException, SuspiciousOperation) as exception:
            problem = as_api_exception(exception)
            if isinstance(problem, APIException):
                return respond(request, problem)
            raise


class CompressPages(GZipMiddleware):
    """Pages and their files, gzipped, and no downloads.

    Django masks the CSRF token and pads the answer, so that its length tells nothing of them (BREACH).
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.has_header("Content-Disposition"):
            return response
        return super().process_response(request, response)


KNOWN_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def describe(request: HttpRequest, response: HttpResponse) -> dict[str, Any]:
    """Who did what and how it ended; of a key only its public prefix."""
    described: dict[str, Any] = {
        "request_id": request.request_id,  # type: ignore[attr-defined]
        "method": request.method if request.method in KNOWN_METHODS else "other",
        "status": response.status_code,
    }
    principal = getattr(request, "principal", None)
    if isinstance(principal, Principal):
        described |= {"tenant": str(principal.tenant_id), "principal": principal.pk, "key": principal.key_prefix}
    if code := getattr(request, "problem_code", None):
        described["code"] = code
    return described
