"""POST /v1/auth/onboard: which passwords, names and e-mail addresses a new account may have."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from tenants.models import Tenant
from tests.accounts.onboarding import PATH, WANTED, field_codes, nothing_was_made, onboard

PASSWORDS_REFUSED = {
    "": "blank",
    "sevench": "password_too_short",
    "🔑" * 7: "password_too_short",
    "x7" * 512 + "y": "password_too_long",
    "x7" * 5_000: "password_too_long",
    **dict.fromkeys(
        ["password", "12345678", "qwertyuiop", "iloveyou", "football", "baseball", "sunshine", "superman", "trustno1"],
        "password_too_common",
    ),
    "PassWord1": "password_too_common",
    "grace.hopper": "password_too_similar",
    "GraceHopper": "password_too_similar",
    "grace.hopper@navy": "password_too_similar",
    "correct\x00horse": None,  # the parser refuses the whole body
}


@pytest.mark.parametrize(("password", "code"), PASSWORDS_REFUSED.items(), ids=lambda text: str(text)[:24].encode())
def test_password_is_refused(password: str, code: str | None, anonymous: APIClient) -> None:
    response = onboard(anonymous, password=password)
    if code:
        assert ("password", code) in field_codes(response)
    else:
        assert (response.status_code, response.json()["code"]) == (422, "invalid_text")
    assert nothing_was_made()


def test_a_refused_password_is_not_repeated(anonymous: APIClient) -> None:
    response = onboard(anonymous, password="GraceHopper")
    assert response.status_code == 422
    assert "GraceHopper" not in response.content.decode()


PASSWORDS_ACCEPTED = [
    "eight ch",
    "x7" * 512,
    " leading and trailing ",
    "        ",
    "пароль из слов",
    "🔑🗝️🔒🔓🔐🛡️⚔️🏰",
    "tab\tand\nnewline",
    "e\u0301 is not \u00e9",
    '"><script>alert(1)</script>',
    "%00%0a%s%n",
]


@pytest.mark.parametrize("password", PASSWORDS_ACCEPTED, ids=lambda text: ascii(text)[:24])
def test_password_is_taken_exactly_as_sent(password: str, anonymous: APIClient) -> None:
    assert onboard(anonymous, password=password).status_code == 201
    sign_in = {"email": WANTED["email"], "password": password}
    assert anonymous.post("/v1/auth/login", sign_in).status_code == 200
    for other in {password.strip(), f" {password}", f"{password} ", password.swapcase(), password[:-1]} - {
        password,
        "",
    }:
        assert anonymous.post("/v1/auth/login", sign_in | {"password": other}).status_code in (401, 422)


NAMES_REFUSED = [
    ({"full_name": "Grace\nHopper"}, ("full_name", "control_character")),
    ({"cluster_name": "Navy\x1b[31m"}, ("cluster_name", "control_character")),
    ({"cluster_name": "a\u2028b"}, ("cluster_name", "control_character")),
    ({"sector": "a\r\nSet-Cookie: b"}, ("sector", "control_character")),
    ({"full_name": "x" * 151}, ("full_name", "max_length")),
    ({"cluster_name": "x" * 101}, ("cluster_name", "max_length")),
    ({"cluster_name": "x" * 200}, ("cluster_name", "max_length")),
    ({"sector": "x" * 65}, ("sector", "max_length")),
    ({"full_name": "   "}, ("full_name", "blank")),
    ({"cluster_name": ""}, ("cluster_name", "blank")),
    ({"full_name": None}, ("full_name", "null")),
    ({"full_name": ["Grace"]}, ("full_name", "invalid")),
    ({"cluster_name": {"$ne": ""}}, ("cluster_name", "invalid")),
    ({"cluster_name": True}, ("cluster_name", "invalid")),
    ({"password": ["correct horse battery"]}, ("password", "invalid")),
    ({"password": None}, ("password", "null")),
    ({"email": "nobody"}, ("email", "invalid")),
    ({"email": "a@b@c.example"}, ("email", "invalid")),
    ({"email": "a@navy.example\nBcc: b@navy.example"}, ("email", "invalid")),
    ({"email": "<script>@navy.example"}, ("email", "invalid")),
    ({"email": f"{'x' * 250}@navy.example"}, ("email", "max_length")),
    (
        {"email": f"{'İ' * 200}@navy.example"},
        [("email", "max_length"), ("email", "invalid")],
    ),  # lower case doubles its length
    ({"email": ["a@navy.example"]}, ("email", "invalid")),
    ({"email": None}, ("email", "null")),
]


@pytest.mark.parametrize(("changes", "fault"), NAMES_REFUSED, ids=lambda part: ascii(part)[:40])
def test_field_is_refused(changes: dict[str, Any], fault: Any, anonymous: APIClient) -> None:
    assert field_codes(onboard(anonymous, **changes)) == (set(fault) if isinstance(fault, list) else {fault})
    assert nothing_was_made()


@pytest.mark.parametrize(
    "name", ["שלום עולם", "<b>Navy</b>", "{{ 7*7 }}", "Ⅳ ﷽ 👩‍👩‍👧", "'; DROP TABLE x; --", "x" * 100]
)
def test_names_are_kept_as_sent(name: str, anonymous: APIClient) -> None:
    assert onboard(anonymous, full_name=name, cluster_name=name).status_code == 201
    assert (User.objects.get().full_name, Tenant.objects.get().name) == (name, name)


def test_every_missing_field_is_named_at_once(anonymous: APIClient) -> None:
    required = {(field, "required") for field in ("email", "password", "full_name", "cluster_name")}
    assert field_codes(anonymous.post(PATH, {})) == required
    assert nothing_was_made()
