"""Signing in: what one person, one network and the whole installation may use up. docs/security.md."""

import os
import threading
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import hashers
from accounts.limits import SIGN_INS_BY_ADDRESS_AND_IP, SIGN_INS_BY_IP, SIGN_INS_BY_PERSON, SIGN_INS_IN_ALL
from accounts.models import Session, User
from accounts.services import MOST_SESSIONS
from studio.submissions import OPEN_SECONDS, SUBMISSIONS_BY_SENDER
from tenants.audit.actions import Action
from tenants.models import Counter, Tenant
from tests.accounts.people import audited, last_entry, sign_in, signed_in
from tests.accounts.test_sign_in_limits import ELSEWHERE, guess, let_pass, operator_sign_in, set_hits
from tests.factories import PASSWORD, make_session, make_user
from tests.studio.browsing import browser, main_form

pytestmark = pytest.mark.usefixtures("quick_hashes")
NOWHERE_YET = "203.0.113.9"


@pytest.fixture
def quick_hashes(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["tests.accounts.people.CheapHasher"]


@pytest.fixture
def ada(acme: Tenant, quick_hashes: None) -> User:
    return make_user(acme, email="ada@acme.example", password=PASSWORD)


# While too many sign-ins fail in all


def test_a_right_password_gets_in_from_a_new_place_however_many_fail_elsewhere(ada: User) -> None:
    set_hits(SIGN_INS_IN_ALL, "", 50_000)
    assert sign_in(ada.email, ip=NOWHERE_YET).status_code == 200


def test_two_wrong_tries_after_each_other_keep_nobody_out(ada: User) -> None:
    """They renewed the wait of the whole installation once."""
    set_hits(SIGN_INS_IN_ALL, "", 1000)
    for number in range(4):
        guess("nobody@acme.example", 2, f"198.51.100.{number}")
        assert sign_in(ada.email, ip=f"203.0.113.{number}").status_code == 200
        let_pass(61)


def test_a_stranger_has_one_try_a_minute_meanwhile(ada: User) -> None:
    set_hits(SIGN_INS_IN_ALL, "", 1000)
    assert guess(ada.email, 3, NOWHERE_YET) == [401, 429, 429]
    refused = sign_in(ada.email, ip=NOWHERE_YET)
    assert (refused.status_code, 0 < int(refused["Retry-After"]) <= 60) == (429, True)
    assert guess("other@acme.example", 1, NOWHERE_YET) == [401]  # a pair of its own
    let_pass(61)
    assert sign_in(ada.email, ip=NOWHERE_YET).status_code == 200


def test_a_try_that_is_refused_then_is_counted_by_nobody(ada: User) -> None:
    set_hits(SIGN_INS_IN_ALL, "", 1000)
    guess(ada.email, 30, NOWHERE_YET)
    let_pass(61)
    assert sign_in(ada.email, ip=NOWHERE_YET).status_code == 200


def test_who_has_signed_in_from_here_notices_nothing(ada: User) -> None:
    signed_in(ada.email)
    set_hits(SIGN_INS_IN_ALL, "", 50_000)
    assert guess(ada.email, 9) == [401] * 9
    assert sign_in(ada.email).status_code == 200


def test_the_other_limits_stay_meanwhile(ada: User) -> None:
    set_hits(SIGN_INS_IN_ALL, "", 50_000)
    set_hits(SIGN_INS_BY_IP, f"{NOWHERE_YET}/32", 50)
    assert sign_in(ada.email, ip=NOWHERE_YET).status_code == 429
    set_hits(SIGN_INS_BY_ADDRESS_AND_IP, f"{ada.email} {ELSEWHERE}/32", 10)
    assert sign_in(ada.email, ip=ELSEWHERE).status_code == 429


def test_it_does_not_grow_and_ends_by_itself(ada: User) -> None:
    set_hits(SIGN_INS_IN_ALL, "", 1000)
    for _ in range(3):
        guess("nobody@acme.example", 1, ELSEWHERE)
        let_pass(61)
    assert Counter.objects.filter(hits__gt=1000).get().strikes == 0
    let_pass(300)
    assert guess(ada.email, 3, NOWHERE_YET) == [401] * 3


def test_that_too_many_fail_is_audited_once(ada: User) -> None:
    set_hits(SIGN_INS_IN_ALL, "", 999)
    for number in range(5):
        guess("nobody@acme.example", 2, f"198.51.100.{number}")
    assert audited(None).count(Action.SIGN_IN_LOCKED) == 1


def test_operators_too_have_one_try_a_minute(quick_hashes: None) -> None:
    User.objects.create_superuser("root@memgraph.example", PASSWORD)
    set_hits(SIGN_INS_IN_ALL, "", 50_000)
    assert operator_sign_in("root@memgraph.example", PASSWORD, NOWHERE_YET).status_code == 302


# Right passwords


def test_a_person_signs_in_thirty_times_a_minute(ada: User) -> None:
    most = SIGN_INS_BY_PERSON.most
    assert [sign_in(ada.email).status_code for _ in range(most + 1)] == [200] * most + [429]
    refused = sign_in(ada.email)
    assert (refused.json()["code"], 0 < int(refused["Retry-After"]) <= 60) == ("too_many_requests", True)
    assert "sign-ins by person" in refused["RateLimit"]
    Session.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    assert sign_in(ada.email).status_code == 200


def test_the_minute_is_the_persons_own(ada: User, acme: Tenant) -> None:
    colleague = make_user(acme, email="bob@acme.example", password=PASSWORD)
    for _ in range(SIGN_INS_BY_PERSON.most):
        sign_in(ada.email)
    assert sign_in(colleague.email).status_code == 200


def idle_for(user: User, *, minutes: int) -> Session:
    now = timezone.now()
    return make_session(user, created_at=now - timedelta(days=1), last_seen_at=now - timedelta(minutes=minutes))


def test_of_fifty_sessions_the_one_seen_longest_ago_ends(ada: User, acme: Tenant) -> None:
    sessions = [idle_for(ada, minutes=n) for n in range(1, MOST_SESSIONS + 1)]
    make_session(make_user(acme), last_seen_at=timezone.now() - timedelta(days=1))
    assert sign_in(ada.email).status_code == 200
    ended = Session.objects.exclude(ended_at=None)
    assert [session.id for session in ended] == [sessions[-1].id]
    assert last_entry(acme).after == {"sessions_ended": 1}
    assert Session.objects.filter(user=ada).alive().count() == MOST_SESSIONS


def test_one_that_was_never_seen_is_as_old_as_its_sign_in(ada: User) -> None:
    for n in range(MOST_SESSIONS - 1):
        idle_for(ada, minutes=n)
    old = make_session(ada, created_at=timezone.now() - timedelta(days=1), last_seen_at=None)
    assert sign_in(ada.email).status_code == 200
    old.refresh_from_db()
    assert old.ended_at is not None


def test_a_session_that_ended_so_is_refused(ada: User) -> None:
    first = signed_in(ada.email)
    Session.objects.update(last_seen_at=timezone.now() - timedelta(minutes=1))
    for _ in range(MOST_SESSIONS):
        idle_for(ada, minutes=0)
    signed_in(ada.email)
    assert (first.get("/v1/auth/me").status_code, first.get("/v1/auth/me").json()["code"]) == (401, "session_ended")


def test_a_sign_in_that_ends_nothing_says_nothing_of_it(ada: User, acme: Tenant) -> None:
    sign_in(ada.email)
    assert last_entry(acme).after is None


def test_passwords_are_hashed_in_a_thread_that_gives_way() -> None:
    where = hashers.gently(threading.get_native_id)
    assert where != threading.get_native_id()
    assert os.getpriority(os.PRIO_PROCESS, where) == os.getpriority(os.PRIO_PROCESS, 0) + hashers.NICENESS


# The rows that forms leave: each is a name of a form that was sent


def rows() -> int:
    return Counter.objects.count()


def send(client: Client, once: str, path: str = "/studio/login", **typed: str) -> int:
    fields = main_form(client.get(path)) | {"once": once} | typed
    return client.post(path, fields).status_code


@pytest.mark.parametrize(
    "once",
    ["", "x", "01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000001:1abcde:" + "x" * 43],
)
def test_a_made_up_name_is_refused_and_leaves_no_row(once: str, ada: User) -> None:
    assert send(browser(), once, email=ada.email, password=PASSWORD) == 409
    assert rows() == 0


def test_a_form_that_was_refused_leaves_no_row_of_its_name(ada: User) -> None:
    client = browser()
    for _ in range(10):
        client.post("/studio/login", main_form(client.get("/studio/login")) | {"email": ada.email, "password": "x"})
    assert rows() <= 5  # of the sender, the address and the network, all networks, and the chain of nobody's


def test_a_sender_leaves_few_rows_however_many_forms_it_sends(ada: User) -> None:
    client, most = browser(ada), SUBMISSIONS_BY_SENDER.most
    statuses = []
    for number in range(most + 20):
        page = client.get("/studio/account")
        statuses.append(client.post("/studio/account", main_form(page) | {"full_name": f"Ada {number}"}).status_code)
    assert statuses == [302] * most + [429] * 20
    assert rows() == most + 1
    last = Counter.objects.order_by("-ends_at").first()
    assert last is not None
    assert last.ends_at <= timezone.now() + timedelta(seconds=OPEN_SECONDS)


def test_a_form_that_was_open_for_too_long_is_shown_again(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser(ada)
    old = main_form(client.get("/studio/account"))
    monkeypatch.setattr("studio.submissions.OPEN_SECONDS", -1)
    refused = client.post("/studio/account", old | {"full_name": "Renamed"})
    assert refused.status_code == 409
    assert b"open for too long" in refused.content
    assert b"Renamed" in refused.content
    assert rows() == 0
