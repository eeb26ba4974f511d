"""An admin changes who may do what; nobody takes the last admin away."""

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Invitation, ResetToken, Session, User
from apikeys.models import APIKey
from tenants.audit.actions import Action
from tenants.models import AuditEntry, Role, Tenant
from tests.accounts.people import audited, faults_of, last_entry, sign_in, signed_in
from tests.factories import client_for, key_client, make_invitation, make_reset_token, make_user


def path(user: User) -> str:
    return f"/v1/users/{user.id}"


def test_the_list_shows_the_people_of_the_tenant(admin: APIClient, acme_admin: User, ada: User) -> None:
    make_user()
    people = admin.get("/v1/users").json()["items"]
    assert [person["email"] for person in people] == [ada.email, acme_admin.email]
    assert people[0] == admin.get(path(ada)).json()
    assert set(people[0]) == {"id", "email", "full_name", "role", "is_active", "created_at"}


def test_the_list_has_pages(admin: APIClient, acme: Tenant) -> None:
    for _ in range(4):
        make_user(acme)
    first = admin.get("/v1/users?limit=3").json()
    second = admin.get("/v1/users", {"limit": 3, "cursor": first["next_cursor"]}).json()
    ids = [person["id"] for person in first["items"] + second["items"]]
    assert (len(set(ids)), second["next_cursor"]) == (5, None)


def test_a_changed_role_counts_from_the_next_request(admin: APIClient, ada: User) -> None:
    client = client_for(ada)
    assert client.get("/v1/users").json()["code"] == "role_required"
    assert admin.patch(path(ada), {"role": "admin"}).json()["role"] == "admin"
    assert client.get("/v1/users").status_code == 200
    assert admin.patch(path(ada), {"role": "viewer"}).status_code == 200
    event = {"event_type": "x", "content": {}, "user_id": "u"}
    assert client.post("/v1/events", event).json()["code"] == "role_required"


def test_a_deactivated_person_is_out_and_comes_back_by_a_new_sign_in(admin: APIClient, ada: User) -> None:
    client = signed_in(ada.email)
    assert admin.patch(path(ada), {"is_active": False}).json()["is_active"] is False
    assert client.get("/v1/auth/me").json()["code"] == "session_ended"
    assert sign_in(ada.email).status_code == 401
    assert admin.patch(path(ada), {"is_active": True}).status_code == 200
    assert client.get("/v1/auth/me").json()["code"] == "session_ended"
    assert sign_in(ada.email).status_code == 200


def test_a_removed_person_is_gone_but_their_key_works(admin: APIClient, ada: User, acme: Tenant) -> None:
    client = signed_in(ada.email)
    program = key_client(acme)
    APIKey.objects.update(created_by_id=ada.id, created_by_label=ada.email)
    answer = admin.delete(path(ada))
    assert (answer.status_code, answer.json()) == (200, {"id": str(ada.id), "status": "removed"})
    assert client.get("/v1/auth/me").json()["code"] == "session_ended"
    assert sign_in(ada.email).status_code == 401
    assert not Session.objects.filter(user_id=ada.id).exists()
    assert program.get("/v1/auth/whoami").status_code == 200
    assert APIKey.objects.get().created_by_label == ada.email
    assert admin.delete(path(ada)).status_code == 404


@pytest.mark.parametrize(
    ("body", "before", "after"),
    [
        ({"role": "viewer"}, {"role": "editor"}, {"role": "viewer"}),
        ({"is_active": False}, {"is_active": True}, {"is_active": False, "sessions_ended": 0}),
        ({"role": "editor", "is_active": False}, {"is_active": True}, {"is_active": False, "sessions_ended": 0}),
    ],
    ids=str,
)
def test_a_change_is_audited_with_before_and_after(
    body: dict[str, Any], before: dict[str, Any], after: dict[str, Any], admin: APIClient, ada: User, acme_admin: User
) -> None:
    admin.patch(path(ada), body)
    entry = last_entry(ada.tenant)
    assert (entry.action, entry.actor_id, entry.target_id) == (Action.USER_CHANGED, acme_admin.id, ada.id)
    assert (entry.before, entry.after) == (before, after)


def test_a_removal_is_audited(admin: APIClient, ada: User, acme_admin: User) -> None:
    admin.delete(path(ada))
    entry = last_entry(acme_admin.tenant)
    assert (entry.action, entry.actor_id, entry.target_label) == (Action.USER_REMOVED, acme_admin.id, ada.email)
    assert entry.before == {"full_name": "Ada Lovelace", "role": "editor", "is_active": True}


