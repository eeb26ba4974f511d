"""Naughty strings in every text field, path, query and header of every route: never an error of ours.

In the spirit of the Big List of Naughty Strings; these are our own choice, for what this stack is made of.
"""

import json
from collections.abc import Iterator
from itertools import chain, cycle
from typing import Any
from urllib.parse import quote

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from tenants.models import Counter, Tenant
from tests.factories import client_for, make_belief, make_episode, make_event, make_key, make_user
from tests.routes import ROUTES, Route

NAUGHTY = [
    "",
    " ",
    "\t\r\n",
    "\0",
    "a\0b",
    "\x01\x02\x1b[2J\x7f",
    "\x85\xa0\xad",
    "\u2028\u2029",
    "\u200b\u200e\u202e\u2066\ufeff",
    "undefined",
    "null",
    "NaN",
    "-Infinity",
    "0",
    "1e400",
    "0x7fffffff",
    "9" * 400,
    "-9223372036854775809",
    "18446744073709551616",
    "00000000-0000-0000-0000-000000000000",
    "{00000000-0000-7000-8000-000000000000}",
    "0000-00-00T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999-23:59",
    "10000-01-01",
    "2024-02-30",
    "' OR 1=1 --",
    "'; DROP TABLE tenants_tenant; --",
    '"; SELECT pg_sleep(9) --',
    "\\",
    "\\u0000",
    "%",
    "%00",
    "%s%s%n",
    "%(tenant)s",
    "{0}{tenant_id}{}",
    "_%",
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "{{ 7*7 }}{% debug %}",
    "${jndi:ldap://127.0.0.1:1/x}",
    "../../../../etc/passwd",
    "C:\\CON",
    "__proto__",
    "__class__.__init__.__globals__",
    "user__password__startswith",
    "[]",
    '{"$gt": ""}',
    "\u0130\u0131\u017f\u212a",
    "ß ŒŁ ﷽ Ⅳ ²",
    "é e\u0301 \u0301\u0301\u0301",
    "٠١٢٣",
    "שלום עולם",
    "田中さん 社會科學院",
    "👩‍👩‍👧‍👦 🇺🇳 😀\U000e0001",
    "\ufffe\uffff\U0010ffff",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L",
    "\ud800",
    "x" * 300,
    "x" * 5000,
]
FIELDS: dict[str, list[str]] = {
    "onboard": ["email", "password", "full_name", "cluster_name", "sector"],
    "login": ["username", "email", "password"],
    "logout": ["scope"],
    "me": ["full_name"],
    "password": ["current_password", "new_password"],
    "password-reset": ["email"],
    "password-reset-confirm": ["token", "new_password"],
    "accept-invitation": ["token", "password", "full_name"],
    "invitations": ["email", "role"],
    "user": ["role", "is_active"],
    "user-reset-link": [],
    "api-key-undo": ["since", "dry_run"],
    "erase": ["user_id"],
    "api-keys": ["name", "role", "expires_at", "expires_in_days", "allowed_ips", "rate_limit_per_minute"],
    "api-key": ["name", "allowed_ips", "rate_limit_per_minute"],
    "rotate-key": ["grace_seconds"],
    "report-leak": ["api_key"],
    "tenant": [
        "name",
        "sector",
        "require_key_expiry",
        "max_key_lifetime_days",
        "rate_limit_per_minute",
        "event_retention_days",
    ],
    "freeze-keys": [],
    "unfreeze-keys": [],
    "events": ["event_type", "user_id", "agent_id", "thread_id", "occurred_at", "content"],
    "beliefs": ["subject_id", "key", "value", "confidence", "belief_type", "domain"],
    "belief": ["value", "confidence", "belief_type", "domain"],
    "episodes": ["user_id", "agent_id", "thread_id", "summary", "outcome", "consolidation_status", "started_at"],
    "episode": ["summary", "tags", "event_ids", "ended_at"],
    "import": [],
    "ingest": ["user_id", "agent_id", "text"],
    "context": ["task", "query", "user_id", "agent_id"],
    "graph-context": ["query", "user_id", "agent_id", "limit"],
    "event-batch": ["events"],
    "belief-batch": ["beliefs"],
}
PAGE = ["limit", "cursor", "tenant_id"]
EVENTS = ["user_id", "agent_id", "thread_id", "event_type", "since", "until", "written_by_key", "written_by_user"]
QUERY = {
    "/v1/events": [*PAGE, *EVENTS],
    "/v1/beliefs": [*PAGE, "subject_id", "domain", "belief_type", "written_by_key"],
    "/v1/episodes": [*PAGE, "user_id", "outcome", "consolidation_status", "since", "until"],
    "/v1/api-keys": [*PAGE, "include_revoked"],
    "/v1/beliefs/history/ada/city": ["include_inactive", "as_of"],
    "/v1/beliefs/timeline/ada": ["domain", "since", "limit"],
    "/v1/schema": ["format", "version", "lang"],
    "/docs": ["script", "version", "lang"],
}
HEADERS = [
    "ACCEPT",
    "ACCEPT_LANGUAGE",
    "ACCEPT_ENCODING",
    "AUTHORIZATION",
    "CONTENT_ENCODING",
    "CONTENT_LENGTH",
    "COOKIE",
    "EXPECT",
    "FORWARDED",
    "HOST",
    "IF_MATCH",
    "IF_MODIFIED_SINCE",
    "IF_NONE_MATCH",
    "ORIGIN",
    "RANGE",
    "REFERER",
    "SEC_FETCH_SITE",
    "TE",
    "TRANSFER_ENCODING",
    "USER_AGENT",
    "X_API_KEY",
    "X_FORWARDED_FOR",
    "X_FORWARDED_HOST",
    "X_HTTP_METHOD_OVERRIDE",
    "X_REQUEST_ID",
]


