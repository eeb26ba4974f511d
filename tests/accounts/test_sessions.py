"""Who am I, signing out, and that a change of role or person counts from the next request."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Session, User
from tenants.models import Role
from tests.factories import anonymous_client, client_for, key_client, make_key, make_session, make_token, make_user

ME, WHOAMI, LOGOUT = "/v1/auth/me", "/v1/auth/whoami", "/v1/auth/logout"


def status_of(client: APIClient) -> int:
    return client.get(ME).status_code


def test_me_is_the_persons_profile(acme_viewer: User) -> None:
    response = client_for(acme_viewer).get(ME)
    created = acme_viewer.created_at.isoformat().replace("+00:00", "Z")
    assert response.json() == {
        "user_id": str(acme_viewer.id),
        "email": "viewer@acme.example",
        "full_name": "Ada Lovelace",
        "role": "viewer",
        "tenant_id": str(acme_viewer.tenant_id),
        "tenant_name": "Acme",
        "created_at": created,
    }
    assert response["Cache-Control"] == "no-store"


def test_whoami_of_a_person(acme_admin: User) -> None:
    assert client_for(acme_admin).get(WHOAMI).json() == {
        "kind": "user",
        "tenant_id": str(acme_admin.tenant_id),
        "tenant_name": "Acme",
        "role": "admin",
        "email": "admin@acme.example",
        "key": None,
    }


@pytest.mark.parametrize("role", Role.values)
def test_whoami_of_a_key(role: str, acme_admin: User) -> None:
    end = timezone.now().replace(microsecond=0) + timedelta(days=1)
    key, plaintext = make_key(acme_admin.tenant, role, name="ci", expires_at=end)
    response = anonymous_client(HTTP_X_API_KEY=plaintext).get(WHOAMI)
    assert response.json() == {
        "kind": "api_key",
        "tenant_id": str(acme_admin.tenant_id),
        "tenant_name": "Acme",
        "role": role,
        "email": None,
        "key": {
            "id": str(key.id),
            "name": "ci",
            "prefix": plaintext[:12],
            "expires_at": end.isoformat().replace("+00:00", "Z"),
        },
    }
    assert plaintext not in response.content.decode()


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({}, "other"),
        ({"scope": "this"}, "other"),
        ({"scope": "others"}, "this"),
        ({"scope": "all"}, "none"),
    ],
)
def test_signing_out_ends_what_its_scope_says(body: dict[str, str], left: str, acme_admin: User) -> None:
    this, other = client_for(acme_admin), client_for(acme_admin)
    colleague = client_for(make_user(acme_admin.tenant))
    response = this.post(LOGOUT, body)
    ended = 2 if left == "none" else 1
    assert (response.status_code, response.json()) == (200, {"status": "signed_out", "sessions_ended": ended})
    assert (status_of(this), status_of(other)) == {"this": (200, 401), "other": (401, 200), "none": (401, 401)}[left]
    assert status_of(colleague) == 200


def test_an_ended_session_cannot_sign_out_again(acme_admin: User) -> None:
    this, other = client_for(acme_admin), client_for(acme_admin)
    this.post(LOGOUT)
    response = this.post(LOGOUT, {"scope": "all"})
    assert (response.status_code, response.json()["code"]) == (401, "session_ended")
    assert status_of(other) == 200


def test_the_time_of_an_end_is_not_moved_by_a_later_one(acme_admin: User) -> None:
    client_for(acme_admin).post(LOGOUT)
    ended_at = Session.objects.get().ended_at
    response = client_for(acme_admin).post(LOGOUT, {"scope": "all"})
    assert response.json()["sessions_ended"] == 1
    assert Session.objects.order_by("id").first().ended_at == ended_at


@pytest.mark.parametrize("scope", ["", None, "everybody", "THIS", ["all"], {}, 1, True])
def test_an_unknown_scope_ends_nothing(scope: Any, acme_admin: User) -> None:
    client = client_for(acme_admin)
    response = client.post(LOGOUT, {"scope": scope})
    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "scope")
    assert status_of(client) == 200


def test_signing_out_is_no_matter_of_get(acme_admin: User) -> None:
    client = client_for(acme_admin)
    assert client.get(LOGOUT).status_code == 405
    assert status_of(client) == 200


def test_a_key_has_no_session_to_end(acme_admin: User) -> None:
    client = key_client(acme_admin.tenant, Role.ADMIN)
    for response in (client.post(LOGOUT, {"scope": "all"}), client.get(ME)):
        assert (response.status_code, response.json()["code"]) == (403, "user_session_required")
    assert status_of(client_for(acme_admin)) == 200


def test_an_expired_row_ends_a_session_whose_token_still_runs(acme_admin: User) -> None:
    session = make_session(acme_admin, expires_at=timezone.now())
    token = make_token(acme_admin)
    Session.objects.exclude(id=session.id).update(expires_at=timezone.now())
    response = anonymous_client(HTTP_AUTHORIZATION=f"Bearer {token}").get(ME)
    assert (response.status_code, response.json()["code"]) == (401, "token_expired")


@pytest.mark.parametrize(
    ("before", "after", "statuses"), [("admin", "viewer", (200, 403)), ("viewer", "admin", (403, 200))]
)
def test_a_change_of_role_counts_from_the_next_request(
    before: str, after: str, statuses: tuple[int, int], acme_admin: User
) -> None:
    person = make_user(acme_admin.tenant, before)
    client = client_for(person)
    seen = [client.get("/v1/api-keys").status_code]
    User.objects.filter(id=person.id).update(role=after)
    seen.append(client.get("/v1/api-keys").status_code)
    assert tuple(seen) == statuses
    assert client.get(WHOAMI).json()["role"] == after


def test_a_new_name_or_address_shows_at_once(acme_admin: User) -> None:
    client = client_for(acme_admin)
    User.objects.update(email="new@acme.example", full_name="New")
    assert [client.get(ME).json()[field] for field in ("email", "full_name")] == ["new@acme.example", "New"]
    assert client.get(WHOAMI).json()["email"] == "new@acme.example"


MISMATCHES = ["other", "00000000-0000-7000-8000-000000000000", 0, False, [], {}, ["own"]]


@pytest.mark.parametrize("claimed", MISMATCHES, ids=str)
def test_another_tenant_id_in_the_body_is_refused(claimed: Any, acme_admin: User) -> None:
    client = client_for(acme_admin)
    claimed = [str(acme_admin.tenant_id)] if claimed == ["own"] else claimed
    response = client.post(LOGOUT, {"tenant_id": claimed})
    assert (response.status_code, response.json()["code"]) == (403, "tenant_mismatch")
    assert status_of(client) == 200


def test_the_own_tenant_id_is_ignored(acme_admin: User) -> None:
    own = str(acme_admin.tenant_id)
    client = client_for(acme_admin)
    for query in (
        f"?tenant_id={own}",
        f"?tenant_id={own.upper()}",
        f"?tenant_id={own}&tenant_id={own}",
        "?tenant_id=",
        "",
    ):
        assert client.get(ME + query).status_code == 200
    assert client.post(LOGOUT, {"tenant_id": own, "scope": "others"}).status_code == 200
    for nothing in (None, ""):
        assert client.post(LOGOUT, {"tenant_id": nothing, "scope": "others"}).status_code == 200


@pytest.mark.parametrize(
    "query",
    ["tenant_id={other}", "tenant_id={other}&tenant_id={own}", "tenant_id={own}&tenant_id={other}"],
)
def test_another_tenant_id_in_the_query_is_refused(query: str, acme_admin: User, globex_admin: User) -> None:
    query = query.format(own=acme_admin.tenant_id, other=globex_admin.tenant_id)
    for client in (client_for(acme_admin), key_client(acme_admin.tenant)):
        response = client.get(f"{WHOAMI}?{query}")
        assert (response.status_code, response.json()["code"]) == (403, "tenant_mismatch")
