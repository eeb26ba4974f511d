import logging
import re
from collections.abc import Callable
from functools import cache, lru_cache
from http import HTTPStatus
from secrets import token_hex
from time import perf_counter
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.module_loading import import_string
from prometheus_client import Histogram
from rest_framework.exceptions import APIException, ParseError

from memgraph.errors import as_api_exception, is_api, respond
from memgraph.logs import log_request
from memgraph.routes import remember_routes
from tenants.lease import hold_response
from tenants.limits.page_forms import refuse_large_form
from tenants.limits.places import place
from tenants.metrics import REQUEST_SECONDS
from tenants.network import FORWARDING_HEADERS
from tenants.principal import Principal

# No key and no JWT: it is logged, and repeated in the response.
REQUEST_ID: Final = re.compile(r"(?!eyJ)(?!.*mg_)[A-Za-z0-9._-]{1,64}", re.ASCII)
PROBES: Final = ("/health", "/v1/health", "/live", "/metrics")  # probes use an IP address, so any Host is allowed
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
PREPARED: Final = {name.lower(): (name, value) for name, value in HEADERS.items()}
STRICT_TRANSPORT_SECURITY: Final = "max-age=31536000; includeSubDomains"  # RFC 6797; a year
logger = logging.getLogger("memgraph.request")


class RequestMiddleware:
    """Wraps every request: sets its id, checks the host, adds common headers, writes a log line and metrics."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.warned_of_proxy = False
        remember_routes()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = perf_counter()
        sent_id = request.META.get("HTTP_X_REQUEST_ID", "")
        request.request_id = sent_id if REQUEST_ID.fullmatch(sent_id) else token_hex(16)  # type: ignore[attr-defined]
        self.warn_of_proxy(request)
        response = self.refuse_host(request) or refuse_malformed_url(request) or self.get_response(request)
        self.finish(request, response)
        report_tenant(request, response)
        self.log(request, response, perf_counter() - started)
        hold_response()
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Turns exceptions outside DRF into problems, too, and failures of the database into a 503."""
        problem = as_api_exception(exception)
        return respond(request, problem) if isinstance(problem, APIException) else None

    def refuse_host(self, request: HttpRequest) -> HttpResponse | None:
        if request.path in PROBES or is_host_allowed(request._get_raw_host(), tuple(settings.ALLOWED_HOSTS)):  # type: ignore[attr-defined]
            return None
        sentence = "This server doesn't accept this host name. The operator sets ALLOWED_HOSTS or PUBLIC_URL."
        return respond(request, ParseError(sentence, code="host_not_allowed"))

    def finish(self, request: HttpRequest, response: HttpResponse) -> None:
        # 15 us less than `setdefault` for each, which encodes the names and values anew.
        fields = {**PREPARED, "x-request-id": ("X-Request-ID", request.request_id)}  # type: ignore[attr-defined]
        if settings.HTTPS and request.is_secure():
            fields["strict-transport-security"] = ("Strict-Transport-Security", STRICT_TRANSPORT_SECURITY)
        if request.path.startswith(("/v1", "/v2", "/studio")):
            fields["cache-control"] = ("Cache-Control", "no-store")
        if not response.streaming:
            fields["content-length"] = ("Content-Length", str(len(response.content)))
        response.headers._store = fields | response.headers._store

    def log(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        """Logs and measures by route, never by path: people paste keys and e-mail addresses into paths."""
        match = request.resolver_match
        route = (match.view_name or match.route) if match else "none"
        method = request.method if request.method in KNOWN_METHODS else "other"
        metric_of(route, method, response.status_code).observe(seconds)
        log_request({**describe(request, response), "route": route, "ms": round(seconds * 1000, 2)})

    def warn_of_proxy(self, request: HttpRequest) -> None:
        if settings.TRUSTED_PROXIES or self.warned_of_proxy:
            return
        if not FORWARDING_HEADERS.isdisjoint(request.META):
            self.warned_of_proxy = True
            logger.warning("Ignored a forwarding header. Behind a proxy, set TRUSTED_PROXIES=1.")


@lru_cache(256)
def is_host_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    """Like `HttpRequest.get_host`, which takes 10 us."""
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


@cache
def metric_of(route: str, method: str, status: int) -> Histogram:
    return REQUEST_SECONDS.labels(route, method, str(status))


def report_tenant(request: HttpRequest, response: HttpResponse) -> None:
    """Tells the worker which tenant the credential belongs to, because it divides its threads among tenants."""
    principal = getattr(request, "principal", None)
    if isinstance(principal, Principal):
        place.get().belongs_to(principal.tenant_id)
    elif response.status_code == HTTPStatus.UNAUTHORIZED:
        place.get().belongs_to(None)


def refuse_malformed_url(request: HttpRequest) -> HttpResponse | None:
    """Refuses a path or query that is not UTF-8: Django would replace the invalid bytes."""
    url: str = request.META.get("RAW_URI") or request.META["QUERY_STRING"]  # gunicorn sets the first
    if "%" not in url and url.isascii():
        return None
    try:
        unquote_to_bytes(url.encode("latin-1")).decode()
    except UnicodeError:
        return respond(request, ParseError("The URL is not UTF-8.", code="malformed"))
    return None


class PageMiddleware:
    """Runs `PAGE_MIDDLEWARE` (sessions, CSRF and so on) for pages only. The API doesn't need it, and it takes time."""

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
        """The CSRF hook reads a form before the view does, so the form's size is checked first."""
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
    """Compresses pages and static files, but not downloads.

    Against BREACH, Django masks the CSRF token and pads the response.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.has_header("Content-Disposition"):
            return response
        return super().process_response(request, response)


KNOWN_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def describe(request: HttpRequest, response: HttpResponse) -> dict[str, Any]:
    """The method, status, tenant and principal of a request. A key appears only as its public prefix."""
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
