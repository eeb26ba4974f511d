"""A leaked key is a poisoned memory: what it wrote is taken back, and what others said stays."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from apikeys.models import APIKey
from memory.models import Belief
from memory.transactions import tenant_transaction
from tenants.models import AuditEntry, Role, Tenant
from tests.factories import anonymous_client, client_for, make_belief, make_event, make_key

EVENT = {"event_type": "user_message", "content": {"text": "hello"}, "user_id": "ada"}
BELIEF = {"subject_id": "ada", "key": "city"}


class Cast:
    """The leaked key, another program's key, and the admin who takes back."""

    def __init__(self, acme: Tenant, acme_admin: User) -> None:
        self.key, leaked = make_key(acme, name="leaked")
        _, other = make_key(acme, name="other")
        self.clients = {
            "key": anonymous_client(HTTP_X_API_KEY=leaked),
            "other": anonymous_client(HTTP_X_API_KEY=other),
            "admin": client_for(acme_admin),
        }
        self.admin = self.clients["admin"]
        self.since = timezone.now().isoformat()

    def believe(self, who: str, value: str, confidence: float = 0.5) -> dict[str, Any]:
        body = BELIEF | {"value": value, "confidence": confidence}
        answer = self.clients[who].post("/v1/beliefs", body)
        assert answer.status_code in (200, 201), answer.content
        return answer.json()

    def forget(self, who: str, *, soft: bool) -> None:
        query = f"subject_id=ada&soft={str(soft).lower()}"
        assert self.clients[who].delete(f"/v1/beliefs?{query}").status_code == 200

    def undo(self, **body: Any) -> dict[str, Any]:
        answer = self.admin.post(f"/v1/api-keys/{self.key.id}/undo", {"since": self.since} | body)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def history(self) -> list[tuple[str, str]]:
        versions = self.admin.get("/v1/beliefs/history/ada/city").json()
        return [(version["value"], version["status"]) for version in versions]


@pytest.fixture
def cast(acme: Tenant, acme_admin: User) -> Cast:
    return Cast(acme, acme_admin)


# Who does what in turn; what is left, oldest first; how many versions are removed, restored, kept as confirmed.
HISTORIES: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]], tuple[int, int, int]]] = {
    "the key wrote over": ([("other", "London"), ("key", "Mars")], [("London", "active")], (1, 1, 0)),
    "the key wrote over a person": ([("admin", "London"), ("key", "Mars")], [("London", "active")], (1, 1, 0)),
    "the first version": ([("key", "Mars")], [], (1, 0, 0)),
    "confirmed by another": ([("key", "Mars"), ("other", "Mars")], [("Mars", "active")], (0, 0, 1)),
    "confirmed by a person": ([("key", "Mars"), ("admin", "Mars")], [("Mars", "active")], (0, 0, 1)),
    "said again by the key itself": ([("key", "Mars"), ("key", "Mars")], [], (1, 0, 0)),
    "said again by the key, of another's": (
        [("other", "London"), ("key", "London")],
        [("London", "active")],
        (0, 0, 0),
    ),
    "several versions": (
        [("other", "London"), ("key", "Mars"), ("key", "Venus"), ("key", "Pluto")],
        [("London", "active")],
        (3, 1, 0),
    ),
    "the key wrote twice, another between": (
        [("key", "Mars"), ("other", "Paris"), ("key", "Venus")],
        [("Paris", "active")],
        (2, 1, 0),
    ),
    "another wrote on top": (
        [("other", "London"), ("key", "Mars"), ("other", "Paris")],
        [("London", "superseded"), ("Paris", "active")],
        (1, 0, 0),
    ),
    "confirmed, then written over by the key": (
        [("key", "Mars"), ("other", "Mars"), ("key", "Venus")],
        [("Mars", "active")],
        (1, 1, 1),
    ),
    "confirmed, then written over by another": (
        [("key", "Mars"), ("other", "Mars"), ("other", "Paris")],
        [("Mars", "superseded"), ("Paris", "active")],
        (0, 0, 1),
    ),
    "deactivated after the key wrote": (
        [("other", "London"), ("key", "Mars"), ("other", "soft delete")],
        [("London", "superseded")],
        (1, 0, 0),
    ),
    "deactivated before the key wrote": (
        [("other", "London"), ("other", "soft delete"), ("key", "Mars")],
        [("London", "inactive")],
        (1, 0, 0),
    ),
    "deactivated between what the key wrote": (
        [("other", "London"), ("key", "Mars"), ("other", "soft delete"), ("key", "Venus")],
        [("London", "superseded")],
        (2, 0, 0),
    ),
    "deactivated long before": (
        [("other", "Rome"), ("other", "soft delete"), ("other", "London"), ("key", "Mars")],
        [("Rome", "inactive"), ("London", "active")],
        (1, 1, 0),
    ),
    "deleted by the key": ([("other", "London"), ("key", "delete"), ("key", "Mars")], [], (1, 0, 0)),
}


