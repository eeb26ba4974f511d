"""What a leaked key wrote is undone, and what others wrote stays."""

import pytest
from django.utils import timezone

from accounts.models import User
from memory.models import Belief
from memory.transactions import tenant_transaction
from tenants.models import Role, Tenant
from tests.factories import anonymous_client, client_for, make_event, make_key
from tests.memory.undoing import EVENT, Cast

# Who does what in turn, what is left (oldest first), and how many versions are removed, restored, kept as confirmed.
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


def test_many_rows_are_counted_exactly(cast: Cast, acme: Tenant) -> None:
    authors = {"tenant_id": acme.id, "written_by_key": cast.key.id}
    with tenant_transaction(acme.id):
        Belief.objects.bulk_create(
            Belief(subject_id=f"user {number}", key="city", value="Mars", confidence=1, belief_type="fact", **authors)
            for number in range(3000)
        )
    assert cast.undo()["beliefs"] == {"removed": 3000, "restored": 0, "kept_confirmed": 0}
