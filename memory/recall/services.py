"""Searches memory for `/v1/context` and `/v2/context`."""

from typing import Final
from uuid import UUID

from memory.events.models import Event
from memory.recall.search import Found, count_recall, search_beliefs
from memory.transactions import tenant_transaction
from tenants.limits.slots import HEAVY_CALLS
from tenants.principal import Principal

RECENT_EVENTS: Final = 10
RECALLED: Final = 10  # only the first hits count as recalled, because readers rarely use the others


def recall(
    *, principal: Principal, query: str, user_id: str | None, limit: int, with_events: bool = False
) -> tuple[Found, list[Event]]:
    """Returns the beliefs found for a query, and the newest events if `with_events`. Holds a slot of heavy calls."""
    tenant_id = principal.tenant_id
    with HEAVY_CALLS.take(tenant_id), tenant_transaction(tenant_id, by=principal):
        found = search_beliefs(tenant_id=tenant_id, query=query, subject_id=user_id, limit=limit)
        count_recall(tenant_id=tenant_id, hits=found.hits[:RECALLED])
        return found, recent_events(tenant_id=tenant_id, user_id=user_id) if with_events else []


def look_up(*, tenant_id: UUID, query: str, subject_id: str | None, limit: int) -> Found:
    """A search that doesn't count as recall. Holds a slot of heavy calls."""
    with HEAVY_CALLS.take(tenant_id), tenant_transaction(tenant_id):
        return search_beliefs(tenant_id=tenant_id, query=query, subject_id=subject_id, limit=limit)


def recent_events(*, tenant_id: UUID, user_id: str | None) -> list[Event]:
    events = Event.objects.for_tenant(tenant_id)
    if user_id is not None:
        events = events.filter(user_id=user_id)
    return list(events.order_by("-occurred_at", "-id")[:RECENT_EVENTS])
