"""Against the real server, with two workers of five threads: what happens at once to one key."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import httpx
import pytest

from tests.calling import Caller
from tests.factories import PASSWORD
from tests.memgraph.processes import Server

ROUNDS = pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.soak)])
THREADS = 2 * 5
Call = Callable[[], httpx.Response]


@pytest.fixture(scope="module")
def http(real_server: Server) -> Any:
    return Caller(f"http://127.0.0.1:{real_server.port}")


@pytest.fixture(scope="module")
def signed_in(http: httpx.Client) -> dict[str, str]:
    """An admin of a workspace of this module's own."""
    person = {"email": "rotator@example.com", "password": PASSWORD}
    made = http.post("/v1/auth/onboard", json=person | {"full_name": "Ada", "cluster_name": "Key races"})
    assert made.status_code == 201
    token = http.post("/v1/auth/login", data=person).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def make(http: httpx.Client, signed_in: dict[str, str]) -> Callable[..., Any]:
    def make(**settings: Any) -> Any:
        return http.post("/v1/api-keys", headers=signed_in, json={"name": "racer"} | settings).json()

    return make


def at_once(*calls: Call) -> list[httpx.Response]:
    barrier = Barrier(len(calls))

    def wait_and(call: Call) -> httpx.Response:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(wait_and, calls))


def use(http: httpx.Client, made: Any) -> httpx.Response:
    return http.get("/v1/auth/whoami", headers={"X-API-KEY": made["api_key"]})


@ROUNDS
def test_of_rotations_at_once_one_wins(
    rounds: int, http: httpx.Client, signed_in: dict[str, str], make: Callable[..., Any]
) -> None:
    for _ in range(rounds):
        old = make()
        path = f"/v1/api-keys/{old['id']}/rotate"
        answers = at_once(*[lambda path=path: http.post(path, headers=signed_in, json={})] * 8)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"already_rotated"}
        (new,) = (answer.json() for answer in answers if answer.status_code == 201)
        assert http.get(f"/v1/api-keys/{old['id']}", headers=signed_in).json()["replaced_by_id"] == new["id"]
        assert use(http, old).status_code == use(http, new).status_code == 200


@ROUNDS
def test_a_key_revoked_while_it_is_rotated_is_gone(
    rounds: int, http: httpx.Client, signed_in: dict[str, str], make: Callable[..., Any]
) -> None:
    for _ in range(rounds):
        old = make()
        path = f"/v1/api-keys/{old['id']}"
        rotated, revoked = at_once(
            lambda path=path: http.post(f"{path}/rotate", headers=signed_in, json={}),
            lambda path=path: http.delete(path, headers=signed_in),
        )
        assert revoked.status_code == 200
        assert (rotated.status_code, rotated.json().get("code")) in [(201, None), (409, "key_revoked")]
        assert use(http, old).json()["code"] == "key_revoked"
        if rotated.status_code == 201:
            assert use(http, rotated.json()).status_code == 200


def used_during(http: httpx.Client, made: Any, act: Call) -> tuple[httpx.Response, Counter[tuple[bool, int]]]:
    """The act's answer, and for each use whether it began after that answer, with its status: 10 threads, 5 each."""
    answered = Event()
    started = Barrier(11)

    def keep_using() -> list[tuple[bool, int]]:
        started.wait()
        outcomes: list[tuple[bool, int]] = []
        while sum(began_after for began_after, _ in outcomes) < 5:
            outcomes.append((answered.is_set(), use(http, made).status_code))
        return outcomes

    with ThreadPoolExecutor(10) as pool:
        calls = [pool.submit(keep_using) for _ in range(10)]
        started.wait()
        try:
            answer = act()
        finally:
            answered.set()
        return answer, Counter(outcome for call in calls for outcome in call.result())


def test_nobody_who_uses_a_key_notices_its_rotation(
    http: httpx.Client, signed_in: dict[str, str], make: Callable[..., Any]
) -> None:
    old = make()  # never used: its first use falls into the rotation
    path = f"/v1/api-keys/{old['id']}/rotate"
    answer, outcomes = used_during(http, old, lambda: http.post(path, headers=signed_in, json={"grace_seconds": 60}))
    assert answer.status_code == 201
    assert {status for _, status in outcomes} == {200}
    assert use(http, answer.json()).status_code == 200


@pytest.mark.parametrize("act", ["rotate without grace", "freeze", "report a leak"])
def test_what_is_taken_away_is_gone_from_the_answer_on(
    act: str, http: httpx.Client, signed_in: dict[str, str], make: Callable[..., Any]
) -> None:
    made = make()
    path, body = {
        "rotate without grace": (f"/v1/api-keys/{made['id']}/rotate", {"grace_seconds": 0}),
        "freeze": ("/v1/tenant/freeze-keys", {}),
        "report a leak": ("/v1/api-keys/report-leak", {"api_key": made["api_key"]}),
    }[act]
    answer, outcomes = used_during(http, made, lambda: http.post(path, headers=signed_in, json=body))
    http.post("/v1/tenant/unfreeze-keys", headers=signed_in)
    assert answer.is_success
    assert outcomes[True, 401] == 50
    assert {status for _, status in outcomes} <= {200, 401}
    assert outcomes[True, 200] == 0


def test_of_leak_reports_at_once_one_revokes(http: httpx.Client, make: Callable[..., Any]) -> None:
    made = make()
    body = {"api_key": made["api_key"]}
    answers = at_once(*[lambda: http.post("/v1/api-keys/report-leak", json=body)] * 8)
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert use(http, made).json()["code"] == "key_revoked"


def test_of_freezings_at_once_all_say_the_same(http: httpx.Client, signed_in: dict[str, str]) -> None:
    answers = at_once(*[lambda: http.post("/v1/tenant/freeze-keys", headers=signed_in)] * 8)
    http.post("/v1/tenant/unfreeze-keys", headers=signed_in)
    assert {(answer.status_code, answer.json()["frozen_at"]) for answer in answers} == {
        (200, answers[0].json()["frozen_at"])
    }


def test_a_keys_limit_holds_over_the_workers(http: httpx.Client, make: Callable[..., Any]) -> None:
    for most in (1, 20):
        made = make(rate_limit_per_minute=most)
        answers = at_once(*[lambda made=made: use(http, made)] * 50)
        counts = Counter(answer.status_code for answer in answers)
        assert set(counts) == {200, 429}
        assert most <= counts[200] <= most + THREADS


def test_a_tenants_limit_holds_over_its_keys_and_the_workers(
    http: httpx.Client, signed_in: dict[str, str], make: Callable[..., Any]
) -> None:
    keys = [make() for _ in range(5)]
    assert http.patch("/v1/tenant", headers=signed_in, json={"rate_limit_per_minute": 20}).status_code == 200
    answers = at_once(*[lambda made=made: use(http, made) for made in keys * 10])
    assert http.patch("/v1/tenant", headers=signed_in, json={"rate_limit_per_minute": None}).status_code == 200
    counts = Counter(answer.status_code for answer in answers)
    assert set(counts) == {200, 429}
    assert 20 <= counts[200] <= 20 + THREADS
