"""Writes events: one, or a batch."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from memory.episodes.building import build_quietly, build_some
from memory.episodes.windows import Stream
from memory.events.content import LARGEST_CONTENT, content_size
from memory.events.models import EVENT_TYPE_LENGTH
from memory.events.serializers import MOST_AHEAD, EventSerializer
from memory.events.writing import write_event, write_events
from memory.records import NAME_LENGTH, written_by
from memory.serializers import read_items
from memory.transactions import tenant_transaction
from memory.transactions.changes import count_event
from tenants.ids import new_ids
from tenants.limits.slots import heavy_if_large
from tenants.principal import Principal

LARGEST_BATCH: Final = 1000


def record_event(*, principal: Principal, **fields: Any) -> dict[str, Any]:
    """Writes one event and returns its row. After the commit, builds the episodes of its stream that are due.

    Outside of a transaction it takes one round trip. Inside a `tenant_transaction` it must be the last write, because
    it locks rows of the counts (`transactions/changes.py`).
    """
    row, is_due = write_event(principal, {**written_by(principal), **fields})
    if is_due:
        stream = Stream(row["tenant_id"], row["user_id"], row["thread_id"])
        transaction.on_commit(partial(build_quietly, [stream]))
    return row


def record_event_batch(*, principal: Principal, size: int, read: Callable[[], list[Any]]) -> list[str]:
    """Writes up to 1,000 events, all or none. Returns their ids, in order.

    `read` parses the items. It is most of the work, so it runs inside the slot. `size`: bytes of the body.
    """
    with heavy_if_large(principal.tenant_id, size=size):
        now = timezone.now()
        rows = read_items("events", read(), EventSerializer(), quickly=lambda item: read_simple_event(item, now))
        with tenant_transaction(principal.tenant_id, by=principal):
            return record_events(principal=principal, rows=rows)


def record_events(*, principal: Principal, rows: list[dict[str, Any]]) -> list[str]:
    """Called inside `tenant_transaction`."""
    ids = new_ids(len(rows))
    numbered = [{"id": row_id, **row} for row_id, row in zip(ids, rows, strict=True)]
    write_events(written_by(principal), numbered)
    for row in rows:
        count_event(row["user_id"], row["occurred_at"])
    transaction.on_commit(partial(build_some, principal.tenant_id))
    return ids


def read_simple_event(item: Any, now: datetime) -> dict[str, Any] | None:
    """Reads an event as the serializer would, four times as fast. None if the item needs the serializer."""
    if not isinstance(item, dict):
        return None
    event_type, content, occurred_at = item.get("event_type"), item.get("content"), item.get("occurred_at")
    if not is_simple(event_type, EVENT_TYPE_LENGTH) or not isinstance(content, dict):
        return None
    names = {"user_id": item.get("user_id"), "agent_id": item.get("agent_id"), "thread_id": item.get("thread_id")}
    if names["user_id"] is None or not all(name is None or is_simple(name, NAME_LENGTH) for name in names.values()):
        return None
    moment = now if occurred_at is None else read_simple_time(occurred_at)
    if moment is None or moment > now + MOST_AHEAD or content_size(content) > LARGEST_CONTENT:
        return None
    return {"event_type": event_type, "content": content, **names, "occurred_at": moment}


def is_simple(text: Any, longest: int) -> bool:
    return isinstance(text, str) and 0 < len(text) <= longest


def read_simple_time(value: Any) -> datetime | None:
    if not isinstance(value, str) or not value.endswith("Z"):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