def test_a_change_to_the_same_is_no_act(admin: APIClient, ada: User) -> None:
    for body in ({}, {"role": "editor"}, {"is_active": True}):
        assert admin.patch(path(ada), body).status_code == 200
    assert not audited(ada.tenant)


@pytest.mark.parametrize("body", [{"role": "owner"}, {"role": None}, {"role": ""}, {"is_active": "maybe"}], ids=str)
def test_a_bad_change_names_the_field(body: dict[str, Any], admin: APIClient, ada: User) -> None:
    answer = admin.patch(path(ada), body)
    assert (answer.status_code, {field for field, _ in faults_of(answer)}) == (422, set(body))


def test_what_is_not_an_admins_to_change_stays(admin: APIClient, ada: User, globex: Tenant) -> None:
    tried = {"email": "x@x.example", "is_staff": True, "is_superuser": True, "password": "x", "id": str(globex.id)}
    before = User.objects.filter(id=ada.id).values().get()
    assert admin.patch(path(ada), tried | {"tenant": str(globex.id), "created_at": "2000-01-01"}).status_code == 200
    assert User.objects.filter(id=ada.id).values().get() == before


LAST_ADMIN = {
    "demoted": ("patch", {"role": "editor"}),
    "deactivated": ("patch", {"is_active": False}),
    "both": ("patch", {"role": "viewer", "is_active": False}),
    "removed": ("delete", None),
}


@pytest.mark.parametrize("how", LAST_ADMIN)
def test_the_last_active_admin_stays(how: str, admin: APIClient, acme_admin: User) -> None:
    make_user(acme_admin.tenant, is_active=False)  # an inactive admin doesn't count
    make_user()  # nor does another tenant's
    method, body = LAST_ADMIN[how]
    answer = getattr(admin, method)(path(acme_admin), body)
    assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    kept = User.objects.get(id=acme_admin.id)
    assert (kept.role, kept.is_active) == (Role.ADMIN, True)
    assert not audited(acme_admin.tenant)


@pytest.mark.parametrize("how", LAST_ADMIN)
def test_an_admin_with_a_peer_may_go(how: str, admin: APIClient, acme_admin: User) -> None:
    peer = make_user(acme_admin.tenant)
    method, body = LAST_ADMIN[how]
    assert getattr(admin, method)(path(acme_admin), body).status_code == 200
    assert client_for(peer).get("/v1/users").status_code == 200


def test_an_inactive_admin_may_go_when_one_is_left(admin: APIClient, acme_admin: User) -> None:
    inactive = make_user(acme_admin.tenant, is_active=False)
    assert admin.patch(path(inactive), {"role": "viewer"}).status_code == 200
    assert admin.delete(path(inactive)).status_code == 200


@pytest.mark.parametrize("how", LAST_ADMIN)
def test_an_admin_who_goes_takes_no_way_back_in_along(how: str, admin: APIClient, ada: User) -> None:
    fired = make_user(ada.tenant)
    theirs = make_invitation(ada.tenant, invited_by_label=fired.email)
    another = make_invitation(ada.tenant, invited_by_label="admin@acme.example")
    link, globex_link = make_reset_token(ada), make_reset_token(make_user())
    method, body = LAST_ADMIN[how]
    assert getattr(admin, method)(path(fired), body).status_code == 200
    assert [row.status for row in Invitation.objects.filter(id__in=[theirs.id, another.id]).order_by("id")] == [
        Invitation.Status.REVOKED,
        Invitation.Status.OPEN,
    ]
    assert list(ResetToken.objects.open()) == [globex_link]
    assert link.id != globex_link.id
    after = last_entry(ada.tenant).after
    assert (after["invitations_revoked"], after["reset_links_withdrawn"]) == (1, 1)


def test_operators_are_not_people_of_a_tenant(admin: APIClient) -> None:
    operator = User.objects.create_superuser("root@memgraph.example")
    assert admin.get(path(operator)).status_code == 404
    assert admin.post(f"{path(operator)}/reset-link").status_code == 404


def test_a_suspension_counts_from_the_next_request(admin: APIClient) -> None:
    Tenant.objects.update(suspended_at=timezone.now())
    assert admin.get("/v1/users").json()["code"] == "tenant_suspended"
    assert not AuditEntry.objects.exists()
