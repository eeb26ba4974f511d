"""The import: all of an export comes back, once, as the importer's."""

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from memory.models import Belief
from memory.transactions import tenant_transaction
from tenants.ids import new_id
from tenants.models import Role, Tenant
from tests.factories import (
    anonymous_client,
    client_for,
    key_client,
    make_belief,
    make_episode,
    make_event,
    make_key,
)
from tests.memory.transfers import AWKWARD, BELIEF, EPISODE, EVENT, ROWS, export, make_file, normalised, parsed, upload

pytestmark = pytest.mark.django_db(transaction=True)
NONE = {"event": 0, "belief": 0, "episode": 0}


def answer(created: dict[str, int], skipped: dict[str, int], *, dry_run: bool = False) -> dict[str, Any]:
    return {"dry_run": dry_run, "created": NONE | created, "skipped": NONE | skipped}


@pytest.fixture
def source(acme: Tenant) -> APIClient:
    """Acme's admin, whose tenant has everything that there can be."""
    client = key_client(acme, Role.ADMIN)
    for text in AWKWARD:
        event = make_event(acme, event_type=text, content={text: [text]}, user_id=text, agent_id=text, thread_id=text)
        make_belief(acme, subject_id=text, key=text, value=text, domain=text)
        make_episode(acme, user_id=text, summary=text, tags=[text, text], event_ids=[event.id, event.id])
    make_event(acme, content={"n": [1e16, 1e30, -1e19, 5e-324, 1.5, 0.1, 2**64 - 1, -0.0, 100000.0, True, None]})
    make_event(acme, occurred_at=datetime(1, 1, 1, tzinfo=UTC))
    make_event(acme, occurred_at=datetime(9999, 12, 31, 23, 59, 59, 999999, UTC))
    for value in ("London", "Paris", "London"):
        make_belief(acme, value=value, confidence=0.1 + 0.2)
    for confidence in (0.0, 5e-324, 1.0):
        make_belief(acme, key=f"{confidence}", confidence=confidence, belief_type="tenet")
    client.delete(f"/v1/beliefs/{make_belief(acme, key='forgotten').id}?soft=true")
    make_episode(acme, outcome="escalated", consolidation_status="consolidated", agent_id="planner")
    return client


@pytest.fixture
def target(globex: Tenant) -> APIClient:
    return key_client(globex, Role.ADMIN)


def test_export_imported_and_exported_again_is_the_same(source: APIClient, target: APIClient) -> None:
    file = export(source)
    counts = parsed(file)[-1]["counts"]
    imported = upload(target, file)
    assert (imported.status_code, counts.pop("user")) == (200, 0)
    assert imported.json() == answer(counts, {})
    assert normalised(export(target)) == normalised(file)
    assert len(normalised(file)) == sum(counts.values()) > 40


def test_the_same_import_again_changes_nothing(source: APIClient, target: APIClient) -> None:
    file = export(source)
    upload(target, file)
    before = export(target)
    counts = parsed(file)[-1]["counts"]
    counts.pop("user")
    for client in (target, source):
        again = upload(client, file)
        assert (again.status_code, again.json()) == (200, answer({}, counts))
    assert export(target).splitlines()[1:-1] == before.splitlines()[1:-1]
    assert normalised(export(source)) == normalised(file)


def test_imported_rows_are_readable_like_all_others(source: APIClient, target: APIClient) -> None:
    upload(target, export(source))
    for path in ("/v1/events", "/v1/beliefs", "/v1/episodes", "/v1/beliefs/timeline/ada"):
        theirs, ours = (client.get(path, {"limit": 200}).content for client in (source, target))
        assert [without_authors(theirs)] == [without_authors(ours)]
    assert target.get("/v1/stats").json() == source.get("/v1/stats").json()
    forgotten = {"subject_id": "ada", "key": "city", "value": "London"}
    assert target.post("/v1/beliefs", forgotten).status_code == 200


def without_authors(content: bytes) -> list[dict[str, Any]]:
    answer = json.loads(content)
    rows = answer.get("items") or answer["timeline"]
    return [row | {"written_by_key": None, "written_by_user": None} for row in rows]


def test_written_by_is_the_importing_key(globex: Tenant) -> None:
    key, text = make_key(globex, Role.ADMIN)
    client = anonymous_client(HTTP_X_API_KEY=text)
    foreign = {"written_by_key": str(new_id()), "written_by_user": str(new_id())}
    upload(client, make_file(*(row | foreign for row in ROWS)))
    for line in parsed(export(client))[1:-1]:
        assert (line["written_by_key"], line["written_by_user"]) == (str(key.id), None)


def test_written_by_is_the_importing_person(globex_admin: User) -> None:
    client = client_for(globex_admin)
    upload(client, make_file(*ROWS))
    for line in parsed(export(client))[1:4]:
        assert (line["written_by_key"], line["written_by_user"]) == (None, str(globex_admin.id))


