"""The header `X-API-KEY`: what lets a program in, and what doesn't."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from apikeys.keys import checksum, generate_key
from apikeys.models import APIKey
from tenants.actor import Actor
from tenants.models import Tenant
from tests.factories import anonymous_client, make_key, make_token, make_user
from tests.routes import PUBLIC, ROUTES

PATH = "/v1/auth/whoami"


def ask(key: str, **headers: Any) -> Any:
    return anonymous_client(HTTP_X_API_KEY=key, **headers).get(PATH)


def assert_refused(response: Any, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (401, code)
    assert response["WWW-Authenticate"] == 'Bearer realm="memgraph"'
    assert response["Content-Type"] == "application/problem+json"


MALFORMED = {
    "empty": lambda key: "",
    "blank": lambda key: " ",
    "word": lambda key: "null",
    "spaces around": lambda key: f" {key} ",
    "space inside": lambda key: f"{key[:20]} {key[20:]}",
    "tab inside": lambda key: f"{key[:20]}\t{key[20:]}",
    "newline after": lambda key: f"{key}\n",
    "NUL after": lambda key: f"{key}\0",
    "lower": lambda key: key.lower(),
    "upper": lambda key: key.upper(),
    "cut": lambda key: key[:-1],
    "prefix": lambda key: key[:12],
    "prefix and dots": lambda key: f"{key[:12]}...{key[-4:]}",
    "longer": lambda key: f"{key}x",
    "one changed": lambda key: key[:15] + ("a" if key[15] != "a" else "b") + key[16:],
    "quoted": lambda key: f'"{key}"',
    "scheme": lambda key: f"Bearer {key}",
    "twice": lambda key: f"{key},{key}",
    "with another": lambda key: f"{key}, {generate_key()}",
    "percent": lambda key: quote(key).replace("_", "%5F"),
    "Latin-1 bytes": lambda key: f"{key[:-1]}\xe9",
    "bytes of UTF-8": lambda key: f"{key}\xc3\xa9",
    "1 MB": lambda key: key * 23_000,
}


@pytest.mark.parametrize("spoil", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_key_is_refused_without_a_query(
    spoil: Any, acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, key = make_key(acme)
    with django_assert_num_queries(0):
        response = ask(spoil(key))
    assert_refused(response, "key_malformed")
    assert key not in response.content.decode()


def test_an_unknown_key_is_refused(acme: Tenant) -> None:
    make_key(acme)
    assert_refused(ask(generate_key()), "key_invalid")


def test_the_digest_is_no_key(acme: Tenant) -> None:
    key, _ = make_key(acme)
    body = "mg_live_" + bytes(key.digest).hex()[:30]
    assert_refused(ask(bytes(key.digest).hex()), "key_malformed")
    assert_refused(ask(body + checksum(body)), "key_invalid")


@pytest.mark.parametrize("place", ["query", "cookie", "body", "Authorization", "X-Api-Token", "basic"])
def test_a_key_elsewhere_is_no_credential(place: str, acme: Tenant, anonymous: APIClient) -> None:
    _, key = make_key(acme)
    if place == "cookie":
        anonymous.cookies["X-API-KEY"] = anonymous.cookies["api_key"] = key
    query = f"?api_key={key}&X-API-KEY={key}&key={key}" if place == "query" else ""
    body = {"api_key": key, "X-API-KEY": key, "user_id": "ada", "event_type": "x", "content": {}}
    headers = {
        "Authorization": {"HTTP_AUTHORIZATION": key},
        "X-Api-Token": {"HTTP_X_API_TOKEN": key, "HTTP_API_KEY": key, "HTTP_APIKEY": key},
        "basic": {"HTTP_AUTHORIZATION": f"Basic {key}"},
    }.get(place, {})
    response = anonymous.post(f"/v1/events{query}", body if place == "body" else {}, **headers)
    assert_refused(response, "not_authenticated")


def test_a_revoked_key_is_refused(acme: Tenant) -> None:
    key, plaintext = make_key(acme)
    assert ask(plaintext).status_code == 200
    APIKey.objects.filter(id=key.id).update(revoked_at=timezone.now())
    assert_refused(ask(plaintext), "key_revoked")


def test_revoked_is_told_before_expired(acme: Tenant) -> None:
    past = timezone.now() - timedelta(days=1)
    assert_refused(ask(make_key(acme, expires_at=past)[1]), "key_expired")
    _, plaintext = make_key(acme, expires_at=past)
    APIKey.objects.update(revoked_at=past)
    assert_refused(ask(plaintext), "key_revoked")


@pytest.mark.parametrize(("seconds", "accepted"), [(-1, False), (0, False), (60, True)])
def test_a_key_ends_at_its_very_moment(seconds: int, *, accepted: bool, acme: Tenant) -> None:
    response = ask(make_key(acme, expires_at=timezone.now() + timedelta(seconds=seconds))[1])
    assert response.status_code == (200 if accepted else 401)


def test_a_suspended_tenants_key_is_forbidden_unless_it_ended(acme: Tenant) -> None:
    _, plaintext = make_key(acme)
    Tenant.objects.update(suspended_at=timezone.now())
    response = ask(plaintext)
    assert (response.status_code, response.json()["code"]) == (403, "tenant_suspended")
    assert "WWW-Authenticate" not in response
    assert APIKey.objects.get().last_used_at is None
    Tenant.objects.update(suspended_at=None)
    assert ask(plaintext).status_code == 200


def test_a_key_outlives_its_maker(acme: Tenant) -> None:
    person = make_user(acme)
    _, plaintext = make_key(acme, actor=Actor().as_user(person.id, person.email))
    person.delete()
    assert ask(plaintext).status_code == 200


def test_use_is_noted_with_place_and_program(acme: Tenant) -> None:
    _, plaintext = make_key(acme)
    before = timezone.now()
    ask(plaintext, HTTP_USER_AGENT="memgraph-sdk/0.8.6", REMOTE_ADDR="192.0.2.7")
    key = APIKey.objects.get()
    assert before <= key.last_used_at <= timezone.now()
    assert (key.last_used_ip, key.last_used_agent) == ("192.0.2.7", "memgraph-sdk/0.8.6")


@pytest.mark.parametrize(("age", "noted"), [(30, False), (61, True)])
def test_use_is_noted_at_most_once_a_minute(
    age: int, *, noted: bool, acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, plaintext = make_key(acme)
    moment = timezone.now() - timedelta(seconds=age)
    APIKey.objects.update(last_used_at=moment, last_used_agent="old")
    with django_assert_num_queries(2 if noted else 1):
        ask(plaintext, HTTP_USER_AGENT="new")
    key = APIKey.objects.get()
    assert (key.last_used_at != moment, key.last_used_agent) == (noted, "new" if noted else "old")


@pytest.mark.parametrize("spoil", [lambda key: key[:-1], lambda key: generate_key()])
def test_a_refused_use_is_not_noted(spoil: Any, acme: Tenant) -> None:
    _, plaintext = make_key(acme)
    ask(spoil(plaintext))
    assert APIKey.objects.get().last_used_at is None


@pytest.mark.parametrize(
    ("agent", "kept"),
    [
        ("", ""),
        ("x" * 500, "x" * 200),
        ("a\x00b\x1b[31m\x7f", "ab[31m"),
        ("caf\xe9 \xff", "caf\xe9 \xff"),
        ("\xad\x85", ""),
    ],
)
def test_an_odd_agent_is_tamed(agent: str, kept: str, acme: Tenant) -> None:
    assert ask(make_key(acme)[1], HTTP_USER_AGENT=agent).status_code == 200
    assert APIKey.objects.get().last_used_agent == kept


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("", None),
        ("unix:", None),
        ("2001:DB8::1", "2001:db8::1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_odd_address_is_no_error(address: str, kept: str | None, acme: Tenant) -> None:
    assert ask(make_key(acme)[1], REMOTE_ADDR=address).status_code == 200
    assert APIKey.objects.get().last_used_ip == kept


@pytest.mark.parametrize(
    ("proxies", "forwarded", "kept"),
    [
        (0, "198.51.100.1", "192.0.2.7"),
        (1, "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        (2, "203.0.113.9, 198.51.100.1", "203.0.113.9"),
        (2, "198.51.100.1", None),
        (1, "garbage", None),
        (1, "", None),
        (1, "198.51.100.1:4711", "198.51.100.1"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
    ],
)
def test_only_trusted_proxies_name_the_address(
    proxies: int, forwarded: str, kept: str | None, acme: Tenant, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = proxies
    ask(make_key(acme)[1], REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR=forwarded)
    assert APIKey.objects.get().last_used_ip == kept


@pytest.mark.parametrize(("name", "method"), [key for key, route in ROUTES.items() if route.who == PUBLIC])
def test_stale_credentials_change_nothing_at_a_public_route(name: str, method: str, acme: Tenant) -> None:
    key, plaintext = make_key(acme)
    user = make_user(acme)
    token = make_token(user)
    user.sessions.update(ended_at=timezone.now())
    APIKey.objects.update(revoked_at=timezone.now())
    stale = anonymous_client(HTTP_X_API_KEY=plaintext, HTTP_AUTHORIZATION=f"Bearer {token}")
    statuses = {client.generic(method, ROUTES[name, method].path).status_code for client in (anonymous_client(), stale)}
    assert len(statuses) == 1
    assert statuses.isdisjoint({401, 403, 500})
    key.refresh_from_db()
    assert key.last_used_at is None


def test_a_key_is_not_logged(acme: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    _, plaintext = make_key(acme)
    ask(plaintext)
    ask(plaintext[:-1])
    logged = "".join(str(vars(record)) for record in caplog.records)
    assert plaintext[:12] in logged
    assert plaintext[:20] not in logged
