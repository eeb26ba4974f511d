"""Every way in which rows come and go leaves the counts exact; `manage.py recount` proves it, and repairs."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from io import StringIO
from threading import Barrier
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIClient

from accounts.models import User
from apikeys.models import APIKey
from memory.ingest import key_of
from memory.models import EndUser, Tally
from memory.removal import remove_events
from memory.services import record_belief, record_event
from memory.tally import SLOTS, pending
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.connections import in_its_own_connection, own, somebody_waits_for
from tests.factories import (
    anonymous_client,
    client_for,
    make_belief,
    make_episode,
    make_event,
    make_key,
    principal_of,
)
from tests.memgraph.processes import wait_for
from tests.memory.transfers import BELIEF, EPISODE, EVENT, export, make_file, upload

ROUNDS = 20
EVENT_BODY = {"event_type": "x", "content": {}, "user_id": "ada", "occurred_at": "2026-01-31T23:30:00-05:00"}
BELIEF_BODY = {"subject_id": "ada", "key": "city", "value": "Rome"}


class Workspace:
    """A program's key with which the rows are written, its admin, and rows of others that are in the way."""

    def __init__(self, tenant: Tenant, admin: User) -> None:
        self.tenant, self.since = tenant, timezone.now() - timedelta(seconds=1)
        self.key: APIKey
        self.key, plaintext = make_key(tenant)
        self.program, self.admin = anonymous_client(HTTP_X_API_KEY=plaintext), client_for(admin)
        self.event = make_event(tenant, occurred_at=datetime(2020, 1, 1, tzinfo=UTC))
        make_event(tenant, user_id="bob")
        make_belief(tenant, value="London")
        self.belief = make_belief(tenant, key="name", value="Ada")
        make_episode(tenant, user_id="eve", event_ids=[self.event.id])

    def send(self, method: str, path: str, body: Any = None, *, by_admin: bool = False) -> Any:
        answer = getattr(self.admin if by_admin else self.program, method)(path, body)
        assert answer.status_code < 300, answer.content
        return answer

    def written(self) -> None:
        self.send("post", "/v1/events", EVENT_BODY | {"user_id": "new"})
        self.send("post", "/v1/beliefs", BELIEF_BODY)
        self.send("post", "/v1/beliefs", BELIEF_BODY | {"subject_id": "newer"})
        self.send("post", "/v1/episodes", {"user_id": "newest", "summary": "s"})

    def undo(self, **options: Any) -> None:
        self.written()
        self.send("delete", "/v1/beliefs?subject_id=newer&soft=true")
        body = {"since": self.since.isoformat(), **options}
        self.send("post", f"/v1/api-keys/{self.key.id}/undo", body, by_admin=True)

    def derive(self, *minutes: int) -> None:
        """Episodes of the program's events, so many minutes after a noon. What was derived before may change."""
        noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
        for minute in minutes:
            moment = (noon + timedelta(minutes=minute)).isoformat()
            self.send("post", "/v1/events", EVENT_BODY | {"user_id": "teller", "occurred_at": moment})
        call_command("make_episodes", stdout=StringIO())

    def derived(self, user: str = "teller") -> list[dict[str, Any]]:
        episodes = self.send("get", f"/v1/episodes?user_id={user}").json()["items"]
        return [episode for episode in episodes if episode["derived"]]

    def upload(self, *rows: dict[str, Any], query: str = "") -> None:
        self.take_in(make_file(*rows), query)

    def take_in(self, file: bytes, query: str = "") -> None:
        answer = upload(self.admin, file, query)
        assert answer.status_code == 200, answer.content

    def take_away(self, user: str) -> None:
        self.send("post", "/v1/admin/erase", {"user_id": user}, by_admin=True)


def expect(workspace: Workspace, derived: int, *, given: int = 0) -> None:
    """Or the path would walk past what it is there for."""
    episodes = workspace.send("get", "/v1/episodes?user_id=teller").json()["items"]
    kinds = [episode["summary_kind"] for episode in episodes]
    assert (kinds.count("extractive"), kinds.count("given")) == (derived, given)


