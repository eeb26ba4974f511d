"""People change their own password and name, or ask for a link to reset the password."""

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Session, User
from tenants.audit.actions import Action
from tenants.models import AuditEntry, Role
from tests.accounts.people import NEW_PASSWORD, faults_of, last_entry, sign_in, signed_in
from tests.factories import PASSWORD, client_for, make_session


def test_a_new_password_ends_the_other_sessions(ada: User) -> None:
    one, other = signed_in(ada.email), signed_in(ada.email)
    answer = one.post("/v1/auth/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD})
    assert answer.json() == {"status": "password_changed", "sessions_ended": 1}
    assert other.get("/v1/auth/me").json()["code"] == "session_ended"
    assert one.get("/v1/auth/me").status_code == 200
    assert sign_in(ada.email).status_code == 401
    assert sign_in(ada.email, NEW_PASSWORD).status_code == 200


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"current_password": "wrong", "new_password": NEW_PASSWORD}, {("current_password", "password_wrong")}),
        ({"current_password": PASSWORD, "new_password": PASSWORD}, {("new_password", "password_same")}),
        ({"current_password": "wrong", "new_password": "wrong"}, {("new_password", "password_same")}),
        ({"current_password": f"{PASSWORD} ", "new_password": NEW_PASSWORD}, {("current_password", "password_wrong")}),
        ({"current_password": PASSWORD, "new_password": "short"}, {("new_password", "password_too_short")}),
        ({"current_password": PASSWORD, "new_password": "password123"}, {("new_password", "password_too_common")}),
        (
            {"current_password": PASSWORD, "new_password": "ada@acme.example"},
            {("new_password", "password_too_similar")},
        ),
        ({"new_password": NEW_PASSWORD}, {("current_password", "required")}),
        ({"current_password": PASSWORD}, {("new_password", "required")}),
    ],
    ids=str,
)
def test_a_refused_change_changes_nothing(body: dict[str, str], faults: set[tuple[str, str]], ada: User) -> None:
    client, before = signed_in(ada.email), User.objects.get(id=ada.id).password
    make_session(ada)
    answer = client.post("/v1/auth/password", body)
    assert (answer.status_code, faults_of(answer)) == (422, faults)
    assert User.objects.get(id=ada.id).password == before
    assert Session.objects.unended().count() == 2


def test_guessing_the_current_password_is_limited_as_at_sign_in(ada: User) -> None:
    client = client_for(ada)
    body = {"current_password": "wrong", "new_password": NEW_PASSWORD}
    answers = [client.post("/v1/auth/password", body) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
    assert client.post("/v1/auth/password", body | {"current_password": PASSWORD}).status_code == 429
    assert sign_in(ada.email, ip="127.0.0.1").status_code == 429


def test_a_password_change_is_audited_without_a_password(ada: User) -> None:
    signed_in(ada.email).post("/v1/auth/password", {"current_password": PASSWORD, "new_password": NEW_PASSWORD})
    entry = last_entry(ada.tenant)
    assert (entry.action, entry.actor_id, entry.after) == (Action.PASSWORD_CHANGED, ada.id, {"sessions_ended": 0})
    for row in AuditEntry.objects.values():
        assert not {PASSWORD, NEW_PASSWORD} & set(map(str, row.values()))


def test_one_changes_ones_name_and_nothing_else(acme_viewer: User) -> None:
    tried = {"full_name": "Ada King", "role": "admin", "email": "x@x.example", "is_staff": True, "is_active": False}
    answer = client_for(acme_viewer).patch("/v1/auth/me", tried)
    assert (answer.status_code, answer.json()["full_name"], answer.json()["role"]) == (200, "Ada King", "viewer")
    changed = User.objects.get(id=acme_viewer.id)
    assert (changed.role, changed.email, changed.is_staff) == (Role.VIEWER, acme_viewer.email, False)
    entry = last_entry(acme_viewer.tenant)
    assert (entry.action, entry.before, entry.after) == (
        Action.USER_CHANGED,
        {"full_name": "Ada Lovelace"},
        {"full_name": "Ada King"},
    )


@pytest.mark.parametrize("name", ["", None, "x" * 151, "two\nlines", "nul\x00", ["Ada"]])
def test_a_bad_name_is_refused(name: object, acme_viewer: User) -> None:
    assert client_for(acme_viewer).patch("/v1/auth/me", {"full_name": name}).status_code == 422
    assert User.objects.get(id=acme_viewer.id).full_name == "Ada Lovelace"


@pytest.mark.parametrize("mail", [True, False])
def test_asking_for_a_reset_says_the_same_for_all(
    mail: bool, ada: User, settings: Settings, anonymous: APIClient
) -> None:
    settings.EMAIL_CONFIGURED = mail
    answers = [anonymous.post("/v1/auth/password-reset", {"email": email}) for email in (ada.email, "no@acme.example")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert ("we have sent it a link" if mail else "This server doesn't send e-mail") in answers[0].json()["detail"]


@pytest.mark.parametrize("email", ["", "ada", "ada@", None, ["ada@acme.example"], "a@b.example\x00"])
def test_asking_for_a_reset_needs_an_address(email: object, anonymous: APIClient) -> None:
    assert anonymous.post("/v1/auth/password-reset", {"email": email}).status_code == 422


def test_asking_for_resets_is_limited_by_ip(ada: User) -> None:
    def ask(email: str, ip: str) -> int:
        return APIClient().post("/v1/auth/password-reset", {"email": email}, REMOTE_ADDR=ip).status_code

    assert [ask(f"{number}@acme.example", "198.51.100.1") for number in range(31)] == [200] * 30 + [429]
