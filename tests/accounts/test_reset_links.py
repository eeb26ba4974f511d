"""Links to reset a password: who gets one, which are valid, and what a used one does."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ResetToken, User
from accounts.passwords import make_reset_link
from tenants.actor import Actor, command_line_actor
from tenants.audit.actions import Action
from tenants.models import AuditEntry, Tenant
from tests.accounts.people import NEW_PASSWORD, audited, faults_of, last_entry, sign_in, signed_in
from tests.factories import PASSWORD, make_reset_token, make_user

CONFIRM = "/v1/auth/password-reset/confirm"
LINK_INVALID = {("token", "link_invalid")}


def test_a_new_password_withdraws_reset_links(ada: User) -> None:
    make_reset_token(ada, "mailed")
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert signed_in(ada.email).post("/v1/auth/password", body).status_code == 200
    assert faults_of(APIClient().post(CONFIRM, {"token": "mailed", "new_password": "x" * 20})) == LINK_INVALID


def token_of(link: str) -> str:
    page, _, token = link.partition("#")
    assert page == "http://127.0.0.1:8001/studio/reset"
    return token


def test_an_admin_gets_a_link_that_is_good_once(ada: User, admin: APIClient, anonymous: APIClient) -> None:
    session = signed_in(ada.email)
    made = admin.post(f"/v1/users/{ada.id}/reset-link")
    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    token = token_of(made.json()["link"])
    assert ResetToken.objects.filter(digest=token.encode()).count() == 0  # its digest is stored
    answer = anonymous.post(CONFIRM, {"token": token, "new_password": NEW_PASSWORD})
    assert answer.json() == {"status": "password_changed", "sessions_ended": 1}
    assert session.get("/v1/auth/me").json()["code"] == "session_ended"
    assert sign_in(ada.email).status_code == 401
    assert sign_in(ada.email, NEW_PASSWORD).status_code == 200
    again = anonymous.post(CONFIRM, {"token": token, "new_password": "thirteen red gulls"})
    assert (again.status_code, faults_of(again)) == (422, LINK_INVALID)
    assert sign_in(ada.email, NEW_PASSWORD).status_code == 200


def test_a_link_is_audited_when_made_and_when_used(ada: User, admin: APIClient, acme_admin: User) -> None:
    token = token_of(admin.post(f"/v1/users/{ada.id}/reset-link").json()["link"])
    made = last_entry(ada.tenant)
    assert (made.action, made.actor_id, made.target_id) == (Action.PASSWORD_RESET_LINK_MADE, acme_admin.id, ada.id)
    APIClient().post(CONFIRM, {"token": token, "new_password": NEW_PASSWORD})
    used = last_entry(ada.tenant)
    assert (used.action, used.actor_id, used.target_id) == (Action.PASSWORD_RESET, ada.id, ada.id)
    for row in AuditEntry.objects.values():
        assert token not in str(row)


def test_a_newer_link_kills_the_older(ada: User, anonymous: APIClient) -> None:
    """An admin or an operator makes it. A link that a stranger asks for ends no other (see `test_mail.py`)."""
    operator = command_line_actor()
    older, newer = (token_of(make_reset_link(user=ada, actor=operator).link) for _ in range(2))
    assert faults_of(anonymous.post(CONFIRM, {"token": older, "new_password": NEW_PASSWORD})) == LINK_INVALID
    assert anonymous.post(CONFIRM, {"token": newer, "new_password": NEW_PASSWORD}).status_code == 200


def test_using_one_link_kills_all_of_the_person(ada: User, anonymous: APIClient) -> None:
    for token in ("one", "other"):
        make_reset_token(ada, token)
    assert anonymous.post(CONFIRM, {"token": "one", "new_password": NEW_PASSWORD}).status_code == 200
    assert faults_of(anonymous.post(CONFIRM, {"token": "other", "new_password": NEW_PASSWORD})) == LINK_INVALID


def make_bad_token(kind: str, ada: User) -> str:
    """Creates a link that must not work, and returns its token."""
    now = timezone.now()
    good = "a" * 43
    if kind == "expired":
        make_reset_token(ada, good, expires_at=now)
    elif kind == "used":
        make_reset_token(ada, good, used_at=now)
    elif kind == "of a deactivated person":
        make_reset_token(make_user(ada.tenant, is_active=False), good)
    elif kind == "of an operator":
        make_reset_token(User.objects.create_superuser("root@memgraph.example"), good)
    else:
        make_reset_token(ada, good)
    tampered = {"cut": good[:-1], "longer": good + "a", "other case": good.upper(), "unknown": "b" * 43}
    return tampered.get(kind, good)


BAD_TOKENS = ["expired", "used", "of a deactivated person", "of an operator"]
TAMPERED = ["cut", "longer", "other case", "unknown"]


@pytest.mark.parametrize("kind", BAD_TOKENS + TAMPERED)
def test_a_bad_reset_token_gets_one_clear_error(kind: str, ada: User, anonymous: APIClient) -> None:
    token = make_bad_token(kind, ada)
    people, tokens = list(User.objects.values()), list(ResetToken.objects.values())
    answer = anonymous.post(CONFIRM, {"token": token, "new_password": NEW_PASSWORD})
    assert (answer.status_code, faults_of(answer)) == (422, LINK_INVALID)
    assert "no longer valid" in answer.json()["detail"]
    assert (list(User.objects.values()), list(ResetToken.objects.values())) == (people, tokens)
    assert not audited(ada.tenant)


@pytest.mark.parametrize("token", ["", None, ["x"], {"x": 1}, "x" * 129, True])
def test_a_token_of_the_wrong_shape_names_the_field(token: object, anonymous: APIClient) -> None:
    answer = anonymous.post(CONFIRM, {"token": token, "new_password": NEW_PASSWORD})
    assert answer.status_code == 422
    assert {field for field, _ in faults_of(answer)} == {"token"}


@pytest.mark.parametrize("token", ['"nul\\u0000"', '"\\ud800"'])
def test_a_token_that_is_no_text_is_refused(token: str, anonymous: APIClient) -> None:
    body = f'{{"token": {token}, "new_password": "{NEW_PASSWORD}"}}'
    assert anonymous.post(CONFIRM, body, content_type="application/json").status_code in (400, 422)


def test_a_refused_password_leaves_the_link_good(ada: User, anonymous: APIClient) -> None:
    make_reset_token(ada, "t")
    for bad in ("short", "password123", ada.email):
        answer = anonymous.post(CONFIRM, {"token": "t", "new_password": bad})
        assert {field for field, _ in faults_of(answer)} == {"new_password"}
    assert anonymous.post(CONFIRM, {"token": "t", "new_password": NEW_PASSWORD}).status_code == 200


def test_a_suspended_workspace_resets_nothing(ada: User, anonymous: APIClient) -> None:
    make_reset_token(ada, "t")
    Tenant.objects.update(suspended_at=timezone.now())
    answer = anonymous.post(CONFIRM, {"token": "t", "new_password": NEW_PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "tenant_suspended")
    Tenant.objects.update(suspended_at=None)
    assert anonymous.post(CONFIRM, {"token": "t", "new_password": NEW_PASSWORD}).status_code == 200


def test_a_deactivated_person_gets_no_link(ada: User, admin: APIClient) -> None:
    User.objects.filter(id=ada.id).update(is_active=False)
    answer = admin.post(f"/v1/users/{ada.id}/reset-link")
    assert (answer.status_code, answer.json()["code"]) == (409, "user_inactive")


def test_an_operator_gets_a_link_by_command(ada: User, anonymous: APIClient) -> None:
    out = StringIO()
    call_command("reset_link", "ADA@acme.example", stdout=out)
    token = token_of(out.getvalue().strip())
    assert anonymous.post(CONFIRM, {"token": token, "new_password": NEW_PASSWORD}).status_code == 200
    assert Action.PASSWORD_RESET_LINK_MADE in audited(ada.tenant)


@pytest.mark.parametrize("address", ["nobody@acme.example", "root@memgraph.example", "gone@acme.example"])
def test_the_command_makes_no_link_for_others(address: str, ada: User) -> None:
    User.objects.create_superuser("root@memgraph.example")
    make_user(ada.tenant, email="gone@acme.example", is_active=False)
    with pytest.raises(CommandError):
        call_command("reset_link", address)
    assert not ResetToken.objects.exists()


def test_a_reset_opens_the_door_that_wrong_guesses_shut(ada: User, anonymous: APIClient) -> None:
    for _ in range(11):
        sign_in(ada.email, "wrong", ip="127.0.0.1")
    assert sign_in(ada.email, ip="127.0.0.1").status_code == 429
    make_reset_token(ada, "t")
    anonymous.post(CONFIRM, {"token": "t", "new_password": NEW_PASSWORD})
    assert sign_in(ada.email, NEW_PASSWORD, ip="127.0.0.1").status_code == 200


def test_a_reset_asked_for_by_an_expired_hour_is_over(ada: User, anonymous: APIClient) -> None:
    token = token_of(make_reset_link(user=ada, actor=Actor()).link)
    made = ResetToken.objects.get()
    assert made.expires_at - made.created_at == timedelta(hours=1)
    ResetToken.objects.update(expires_at=timezone.now())
    assert faults_of(anonymous.post(CONFIRM, {"token": token, "new_password": NEW_PASSWORD})) == LINK_INVALID
