"""What only shows with several workers: races, and numbers that must be summed over processes."""

import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier, Event
from typing import Any

import httpx
import pytest

from tests.calling import Caller
from tests.factories import PASSWORD
from tests.memgraph.processes import Server

ROUNDS = pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.soak)])
addresses = (f"racer{number}@example.com" for number in count())


@pytest.fixture(scope="module")
def http(real_server: Server) -> Any:
    return Caller(f"http://127.0.0.1:{real_server.port}")


def at_once(number: int, call: Callable[[], httpx.Response]) -> list[httpx.Response]:
    barrier = Barrier(number)

    def wait_and_call(_: int) -> httpx.Response:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(wait_and_call, range(number)))


def onboard(http: httpx.Client, email: str) -> httpx.Response:
    body = {"email": email, "password": PASSWORD, "full_name": "Ada", "cluster_name": "Races"}
    return http.post("/v1/auth/onboard", json=body)


def sign_in(http: httpx.Client, email: str) -> dict[str, str]:
    form = {"username": email, "password": PASSWORD}
    return {"Authorization": "Bearer " + http.post("/v1/auth/login", data=form).json()["access_token"]}


def metric(http: httpx.Client, name: str) -> float:
    text = http.get("/metrics").text
    return sum(float(value) for value in re.findall(rf"^{name} (\S+)$", text, re.MULTILINE))


def test_of_fifty_onboardings_with_one_address_one_wins(http: httpx.Client) -> None:
    email = next(addresses)
    made = metric(http, "memgraph_keys_made_total")
    answers = at_once(50, lambda: onboard(http, email))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 49}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"email_taken"}
    assert metric(http, "memgraph_keys_made_total") == made + 1
    assert sign_in(http, email)


@ROUNDS
def test_a_revoked_key_is_refused_from_the_answer_on(rounds: int, http: httpx.Client) -> None:
    email = next(addresses)
    onboard(http, email)
    session = sign_in(http, email)
    for _ in range(rounds):
        made = http.post("/v1/api-keys", headers=session, json={"name": "short-lived"}).json()
        headers, revoked = {"X-API-KEY": made["api_key"]}, Event()

        def use(headers: dict[str, str] = headers, revoked: Event = revoked) -> list[tuple[bool, int]]:
            """Whether the revocation had been answered when the call began, and the call's status."""
            return [(revoked.is_set(), http.get("/v1/auth/whoami", headers=headers).status_code) for _ in range(10)]

        with ThreadPoolExecutor(10) as pool:
            calls = [pool.submit(use) for _ in range(10)]
            assert http.delete(f"/v1/api-keys/{made['id']}", headers=session).status_code == 200
            revoked.set()
            outcomes = Counter(outcome for call in calls for outcome in call.result())
        assert outcomes[True, 200] == 0
        assert http.get("/v1/auth/whoami", headers=headers).json()["code"] == "key_revoked"


@ROUNDS
def test_a_key_is_revoked_once(rounds: int, http: httpx.Client) -> None:
    email = next(addresses)
    onboard(http, email)
    session = sign_in(http, email)
    for _ in range(rounds):
        key_id = http.post("/v1/api-keys", headers=session, json={"name": "k"}).json()["id"]
        answers = at_once(8, lambda key_id=key_id: http.delete(f"/v1/api-keys/{key_id}", headers=session))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 7}


def test_metrics_are_summed_over_the_workers(http: httpx.Client) -> None:
    name = r'memgraph_request_seconds_count\{method="GET",route="live",status="200"\}'
    before = metric(http, name)
    for _ in range(40):
        http.get("/live")
    assert metric(http, name) == before + 40


def test_metrics_name_no_tenant_person_or_key(http: httpx.Client) -> None:
    email = next(addresses)
    made = onboard(http, email).json()
    http.get("/v1/auth/whoami", headers={"X-API-KEY": made["api_key"]})
    text = http.get("/metrics").text
    assert "memgraph_authentications_total" in text
    for secret in (*made.values(), email, made["api_key"][:12]):
        assert secret not in text


def test_no_answer_names_the_server_software(http: httpx.Client) -> None:
    assert "server" not in http.get("/live").headers


def test_a_chunked_body_is_read(http: httpx.Client) -> None:
    chunks = (part for part in (b'{"email": "chunk', b'ed@example.com"}'))
    answer = http.post("/v1/auth/onboard", content=chunks, headers={"Content-Type": "application/json"})
    assert {error["field"] for error in answer.json()["errors"]} == {"password", "full_name", "cluster_name"}


def test_no_secret_is_in_the_log(http: httpx.Client, real_server: Server) -> None:
    email = next(addresses)
    made = onboard(http, email).json()
    session = sign_in(http, email)
    http.get("/v1/auth/me", headers=session)
    http.get(f"/v1/stats?api_key={made['api_key']}", headers={"X-API-KEY": made["api_key"]})
    http.get(f"/v1/api-keys/{made['api_key']}", headers=session)
    http.get(f"/v1/stats/{made['api_key']}")
    log = real_server.text()
    assert made["api_key"][:12] in log  # the public prefix tells which key it was
    for secret in (made["api_key"], made["api_key"][12:], session["Authorization"][7:], PASSWORD, email):
        assert secret not in log
