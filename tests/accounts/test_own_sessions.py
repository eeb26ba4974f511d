"""Where one is signed in, and ending it."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import Session, User
from tenants.audit.actions import Action
from tests.accounts.people import last_entry, signed_in
from tests.factories import client_for, make_session, make_user

PATH = "/v1/auth/sessions"


def test_the_list_tells_where_and_when_one_was_seen(ada: User) -> None:
    client = signed_in(ada.email, ip="192.0.2.7")
    (shown,) = client.get(PATH).json()["items"]
    session = Session.objects.get(user=ada)
    assert shown == {
        "id": str(session.id),
        "created_at": shown["created_at"],
        "last_seen_at": shown["last_seen_at"],
        "expires_at": shown["expires_at"],
        "ip": "192.0.2.7",
        "agent": "",
        "current": True,
    }


def test_the_list_holds_what_is_alive_and_ones_own(ada: User, acme_admin: User) -> None:
    now = timezone.now()
    other = make_session(ada)
    make_session(ada, ended_at=now)
    make_session(ada, expires_at=now - timedelta(seconds=1))
    make_session(acme_admin)
    client = signed_in(ada.email)
    items = client.get(PATH).json()["items"]
    assert [(item["current"], item["id"] == str(other.id)) for item in items] == [(True, False), (False, True)]


def test_an_ended_session_is_refused(ada: User) -> None:
    one, other = signed_in(ada.email), signed_in(ada.email)
    theirs = next(item["id"] for item in one.get(PATH).json()["items"] if not item["current"])
    answer = one.delete(f"{PATH}/{theirs}")
    assert (answer.status_code, answer.json()["status"], answer.json()["id"]) == (200, "ended", theirs)
    assert answer.json()["ended_at"]
    assert other.get("/v1/auth/me").json()["code"] == "session_ended"
    assert one.get("/v1/auth/me").status_code == 200
    entry = last_entry(ada.tenant)
    assert (entry.action, entry.actor_id, entry.after) == (Action.SESSIONS_ENDED, ada.id, {"session": theirs})


def test_ones_current_session_can_be_ended(ada: User) -> None:
    client = signed_in(ada.email)
    (item,) = client.get(PATH).json()["items"]
    assert client.delete(f"{PATH}/{item['id']}").status_code == 200
    assert client.get(PATH).json()["code"] == "session_ended"


@pytest.mark.parametrize("whose", ["a colleague's", "ended", "expired"])
def test_what_is_not_in_the_list_can_not_be_ended(whose: str, admin: APIClient, acme_admin: User) -> None:
    now = timezone.now()
    sessions = {
        "a colleague's": lambda: make_session(make_user(acme_admin.tenant)),
        "ended": lambda: make_session(acme_admin, ended_at=now - timedelta(hours=1)),
        "expired": lambda: make_session(acme_admin, expires_at=now),
    }
    session = sessions[whose]()
    assert admin.delete(f"{PATH}/{session.id}").status_code == 404
    assert Session.objects.get(id=session.id).ended_at == session.ended_at


def test_being_seen_is_written_at_most_once_a_minute(
    acme_viewer: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_for(acme_viewer)
    with django_assert_num_queries(2):
        client.get("/v1/auth/whoami", REMOTE_ADDR="192.0.2.1", HTTP_USER_AGENT="one")
    with django_assert_num_queries(1):
        client.get("/v1/auth/whoami", REMOTE_ADDR="192.0.2.2", HTTP_USER_AGENT="two")
    session = Session.objects.get()
    assert (session.ip, session.agent) == ("192.0.2.1", "one")
    a_minute_ago = timezone.now() - timedelta(seconds=61)
    Session.objects.update(last_seen_at=a_minute_ago)
    with django_assert_num_queries(2):
        client.get("/v1/auth/whoami", REMOTE_ADDR="192.0.2.2", HTTP_USER_AGENT="two")
    session.refresh_from_db()
    assert (session.ip, session.agent) == ("192.0.2.2", "two")
    assert session.last_seen_at > a_minute_ago + timedelta(seconds=60)


def test_a_refused_token_is_not_a_sighting(acme_viewer: User) -> None:
    client = client_for(acme_viewer)
    User.objects.update(is_active=False)
    assert client.get("/v1/auth/whoami").status_code == 401
    assert Session.objects.get().last_seen_at is None
