"""Operators' passwords: changed in the admin, and by commands."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from io import StringIO
from threading import Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from tenants.audit.actions import Action
from tenants.limits.slots import PASSWORD_HASHING
from tenants.models import AuditEntry
from tenants.problems import Unavailable
from tests.factories import PASSWORD, make_reset_token, make_user
from tests.memgraph.processes import wait_for
from tests.operators import make_operator, operator_client

NEW_PASSWORD = "nine striped badgers"
WRONG = "Your old password was entered incorrectly. Please enter it again."
URL = "/admin/password_change/"


@pytest.fixture
def ops() -> User:
    return make_operator(password=PASSWORD)


@pytest.fixture
def client(ops: User) -> Client:
    return operator_client(ops)


def change(client: Client, old: str = PASSWORD, new: str = NEW_PASSWORD, again: str | None = None) -> Any:
    form = {"old_password": old, "new_password1": new, "new_password2": new if again is None else again}
    return client.post(URL, form)


def faults(response: Any) -> dict[str, list[str]]:
    return dict(response.context["form"].errors.items())


def has_password(user: User, password: str) -> bool:
    return User.objects.get(id=user.id).check_password(password)


def rows(action: Action) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action, tenant_id=None))


def test_a_new_password_is_set_and_audited(client: Client, ops: User) -> None:
    assert change(client).status_code == 302
    assert has_password(ops, NEW_PASSWORD)
    (row,) = rows(Action.PASSWORD_CHANGED)
    assert (row.actor_kind, row.actor_id, row.target_id) == ("operator", ops.id, ops.id)
    assert row.address == "127.0.0.1"


def test_a_wrong_password_is_refused_and_audited(client: Client, ops: User) -> None:
    assert faults(change(client, old="wrong horse")) == {"old_password": [WRONG]}
    assert has_password(ops, PASSWORD)
    (row,) = rows(Action.SIGN_IN_REFUSED)
    assert (row.actor_id, row.target_id) == (ops.id, ops.id)


def test_guesses_are_limited_as_at_sign_in(client: Client, ops: User) -> None:
    for _ in range(10):
        assert faults(change(client, old="wrong horse")) == {"old_password": [WRONG]}
    locked = faults(change(client))
    assert "__all__" in locked
    assert has_password(ops, PASSWORD)
    assert len(rows(Action.SIGN_IN_REFUSED)) == 10
    assert len(rows(Action.SIGN_IN_LOCKED)) == 1


def test_guesses_count_together_with_those_of_the_sign_in(client: Client, ops: User) -> None:
    for number in range(10):
        if number % 2:
            change(client, old="wrong horse")
        else:
            Client().post("/admin/login/", {"username": ops.email, "password": "wrong horse"})
    assert "__all__" in faults(change(client))


@pytest.mark.parametrize(
    ("new", "again", "field"),
    [
        ("short", None, "new_password2"),
        ("password123", None, "new_password2"),
        (NEW_PASSWORD, "other", "new_password2"),
        ("", None, "new_password1"),
        ("x" * 1025, None, "new_password1"),
        ("\0" * 20, None, "new_password1"),
    ],
    ids=range(6),
)
def test_a_bad_new_password_is_refused_and_costs_no_guess(
    new: str, again: str | None, field: str, client: Client, ops: User
) -> None:
    for _ in range(11):
        assert field in faults(change(client, old="wrong horse", new=new, again=again))
    assert change(client).status_code == 302
    assert not rows(Action.SIGN_IN_REFUSED)


@pytest.fixture
def no_slot() -> Iterator[None]:
    """Others hash all the time, and others wait."""
    with ExitStack() as held, ThreadPoolExecutor(2) as waiters:
        for caller in range(2):
            held.enter_context(PASSWORD_HASHING.take(caller))
        for caller in range(2, 4):
            waiters.submit(wait_in_vain, caller)
        wait_for(lambda: len(PASSWORD_HASHING.waiting) == 2, 5, "two wait")
        yield


def wait_in_vain(caller: int) -> None:
    with suppress(Unavailable), PASSWORD_HASHING.take(caller):
        raise AssertionError


def test_without_a_slot_nothing_is_hashed_or_counted(client: Client, ops: User, no_slot: None) -> None:
    assert "__all__" in faults(change(client, old="wrong horse"))
    assert not rows(Action.SIGN_IN_REFUSED)
    assert has_password(ops, PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_at_once_one_counts(ops: User) -> None:
    clients, answers = [operator_client(ops) for _ in range(2)], []

    def act(number: int) -> None:
        answers.append(change(clients[number], new=f"{NEW_PASSWORD} {number}").status_code)
        connection.close()

    threads = [Thread(target=act, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [302, 401]  # the first ends the other's session
    assert len(rows(Action.PASSWORD_CHANGED)) == 1


# Commands


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What somebody types at the prompts, in order."""
    lines: list[str] = []
    monkeypatch.setattr("accounts.management.asking.getpass", lambda prompt: lines.pop(0))
    return lines