@pytest.mark.parametrize("history", HISTORIES)
def test_a_history_without_the_key(history: str, cast: Cast) -> None:
    acts, left, counts = HISTORIES[history]
    for who, act in acts:
        if act.endswith("delete"):
            cast.forget(who, soft=act.startswith("soft"))
        else:
            cast.believe(who, act)
    before = cast.history()
    expected = dict(zip(("removed", "restored", "kept_confirmed"), counts, strict=True))
    assert cast.undo(dry_run=True)["beliefs"] == expected
    assert cast.history() == before
    assert cast.undo()["beliefs"] == expected
    assert cast.history() == left
    assert cast.undo()["beliefs"] == {"removed": 0, "restored": 0, "kept_confirmed": counts[2]}


def test_a_restored_version_is_believed_and_can_be_written_over(cast: Cast) -> None:
    first = cast.believe("other", "London")
    cast.believe("key", "Mars")
    cast.undo()
    (active,) = cast.admin.get("/v1/beliefs?subject_id=ada").json()["items"]
    assert (active["id"], active["ended_at"]) == (first["id"], None)
    assert cast.believe("other", "Paris")["status"] == "active"
    assert cast.history() == [("London", "superseded"), ("Paris", "active")]


def test_each_belief_gets_its_own_predecessor_back(cast: Cast) -> None:
    for who, value in (("other", "old"), ("key", "poison")):
        for subject in ("ada", "grace"):
            for name in ("city", "food"):
                body = {"subject_id": subject, "key": name, "value": f"{value} {name} of {subject}"}
                assert cast.clients[who].post("/v1/beliefs", body).status_code == 201
    assert cast.undo()["beliefs"] == {"removed": 4, "restored": 4, "kept_confirmed": 0}
    believed = {item["value"] for item in cast.admin.get("/v1/beliefs").json()["items"]}
    assert believed == {f"old {name} of {subject}" for subject in ("ada", "grace") for name in ("city", "food")}


def test_events_and_episodes_go_and_others_forget_them(cast: Cast, acme: Tenant) -> None:
    kept = [cast.clients["other"].post("/v1/events", EVENT).json()["id"] for _ in range(2)]
    poison = [cast.clients["key"].post("/v1/events", EVENT).json()["id"] for _ in range(3)]
    mixed = [kept[1], poison[0], kept[0], poison[2]]
    for who in ("other", "key"):
        body = {"user_id": "ada", "summary": "They spoke.", "event_ids": mixed}
        assert cast.clients[who].post("/v1/episodes", body).status_code == 201
    counts = cast.undo(dry_run=True)
    assert (counts["events"], counts["episodes"]) == (3, 1)
    assert cast.admin.get("/v1/stats").json()["total_events"] == 5
    counts = cast.undo()
    assert (counts["events"], counts["episodes"]) == (3, 1)
    assert {event["id"] for event in cast.admin.get("/v1/events").json()["items"]} == set(kept)
    (episode,) = cast.admin.get("/v1/episodes").json()["items"]
    assert episode["event_ids"] == [kept[1], kept[0]]


def test_only_what_was_written_since_goes(cast: Cast) -> None:
    early = cast.clients["key"].post("/v1/events", EVENT).json()["id"]
    cast.believe("key", "London")
    cast.since = timezone.now().isoformat()
    cast.clients["key"].post("/v1/events", EVENT)
    cast.believe("key", "Mars")
    counts = cast.undo()
    assert (counts["events"], counts["beliefs"]["removed"]) == (1, 1)
    assert [event["id"] for event in cast.admin.get("/v1/events").json()["items"]] == [early]
    assert cast.history() == [("London", "active")]


def test_what_an_admins_key_imported_goes_however_old_it_says_it_is(
    acme: Tenant, acme_admin: User, transactional_db: None
) -> None:
    make_event(acme)
    admin = client_for(acme_admin)
    exported = admin.get("/v1/admin/export").getvalue()
    with tenant_transaction(acme.id):
        assert admin
    event_id = admin.get("/v1/events").json()["items"][0]["id"]
    admin.post("/v1/admin/erase", {"user_id": "ada"})
    key, plaintext = make_key(acme, Role.ADMIN)
    since = timezone.now()
    imported = anonymous_client(HTTP_X_API_KEY=plaintext).generic(
        "POST", "/v1/admin/import", exported, "application/x-ndjson"
    )
    assert imported.json()["created"]["event"] == 1
    (event,) = admin.get("/v1/events").json()["items"]
    assert event["id"] == event_id
    assert event["created_at"] < since.isoformat()
    undone = admin.post(f"/v1/api-keys/{key.id}/undo", {"since": since.isoformat()}).json()
    assert undone["events"] == 1


def test_a_revoked_key_is_undone_too(cast: Cast) -> None:
    cast.believe("key", "Mars")
    assert cast.admin.delete(f"/v1/api-keys/{cast.key.id}").status_code == 200
    assert cast.undo()["beliefs"]["removed"] == 1


