"""Naughty strings in every text field, path, query and header of every route: never an error of ours.

`make test` sends each string in a quarter of a route's bodies, in turn. `make soak` sends it in all of them.
"""

import json
from collections.abc import Iterator
from itertools import chain, cycle, islice
from typing import Any
from urllib.parse import quote

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from tenants.models import Counter, Tenant
from tests.factories import client_for, make_belief, make_episode, make_event, make_key, make_user
from tests.naughty import FIELDS, HEADERS, NAUGHTY, QUERY
from tests.routes import ROUTES, Route

TURNS = pytest.mark.parametrize("turns", [4, pytest.param(1, marks=pytest.mark.soak)])


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


@TURNS
@pytest.mark.parametrize(("name", "method"), [key for key in ROUTES if key[1] in ("POST", "PATCH")])
def test_in_every_field(
    name: str, method: str, turns: int, client: APIClient, person: User, targets: dict[str, str], settings: Settings
) -> None:
    settings.PASSWORD_HASHERS = ["tests.accounts.people.CheapHasher"]
    route = ROUTES[name, method]
    path = route.path.replace("{id}", targets.get(name, ""))
    for turn, text in enumerate(NAUGHTY, len(name)):
        for body in islice(bodies(route, FIELDS[name], text), turn % turns, None, turns):
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


@TURNS
@pytest.mark.parametrize(("name", "method"), [key for key in ROUTES if key[1] in ("GET", "DELETE")])
@pytest.mark.django_db(transaction=True)
def test_in_every_query(name: str, method: str, turns: int, client: APIClient, targets: dict[str, str]) -> None:
    path = ROUTES[name, method].path.replace("{id}", targets.get(name, "")).partition("?")[0]
    for text in NAUGHTY[len(name) % turns :: 7 if name == "metrics" else turns]:
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
