"""Many rows in one call: all or none, by the rules of one row."""

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from memory.events.serializers import EventSerializer
from memory.events.services import read_simple_event
from memory.models import Event
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.memory.reading import kept_rows

EVENT = {"event_type": "user_message", "content": {"text": "hi"}, "user_id": "ada"}
BELIEF = {"subject_id": "ada", "key": "city", "value": "London"}


def test_a_thousand_events_keep_their_order(editor_key: APIClient) -> None:
    events = [{**EVENT, "content": {"n": number}} for number in range(1000)]
    answer = editor_key.post("/v1/events/batch", {"events": events})
    assert (answer.status_code, answer.json()["created"]) == (201, 1000)
    newest = editor_key.get("/v1/events?limit=200").json()["items"]
    assert {event["id"] for event in newest} <= set(answer.json()["ids"])
    first = editor_key.get(f"/v1/events/{answer.json()['ids'][0]}").json()
    assert first["content"] == {"n": 0}
    assert first["written_by_key"]


PLAIN_AND_ODD = [
    {"agent_id": "a", "thread_id": "t", "occurred_at": "2026-01-31T12:00:00.5Z"},
    {"agent_id": None, "thread_id": ""},
    {"occurred_at": "2026-01-31T12:00:00+02:00"},
    {"occurred_at": "2026-01-31T12:00"},
    {"event_type": " padded "},
    {"user_id": " ada "},
    {"user_id": 5},
    {"content": {"text": '\u00e4 \U0001f600 \\ " \n', "big": 1e30, "deep": [[{}]]}},
]


@pytest.mark.parametrize("fields", PLAIN_AND_ODD)
def test_an_event_of_a_batch_is_read_as_one_alone(fields: dict[str, Any], editor_key: APIClient) -> None:
    alone = editor_key.post("/v1/events", {**EVENT, **fields}).json()
    (row_id,) = editor_key.post("/v1/events/batch", {"events": [{**EVENT, **fields}]}).json()["ids"]
    batched = editor_key.get(f"/v1/events/{row_id}").json()
    varying = {"id", "created_at"} | (set() if "occurred_at" in fields else {"occurred_at"})
    assert {name: value for name, value in batched.items() if name not in varying} == {
        name: value for name, value in alone.items() if name not in varying
    }


def test_the_quick_reading_agrees_with_the_serializer() -> None:
    item = {**EVENT, "agent_id": "a", "thread_id": None, "occurred_at": "2026-01-31T12:00:00Z"}
    serializer = EventSerializer(data=item)
    assert serializer.is_valid()
    assert read_simple_event(item, timezone.now()) == dict(serializer.validated_data)


@pytest.mark.parametrize(
    ("path", "name", "good", "bad", "field"),
    [
        ("/v1/events/batch", "events", EVENT, {**EVENT, "content": []}, "events.3.content"),
        ("/v1/events/batch", "events", EVENT, {**EVENT, "content": {"x": "y" * 65536}}, "events.3.content"),
        ("/v1/events/batch", "events", EVENT, {**EVENT, "user_id": None}, "events.3.user_id"),
        ("/v1/events/batch", "events", EVENT, {**EVENT, "occurred_at": "soon"}, "events.3.occurred_at"),
        ("/v1/events/batch", "events", EVENT, "text", "events.3"),
        ("/v1/beliefs/batch", "beliefs", BELIEF, {**BELIEF, "confidence": 2}, "beliefs.3.confidence"),
        ("/v1/beliefs/batch", "beliefs", BELIEF, None, "beliefs.3"),
    ],
)
def test_one_bad_item_refuses_all_and_is_named(
    path: str, name: str, good: Any, bad: Any, field: str, acme: Tenant, editor_key: APIClient
) -> None:
    response = editor_key.post(path, {name: [good, good, good, bad, good]})
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert kept_rows(acme) == {}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/events/batch", {"events": []}),
        ("/v1/events/batch", {"events": [EVENT] * 1001}),
        ("/v1/events/batch", {}),
        ("/v1/events/batch", [EVENT]),
        ("/v1/beliefs/batch", {"beliefs": [BELIEF] * 101}),
        ("/v1/beliefs/batch", {"beliefs": {"0": BELIEF}}),
    ],
)
def test_too_few_and_too_many_are_refused(path: str, body: Any, editor_key: APIClient) -> None:
    assert editor_key.post(path, body).status_code == 422


def test_an_item_of_another_tenant_refuses_all(editor_key: APIClient, acme: Tenant, globex: Tenant) -> None:
    response = editor_key.post("/v1/events/batch", {"events": [EVENT, {**EVENT, "tenant_id": str(globex.id)}]})
    assert (response.status_code, response.json()["code"]) == (403, "tenant_mismatch")
    with tenant_transaction(acme.id):
        assert not Event.objects.exists()


def test_beliefs_of_a_batch_follow_the_rules_of_one(editor_key: APIClient) -> None:
    again, other, another_key = dict(BELIEF), {**BELIEF, "value": "Paris"}, {**BELIEF, "key": "job"}
    answer = editor_key.post("/v1/beliefs/batch", {"beliefs": [BELIEF, another_key, again, other]}).json()
    assert answer["created"] == 3
    assert [item["value"] for item in answer["items"]] == ["London", "London", "London", "Paris"]
    assert answer["items"][0]["id"] == answer["items"][2]["id"]
    history = editor_key.get("/v1/beliefs/history/ada/city").json()
    assert [version["status"] for version in history] == ["superseded", "active"]
