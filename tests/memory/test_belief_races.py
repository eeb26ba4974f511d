"""Many writers of one belief at once: real threads, each with a connection of its own."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, repeat
from threading import Barrier
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected
from rest_framework.response import Response
from rest_framework.test import APIClient

from memory.beliefs import forgetting, services
from memory.models import Belief
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.connections import in_its_own_connection, until_somebody_waits
from tests.factories import key_client, make_belief

WRITERS = 20
ROUNDS = [4, pytest.param(200, marks=pytest.mark.soak)]
Call = Callable[[APIClient], Response]
AtOnce = Callable[[list[Call]], list[Response]]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clients(acme: Tenant) -> list[APIClient]:
    return [key_client(acme) for _ in range(WRITERS)]


@pytest.fixture
def at_once(clients: list[APIClient]) -> Iterator[AtOnce]:
    """Each writer has a thread and a connection, and keeps them: to connect costs more than a call."""

    def run(barrier: Barrier, call: Call, client: APIClient) -> Response:
        barrier.wait(10)
        return call(client)

    def leave(barrier: Barrier) -> None:
        barrier.wait(10)
        connection.close()

    with ThreadPoolExecutor(WRITERS) as threads:
        yield lambda calls: list(threads.map(run, repeat(Barrier(len(calls))), calls, clients))
        list(threads.map(leave, [Barrier(WRITERS)] * WRITERS))


def post(key: str, value: str) -> Call:
    return lambda client: client.post("/v1/beliefs", {"subject_id": "ada", "key": key, "value": value})


def forget(path: str) -> Call:
    return lambda client: client.delete(path)


def history(client: APIClient, key: str) -> list[dict[str, Any]]:
    return client.get(f"/v1/beliefs/history/ada/{key}").json()


def active(versions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [version for version in versions if version["status"] == "active"]


@pytest.mark.parametrize("rounds", ROUNDS)
def test_each_of_different_values_is_one_version(rounds: int, clients: list[APIClient], at_once: AtOnce) -> None:
    for key in map(str, range(rounds)):
        answers = at_once([post(key, f"value {number}") for number in range(WRITERS)])
        assert Counter(answer.status_code for answer in answers) == {201: WRITERS}
        versions = history(clients[0], key)
        assert {version["id"] for version in versions} == {answer.json()["id"] for answer in answers}
        assert active(versions) == versions[-1:]
        assert all(old["ended_at"] == new["created_at"] for old, new in pairwise(versions))


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("before", [None, "another value"])
def test_the_same_value_is_one_version(
    before: str | None, rounds: int, clients: list[APIClient], at_once: AtOnce
) -> None:
    for key in map(str, range(rounds)):
        if before:
            post(key, before)(clients[0])
        answers = at_once([post(key, "one value")] * WRITERS)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 200: WRITERS - 1}
        assert len({answer.json()["id"] for answer in answers}) == 1
        versions = history(clients[0], key)
        assert len(versions) == (2 if before else 1)
        assert len(active(versions)) == 1


@pytest.mark.parametrize("rounds", ROUNDS)
def test_versions_are_as_many_as_the_answers_say(rounds: int, clients: list[APIClient], at_once: AtOnce) -> None:
    """Two values that take turns, and revisions of whatever is active."""
    for key in map(str, range(rounds)):
        first = post(key, "a")(clients[0]).json()
        calls = [post(key, "ab"[number % 2]) for number in range(WRITERS)]
        calls[0] = calls[1] = lambda client, first=first: client.patch(f"/v1/beliefs/{first['id']}", {"value": "c"})
        answers = at_once(calls)
        statuses = Counter(answer.status_code for answer in answers)
        assert set(statuses) <= {200, 201, 409}, statuses
        versions = history(clients[0], key)
        assert len(active(versions)) == 1
        made = {answer.json()["id"] for answer in answers if answer.status_code != 409} | {first["id"]}
        assert made == {version["id"] for version in versions}
        assert all(old["value"] != new["value"] for old, new in pairwise(versions))


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("soft", ["true", "false"])
def test_forgetting_while_others_write(soft: str, rounds: int, clients: list[APIClient], at_once: AtOnce) -> None:
    for key in map(str, range(rounds)):
        first = post(key, "first")(clients[0]).json()
        one, many = (
            forget(f"/v1/beliefs/{first['id']}?soft={soft}"),
            forget(f"/v1/beliefs?subject_id=ada&soft={soft}"),
        )
        answers = at_once([*([one, many] * 3), *(post(key, f"value {number}") for number in range(10))])
        statuses = Counter(answer.status_code for answer in answers)
        assert set(statuses) <= {200, 201, 404}, statuses
        versions = history(clients[0], key)
        assert len(active(versions)) <= 1
        assert many(clients[0]).status_code == 200
        assert active(history(clients[0], key)) == []


def test_who_forgets_holds_beliefs_in_the_order_of_their_keys(acme: Tenant, editor_key: APIClient) -> None:
    """As a batch does, whichever was written first."""
    for key in ("z", "B", "a"):
        make_belief(acme, subject_id="ada", key=key)
    with ThreadPoolExecutor(1) as pool:
        with tenant_transaction(acme.id), connection.cursor() as cursor:
            cursor.execute("SELECT FROM memory_belief WHERE key = 'a' FOR UPDATE")
            forgetting = pool.submit(
                in_its_own_connection, lambda: editor_key.delete("/v1/beliefs?subject_id=ada&soft=true")
            )
            until_somebody_waits()
            cursor.execute("SELECT FROM memory_belief WHERE key = 'z' FOR UPDATE NOWAIT")
            with pytest.raises(OperationalError), transaction.atomic():
                cursor.execute("SELECT FROM memory_belief WHERE key = 'B' FOR UPDATE NOWAIT")
        assert forgetting.result().json()["deleted"] == 3


def test_a_search_waits_for_nobody_who_writes_what_it_finds(acme: Tenant, editor_key: APIClient) -> None:
    """Only its recall is not counted then."""
    make_belief(acme, subject_id="ada", key="city", value="London")
    query = {"query": "London", "user_id": "ada"}
    with ThreadPoolExecutor(1) as pool, tenant_transaction(acme.id):
        Belief.objects.select_for_update().get()
        found = pool.submit(in_its_own_connection, lambda: editor_key.post("/v2/context", query)).result(10)
        assert [memory["content"] for memory in found.json()["memories"]] == ["London"]
        assert Belief.objects.get().uses == 0
    editor_key.post("/v2/context", query)
    with tenant_transaction(acme.id):
        assert Belief.objects.get().uses == 1


def test_a_batch_and_a_forgetting_that_wait_for_each_other_are_tried_again(
    acme: Tenant, editor_key: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else takes beliefs in another order."""

    def refuse_once(original: Callable[..., Any]) -> Callable[..., Any]:
        refusals = iter([True])

        def act(*args: Any, **arguments: Any) -> Any:
            result = original(*args, **arguments)
            if next(refusals, False):
                raise OperationalError from DeadlockDetected()
            return result

        return act

    monkeypatch.setattr(services, "record_belief", refuse_once(services.record_belief))
    monkeypatch.setattr(forgetting, "delete", refuse_once(forgetting.delete))
    body = {"beliefs": [{"subject_id": "ada", "key": key, "value": "v"} for key in "ab"]}
    assert editor_key.post("/v1/beliefs/batch", body).json()["created"] == 2
    assert editor_key.delete("/v1/beliefs?subject_id=ada").json()["deleted"] == 2
    with tenant_transaction(acme.id):
        assert not Belief.objects.exists()