def refuse(answer: Response, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.content


OTHER_BELIEFS = [
    BELIEF | {"id": EPISODE["id"], "key": "old", "status": "inactive", "ended_at": "2026-02-01T00:00:00Z"},
    BELIEF | {"id": EVENT["id"], "subject_id": "imported"},
]
# Of the day that counts all time, and of another, on which there is an event already.
DATED_EVENTS = [
    EVENT | {"id": f"01900000-0000-7000-8000-{number:012}", "occurred_at": moment}
    for number, moment in enumerate(["0001-01-01T12:00:00Z", *["2020-01-01T12:00:00Z"] * 3], 10)
]
PATHS: dict[str, Callable[[Workspace], object]] = {
    "event": lambda w: w.send("post", "/v1/events", EVENT_BODY),
    "event of a new user": lambda w: w.send("post", "/v1/events", EVENT_BODY | {"user_id": "new"}),
    "event of the first day": lambda w: w.send("post", "/v1/events", EVENT_BODY | {"occurred_at": "0001-01-01T00:00Z"}),
    "event of the last day": lambda w: w.send("post", "/v1/events", EVENT_BODY | {"occurred_at": "9999-12-31T00:00Z"}),
    "events": lambda w: w.send("post", "/v1/events/batch", {"events": [EVENT_BODY, EVENT_BODY | {"user_id": "new"}]}),
    "ingest": lambda w: w.send("post", "/v1/ingest", {"user_id": "new", "text": "I like tea. I like tea! I am 40."}),
    "new belief": lambda w: w.send("post", "/v1/beliefs", BELIEF_BODY | {"key": "food"}),
    "new version": lambda w: w.send("post", "/v1/beliefs", BELIEF_BODY),
    "same belief": lambda w: w.send("post", "/v1/beliefs", BELIEF_BODY | {"value": "London"}),
    "belief after a soft end": lambda w: (
        w.send("delete", "/v1/beliefs?subject_id=ada&soft=true"),
        w.send("post", "/v1/beliefs", BELIEF_BODY),
    ),
    "beliefs": lambda w: w.send(
        "post", "/v1/beliefs/batch", {"beliefs": [BELIEF_BODY, BELIEF_BODY, BELIEF_BODY | {"subject_id": "new"}]}
    ),
    "revise the value": lambda w: w.send("patch", f"/v1/beliefs/{w.belief.id}", {"value": "Ada King"}),
    "revise the rest": lambda w: w.send("patch", f"/v1/beliefs/{w.belief.id}", {"confidence": 0.1}),
    "forget one": lambda w: w.send("delete", f"/v1/beliefs/{w.belief.id}"),
    "forget a deactivated one": lambda w: (
        w.send("delete", f"/v1/beliefs/{w.belief.id}?soft=true"),
        w.send("delete", f"/v1/beliefs/{w.belief.id}"),
    ),
    "deactivate one twice": lambda w: [w.send("delete", f"/v1/beliefs/{w.belief.id}?soft=true") for _ in range(2)],
    "forget all": lambda w: (w.written(), w.send("delete", "/v1/beliefs?subject_id=ada")),
    "forget all of a user without events": lambda w: (w.written(), w.send("delete", "/v1/beliefs?subject_id=newer")),
    "forget nobody": lambda w: w.send("delete", "/v1/beliefs?subject_id=nobody"),
    "episode": lambda w: w.send("post", "/v1/episodes", {"user_id": "new", "summary": "s"}),
    "revise an episode": lambda w: w.send(
        "patch",
        f"/v1/episodes/{w.send('get', '/v1/episodes').json()['items'][0]['id']}",
        {"user_id": "somebody else", "summary": "t"},
    ),
    "derived episodes": lambda w: (w.derive(0, 60), expect(w, 2)),
    "derived episodes made twice": lambda w: (w.derive(0, 60), w.derive(), expect(w, 2)),
    "derived episodes joined by a late event": lambda w: (w.derive(0, 60), w.derive(30), expect(w, 1)),
    "derived episode lengthened": lambda w: (w.derive(0), w.derive(10), expect(w, 1)),
    "derived episode reworded, and joined to an earlier one": lambda w: (
        w.derive(0, 60),
        w.send("patch", f"/v1/episodes/{w.derived()[0]['id']}", {"summary": "They spoke."}),
        w.derive(30),
        expect(w, 1, given=1),
    ),
    "derived episode reworded, and its only event undone": lambda w: (
        w.derive(0),
        w.send("patch", f"/v1/episodes/{w.derived()[0]['id']}", {"summary": "They spoke."}),
        w.undo(),
        expect(w, 0, given=1),
    ),
    "derived episodes undone": lambda w: (w.derive(0, 60), w.undo(), expect(w, 0), w.derive()),
    "derived episodes undone dry": lambda w: (w.derive(0, 60), w.undo(dry_run=True), expect(w, 2)),
    "derived episodes erased": lambda w: (w.derive(0, 60), w.take_away("teller"), expect(w, 0), w.derive()),
    "derived episodes pruned": lambda w: (
        w.derive(0, 60),
        call_command("prune_events", "--older-than=1d", stdout=StringIO()),
        expect(w, 0),
        w.derive(),
    ),
    "derived episode of another's event, which is erased": lambda w: (
        w.upload(EVENT, EPISODE | {"user_id": "teller", "derived": True, "summary_kind": "extractive"}),
        expect(w, 1),
        w.take_away("ada"),
        expect(w, 0),
    ),
    "derived episodes imported": lambda w: [
        w.derive(0, 60),
        (file := export(w.admin)),
        w.take_away("teller"),
        expect(w, 0),
        w.take_in(file),
        expect(w, 2),
        w.derive(),
        expect(w, 2),
    ],
    "undo": lambda w: w.undo(),
    "undo dry": lambda w: w.undo(dry_run=True),
    "undo twice": lambda w: (w.undo(), w.undo()),
    "erase": lambda w: w.take_away("ada"),
    "erase whose event an episode names": lambda w: (w.take_away("ada"), w.take_away("eve")),
    "erase nobody": lambda w: w.take_away("nobody"),
    "import": lambda w: w.upload(EVENT, BELIEF, *OTHER_BELIEFS, EPISODE | {"user_id": "grace"}),
    "import twice": lambda w: [w.upload(EVENT, *OTHER_BELIEFS, EPISODE) for _ in range(2)],
    "import of a day in several batches": lambda w: [
        w.upload(*DATED_EVENTS[:2], BELIEF, *DATED_EVENTS[1:3], EPISODE | {"event_ids": []}, *DATED_EVENTS[2:], EVENT)
        for _ in range(2)
    ],
    "import dry": lambda w: w.upload(EVENT, *OTHER_BELIEFS, query="dry_run=true"),
    "import of what was erased": lambda w: [
        (file := export(w.admin)),
        w.take_away("ada"),
        w.take_in(file),
    ],
    "refused import": lambda w: refuse(
        upload(w.admin, make_file(EVENT | {"user_id": "new"}, BELIEF | {"value": 1})), "import_invalid"
    ),
    "prune": lambda w: (w.upload(EVENT), call_command("prune_events", "--older-than=30d", stdout=StringIO())),
    "refused episode": lambda w: refuse(
        w.program.post("/v1/episodes", {"user_id": "new", "summary": "s", "event_ids": [EVENT["id"]]}), "unknown_event"
    ),
}


def recount(*arguments: str) -> str:
    out = StringIO()
    call_command("recount", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def workspace(acme: Tenant, acme_admin: User) -> Workspace:
    return Workspace(acme, acme_admin)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", PATHS)
def test_counts_are_exact_whatever_is_done(path: str, workspace: Workspace) -> None:
    PATHS[path](workspace)
    assert recount() == "All counts are right.\n"


def test_stats_say_what_is_there(workspace: Workspace) -> None:
    workspace.written()
    stats = workspace.send("get", "/v1/stats").json()
    totals = {name: stats[f"total_{name}"] for name in ("events", "beliefs", "episodes", "users")}
    assert totals == {"events": 3, "beliefs": 3, "episodes": 2, "users": 6}
    workspace.undo()
    stats = workspace.send("get", "/v1/stats").json()
    totals = {name: stats[f"total_{name}"] for name in ("events", "beliefs", "episodes", "users")}
    assert totals == {"events": 2, "beliefs": 2, "episodes": 1, "users": 3}


DAMAGES = [
    "UPDATE memory_tally SET events = events + 7 WHERE day = '0001-01-01'",
    "UPDATE memory_tally SET events = events - 1 WHERE day > '0001-01-01'",
    "UPDATE memory_tally SET users = users + 1, beliefs = 0 WHERE day = '0001-01-01'",
    "DELETE FROM memory_tally",
    "DELETE FROM memory_enduser WHERE name <> 'bob'",
    "INSERT INTO memory_enduser (tenant_id, name) SELECT tenant_id, 'nobody' FROM memory_enduser LIMIT 1",
    "DELETE FROM memory_enduser; DELETE FROM memory_tally",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_wrong_is_told_and_repaired(damage: str, workspace: Workspace, globex: Tenant) -> None:
    make_event(globex)
    before = workspace.send("get", "/v1/stats").json()
    with tenant_transaction(workspace.tenant.id), connection.cursor() as cursor:
        for statement in damage.split("; "):
            cursor.execute(statement)
    with pytest.raises(CommandError, match="--repair"):
        recount()
    assert recount(str(globex.id)) == "All counts are right.\n"
    said = recount(str(workspace.tenant.id), "--repair")
    assert "Repaired." in said
    assert "ada" not in said
    assert recount() == "All counts are right.\n"
    assert workspace.send("get", "/v1/stats").json() == before


@pytest.mark.django_db(transaction=True)
def test_the_counts_of_rows_that_were_there_before_are_filled_in(workspace: Workspace, globex: Tenant) -> None:
    make_event(globex, occurred_at=datetime(1, 1, 1, tzinfo=UTC))
    workspace.undo()
    for tenant in (workspace.tenant, globex):
        with tenant_transaction(tenant.id):
            for model in (Tally, EndUser):
                model.objects.all().delete()
    with connection.schema_editor() as editor:
        import_module("memory.migrations.0008_fill_tallies").fill(apps, editor)
    assert recount() == "All counts are right.\n"


@pytest.mark.parametrize("tenant", ["x", "01a208d9-5cc5-74e6-887b-8ca0e8a70576"])
def test_an_unknown_tenant_is_refused(tenant: str) -> None:
    with pytest.raises(CommandError, match="no such tenant"):
        recount(tenant)


# Races


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
    for noted in (changes.counts, changes.entered, changes.left):
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
            with pytest.raises(TimeoutError):
                erasing.result(timeout=0.5)
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
            with pytest.raises(TimeoutError):
                writing.result(timeout=0.5)
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
            wait_for(lambda: somebody_waits_for(cursor), 10, "the writer to wait")
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
            with pytest.raises(TimeoutError):
                writing.result(timeout=0.5)
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
