"""A link creates an account in a workspace, once, and needs no e-mail."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Invitation, User
from tenants.audit.actions import Action
from tenants.models import AuditEntry, Role, Tenant
from tests.accounts.people import FORM, audited, faults_of, last_entry, signed_in
from tests.factories import PASSWORD, make_invitation, make_reset_token, make_tenant, make_user

ACCEPT = "/v1/auth/invitations/accept"
GUEST = "guest@acme.example"


def invite(admin: APIClient, email: str = GUEST, role: str = "editor", **extra: Any) -> Any:
    return admin.post("/v1/invitations", {"email": email, "role": role} | extra)


def accept(token: object, **changes: object) -> Any:
    body = {"token": token, "password": PASSWORD, "full_name": "Guest Star"} | changes
    return APIClient().post(ACCEPT, body)


def token_of(link: str) -> str:
    page, _, token = link.partition("#")
    assert page == "http://127.0.0.1:8001/studio/invitation"
    return token


def test_an_invitation_shows_its_link_once(admin: APIClient, acme_admin: User) -> None:
    answer = invite(admin, "Guest@Acme.example")
    made = answer.json()
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    token = token_of(made.pop("link"))
    assert made.pop("mailed") is False
    (listed,) = admin.get("/v1/invitations").json()["items"]
    assert listed == made
    assert (made["email"], made["role"], made["status"]) == (GUEST, "editor", "open")
    assert made["invited_by"] == acme_admin.email
    invitation = Invitation.objects.get()
    assert invitation.expires_at - invitation.created_at == timedelta(hours=72)
    for row in [*Invitation.objects.values(), *AuditEntry.objects.values()]:
        assert token not in str(row)


@pytest.mark.parametrize("role", Role.values)
def test_who_accepts_is_in_that_tenant_with_that_role(role: str, admin: APIClient, acme: Tenant) -> None:
    token = token_of(invite(admin, role=role).json()["link"])
    answer = accept(token)
    user = User.objects.get(email=GUEST)
    assert answer.status_code == 201
    assert answer.json() == {"user_id": str(user.id), "tenant_id": str(acme.id), "role": role}
    me = signed_in(GUEST).get("/v1/auth/me").json()
    assert (me["role"], me["tenant_id"], me["full_name"]) == (role, str(acme.id), "Guest Star")
    (listed,) = admin.get("/v1/invitations").json()["items"]
    assert listed["status"] == "accepted"


def test_its_life_is_audited(admin: APIClient, acme: Tenant) -> None:
    first = invite(admin).json()
    assert last_entry(acme).after == {"role": "editor", "replaced": 0}
    admin.delete(f"/v1/invitations/{first['id']}")
    token = token_of(invite(admin).json()["link"])
    accept(token)
    assert audited(acme) == [
        Action.INVITATION_CREATED,
        Action.INVITATION_REVOKED,
        Action.INVITATION_CREATED,
        Action.INVITATION_ACCEPTED,
    ]
    entry = last_entry(acme)
    user = User.objects.get(email=GUEST)
    assert (entry.actor_id, entry.actor_label, entry.after) == (
        user.id,
        GUEST,
        {"role": "editor", "user": str(user.id)},
    )


def test_mass_assignment_is_ignored(admin: APIClient, acme: Tenant, globex: Tenant) -> None:
    token = token_of(invite(admin, tenant=str(globex.id), accepted_at="2000-01-01", digest="x").json()["link"])
    answer = accept(token, role="admin", tenant=str(globex.id), is_staff=True, email="x@x.example")
    user = User.objects.get(email=GUEST)
    assert answer.json()["tenant_id"] == str(acme.id)
    assert (user.role, user.is_staff, user.email) == (Role.EDITOR, False, GUEST)


def test_inviting_again_replaces_the_link(admin: APIClient) -> None:
    first, second = (token_of(invite(admin).json()["link"]) for _ in range(2))
    assert faults_of(accept(first)) == {("token", "link_invalid")}
    assert accept(second).status_code == 201
    assert [item["status"] for item in admin.get("/v1/invitations").json()["items"]] == ["accepted", "revoked"]


def test_two_tenants_may_invite_the_same_and_the_first_accepted_wins(acme: Tenant, globex: Tenant) -> None:
    for tenant, token in ((acme, "a"), (globex, "g")):
        make_invitation(tenant, token, email=GUEST)
    assert accept("g").status_code == 201
    late = accept("a")
    assert (late.status_code, late.json()["code"]) == (409, "email_taken")
    assert Invitation.objects.get(tenant=acme).status == Invitation.Status.OPEN
    assert not audited(acme)


@pytest.mark.parametrize("email", ["known@globex.example", "KNOWN@globex.example", "root@memgraph.example"])
def test_a_known_address_is_not_invited(email: str, admin: APIClient, globex: Tenant) -> None:
    make_user(globex, email="known@globex.example")
    User.objects.create_superuser("root@memgraph.example")
    answer = invite(admin, email)
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
    assert not Invitation.objects.exists()


BAD_INVITATIONS = ["expired", "accepted", "revoked", "cut", "longer", "other case", "unknown", "a reset token"]


@pytest.mark.parametrize("kind", BAD_INVITATIONS)
def test_a_bad_invitation_gets_one_clear_error(kind: str, acme: Tenant) -> None:
    now, good = timezone.now(), "a" * 43
    fields = {"expired": {"expires_at": now}, "accepted": {"accepted_at": now}, "revoked": {"revoked_at": now}}
    make_invitation(acme, good, **fields.get(kind, {}))
    make_reset_token(make_user(acme), "c" * 43)
    tampered = {"cut": good[:-1], "longer": good + "a", "other case": good.upper(), "unknown": "b" * 43}
    rows = list(Invitation.objects.values())
    answer = accept((tampered | {"a reset token": "c" * 43}).get(kind, good))
    assert (answer.status_code, faults_of(answer)) == (422, {("token", "link_invalid")})
    assert list(Invitation.objects.values()) == rows
    assert User.objects.count() == 1
    assert not audited(acme)


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"password": "short"}, {("password", "password_too_short")}),
        ({"password": "password123"}, {("password", "password_too_common")}),
        ({"password": "guest@acme.example"}, {("password", "password_too_similar")}),
        ({"password": "Guest Star"}, {("password", "password_too_similar")}),
        ({"full_name": ""}, {("full_name", "blank")}),
        ({"full_name": "a\nb"}, {("full_name", "control_character")}),
        ({"full_name": None}, {("full_name", "null")}),
        ({"token": ""}, {("token", "blank")}),
        ({"token": "x" * 129}, {("token", "max_length")}),
    ],
    ids=str,
)
def test_a_refused_acceptance_leaves_the_link_good(
    changes: dict[str, Any], faults: set[tuple[str, str]], acme: Tenant
) -> None:
    make_invitation(acme, "t", email=GUEST)
    answer = accept(**({"token": "t"} | changes))
    assert (answer.status_code, faults_of(answer)) == (422, faults)
    assert accept("t").status_code == 201


def test_a_form_is_not_taken(acme: Tenant) -> None:
    make_invitation(acme, "t")
    answer = APIClient().post(ACCEPT, f"token=t&password={PASSWORD}&full_name=x", content_type=FORM)
    assert answer.status_code == 415


def test_a_suspended_workspace_takes_nobody_in(acme: Tenant) -> None:
    make_invitation(acme, "t")
    Tenant.objects.update(suspended_at=timezone.now())
    answer = accept("t")
    assert (answer.status_code, answer.json()["code"]) == (403, "tenant_suspended")
    Tenant.objects.update(suspended_at=None)
    assert accept("t").status_code == 201


@pytest.mark.parametrize("state", ["accepted_at", "revoked_at"])
def test_a_closed_invitation_is_not_revoked_again(state: str, admin: APIClient, acme: Tenant) -> None:
    invitation = make_invitation(acme, **{state: timezone.now()})
    answer = admin.delete(f"/v1/invitations/{invitation.id}")
    assert (answer.status_code, answer.json()["code"]) == (409, "invitation_closed")
    assert not audited(acme)


@pytest.mark.parametrize("body", [{"email": "x"}, {"role": "owner"}, {"role": None}, {"email": ""}], ids=str)
def test_a_bad_invitation_names_the_field(body: dict[str, Any], admin: APIClient) -> None:
    answer = admin.post("/v1/invitations", {"email": GUEST, "role": "viewer"} | body)
    assert (answer.status_code, {field for field, _ in faults_of(answer)}) == (422, set(body))


def test_inviting_and_accepting_are_limited(admin: APIClient, acme: Tenant) -> None:
    statuses = [invite(admin, f"guest{number}@acme.example").status_code for number in range(51)]
    assert statuses == [201] * 50 + [429]
    assert [accept("unknown").status_code for _ in range(61)] == [422] * 60 + [429]


# Where SIGNUP=invite


def test_closed_signup_refuses_strangers_and_takes_the_invited(settings: Settings, acme: Tenant) -> None:
    settings.SIGNUP = "invite"
    stranger = {"email": "s@s.example", "password": PASSWORD, "full_name": "S", "cluster_name": "S"}
    answer = APIClient().post("/v1/auth/onboard", stranger)
    assert (answer.status_code, answer.json()["code"]) == (403, "signup_closed")
    assert not User.objects.exists()
    make_invitation(acme, "t")
    assert accept("t").status_code == 201


def test_an_operator_makes_a_tenant_by_command(settings: Settings) -> None:
    settings.SIGNUP = "invite"
    out = StringIO()
    call_command("create_tenant", "Initech", "Boss@initech.example", stdout=out)
    answer = accept(token_of(out.getvalue().strip()))
    tenant = Tenant.objects.get(name="Initech")
    assert (answer.json()["tenant_id"], answer.json()["role"]) == (str(tenant.id), "admin")
    assert audited(tenant) == [Action.TENANT_CREATED, Action.INVITATION_CREATED, Action.INVITATION_ACCEPTED]


@pytest.mark.parametrize("address", ["not an address", "known@acme.example"])
def test_the_command_refuses_what_no_invitation_could_go_to(address: str) -> None:
    make_user(make_tenant(), email="known@acme.example")
    with pytest.raises(CommandError):
        call_command("create_tenant", "Initech", address)
    assert not Tenant.objects.filter(name="Initech").exists()
