"""Requests to undo what a key wrote: what they answer, which are refused, and what the audit log says."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from apikeys.models import APIKey
from tenants.models import AuditEntry, Tenant
from tests.factories import client_for, make_belief
from tests.memory.undoing import EVENT, Cast


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


def test_the_dry_run_counts_what_the_key_deleted(cast: Cast, acme: Tenant) -> None:
    for number in range(3):
        make_belief(acme, subject_id="bob", key=f"key {number}")
    program = cast.clients["key"]
    one = program.get("/v1/beliefs?subject_id=bob").json()["items"][0]["id"]
    assert program.delete(f"/v1/beliefs/{one}?soft=true").json()["deleted"] == 1
    assert program.delete("/v1/beliefs?subject_id=bob").json()["deleted"] == 3
    assert cast.undo(dry_run=True)["lost"] == {"deleted": 3, "deactivated": 1}