def test_rows_of_another_tenant_become_the_importers(acme: Tenant, source: APIClient, target: APIClient) -> None:
    before = export(source)
    claimed = [row | {"tenant_id": str(acme.id), "tenant": str(acme.id)} for row in ROWS]
    assert upload(target, make_file(*claimed)).json() == answer({"event": 1, "belief": 1, "episode": 1}, {})
    assert len(normalised(export(target))) == 3
    assert normalised(export(source)) == normalised(before)


def test_recalls_and_confirmations_start_anew(acme: Tenant, globex: Tenant, globex_admin: User) -> None:
    """They tell of programs and searches elsewhere. So an import's key can be undone, and nothing of it stays."""
    writer, another = key_client(acme, Role.ADMIN), key_client(acme)
    told = {"subject_id": "ada", "key": "drink", "value": "tea"}
    assert [client.post("/v1/beliefs", told).status_code for client in (writer, another)] == [201, 200]
    assert writer.post("/v2/context", {"query": "tea", "user_id": "ada"}).json()["memories"]
    with tenant_transaction(acme.id):
        assert Belief.objects.filter(uses=1, confirmed_by_another=True).exists()
    key, text = make_key(globex, Role.ADMIN)
    upload(anonymous_client(HTTP_X_API_KEY=text), export(writer))
    with tenant_transaction(globex.id):
        assert Belief.objects.filter(uses=0, recalled_at=None, confirmed_by_another=False).exists()
    undone = client_for(globex_admin).post(f"/v1/api-keys/{key.id}/undo", {"since": "2026-01-01T00:00:00Z"})
    assert undone.json()["beliefs"] == {"removed": 1, "restored": 0, "kept_confirmed": 0}


def test_people_are_not_imported(source: APIClient, target: APIClient) -> None:
    upload(target, make_file(*ROWS))
    assert not User.objects.exists()
    assert [line["type"] for line in parsed(export(target))] == ["header", "event", "belief", "episode", "footer"]


def test_trial_counts_and_writes_nothing(source: APIClient, target: APIClient) -> None:
    upload(target, make_file(EVENT))
    before = normalised(export(target))
    trial = upload(target, make_file(*ROWS), "dry_run=true")
    assert trial.json() == answer({"belief": 1, "episode": 1}, {"event": 1}, dry_run=True)
    assert normalised(export(target)) == before
    assert upload(target, make_file(*ROWS)).json() == answer({"belief": 1, "episode": 1}, {"event": 1})


ANOTHER_ID = {"id": "01900000-0000-7000-8000-00000000000f"}


@pytest.mark.parametrize(
    ("there", "row"),
    [
        (EVENT, EVENT | {"content": {"text": "another"}}),
        (BELIEF, BELIEF | {"value": "Paris", "key": "another"}),
        (BELIEF, BELIEF | ANOTHER_ID),
        (BELIEF, BELIEF | ANOTHER_ID | {"value": "Paris"}),
        (EPISODE | {"event_ids": []}, EPISODE | {"event_ids": [], "summary": "another"}),
    ],
    ids=["event", "belief", "belief of another id", "belief of another value", "episode"],
)
def test_what_is_there_stays(there: dict[str, Any], row: dict[str, Any], target: APIClient) -> None:
    upload(target, make_file(there))
    before = normalised(export(target))
    refused = upload(target, make_file({**EVENT, **ANOTHER_ID}, row), "on_conflict=fail")
    assert (refused.status_code, refused.json()["code"]) == (409, "import_conflict")
    assert normalised(export(target)) == before
    skipped = upload(target, make_file(row), "on_conflict=skip")
    assert skipped.json() == answer({}, {row["type"]: 1})
    assert normalised(export(target)) == before


def test_versions_of_the_past_join_an_active_belief(target: APIClient) -> None:
    upload(target, make_file(BELIEF))
    past = BELIEF | ANOTHER_ID | {"value": "Rome", "status": "superseded", "ended_at": "2026-01-31T12:00:00Z"}
    assert upload(target, make_file(past), "on_conflict=fail").json() == answer({"belief": 1}, {})
    values = [version["value"] for version in target.get("/v1/beliefs/history/ada/city").json()]
    assert sorted(values) == ["London", "Rome"]


def test_rows_may_come_in_any_order(target: APIClient) -> None:
    """An episode before its events, and a type in several stretches."""
    rows = [EPISODE, BELIEF, EVENT, BELIEF | ANOTHER_ID | {"key": "name"}, EVENT | ANOTHER_ID]
    assert upload(target, make_file(*rows)).json() == answer({"event": 2, "belief": 2, "episode": 1}, {})


def test_gzip_of_many_members_is_one_stream(target: APIClient) -> None:
    """As tools that pack in parallel, or append, make it (RFC 1952, section 2.2)."""
    file = make_file(*ROWS)
    members = b"".join(gzip.compress(file[at : at + 50]) for at in range(0, len(file), 50))
    assert upload(target, members, HTTP_CONTENT_ENCODING="gzip").status_code == 200
