"""A list that is read by one prepared statement is, byte for byte, the list that a queryset reads."""

from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from rest_framework.test import APIClient

from memgraph.renderers import JSONRenderer
from memory.beliefs.views import BeliefViewSet
from memory.episodes.views import EpisodeViewSet
from memory.events.views import EventViewSet
from memory.models import Belief, Episode
from memory.reading import as_dicts, as_json
from memory.transactions import tenant_transaction
from memory.views import MemoryViewSet
from tenants.keyset import keyset_page, read_cursor, read_limit
from tenants.models import Tenant
from tenants.serializers import checked
from tests.factories import make_belief, make_episode, make_event

CURSOR = b'"next_cursor"'
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
NAMES = {"agent_id": "agent 1", "thread_id": "thread 1"}
TIMES = {"since": NOON.isoformat(), "until": (NOON + timedelta(minutes=2)).isoformat()}
FILTERS: dict[type[MemoryViewSet], dict[str, str]] = {
    EventViewSet: {"user_id": "ada", "event_type": "x", **NAMES, **TIMES},
    BeliefViewSet: {"subject_id": "ada", "domain": "work", "belief_type": "fact"},
    EpisodeViewSet: {"user_id": "ada", "outcome": "completed", "consolidation_status": "pending", **NAMES, **TIMES},
}
PATHS = {EventViewSet: "/v1/events", BeliefViewSet: "/v1/beliefs", EpisodeViewSet: "/v1/episodes"}
WRITTEN_BY = dict.fromkeys(("written_by_key", "written_by_user"), "00000000-0000-7000-8000-000000000001")


def fill(tenant: Tenant) -> None:
    """Rows that meet all filters, and for each filter some that don't."""
    for number in range(3):
        at = NOON + timedelta(minutes=number, microseconds=number)
        for user, agent, thread, kind in (
            ("ada", "agent 1", "thread 1", "x"),
            ("ada", None, None, "x"),
            ("grace", "agent 1", "thread 2", "y"),
        ):
            names: dict[str, Any] = {"user_id": user, "agent_id": agent, "thread_id": thread}
            make_event(tenant, event_type=kind, content={"n": [1.0, number, "é"]}, occurred_at=at, **names)
            status = Episode.Consolidation.PENDING if agent else Episode.Consolidation.PROCESSING
            outcome = Episode.Outcome.COMPLETED if thread else None
            make_episode(tenant, started_at=at, outcome=outcome, consolidation_status=status, **names)
        for subject, domain, kind in (("ada", "work", "fact"), ("ada", None, "tenet"), ("grace", "work", "fact")):
            make_belief(
                tenant, subject_id=subject, key=f"{number} {kind}", domain=domain, belief_type=Belief.Type(kind)
            )


def plainly(view: type[MemoryViewSet], tenant: Tenant, query: dict[str, str]) -> tuple[bytes, str | None]:
    filters = checked(view.filter_serializer, query)
    with tenant_transaction(tenant.id):
        rows, next_cursor = keyset_page(
            as_dicts(view.reader.rows(tenant.id).filter(**filters)),
            ordering=view.ordering,
            limit=read_limit(query.get("limit")),
            cursor=query.get("cursor"),
            tenant_id=tenant.id,
            name=view.reader.name,
        )
    return JSONRenderer().render({"items": as_json(rows), "next_cursor": next_cursor}), next_cursor


def place_of(cursor: str | None, view: type[MemoryViewSet], tenant: Tenant) -> Any:
    """Cursors of the same place differ in the time of their signature."""
    return cursor and read_cursor(cursor, f"cursor:{tenant.id}:{view.reader.name}")


@pytest.mark.parametrize("most", [2, pytest.param(9, marks=pytest.mark.soak)])
@pytest.mark.parametrize("view", FILTERS, ids=PATHS.get)
def test_every_combination_of_filters_and_each_page(
    most: int, view: type[MemoryViewSet], acme: Tenant, globex: Tenant, editor_key: APIClient
) -> None:
    """Combinations of up to `most` filters, and all filters together."""
    fill(acme)
    fill(globex)
    filters = {**FILTERS[view], **WRITTEN_BY}
    seen = 0
    for size in sorted({*range(min(most, len(filters)) + 1), len(filters)}):
        for names in combinations(filters, size):
            query = {name: filters[name] for name in names}
            for limit in ({}, {"limit": "2"}):
                cursor: str | None = ""
                while cursor is not None:
                    asked = {**query, **limit, **({"cursor": cursor} if cursor else {})}
                    expected, cursor = plainly(view, acme, asked)
                    answer = editor_key.get(PATHS[view], asked)
                    assert answer.content.partition(CURSOR)[0] == expected.partition(CURSOR)[0]
                    assert place_of(answer.json()["next_cursor"], view, acme) == place_of(cursor, view, acme)
                    seen += expected.count(b'"id"')
    assert seen > 50
