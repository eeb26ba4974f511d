"""POST /v1/auth/onboard: an account, its tenant and its first key, all or nothing."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.db import connection
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Session, User
from apikeys.keys import is_well_formed
from apikeys.models import APIKey
from memgraph.settings import PASSWORD_HASHERS
from tenants.models import Role, Tenant
from tests.factories import PASSWORD, anonymous_client, make_user

pytestmark = pytest.mark.usefixtures("quick_hashes")
PATH = "/v1/auth/onboard"
WANTED = {
    "email": "grace.hopper@navy.example",
    "password": PASSWORD,
    "full_name": "Grace Hopper",
    "cluster_name": "Navy",
    "sector": "defence",
}


def onboard(client: APIClient, **changes: Any) -> Any:
    return client.post(PATH, WANTED | changes)


def field_codes(response: Any) -> set[tuple[str, str]]:
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    return {(error["field"], error["code"]) for error in response.json()["errors"]}


def nothing_was_made() -> bool:
    return not (Tenant.objects.exists() or User.objects.exists() or APIKey.objects.exists())


def test_answer_has_the_three_ids_of_what_was_made(anonymous: APIClient) -> None:
    response = onboard(anonymous)
    tenant, user, key = Tenant.objects.get(), User.objects.get(), APIKey.objects.get()
    answer = response.json()
    assert response.status_code == 201
    assert answer == {"tenant_id": str(tenant.id), "api_key": answer["api_key"], "user_id": str(user.id)}
    assert is_well_formed(answer["api_key"])
    assert response["Cache-Control"] == "no-store"
    assert (tenant.name, tenant.sector, tenant.suspended_at) == ("Navy", "defence", None)
    assert (user.email, user.full_name, user.role, user.tenant) == (WANTED["email"], "Grace Hopper", "admin", tenant)
    assert (key.name, key.role, key.tenant, key.created_by_id) == ("default", Role.EDITOR, tenant, user.id)
    assert key.created_by_label == user.email
    assert not Session.objects.exists()


def test_key_and_password_of_the_new_account_work(anonymous: APIClient) -> None:
    answer = onboard(anonymous).json()
    me = anonymous.get("/v1/auth/whoami", HTTP_X_API_KEY=answer["api_key"]).json()
    assert (me["tenant_id"], me["role"], me["kind"]) == (answer["tenant_id"], "editor", "api_key")
    signed_in = anonymous.post("/v1/auth/login", {"email": WANTED["email"], "password": PASSWORD})
    assert signed_in.status_code == 200


def test_password_is_stored_as_argon2id_only(anonymous: APIClient, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = PASSWORD_HASHERS
    response = onboard(anonymous)
    stored = User.objects.get().password
    assert stored.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert check_password(PASSWORD, stored)
    assert PASSWORD not in response.content.decode()
    assert stored not in response.content.decode()


def test_sector_may_be_left_out_or_empty(anonymous: APIClient) -> None:
    body = {name: value for name, value in WANTED.items() if name != "sector"}
    assert anonymous.post(PATH, body).status_code == 201
    assert onboard(anonymous, email="b@navy.example", sector="").status_code == 201


def test_a_failure_after_the_tenant_leaves_no_orphan(anonymous: APIClient) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE apikeys_apikey ADD CONSTRAINT no_more_keys CHECK (false)")
    anonymous.raise_request_exception = False
    response = onboard(anonymous)
    assert (response.status_code, response.json()["code"]) == (500, "unexpected_error")
    assert "no_more_keys" not in response.content.decode()
    assert nothing_was_made()


@pytest.mark.parametrize(
    "email", ["grace.hopper@navy.example", "GRACE.Hopper@Navy.Example", " grace.hopper@navy.example "]
)
def test_a_taken_address_is_a_conflict_in_any_case(email: str, anonymous: APIClient) -> None:
    make_user(email="grace.hopper@navy.example")
    response = onboard(anonymous, email=email)
    assert (response.status_code, response.json()["code"]) == (409, "email_taken")
    assert (Tenant.objects.count(), User.objects.count(), APIKey.objects.count()) == (1, 1, 0)


def test_an_operators_address_is_taken_too(anonymous: APIClient) -> None:
    User.objects.create_superuser("root@memgraph.example")
    assert onboard(anonymous, email="Root@memgraph.example").json()["code"] == "email_taken"
    assert not Tenant.objects.exists()


def test_address_is_stored_in_lower_case(anonymous: APIClient) -> None:
    assert onboard(anonymous, email="  Grace.HOPPER@Navy.Example").status_code == 201
    assert User.objects.get().email == "grace.hopper@navy.example"


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
    "correct\x00horse": None,  # told by the parser, for the whole body
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
    ),  # doubles in length when lowered
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


def test_fields_that_are_not_the_callers_are_ignored(anonymous: APIClient, globex_admin: User) -> None:
    wish = {
        "id": str(globex_admin.id),
        "user_id": str(globex_admin.id),
        "tenant_id": str(globex_admin.tenant_id),
        "tenant": str(globex_admin.tenant_id),
        "role": "viewer",
        "is_staff": True,
        "is_superuser": True,
        "is_active": False,
        "api_key": "mg_live_of_my_own_choice",
    }
    answer = onboard(anonymous, **wish).json()
    user = User.objects.exclude(id=globex_admin.id).get()
    assert answer["tenant_id"] != str(globex_admin.tenant_id)
    assert (str(user.id), str(user.tenant_id)) == (answer["user_id"], answer["tenant_id"])
    assert (user.role, user.is_staff, user.is_superuser, user.is_active) == ("admin", False, False, True)
    assert answer["api_key"] != wish["api_key"]
    globex_admin.refresh_from_db()
    assert globex_admin.email == "admin@globex.example"


def test_a_form_is_not_taken(anonymous: APIClient) -> None:
    response = anonymous.post(PATH, "email=a%40b.example", content_type="application/x-www-form-urlencoded")
    assert response.status_code == 415
    assert nothing_was_made()


def test_nothing_of_the_password_is_logged(anonymous: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    secret = "a quite secret phrase 4711"
    key = onboard(anonymous, password=secret).json()["api_key"]
    onboard(anonymous, password=secret)
    logged = json.dumps([vars(record) for record in caplog.records], default=str)
    assert re.search(r'"route": "onboard"', logged)
    assert secret not in logged
    assert key not in logged
    assert WANTED["email"] not in logged


def test_a_stale_credential_spoils_nothing(anonymous: APIClient) -> None:
    client = anonymous_client(HTTP_AUTHORIZATION="Bearer stale", HTTP_X_API_KEY="mg_live_stale")
    assert onboard(client).status_code == 201
