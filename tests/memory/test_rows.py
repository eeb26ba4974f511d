"""Whatever is in a row, a list and its own address show it as its serializer would."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from memory.beliefs.serializers import BeliefSerializer
from memory.episodes.serializers import EpisodeSerializer
from memory.events.serializers import EventSerializer
from memory.models import Belief, Episode, Event
from memory.records import Remembered
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.factories import make_belief, make_episode, make_event

SERIALIZERS: dict[str, tuple[Any, Any]] = {
    "/v1/events": (Event, EventSerializer),
    "/v1/beliefs": (Belief, BeliefSerializer),
    "/v1/episodes": (Episode, EpisodeSerializer),
}
MOMENTS = [
    datetime(2026, 1, 31, 12, tzinfo=UTC),
    datetime(2026, 1, 31, 12, 30, 0, 500_000, tzinfo=UTC),
    datetime(2026, 1, 31, 12, 30, 0, 1, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
]
CONTENTS: list[dict[str, Any]] = [
    {},
    {"text": 'Zoë 🦉 "quoted" \\ </script> \u2028', "a": [None, True, 1.5, 1e30, -1e-7, 2**63, -(2**63), {"": []}]},
    {"n": 1e300, "m": 12345678901234567, "z": 0.1, "y": 100.0},
]


def assert_same(client: APIClient, tenant: Tenant, path: str) -> None:
    (listed,) = client.get(path).json()["items"]
    alone = client.get(f"{path}/{listed['id']}").json()
    model, serializer = SERIALIZERS[path]
    with tenant_transaction(tenant.id):
        serialized = json.loads(json.dumps(serializer(model.objects.get()).data))
    assert listed == alone == serialized


INTERNAL = {"tenant", "written_at", "confirmed_by_another", "uses", "recalled_at"}


@pytest.mark.parametrize("model", [Event, Belief, Episode])
def test_every_column_is_answered_or_internal(model: type[Remembered]) -> None:
    fields = [field.name for field in model._meta.concrete_fields]
    assert sorted([*model.COLUMNS, *INTERNAL.intersection(fields)]) == sorted(fields)


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
@pytest.mark.parametrize("content", CONTENTS, ids=["empty", "text", "numbers"])
def test_an_event(content: dict[str, Any], moment: datetime, acme: Tenant, editor_key: APIClient) -> None:
    if moment.year == 9999:  # only an import writes it
        make_event(acme, content=content, occurred_at=moment)
    else:
        event = {"event_type": "x", "user_id": "ada", "content": content, "occurred_at": moment.isoformat()}
        assert editor_key.post("/v1/events", event).status_code == 201
    assert_same(editor_key, acme, "/v1/events")
    assert editor_key.get("/v1/events").json()["items"][0]["content"] == content


@pytest.mark.parametrize("columns", [{}, {"confidence": 1.0, "domain": "work"}, {"confidence": 0.1 + 0.2}], ids=str)
def test_a_belief(columns: dict[str, Any], acme: Tenant, editor_key: APIClient) -> None:
    make_belief(acme, **columns)
    assert_same(editor_key, acme, "/v1/beliefs")


@pytest.mark.parametrize("moment", MOMENTS[:3], ids=str)
def test_an_episode(moment: datetime, acme: Tenant, editor_key: APIClient) -> None:
    events = [make_event(acme) for _ in range(3)]
    make_episode(acme, event_ids=[event.id for event in events], tags=["a", "b"], started_at=moment, ended_at=moment)
    assert_same(editor_key, acme, "/v1/episodes")
    assert editor_key.get("/v1/episodes").json()["items"][0]["event_count"] == 3