def test_the_answer_says_what_can_not_come_back(cast: Cast) -> None:
    answer = cast.undo()
    assert answer.pop("since").startswith(cast.since[:19])
    assert "deleted" in answer.pop("not_undone")
    assert answer.pop("lost") == {"deleted": 0, "deactivated": 0}
    counts = {"removed": 0, "restored": 0, "kept_confirmed": 0}
    assert answer == {"dry_run": False, "events": 0, "episodes": 0, "beliefs": counts}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "required"),
        ({"since": None}, "null"),
        ({"since": "yesterday"}, "invalid"),
        ({"since": 5}, "invalid"),
        ({"since": "2126-01-01T00:00:00Z"}, "in_the_future"),
    ],
)
def test_a_bad_moment_is_refused(body: dict[str, Any], code: str, cast: Cast) -> None:
    cast.believe("key", "Mars")
    answer = cast.admin.post(f"/v1/api-keys/{cast.key.id}/undo", body)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"], error["code"]) == (422, "since", code)
    assert cast.history() == [("Mars", "active")]


def test_a_moment_soon_is_in_the_future(cast: Cast) -> None:
    soon = timezone.now() + timedelta(minutes=5)
    assert cast.admin.post(f"/v1/api-keys/{cast.key.id}/undo", {"since": soon.isoformat()}).status_code == 422


def test_a_bad_dry_run_changes_nothing(cast: Cast) -> None:
    cast.believe("key", "Mars")
    body = {"since": cast.since, "dry_run": "perhaps"}
    assert cast.admin.post(f"/v1/api-keys/{cast.key.id}/undo", body).status_code == 422
    assert cast.history() == [("Mars", "active")]


def test_another_tenant_undoes_nothing_here(cast: Cast, globex_admin: User) -> None:
    cast.believe("key", "Mars")
    answer = client_for(globex_admin).post(f"/v1/api-keys/{cast.key.id}/undo", {"since": cast.since})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert cast.history() == [("Mars", "active")]


def test_an_undo_is_audited_and_a_dry_run_is_not(cast: Cast, acme: Tenant) -> None:
    cast.believe("key", "Mars")
    cast.undo(dry_run=True)
    undone = AuditEntry.objects.filter(tenant_id=acme.id, action="key.writes_undone")
    assert not undone.exists()
    cast.undo()
    entry = undone.get()
    assert entry.target_id == cast.key.id
    assert entry.after["beliefs"] == {"removed": 1, "restored": 0, "kept_confirmed": 0}
    assert (entry.after["events"], entry.after["episodes"]) == (0, 0)


def ids(client: APIClient, path: str, key: APIKey) -> list[UUID]:
    return [item["id"] for item in client.get(path, {"written_by_key": str(key.id)}).json()["items"]]


def test_what_a_key_wrote_is_shown_and_filtered(cast: Cast, acme_admin: User) -> None:
    event = cast.clients["key"].post("/v1/events", EVENT).json()
    belief = cast.believe("key", "Mars")
    episode = cast.clients["key"].post("/v1/episodes", {"user_id": "ada", "summary": "s"}).json()
    for written in (event, belief, episode):
        assert (written["written_by_key"], written["written_by_user"]) == (str(cast.key.id), None)
    by_admin = cast.admin.post("/v1/events", EVENT).json()
    assert (by_admin["written_by_key"], by_admin["written_by_user"]) == (None, str(acme_admin.id))
    for path, row in (("/v1/events", event), ("/v1/beliefs", belief), ("/v1/episodes", episode)):
        assert ids(cast.admin, path, cast.key) == [row["id"]]
    found = cast.admin.get("/v1/events", {"written_by_user": str(acme_admin.id)}).json()["items"]
    assert [item["id"] for item in found] == [by_admin["id"]]


def test_many_rows_are_counted_exactly(cast: Cast, acme: Tenant) -> None:
    authors = {"tenant_id": acme.id, "written_by_key": cast.key.id}
    with tenant_transaction(acme.id):
        Belief.objects.bulk_create(
            Belief(subject_id=f"user {number}", key="city", value="Mars", confidence=1, belief_type="fact", **authors)
            for number in range(3000)
        )
    assert cast.undo()["beliefs"] == {"removed": 3000, "restored": 0, "kept_confirmed": 0}


def test_the_dry_run_counts_what_the_key_deleted(cast: Cast, acme: Tenant) -> None:
    for number in range(3):
        make_belief(acme, subject_id="bob", key=f"key {number}")
    program = cast.clients["key"]
    one = program.get("/v1/beliefs?subject_id=bob").json()["items"][0]["id"]
    assert program.delete(f"/v1/beliefs/{one}?soft=true").json()["deleted"] == 1
    assert program.delete("/v1/beliefs?subject_id=bob").json()["deleted"] == 3
    assert cast.undo(dry_run=True)["lost"] == {"deleted": 3, "deactivated": 1}
