"""People at once, from many connections to a server of two workers."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier
from typing import Any

import httpx
import pytest

from tests.accounts.people import NEW_PASSWORD
from tests.calling import Caller
from tests.factories import PASSWORD
from tests.memgraph.processes import Server
from tests.test_real_server import at_once, onboard, sign_in

ROUNDS = pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.soak)])
THREADS = 10  # of two workers
numbers = count()
Call = Callable[[], httpx.Response]
Session = dict[str, str]


@pytest.fixture(scope="module")
def http(real_server: Server) -> Any:
    return Caller(f"http://127.0.0.1:{real_server.port}")


def together(*calls: Call) -> list[httpx.Response]:
    barrier = Barrier(len(calls))

    def wait_and_call(call: Call) -> httpx.Response:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(wait_and_call, calls))


def new_admin(http: httpx.Client) -> Session:
    email = f"founder{next(numbers)}@races.example"
    assert onboard(http, email).status_code == 201
    return sign_in(http, email)


def invite(http: httpx.Client, admin: Session, role: str = "admin") -> tuple[str, str]:
    """The address and the token."""
    email = f"guest{next(numbers)}@races.example"
    made = http.post("/v1/invitations", headers=admin, json={"email": email, "role": role})
    return email, made.json()["link"].partition("#")[2]


def accept(http: httpx.Client, token: str) -> httpx.Response:
    body = {"token": token, "password": PASSWORD, "full_name": "Grace"}
    return http.post("/v1/auth/invitations/accept", json=body)


def second_admin(http: httpx.Client, admin: Session) -> Session:
    email, token = invite(http, admin)
    assert accept(http, token).status_code == 201
    return sign_in(http, email)


def id_of(http: httpx.Client, session: Session) -> str:
    return http.get("/v1/auth/me", headers=session).json()["user_id"]


def leaving(http: httpx.Client, session: Session, how: str) -> Call:
    path = f"/v1/users/{id_of(http, session)}"
    if how == "removed":
        return lambda: http.delete(path, headers=session)
    body = {"role": "viewer"} if how == "demoted" else {"is_active": False}
    return lambda: http.patch(path, headers=session, json=body)


HOW = [("demoted", "demoted"), ("removed", "removed"), ("deactivated", "deactivated"), ("demoted", "removed")]


@pytest.mark.parametrize("rounds", [3, pytest.param(200, marks=pytest.mark.soak)])
@pytest.mark.parametrize("how", HOW, ids=" and ".join)
def test_the_last_admin_stays_when_two_leave_at_once(
    how: tuple[str, str], rounds: int, http: httpx.Client, forget_counts: Callable[[], None]
) -> None:
    """One stays, and makes another."""
    one = new_admin(http)
    for _ in range(rounds):
        forget_counts()
        other = second_admin(http, one)
        answers = together(leaving(http, one, how[0]), leaving(http, other, how[1]))
        assert sorted(answer.status_code for answer in answers) == [200, 409], [answer.text for answer in answers]
        refused = next(number for number, answer in enumerate(answers) if answer.status_code == 409)
        assert answers[refused].json()["code"] == "last_admin"
        one = (one, other)[refused]
        people = http.get("/v1/users?limit=200", headers=one).json()["items"]
        assert [person["is_active"] for person in people if person["role"] == "admin"].count(True) == 1


def test_of_twenty_acceptances_one_makes_the_account(http: httpx.Client, forget_counts: Callable[[], None]) -> None:
    admin = new_admin(http)
    for _ in range(3):
        forget_counts()
        email, token = invite(http, admin, "viewer")
        answers = at_once(20, lambda token=token: accept(http, token))
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses[201] == 1
        assert set(statuses) <= {201, 422, 503}  # 503: too many hashes at once, and nothing done
        people = http.get("/v1/users", headers=admin).json()["items"]
        assert [person["email"] for person in people].count(email) == 1
        assert sign_in(http, email)


@ROUNDS
def test_of_twenty_uses_of_a_reset_link_one_counts(
    rounds: int, http: httpx.Client, forget_counts: Callable[[], None]
) -> None:
    admin = new_admin(http)
    email, token = invite(http, admin, "viewer")
    user_id = accept(http, token).json()["user_id"]
    session = sign_in(http, email)
    for _ in range(rounds):
        forget_counts()
        link = http.post(f"/v1/users/{user_id}/reset-link", headers=admin).json()["link"]
        passwords = iter([f"{NEW_PASSWORD} {number}" for number in range(20)])

        def use(link: str = link, passwords: Iterator[str] = passwords) -> httpx.Response:
            body = {"token": link.partition("#")[2], "new_password": next(passwords)}
            return http.post("/v1/auth/password-reset/confirm", json=body)

        answers = at_once(20, use)
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses[200] == 1
        assert set(statuses) <= {200, 422, 503}
        assert http.get("/v1/auth/me", headers=session).json()["code"] == "session_ended"


@ROUNDS
def test_a_sign_in_with_the_old_password_does_not_outlive_its_change(
    rounds: int, http: httpx.Client, forget_counts: Callable[[], None]
) -> None:
    """Sign-ins that overlap the change either come before it, and are ended by it, or are refused."""
    admin = new_admin(http)
    email, token = invite(http, admin, "viewer")
    accept(http, token)
    old = PASSWORD
    for number in range(rounds):
        forget_counts()
        form = {"username": email, "password": old}
        session = {"Authorization": "Bearer " + http.post("/v1/auth/login", data=form).json()["access_token"]}
        new = f"{NEW_PASSWORD} {number}"
        body = {"current_password": old, "new_password": new}
        change: Call = lambda session=session, body=body: http.post("/v1/auth/password", headers=session, json=body)  # noqa: E731
        knock: Call = lambda form=form: http.post("/v1/auth/login", data=form)  # noqa: E731
        changed, *knocks = together(change, *[knock] * 6)
        assert changed.status_code == 200, changed.text
        for answer in knocks:
            if answer.status_code == 200:
                stale = {"Authorization": f"Bearer {answer.json()['access_token']}"}
                assert http.get("/v1/auth/me", headers=stale).json()["code"] == "session_ended"
        old = new


def test_fifty_parallel_guesses_get_ten_tries(http: httpx.Client) -> None:
    email = f"founder{next(numbers)}@races.example"
    onboard(http, email)
    answers = at_once(50, lambda: http.post("/v1/auth/login", data={"username": email, "password": "wrong"}))
    statuses = Counter(answer.status_code for answer in answers)
    assert 1 <= statuses[401] <= 10 + THREADS
    assert set(statuses) <= {401, 429, 503}
    right = http.post("/v1/auth/login", data={"username": email, "password": PASSWORD})
    assert right.status_code == (429 if statuses[401] == 10 else 200)


def test_thirty_parallel_right_sign_ins_lock_nobody_out(http: httpx.Client) -> None:
    email = f"founder{next(numbers)}@races.example"
    onboard(http, email)
    answers = at_once(30, lambda: http.post("/v1/auth/login", data={"username": email, "password": PASSWORD}))
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {200, 503}
    assert statuses[200] >= 10
