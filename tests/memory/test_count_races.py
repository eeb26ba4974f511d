"""Writers and removers at the same time: who waits for whom, and that no count is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from memory.beliefs.services import record_belief
from memory.events.services import record_event
from memory.models import EndUser, Tally
from memory.recall.ingest import key_of
from memory.removal.rows import remove_events
from memory.transactions import tenant_transaction
from memory.transactions.changes import SLOTS, pending
from tenants.models import Tenant
from tests.connections import in_its_own_connection, own, until_somebody_waits
from tests.factories import make_event, principal_of
from tests.memory.counted import BELIEF_BODY, EVENT_BODY, Workspace, recount
from tests.memory.transfers import EVENT

ROUNDS = 20


def write_and_forget(workspace: Workspace, number: int) -> None:
    user = f"user {number % 3}"
    workspace.send("post", "/v1/events", EVENT_BODY | {"user_id": user})
    workspace.send(
        "post", "/v1/beliefs/batch", {"beliefs": [BELIEF_BODY | {"subject_id": f"user {n}"} for n in (2, 0)]}
    )
    workspace.send("delete", f"/v1/beliefs?subject_id={user}")


@pytest.mark.django_db(transaction=True)
def test_writers_and_removers_of_the_same_users_lose_no_count(workspace: Workspace) -> None:
    """While counts that are wrong are being repaired, too."""
    with tenant_transaction(workspace.tenant.id):
        Tally.objects.update(events=5, users=-3)
        EndUser.objects.filter(name="bob").delete()
    acts: list[Callable[[int], object]] = [
        lambda number: write_and_forget(workspace, number),
        lambda number: write_and_forget(workspace, number + 1),
        lambda number: workspace.take_away(f"user {number % 3}"),
        lambda _: recount("--repair"),
    ]
    with ThreadPoolExecutor(len(acts)) as pool:
        races = [
            pool.submit(in_its_own_connection, lambda act=act: [act(number) for number in range(ROUNDS)])
            for act in acts
        ]
        for race in races:
            race.result()
    assert recount() == "All counts are right.\n"


def write_the_counts(tenant: Tenant) -> None:
    """As at the end of the transaction, which is still to come."""
    changes = pending.get()
    changes.flush(tenant.id)
    for noted in (changes.counts, changes.present, changes.reduced):
        noted.clear()


@pytest.mark.django_db(transaction=True)
def test_an_erasure_waits_for_a_writer_who_has_entered_the_user(workspace: Workspace) -> None:
    """And then sees the row."""
    tenant = workspace.tenant
    with ThreadPoolExecutor(1) as pool:
        with tenant_transaction(tenant.id):
            record_event(principal=principal_of(tenant), event_type="x", content={}, user_id="ada")
            write_the_counts(tenant)
            erasing = pool.submit(in_its_own_connection, lambda: workspace.take_away("ada"))
            until_somebody_waits()
        erasing.result()
    assert recount() == "All counts are right.\n"
    assert workspace.send("get", "/v1/events?user_id=ada").json()["items"]


@pytest.mark.django_db(transaction=True)
def test_a_writer_waits_for_an_erasure_that_has_taken_the_user_away(workspace: Workspace) -> None:
    """And enters the user anew."""
    tenant, values = workspace.tenant, {"tenant_id": workspace.tenant.id}
    workspace.take_away("eve")
    make_event(tenant, user_id="eve")
    with ThreadPoolExecutor(1) as pool:
        with tenant_transaction(tenant.id):
            remove_events("user_id = 'eve'", values)
            write_the_counts(tenant)
            writing = pool.submit(in_its_own_connection, lambda: make_event(tenant, user_id="eve"))
            until_somebody_waits()
        writing.result()
    assert recount() == "All counts are right.\n"


@pytest.mark.django_db(transaction=True)
def test_who_waits_for_a_belief_holds_no_counts(acme: Tenant, editor_key: APIClient) -> None:
    """Or the writer of that belief, whose counts may be the same rows, would wait for it in turn."""
    make_event(acme, user_id="ada")
    text = {"user_id": "ada", "text": "I like tea."}
    said: dict[str, Any] = {"subject_id": "ada", "key": key_of(text["text"]), "value": text["text"]}
    with ThreadPoolExecutor(1) as pool:
        with tenant_transaction(acme.id), connection.cursor() as cursor:
            record_belief(principal=principal_of(acme), **said, confidence=0.5, belief_type="fact", domain=None)
            ingesting = pool.submit(in_its_own_connection, lambda: editor_key.post("/v1/ingest", text))
            until_somebody_waits()
            for table in ("memory_enduser", "memory_tally"):
                cursor.execute(f"SELECT count(*) FROM (SELECT FROM {table} FOR UPDATE NOWAIT) AS held")
                assert cursor.fetchone()[0]
        assert ingesting.result().status_code == 200
    assert recount() == "All counts are right.\n"


SECOND_WRITERS: dict[str, Callable[[Workspace], object]] = {
    "of an event": lambda w: make_event(w.tenant, user_id="new"),
    "of an import": lambda w: w.upload(EVENT | {"user_id": "new"}),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("second", SECOND_WRITERS)
def test_two_writers_of_a_new_user_count_it_once(second: str, workspace: Workspace) -> None:
    """The second waits for the first, whose row it can't see yet."""
    tenant = workspace.tenant
    with ThreadPoolExecutor(1) as pool:
        with tenant_transaction(tenant.id):
            record_event(principal=principal_of(tenant), event_type="x", content={}, user_id="new")
            write_the_counts(tenant)
            writing = pool.submit(in_its_own_connection, lambda: SECOND_WRITERS[second](workspace))
            until_somebody_waits()
        writing.result()
    assert recount() == "All counts are right.\n"
    assert workspace.send("get", "/v1/stats").json()["total_users"] == 4


def slot() -> int:
    """In which the counts of this connection should go."""
    return own().info.backend_pid % SLOTS


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["event", "belief"])
def test_writers_side_by_side_do_not_wait_for_each_other(kind: str, workspace: Workspace) -> None:
    """Of one user. Both have written their counts before either commits. By chance their slots could be the same."""
    tenant, principal, both_have_written = workspace.tenant, principal_of(workspace.tenant), Barrier(2, timeout=10)

    def write(key: str) -> None:
        with tenant_transaction(tenant.id):
            if kind == "event":
                record_event(principal=principal, event_type="x", content={}, user_id="ada")
            else:
                record_belief(principal=principal, **BELIEF_BODY | {"key": key}, confidence=0.5, belief_type="fact")
            write_the_counts(tenant)
            both_have_written.wait()

    def write_in_another_slot(taken: int) -> None:
        while slot() == taken:
            connection.close()
        write("second")

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(in_its_own_connection, partial(write_in_another_slot, slot()))
        write("first")
        writing.result()
    assert recount() == "All counts are right.\n"
