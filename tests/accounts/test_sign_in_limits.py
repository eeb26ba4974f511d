"""Guessing passwords: docs/security.md, line by line."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.limits import SIGN_INS_BY_ADDRESS_AND_IP, SIGN_INS_BY_IP, SIGN_INS_IN_ALL
from accounts.models import Session, User
from tenants.audit.actions import Action
from tenants.audit.checks import find_faults
from tenants.limits.limit import Limit, digest
from tenants.models import AuditEntry, Counter, Tenant
from tests.accounts.people import audited, last_entry, sign_in
from tests.factories import PASSWORD, make_user

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.1"


def set_hits(limit: Limit, subject: str, hits: int) -> None:
    """As if there had been so many, a moment ago."""
    fields = {"hits": hits, "ends_at": timezone.now() + timedelta(seconds=limit.seconds)}
    Counter.objects.update_or_create(name=digest(limit, subject), defaults=fields)


def let_pass(seconds: float) -> None:
    for counter in Counter.objects.all():
        counter.ends_at -= timedelta(seconds=seconds)
        counter.save()


def guess(email: str, times: int, ip: str = HERE) -> list[int]:
    return [sign_in(email, f"wrong {number}", ip).status_code for number in range(times)]


@pytest.mark.parametrize("known", [True, False])
def test_ten_wrong_tries_then_a_wait_whether_known_or_not(known: bool, ada: User) -> None:
    email = ada.email if known else "nobody@acme.example"
    assert guess(email, 11) == [401] * 10 + [429]
    answer = sign_in(email)  # right or not: not even looked at
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert answer["Retry-After"].isdigit()
    assert 55 <= int(answer["Retry-After"]) <= 60
    assert answer["RateLimit"] == f'"sign-ins by address and ip";r=0;t={answer["Retry-After"]}'
    assert answer["RateLimit-Policy"] == '"sign-ins by address and ip";q=10;w=300'
    body = answer.json() | {"request_id": None, "detail": answer.json()["detail"].replace(answer["Retry-After"], "N")}
    assert body == {
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "Too many tries. Try again in N seconds.",
        "code": "too_many_requests",
        "request_id": None,
    }


def test_an_address_with_a_space_is_counted_like_any_other() -> None:
    assert guess("ada work@acme.example", 11) == [401] * 10 + [429]


def test_every_refusal_costs_the_same_statements(ada: User, acme: Tenant) -> None:
    """The time tells no address: each statement less is a millisecond that a stranger can measure."""
    make_user(acme, email="inactive@acme.example", password=PASSWORD, is_active=False)
    User.objects.create_superuser("root@memgraph.example", PASSWORD)
    guess("warm@acme.example", 1)
    guess(ada.email, 1)
    counts = {}
    unknown = ("nobody@acme.example", "ada work@acme.example")
    for email in (ada.email, *unknown, "inactive@acme.example", "root@memgraph.example"):
        with CaptureQueriesContext(connection) as queries:
            assert guess(email, 1) == [401]
        counts[email] = len(queries)
    assert len(set(counts.values())) == 1, counts
    assert not list(find_faults())


def test_the_wait_grows_and_ends(ada: User) -> None:
    guess(ada.email, 10)
    for wait in (60, 120, 240, 480, 900, 900):
        refused = sign_in(ada.email)
        assert refused.status_code == 429
        assert wait - 5 <= int(refused["Retry-After"]) <= wait
        let_pass(wait)
        assert guess(ada.email, 1) == [401]
    sign_in(ada.email)
    let_pass(900)
    assert sign_in(ada.email).status_code == 200


def test_right_ones_are_not_counted(ada: User) -> None:
    assert [sign_in(ada.email).status_code for _ in range(25)] == [200] * 25
    assert set(Counter.objects.values_list("hits", flat=True)) == {0}


def test_a_right_one_in_between_does_not_reset_the_count(ada: User) -> None:
    assert guess(ada.email, 9) == [401] * 9
    assert sign_in(ada.email).status_code == 200
    assert guess(ada.email, 2) == [401, 429]


def test_fifty_wrong_tries_from_one_ip(ada: User) -> None:
    assert [guess(f"{number}@acme.example", 1)[0] for number in range(51)] == [401] * 50 + [429]
    assert sign_in(ada.email).status_code == 429
    assert sign_in(ada.email, ip=ELSEWHERE).status_code == 200


def test_a_64_is_one_ip(ada: User) -> None:
    statuses = [guess(f"{number}@acme.example", 1, f"2001:db8::{number:x}")[0] for number in range(51)]
    assert statuses == [401] * 50 + [429]
    assert guess("x@acme.example", 1, "2001:db8:0:1::1") == [401]


def test_a_thousand_wrong_tries_in_all(ada: User) -> None:
    set_hits(SIGN_INS_IN_ALL, "", 999)
    assert [guess(f"{number}@acme.example", 3, f"198.51.100.{number}") for number in range(2)] == [
        [401, 401, 429],  # the first of them is the thousandth
        [401, 429, 429],
    ]
    assert sign_in(ada.email).status_code == 200


def test_who_signed_in_from_here_is_bound_by_their_own_limit_alone(ada: User) -> None:
    assert sign_in(ada.email).status_code == 200
    set_hits(SIGN_INS_BY_IP, "192.0.2.1/32", 500)
    set_hits(SIGN_INS_IN_ALL, "", 5000)
    assert sign_in(ada.email).status_code == 200
    assert guess(ada.email, 2, ELSEWHERE) == [401, 429]
    assert sign_in("nobody@acme.example").status_code == 429
    assert guess(ada.email, 11) == [401] * 10 + [429]


def test_after_90_days_one_is_a_stranger_again(ada: User) -> None:
    sign_in(ada.email)
    Session.objects.update(created_at=timezone.now() - timedelta(days=91))
    set_hits(SIGN_INS_BY_IP, "192.0.2.1/32", 500)
    assert sign_in(ada.email).status_code == 429


def test_a_stolen_session_used_elsewhere_makes_no_known_place(ada: User) -> None:
    sign_in(ada.email)
    Session.objects.update(ip=ELSEWHERE)
    set_hits(SIGN_INS_BY_IP, f"{ELSEWHERE}/32", 500)
    assert sign_in(ada.email, ip=ELSEWHERE).status_code == 429


def test_a_locked_pair_does_not_use_up_the_limits_of_others(ada: User) -> None:
    guess(ada.email, 40)
    hits = {
        limit: Counter.objects.get(name=digest(limit, subject)).hits
        for limit, subject in ((SIGN_INS_BY_IP, "192.0.2.1/32"), (SIGN_INS_IN_ALL, ""))
    }
    assert set(hits.values()) == {10}


def test_a_locked_ip_does_not_lock_the_pairs_that_knock(ada: User) -> None:
    set_hits(SIGN_INS_BY_IP, "192.0.2.1/32", 50)
    assert {sign_in(ada.email).status_code for _ in range(20)} == {429}
    assert Counter.objects.get(name=digest(SIGN_INS_BY_ADDRESS_AND_IP, f"{ada.email} 192.0.2.1/32")).hits == 0


def test_a_lock_is_audited_once_with_the_person(ada: User, acme: Tenant) -> None:
    guess(ada.email, 30)
    assert audited(acme) == [Action.SIGN_IN_REFUSED] * 10 + [Action.SIGN_IN_LOCKED]
    entry = last_entry(acme)
    assert (entry.target_id, entry.target_label, entry.address) == (ada.id, ada.email, HERE)
    assert entry.after["limit"] == "sign-ins by address and ip"
    assert 55 <= entry.after["seconds"] <= 60


def test_a_lock_of_an_ip_is_audited_without_a_tenant(ada: User, acme: Tenant) -> None:
    set_hits(SIGN_INS_BY_IP, "192.0.2.1/32", 50)
    for _ in range(3):
        sign_in(ada.email)
    assert audited(None) == [Action.SIGN_IN_LOCKED]
    assert audited(acme) == []


def test_onboarding_is_limited_by_ip() -> None:
    def onboard(number: int, ip: str) -> int:
        body = {"email": f"{number}@x.example", "password": PASSWORD, "full_name": "A", "cluster_name": "A"}
        return APIClient().post("/v1/auth/onboard", body, REMOTE_ADDR=ip).status_code

    assert [onboard(number, HERE) for number in range(61)] == [201] * 60 + [429]
    assert onboard(100, ELSEWHERE) == 201


# The operators' sign-in


def operator_sign_in(email: str, password: str, ip: str = HERE) -> Any:
    form = {"username": email, "password": password}
    return Client().post("/admin/login/?next=/admin/", form, REMOTE_ADDR=ip)


@pytest.fixture
def operator() -> User:
    return User.objects.create_superuser("root@memgraph.example", PASSWORD)


def test_operators_sign_in_and_it_is_audited(operator: User) -> None:
    assert operator_sign_in("ROOT@memgraph.example", PASSWORD).status_code == 302
    entry = last_entry(None)
    assert (entry.action, entry.actor_kind, entry.actor_id) == (Action.SIGN_IN_ACCEPTED, "operator", operator.id)
    assert operator_sign_in(operator.email, "wrong").status_code == 200
    assert last_entry(None).action == Action.SIGN_IN_REFUSED


def test_operators_have_the_same_limits(operator: User) -> None:
    for _ in range(10):
        assert b"Too many tries" not in operator_sign_in(operator.email, "wrong").content
    for password in ("wrong", PASSWORD):
        answer = operator_sign_in(operator.email, password)
        assert answer.status_code == 200
        assert b"Too many tries. Try again in" in answer.content
    assert sign_in(operator.email).status_code == 429  # counted together with the API's
    assert operator_sign_in(operator.email, PASSWORD, ELSEWHERE).status_code == 302
    assert audited(None).count(Action.SIGN_IN_LOCKED) == 1


def test_an_operator_known_here_is_bound_by_their_own_limit_alone(operator: User) -> None:
    operator_sign_in(operator.email, PASSWORD)
    set_hits(SIGN_INS_IN_ALL, "", 5000)
    assert operator_sign_in(operator.email, PASSWORD).status_code == 302
    assert operator_sign_in(operator.email, "wrong", ELSEWHERE).status_code == 200
    assert b"Too many tries" in operator_sign_in(operator.email, PASSWORD, ELSEWHERE).content


def test_a_persons_right_password_at_the_operators_door_counts_as_wrong(ada: User) -> None:
    answers = [operator_sign_in(ada.email, PASSWORD) for _ in range(11)]
    assert b"Too many tries" in answers[-1].content
    assert AuditEntry.objects.filter(tenant_id=ada.tenant_id, action=Action.SIGN_IN_REFUSED).count() == 10


@pytest.mark.parametrize("form", [{}, {"username": "a@b.example"}, {"password": "x"}], ids=str)
def test_an_incomplete_form_is_no_guess(form: dict[str, str], operator: User) -> None:
    assert Client().post("/admin/login/", form).status_code == 200
    assert not Counter.objects.exists()
