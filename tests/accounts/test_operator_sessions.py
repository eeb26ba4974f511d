"""Sessions of the Django admin: their cookie is of use, and what the database holds of it is not."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth import get_user
from django.core.management import call_command
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from accounts.models import OperatorSession, User
from accounts.operator_sessions import SessionStore, session_id_of
from tests.factories import PASSWORD
from tests.operators import act, make_operator

NEW_PASSWORD = "nine striped badgers"


def sign_in(client: Client | None = None, address: str = "ops@example.com", password: str = PASSWORD) -> Client:
    client = client or Client()
    assert client.post("/admin/login/", {"username": address, "password": password}).status_code == 302
    return client


def is_let_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def cookie_of(client: Client) -> str:
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def holder_of(cookie: str) -> Client:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie
    return client


@pytest.fixture
def ops() -> User:
    return make_operator(password=PASSWORD)


def stored_texts() -> list[str]:
    """All that a reader of the database finds of sessions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_key, session_data, user_id::text FROM accounts_operatorsession")
        return [text for row in cursor.fetchall() for text in row]


def test_the_cookie_is_not_in_the_database(ops: User) -> None:
    cookie = cookie_of(sign_in())
    assert is_let_in(holder_of(cookie))
    assert stored_texts()
    assert not [text for text in stored_texts() if cookie in text]


def test_what_the_database_holds_is_no_cookie(ops: User) -> None:
    sign_in()
    texts = stored_texts()
    parts = [part for text in texts for part in text.split(":")]
    assert not [text for text in texts + parts if is_let_in(holder_of(text))]


def test_the_row_names_its_operator(ops: User) -> None:
    sign_in()
    assert [session.user for session in OperatorSession.objects.all()] == [ops]


def test_signing_out_ends_the_session(ops: User) -> None:
    client = sign_in()
    cookie = cookie_of(client)
    client.post("/admin/logout/")
    assert not is_let_in(holder_of(cookie))
    assert not OperatorSession.objects.exists()


def test_signing_in_takes_no_session_that_somebody_else_chose(ops: User) -> None:
    chosen = "a" * 32
    client = sign_in(holder_of(chosen))
    assert cookie_of(client) != chosen
    assert not is_let_in(holder_of(chosen))


def test_signing_in_again_ends_the_session_before(ops: User) -> None:
    client = sign_in()
    before = cookie_of(client)
    sign_in(client)
    assert is_let_in(client)
    assert not is_let_in(holder_of(before))
    assert OperatorSession.objects.count() == 1


def test_a_refused_sign_in_ends_nothing(ops: User) -> None:
    client = sign_in()
    client.post("/admin/login/", {"username": ops.email, "password": "wrong"})
    assert is_let_in(client)


def test_an_expired_session_is_refused_and_cleared(ops: User) -> None:
    old, new = sign_in(), sign_in()
    key = session_id_of(old.get("/admin/").wsgi_request)
    OperatorSession.objects.filter(session_key=key).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert [is_let_in(old), is_let_in(new)] == [False, True]
    call_command("clearsessions")
    assert OperatorSession.objects.count() == 1


def test_a_session_ends_twelve_hours_after_its_beginning(ops: User) -> None:
    client = sign_in()
    left = OperatorSession.objects.get().expire_date - timezone.now()
    assert timedelta(hours=11, minutes=59) < left <= timedelta(hours=12)
    first = OperatorSession.objects.get().expire_date
    assert is_let_in(client)
    assert OperatorSession.objects.get().expire_date == first


def test_a_deactivated_operators_sessions_are_gone_and_nobody_elses(ops: User) -> None:
    colleague = make_operator("colleague@example.com", PASSWORD)
    mine, theirs = sign_in(), [sign_in(address=colleague.email) for _ in range(2)]
    act(mine, "deactivate", colleague)
    assert [session.user for session in OperatorSession.objects.all()] == [ops]
    act(mine, "reactivate", colleague)
    assert [is_let_in(client) for client in (mine, *theirs)] == [True, False, False]


def test_a_new_password_ends_the_operators_other_sessions(ops: User) -> None:
    colleague = sign_in(address=make_operator("colleague@example.com", PASSWORD).email)
    mine, other = sign_in(), sign_in()
    before = cookie_of(mine)
    form = {"old_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    assert mine.post("/admin/password_change/", form)["Location"] == "/admin/password_change/done/"
    assert [is_let_in(client) for client in (mine, other, holder_of(before), colleague)] == [True, False, False, True]
    assert OperatorSession.objects.filter(user=ops).count() == 1


def test_a_removed_operators_sessions_go_along(ops: User) -> None:
    client = sign_in()
    User.objects.filter(id=ops.id).delete()
    assert not OperatorSession.objects.exists()
    assert not is_let_in(client)


def test_the_id_of_a_session_is_what_the_database_holds(ops: User) -> None:
    request = sign_in().get("/admin/").wsgi_request
    assert session_id_of(request) == OperatorSession.objects.get().session_key
    for nobodys in (HttpRequest(), Client().get("/admin/login/").wsgi_request):
        assert session_id_of(nobodys) is None


def test_an_unknown_session_is_nobodys(ops: User) -> None:
    request = HttpRequest()
    request.session = SessionStore("b" * 32)
    assert not get_user(request).is_authenticated
    assert request.session.session_key is None