@pytest.fixture
def person(acme: Tenant) -> User:
    return make_user(acme)


@pytest.fixture
def client(person: User) -> APIClient:
    client = client_for(person)
    client.raise_request_exception = False
    return client


@pytest.fixture
def targets(acme: Tenant) -> dict[str, str]:
    made = {"event": make_event, "belief": make_belief, "episode": make_episode}
    made |= dict.fromkeys(["api-key", "rotate-key"], lambda of: make_key(of)[0])
    return {name: str(make(acme).id) for name, make in made.items()}


def assert_no_error_of_ours(response: Any, what: str) -> None:
    body = response.getvalue() if response.streaming else response.content
    assert response.status_code < 500, what
    assert b"Traceback" not in body, what
    if response.status_code >= 400 and response["Content-Type"] == "application/problem+json":
        assert json.loads(body)["status"] == response.status_code


def escaped(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def as_header(text: str) -> str:
    """Bytes of UTF-8 as the server hands them over: in Latin-1, stripped, and without what it refuses itself."""
    latin = text.encode("utf-8", "surrogatepass").decode("latin-1")
    return latin.replace("\0", "").replace("\r", "").replace("\n", "").strip(" \t")


def bodies(route: Route, fields: list[str], text: str) -> Iterator[Any]:
    """As the whole, in one field with the others as they should be, and in all, packed in a list and an object too."""
    yield text
    yield [text]
    yield {text: text}
    good = route.body or {}
    yield from (good | {field: text} for field in fields)
    if fields:
        yield from (good | dict.fromkeys(fields, odd) for odd in (text, [text], {text: text}))


@pytest.mark.parametrize(("name", "method"), [key for key in ROUTES if key[1] in ("POST", "PATCH")])
def test_in_every_field(
    name: str, method: str, client: APIClient, person: User, targets: dict[str, str], settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = ["tests.accounts.people.CheapHasher"]
    route = ROUTES[name, method]
    path = route.path.replace("{id}", targets.get(name, ""))
    for text in NAUGHTY:
        for body in bodies(route, FIELDS[name], text):
            Counter.objects.all().delete()  # else the limit of leak reports would hide what is to be tried
            response = client.generic(method, path, json.dumps(body), route.content_type)
            assert_no_error_of_ours(response, f"{body!r}")
            assert name == "login" or response.status_code != 401
            if name == "logout" and response.status_code == 200:
                client = client_for(person)


@pytest.mark.parametrize(
    "path", sorted({route.path for route in ROUTES.values() if "{id}" in route.path or "/ada" in route.path})
)
def test_in_every_path(path: str, client: APIClient) -> None:
    for text in NAUGHTY:
        for place in ("{id}", "ada", "city"):
            if place in path:
                for method in ("GET", "PATCH", "DELETE"):
                    response = client.generic(method, path.replace(place, escaped(text)))
                    assert_no_error_of_ours(response, f"{method} {text!r}")


@pytest.mark.parametrize(("name", "method"), [key for key in ROUTES if key[1] in ("GET", "DELETE")])
@pytest.mark.django_db(transaction=True)
def test_in_every_query(name: str, method: str, client: APIClient, targets: dict[str, str]) -> None:
    path = ROUTES[name, method].path.replace("{id}", targets.get(name, "")).partition("?")[0]
    for text in NAUGHTY[:: 7 if name == "metrics" else 1]:
        everywhere = [*chain(*QUERY.values()), "soft", "dry_run", "on_conflict", escaped(text)]
        query = "&".join(f"{parameter}={escaped(text)}" for parameter in everywhere)
        assert_no_error_of_ours(client.generic(method, f"{path}?{query}"), f"{text!r}")


@pytest.mark.parametrize(("path", "parameter"), [(path, one) for path, names in QUERY.items() for one in names])
def test_in_one_parameter(path: str, parameter: str, client: APIClient) -> None:
    for text in NAUGHTY:
        assert_no_error_of_ours(client.get(f"{path}?{parameter}={escaped(text)}"), f"{text!r}")


@pytest.mark.parametrize("header", HEADERS)
def test_in_every_header(header: str, client: APIClient) -> None:
    name = header if header == "CONTENT_LENGTH" else f"HTTP_{header}"
    for text, (method, path) in zip(NAUGHTY, cycle((("GET", "/v1/stats"), ("POST", "/v1/auth/login"))), strict=False):
        response = client.generic(method, path, **{name: as_header(text)})
        assert_no_error_of_ours(response, f"{path} {text!r}")
