"""The responses of `/v1/context` and `/v2/context`, as every version of the published client reads them."""

from typing import Any

from memory.events.models import Event
from memory.recall.ranking import CANDIDATES, COMPARED, COMPARED_LETTERS, RANKED, RANKED_LETTERS
from memory.recall.search import Found, Hit


def graph_context(found: Found, *, user_id: str | None) -> dict[str, Any]:
    """The response of version 2. There are no entities, relationships or decisions yet."""
    return {
        "memories": [memory(hit) for hit in found.hits],
        "entities": [],
        "relationships": [],
        "decisions": [],
        "snapshot": None,
        "debug": debug(found, user_id=user_id),
    }


def context(found: Found, events: list[Event], *, user_id: str | None) -> dict[str, Any]:
    """The response of version 1: the same results under all the names that any version of the client reads."""
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
    """How each score was computed, which beliefs the search looked at, and what it cost.

    `cost`: `compared` beliefs had their letters compared; `ranked` of them were turned into words; the time is that of
    the search alone.
    """
    return {
        "match": found.match,
        "corrections": found.corrections,
        "searched": searched(user_id),
        "cost": {"compared": found.compared, "ranked": found.ranked, "milliseconds": round(found.seconds * 1000, 1)},
        "scores": {str(hit.id): {**hit.parts, "matched": hit.words} for hit in found.hits},
    }


def searched(user_id: str | None) -> str:
    if user_id is None:
        return f"the newest {CANDIDATES} active beliefs of the tenant, up to {RANKED_LETTERS} letters"
    return (
        f"the newest {COMPARED} active beliefs of this user, up to {COMPARED_LETTERS} letters; ranked the {RANKED} with"
        f" the most and rarest matching words, up to {RANKED_LETTERS} letters"
    )
