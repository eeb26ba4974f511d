"""POST /v1/auth/login: who gets in, and that whoever doesn't learns nothing."""

import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Session, User
from tenants.models import Tenant
from tests.accounts.people import CheapHasher, audited
from tests.factories import PASSWORD, make_tenant, make_user

PATH = "/v1/auth/login"
FORM = "application/x-www-form-urlencoded"
ADDRESS = "ada@acme.example"
HASH_ROUNDS: list[str] = []


class CountedHasher(CheapHasher):
    """Keeps count of its work."""

    def encode(self, password: str, salt: str) -> str:
        HASH_ROUNDS.append("encode")
        return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        HASH_ROUNDS.append("verify")
        return super().verify(password, encoded)


@pytest.fixture
def ada(acme: Tenant) -> User:
    return make_user(acme, email=ADDRESS, password=PASSWORD)


def form(client: APIClient, fields: Any, **headers: Any) -> Any:
    return client.post(PATH, urlencode(fields), content_type=FORM, **headers)


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


@pytest.mark.parametrize("field", ["username", "email"])
@pytest.mark.parametrize("address", [ADDRESS, "ADA@Acme.Example", f"  {ADDRESS} "])
def test_a_person_signs_in_by_form_and_by_json(field: str, address: str, ada: User, anonymous: APIClient) -> None:
    fields = {field: address, "password": PASSWORD}
    for response in (form(anonymous, fields), anonymous.post(PATH, fields)):
        answer = response.json()
        assert response.status_code == 200
        assert answer == {"access_token": answer["access_token"], "token_type": "bearer", "expires_in": 604800}
        assert response["Cache-Control"] == "no-store"
        me = anonymous.get("/v1/auth/me", HTTP_AUTHORIZATION=f"Bearer {answer['access_token']}")
        assert me.json()["email"] == ADDRESS


def test_the_token_carries_nothing_private(ada: User, anonymous: APIClient) -> None:
    before = int(time.time())
    claims = claims_of(form(anonymous, {"username": ADDRESS, "password": PASSWORD}).json()["access_token"])
    session = Session.objects.get()
    issued = claims.pop("iat")
    assert before <= issued <= time.time()
    assert claims == {
        "sub": str(ada.id),
        "tenant_id": str(ada.tenant_id),
        "jti": str(session.id),
        "exp": issued + 604800,
        "iss": "memgraph",
        "aud": "memgraph",
        "token_type": "access",
    }


def test_each_sign_in_is_a_session_of_its_own(ada: User, anonymous: APIClient) -> None:
    fields = {"username": ADDRESS, "password": PASSWORD}
    headers = {"HTTP_USER_AGENT": "Mozilla\x07/5.0 " + "x" * 300, "REMOTE_ADDR": "192.0.2.7"}
    tokens = [form(anonymous, fields, **headers).json()["access_token"] for _ in range(2)]
    sessions = Session.objects.order_by("id")
    assert [claims_of(token)["jti"] for token in tokens] == [str(session.id) for session in sessions]
    assert len({session.id for session in sessions}) == 2
    assert (sessions[0].ip, sessions[0].agent[:12], len(sessions[0].agent)) == ("192.0.2.7", "Mozilla/5.0 ", 199)
    assert sessions[0].expires_at - sessions[0].created_at == timedelta(days=7)


def refused_people(acme: Tenant) -> dict[str, tuple[str, str]]:
    make_user(acme, email="inactive@acme.example", password=PASSWORD, is_active=False)
    make_user(acme, email="invited@acme.example")  # has no password yet
    User.objects.create_superuser("root@memgraph.example", PASSWORD)
    return {
        "wrong": (ADDRESS, "wrong horse battery"),
        "unknown": ("nobody@acme.example", PASSWORD),
        "no address": ("nobody", PASSWORD),
        "inactive": ("inactive@acme.example", PASSWORD),
        "operator": ("root@memgraph.example", PASSWORD),
        "without a password": ("invited@acme.example", "!"),
        "trimmed": (ADDRESS, f"{PASSWORD} "),
        "cut": (ADDRESS, PASSWORD[:-1]),
        "other case": (ADDRESS, PASSWORD.upper()),
        "digest": (ADDRESS, make_password(PASSWORD)),
    }


def test_every_refusal_is_the_same(ada: User, acme: Tenant, anonymous: APIClient) -> None:
    answers = set()
    for address, password in refused_people(acme).values():
        fields = {"username": address, "password": password}
        for response in (form(anonymous, fields), anonymous.post(PATH, fields)):
            assert response["WWW-Authenticate"] == 'Bearer realm="memgraph"'
            body = response.content.replace(response["X-Request-ID"].encode(), b"")
            kept = {name: value for name, value in response.headers.items() if name != "X-Request-ID"}
            answers.add((response.status_code, body, tuple(sorted(kept.items()))))
    assert len(answers) == 1
    status, body, _ = answers.pop()
    assert status == 401
    assert b'"code":"credentials_invalid"' in body
    assert not Session.objects.exists()


