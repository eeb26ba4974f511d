"""The answers of `/v1/context` and `/v2/context`: what the published client of every version reads."""

from typing import Any, Final
from uuid import UUID

from memory.models import Event
from memory.search import CANDIDATES, RANKED, Found, Hit, note_recall, search_beliefs
from memory.transactions import tenant_transaction
from tenants.principal import Principal
from tenants.slots import HEAVY_CALLS

RECENT_EVENTS: Final = 10
RECALLED: Final = 10  # of the hits count as recalled: the rest is rarely read


def recall(
    *, principal: Principal, query: str, user_id: str | None, limit: int, with_events: bool = False
) -> tuple[Found, list[Event]]:
    """What is remembered for a query, and the newest events if they are wanted. A search has a heavy call's slot."""
    tenant_id = principal.tenant_id
    with HEAVY_CALLS.take(tenant_id), tenant_transaction(tenant_id, by=principal):
        found = find_memories(tenant_id=tenant_id, query=query, user_id=user_id, limit=limit)
        return found, recent_events(tenant_id=tenant_id, user_id=user_id) if with_events else []


def find_memories(*, tenant_id: UUID, query: str, user_id: str | None, limit: int) -> Found:
    found = search_beliefs(tenant_id=tenant_id, query=query, subject_id=user_id, limit=limit)
    note_recall(tenant_id=tenant_id, hits=found.hits[:RECALLED])
    return found


def recent_events(*, tenant_id: UUID, user_id: str | None) -> list[Event]:
    events = Event.objects.for_tenant(tenant_id)
    if user_id is not None:
        events = events.filter(user_id=user_id)
    return list(events.order_by("-occurred_at", "-id")[:RECENT_EVENTS])


def graph_context(found: Found, *, user_id: str | None) -> dict[str, Any]:
    """Version 2. Entities, relationships and decisions are none yet."""
    return {
        "memories": [memory(hit) for hit in found.hits],
        "entities": [],
        "relationships": [],
        "decisions": [],
        "snapshot": None,
        "debug": debug(found, user_id=user_id),
    }


def context(found: Found, events: list[Event], *, user_id: str | None) -> dict[str, Any]:
    """Version 1: one object with what its several generations of clients looked for, under each one's names."""
    memories = [memory(hit) for hit in found.hits]
    said = "\n".join(f"- {hit.value}" for hit in found.hits)
    return {
        "messages": [{"role": "system", "content": f"Relevant memories:\n{said}"}] if memories else [],
        "retrieved_items": [
            {"id": item["id"], "type": "belief", "content": item["content"], **scored(item)} for item in memories
        ],
        "results": [{"text": item["content"], "score": item["score"]} for item in memories],
        "memories": memories,
        "beliefs": [
            {"key": hit.key, "value": hit.value, "confidence": hit.confidence, "confidence_score": hit.confidence}
            for hit in found.hits
        ],
        "history": [{"event_type": event.event_type, "content": event.content} for event in events],
        "debug": debug(found, user_id=user_id),
    }


def memory(hit: Hit) -> dict[str, Any]:
    return {
        "id": str(hit.id),
        "type": "belief",
        "content": hit.value,
        "text": hit.value,
        "score": hit.score,
        "metadata": {
            "key": hit.key,
            "value": hit.value,
            "domain": hit.domain,
            "belief_type": hit.belief_type,
            "confidence": hit.confidence,
            "updated_at": hit.updated_at,
        },
    }


def scored(item: dict[str, Any]) -> dict[str, Any]:
    return {"score": item["score"], "metadata": item["metadata"]}


def debug(found: Found, *, user_id: str | None) -> dict[str, Any]:
    """How each score came about, and what the search did not look at."""
    return {
        "match": found.match,
        "corrections": found.corrections,
        "searched": searched(user_id),
        "scores": {str(hit.id): {**hit.parts, "matched": hit.words} for hit in found.hits},
    }


def searched(user_id: str | None) -> str:
    if user_id is None:
        return f"the newest {CANDIDATES} active beliefs of the tenant"
    return f"all active beliefs of this user, ranked those {RANKED} with the most and rarest words"
