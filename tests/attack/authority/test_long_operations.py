"""What lasts: an import whose body still comes, and acts of several steps. Each looks again before it commits."""

from typing import Any, Final
from uuid import uuid4

import pytest

from tests.attack.authority.actions import API_ACTS, Act
from tests.attack.authority.calls import Call, connect, json_call, read_answer
from tests.attack.authority.cast import OF_KEY, OF_SESSION, Cast, make_cast
from tests.attack.authority.racing import Race, Ring, Window
from tests.attack.authority.revocations import REVOCATIONS
from tests.attack.authority.slow_reading import MUCH, begin_export, make_much
from tests.memory.transfers import EVENT, NDJSON, make_file

LINES: Final = 6000  # more than are merged at once
OPEN: Final = "SELECT FROM pg_stat_activity WHERE usename = 'memgraph' AND state = 'idle in transaction'"


def act_named(name: str) -> Act:
    return next(act for act in API_ACTS if act.name == name)


def import_much(cast: Cast, kind: str) -> Call:
    events = [EVENT | {"id": str(uuid4())} for _ in range(LINES)]
    return Call("POST", "/v1/admin/import", {**cast.credential(kind), "Content-Type": NDJSON}, make_file(*events))


IMPORT: Final = Act("import", import_much, (OF_SESSION, OF_KEY))
IMPORTS: Final = [
    ("key revoked", OF_KEY),
    ("keys frozen", OF_KEY),
    ("addresses narrowed", OF_KEY),
    ("signed out from elsewhere", OF_SESSION),
    ("demoted", OF_SESSION),
    ("removed", OF_SESSION),
    ("tenant suspended", OF_KEY),
]


@pytest.mark.parametrize(("revocation", "kind"), IMPORTS)
def test_an_import_that_outlasts_its_authority_leaves_nothing(revocation: str, kind: str, ring: Ring) -> None:
    race = Race(IMPORT, kind, REVOCATIONS[revocation], Window.WRITING)
    cast, upload, revoke = ring.set_up(race)
    half = len(upload.body) - 1000
    with connect(ring.action_port) as connection:
        connection.sendall(upload.head + upload.body[:half])
        ring.gates.until(lambda: ring.sight.database.execute(OPEN).rowcount, "the import has begun")
        revoked = revoke.send(ring.revocation_port)
        before = ring.sight.rows()
        connection.sendall(upload.body[half:])
        answer = read_answer(connection)
    faults = ring.faults(race, cast, revoked, answer, before, too_late=True)
    assert not faults, "\n".join(faults)


# The table is written to in a later step of each.
STEPS: Final = [
    ("DELETE tenant", "memory_event"),
    ("POST erase", "memory_belief"),
    ("POST api-key-undo", "memory_belief"),
    ("POST import", "memory_episode"),
]


@pytest.mark.parametrize(("name", "table"), STEPS)
def test_an_act_of_several_steps_stops_when_its_session_ends(name: str, table: str, ring: Ring) -> None:
    race = Race(act_named(name), OF_SESSION, REVOCATIONS["deactivated by an operator"], Window.WRITING, table)
    faults = ring.run(race)
    assert not faults, "\n".join(faults)


def undo(cast: Cast) -> Call:
    body = {"since": "2026-01-01T00:00:00Z"}
    return json_call("POST", f"/v1/api-keys/{cast.key.id}/undo", cast.boss_headers, body)


def erase(cast: Cast) -> Call:
    return json_call("POST", "/v1/admin/erase", cast.boss_headers, {"user_id": "ada"})


def exporting(cast: Cast, who: str) -> dict[str, str]:
    return cast.credential(OF_KEY) if who == "a leaked key" else cast.boss_headers


@pytest.mark.parametrize("who", ["a leaked key", "the same session"])
@pytest.mark.parametrize("act", [undo, erase], ids=["undo", "erase"])
def test_an_export_that_is_hardly_read_keeps_nobody_from_undoing(act: Any, who: str, ring: Ring) -> None:
    """By the same worker, which has one slot for what lasts."""
    cast: Cast = ring.within(lambda: make_much(make_cast()))
    with begin_export(ring.action_port, exporting(cast, who)):
        if who == "a leaked key":
            revoked = json_call("DELETE", f"/v1/api-keys/{cast.key.id}", cast.boss_headers).send(ring.action_port)
            assert revoked.status == 200, str(revoked)
        answer = act(cast).send(ring.action_port)
    assert answer.status == 200, str(answer)
    assert answer.json()["events"] == (MUCH if act is erase else 0)
