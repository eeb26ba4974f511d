"""POST /v1/auth/onboard makes an account, its tenant and its first key, or nothing at all."""

import json
import re

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
from tests.accounts.onboarding import PATH, WANTED, nothing_was_made, onboard
from tests.factories import PASSWORD, anonymous_client, make_user


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
