"""Every way in which rows come and go leaves the counts exact; `manage.py recount` proves it, and repairs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from rest_framework.response import Response

from memory.models import EndUser, Tally
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.calling import call_route
from tests.factories import make_event
from tests.memory.counted import BELIEF_BODY, EVENT_BODY, Workspace, recount
from tests.memory.transfers import BELIEF, EPISODE, EVENT, export, make_file, upload
from tests.routes import ROUTES


def expect(workspace: Workspace, derived: int, *, given: int = 0) -> None:
    """Or the path would walk past what it is there for."""
    episodes = workspace.send("get", "/v1/episodes?user_id=teller").json()["items"]
    kinds = [episode["summary_kind"] for episode in episodes]
    assert (kinds.count("extractive"), kinds.count("given")) == (derived, given)


def refuse(answer: Response, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.content


def tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(hours=23)).isoformat()


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
    "event of tomorrow": lambda w: w.send("post", "/v1/events", EVENT_BODY | {"occurred_at": tomorrow()}),
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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", PATHS)
def test_counts_are_exact_whatever_is_done(path: str, workspace: Workspace) -> None:
    PATHS[path](workspace)
    assert recount() == "All counts are right.\n"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("name", "method"), [key for key in ROUTES if key[1] != "GET"], ids=lambda part: part)
def test_no_route_leaves_a_count_wrong(name: str, method: str, workspace: Workspace) -> None:
    """Or one that is new would be missing above."""
    call_route(workspace.admin, name, method, workspace.tenant)
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