def test_every_refusal_costs_one_hash(ada: User, acme: Tenant, anonymous: APIClient, settings: Settings) -> None:
    people = refused_people(acme)
    settings.PASSWORD_HASHERS = [f"{__name__}.CountedHasher"]
    for who, (address, password) in people.items():
        HASH_ROUNDS.clear()
        form(anonymous, {"username": address, "password": password})
        assert len(HASH_ROUNDS) == 1, who


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_a_space_in_the_email_address_hints_at_the_plus_of_a_form(
    name: str, acme: Tenant, anonymous: APIClient, settings: Settings
) -> None:
    """The same hint whether or not the address that was meant has an account, and otherwise the same refusal."""
    make_user(acme, email="ada+work@acme.example", password=PASSWORD)
    settings.PASSWORD_HASHERS = [f"{__name__}.CountedHasher"]
    plain = form(anonymous, {"username": "nobody@acme.example", "password": PASSWORD})
    bare_plus = f"username={name}+work@acme.example&{urlencode({'password': PASSWORD})}"
    as_json = {"email": f"{name} work@acme.example", "password": PASSWORD}
    for response in (anonymous.post(PATH, bare_plus, content_type=FORM), anonymous.post(PATH, as_json)):
        body = response.json()
        assert response.status_code == 401
        hint = "The e-mail address has a space in it: in a form, send + as %2B."
        assert body["detail"] == f"{plain.json()['detail']} {hint}"
        assert {**body, "detail": "", "request_id": ""} == {**plain.json(), "detail": "", "request_id": ""}
        assert response["WWW-Authenticate"] == plain["WWW-Authenticate"]
    assert HASH_ROUNDS[-3:] == ["encode"] * 3
    assert audited(None) == ["session.sign_in_refused"] * 3


@pytest.mark.parametrize(
    ("password", "expected"), [(PASSWORD, (403, "tenant_suspended")), ("wrong", (401, "credentials_invalid"))]
)
def test_a_suspended_tenant_shows_only_to_who_knows_the_password(
    password: str, expected: tuple[int, str], anonymous: APIClient
) -> None:
    make_user(make_tenant(suspended_at=timezone.now()), email=ADDRESS, password=PASSWORD)
    response = form(anonymous, {"username": ADDRESS, "password": password})
    assert (response.status_code, response.json()["code"]) == expected
    assert ("WWW-Authenticate" in response) is (response.status_code == 401)
    assert not Session.objects.exists()


BAD_REQUESTS = [
    ({"password": PASSWORD}, {("username", "required")}),
    ({"username": ADDRESS}, {("password", "required")}),
    ({}, {("password", "required")}),
    ({"username": ADDRESS, "password": ""}, {("password", "blank")}),
    ({"username": "x" * 255, "password": PASSWORD}, {("username", "max_length")}),
    ({"username": ADDRESS, "password": "x" * 1025}, {("password", "max_length")}),
]
BAD_JSON = [
    ({"username": "", "password": PASSWORD}, {("username", "blank")}),
    ({"username": None, "password": PASSWORD}, {("username", "null")}),
    ({"username": [ADDRESS], "password": PASSWORD}, {("username", "invalid")}),
    ({"username": {"$gt": ""}, "password": {"$gt": ""}}, {("username", "invalid"), ("password", "invalid")}),
    ({"username": ADDRESS, "password": True}, {("password", "invalid")}),
]


@pytest.mark.parametrize(
    ("fields", "faults"), [*BAD_REQUESTS, *BAD_JSON], ids=lambda part: str(part)[:40] if isinstance(part, dict) else ""
)
def test_a_bad_request_names_the_field(
    fields: Any, faults: set[tuple[str, str]], ada: User, anonymous: APIClient
) -> None:
    sent = [anonymous.post(PATH, fields)] + ([form(anonymous, fields)] if (fields, faults) in BAD_REQUESTS else [])
    for response in sent:
        assert response.status_code == 422
        assert {(error["field"], error["code"]) for error in response.json()["errors"]} == faults


def test_a_password_of_1024_characters_is_checked_to_its_end(acme: Tenant, anonymous: APIClient) -> None:
    long = "x7" * 512
    make_user(acme, email=ADDRESS, password=long)
    assert form(anonymous, {"username": ADDRESS, "password": long}).status_code == 200
    assert form(anonymous, {"username": ADDRESS, "password": long[:-1] + "8"}).status_code == 401


@pytest.mark.parametrize(
    "body", [b"username=a&password=\xff", b"username=a&password=%ff", b"username=%ed%a0%80&password=a"]
)
def test_a_form_that_is_not_utf8_is_malformed(body: bytes, anonymous: APIClient) -> None:
    response = anonymous.post(PATH, body, content_type=FORM)
    assert (response.status_code, response.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize("body", [b"username=a%00&password=b", b"username=a&password=b%00"])
def test_a_form_with_nul_is_unprocessable(body: bytes, anonymous: APIClient) -> None:
    assert anonymous.post(PATH, body, content_type=FORM).status_code == 422


def test_password_in_the_query_is_not_read(ada: User, anonymous: APIClient) -> None:
    query = urlencode({"username": ADDRESS, "password": PASSWORD})
    assert anonymous.post(f"{PATH}?{query}", {}).status_code == 422
    assert anonymous.get(f"{PATH}?{query}").status_code == 405
    assert not Session.objects.exists()


def test_a_stale_credential_spoils_no_sign_in(ada: User, anonymous: APIClient) -> None:
    headers = {"HTTP_AUTHORIZATION": "Bearer stale", "HTTP_X_API_KEY": "mg_live_stale"}
    assert form(anonymous, {"username": ADDRESS, "password": PASSWORD}, **headers).status_code == 200