def command(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_making_an_operator_is_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    monkeypatch.setenv("DJANGO_SUPERUSER_EMAIL", "Ops@Example.com")
    assert command("createsuperuser", "--noinput") == "The operator was created.\n"
    operator = User.objects.get(is_staff=True)
    (row,) = rows(Action.USER_CREATED)
    assert (row.actor_kind, row.actor_label) == ("operator", "command line")
    assert (row.target_id, row.target_label, row.after) == (operator.id, "ops@example.com", {"operator": True})


@pytest.mark.parametrize(
    ("email", "password", "sentence"),
    [
        ("ops@example.com", PASSWORD, "has an account"),
        ("OPS@example.com", PASSWORD, "has an account"),
        ("nonsense", PASSWORD, "no"),
        ("new@example.com", "", "Set DJANGO_SUPERUSER_PASSWORD"),
        ("new@example.com", "password123", "too common"),
        ("new@example.com", "short", "8 to 1,024"),
    ],
)
def test_no_operator_is_made_of_bad_input(
    email: str, password: str, sentence: str, ops: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    with pytest.raises(CommandError, match=sentence):
        command("createsuperuser", "--noinput", "--email", email)
    assert User.objects.count() == 1
    assert not rows(Action.USER_CREATED)


def test_without_a_terminal_nothing_is_asked(typed: list[str]) -> None:
    with pytest.raises(CommandError, match="--noinput"):
        command("createsuperuser")


def test_a_password_from_the_command_line_ends_all_sessions_and_is_audited(
    ops: User, client: Client, typed: list[str]
) -> None:
    typed += [NEW_PASSWORD, NEW_PASSWORD]
    assert "Sessions ended: 1" in command("changepassword", "OPS@example.com")
    assert client.get("/admin/").status_code == 302
    assert has_password(ops, NEW_PASSWORD)
    (row,) = rows(Action.PASSWORD_CHANGED)
    assert (row.actor_label, row.target_id, row.after) == ("command line", ops.id, {"sessions_ended": 1})


def test_a_person_gets_a_new_password_from_the_command_line(typed: list[str]) -> None:
    ada = make_user(email="ada@acme.example", password=PASSWORD)
    make_reset_token(ada, "mailed")
    token = APIClient().post("/v1/auth/login", {"email": ada.email, "password": PASSWORD}).json()["access_token"]
    typed += [NEW_PASSWORD, NEW_PASSWORD]
    command("changepassword", ada.email)
    session = APIClient().get("/v1/auth/me", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert session.json()["code"] == "session_ended"
    assert not ada.reset_tokens.open().exists()
    assert AuditEntry.objects.get(action=Action.PASSWORD_CHANGED).tenant_id == ada.tenant_id


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([NEW_PASSWORD, "other"] * 3, "not the same"),
        (["short", "short"] * 3, "8 to 1,024"),
    ],
    ids=["differ", "bad"],
)
def test_three_bad_entries_change_nothing(lines: list[str], sentence: str, ops: User, typed: list[str]) -> None:
    typed += lines
    out = StringIO()
    with pytest.raises(CommandError, match="No password was set"):
        call_command("changepassword", ops.email, stderr=out)
    assert sentence in out.getvalue()
    assert has_password(ops, PASSWORD)


def test_nobody_is_named_nobody(typed: list[str]) -> None:
    with pytest.raises(CommandError, match="no such account"):
        command("changepassword", "nobody@example.com")
