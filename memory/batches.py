"""Many rows in one call: all or none. The rules are those of one row; a fault is named with its item's index."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.serializers import Serializer

from memory.consolidation import settle_some
from memory.content import LARGEST_CONTENT, content_size
from memory.models import EVENT_TYPE_LENGTH, NAME_LENGTH, Belief
from memory.serializers import CreateBeliefSerializer, EventSerializer
from memory.services import record_belief, written_by
from memory.spans import NOTE, START
from memory.tally import note_event
from memory.transactions import again_after_deadlock, tenant_transaction
from memory.turns import turn
from tenants.ids import new_ids
from tenants.principal import Principal

LARGEST_EVENTS: Final = 1000
LARGEST_BELIEFS: Final = 100
MOST_FAULTS: Final = 100  # of one batch; 1,000 wrong items would be as many answers in one
NO_DATA: Final = ErrorDetail("No data provided", code="null")  # as DRF says it of one
SPANS: Final = "SELECT user_id, thread_id, min(occurred_at), max(occurred_at) FROM row GROUP BY user_id, thread_id"
# Without a look at what is there: a span that was not needed costs less.
WRITE: Final = f"""
WITH row AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS row (
        id uuid, event_type text, content jsonb, user_id text, agent_id text, thread_id text, occurred_at timestamptz
    )
), written AS (
    INSERT INTO memory_event (tenant_id, written_by_key, written_by_user, created_at,
                              id, event_type, content, user_id, agent_id, thread_id, occurred_at)
    SELECT %(tenant_id)s, %(written_by_key)s, %(written_by_user)s, %(now)s,
           id, event_type, content, user_id, agent_id, thread_id, occurred_at
    FROM row
)
{NOTE.format(spans=SPANS)}
"""  # noqa: S608 - constants of ours


def record_event_batch(*, principal: Principal, size: int, read: Callable[[], list[Any]]) -> list[str]:
    """Returns the ids, in order. `read` parses the items. That is most of the work, so it runs inside the slot."""
    with turn(principal.tenant_id, size=size):
        rows = read_events(read())
        with tenant_transaction(principal.tenant_id, by=principal):
            return record_events(principal=principal, rows=rows)


def record_belief_batch(*, principal: Principal, size: int, read: Callable[[], list[Any]]) -> list[tuple[Belief, bool]]:
    """Returns each belief, in order, and whether it is new. `read` works as above."""
    with turn(principal.tenant_id, size=size):
        rows = read_beliefs(read())
        return again_after_deadlock(partial(record_beliefs_at_once, principal, rows))


def record_beliefs_at_once(principal: Principal, rows: list[dict[str, Any]]) -> list[tuple[Belief, bool]]:
    with tenant_transaction(principal.tenant_id, by=principal):
        return record_beliefs(principal=principal, rows=rows)


def items_of(data: Any, name: str, *, most: int) -> list[Any]:
    """The list under its name in a body, of 1 to `most` items."""
    items = data.get(name) if isinstance(data, dict) else None
    if not isinstance(items, list) or not 1 <= len(items) <= most:
        fault = ErrorDetail(f"Send a list of 1 to {most:,}.", code="invalid_length")
        raise ValidationError({name: [fault]})
    return items


def read_events(items: list[Any]) -> list[dict[str, Any]]:
    """Each item as the serializer of one event reads it. What is plainly right is read without it: 4 times as fast."""
    now = timezone.now()
    return read_items("events", items, EventSerializer(), plainly=lambda item: read_plain_event(item, now))


def read_beliefs(items: list[Any]) -> list[dict[str, Any]]:
    return read_items("beliefs", items, CreateBeliefSerializer(), plainly=lambda item: None)


def read_items(
    name: str, items: list[Any], serializer: Serializer[Any], *, plainly: Callable[[Any], dict[str, Any] | None]
) -> list[dict[str, Any]]:
    """All items, by one serializer: to make one for each takes 0.6 ms. Names the first 100 that are wrong."""
    rows: list[dict[str, Any]] = []
    faults: dict[str, Any] = {}
    for index, item in enumerate(items):
        try:
            rows.append(plainly(item) or serializer.run_validation(item))
        except ValidationError as refusal:
            faults[str(index)] = [NO_DATA] if item is None else refusal.detail
            if len(faults) == MOST_FAULTS:
                break
    if faults:
        raise ValidationError({name: faults})
    return rows


def read_plain_event(item: Any, now: datetime) -> dict[str, Any] | None:
    """None where there is anything to think about: the serializer decides then."""
    if not isinstance(item, dict):
        return None
    event_type, content, occurred_at = item.get("event_type"), item.get("content"), item.get("occurred_at")
    if not is_plain(event_type, EVENT_TYPE_LENGTH) or not isinstance(content, dict):
        return None
    names = {"user_id": item.get("user_id"), "agent_id": item.get("agent_id"), "thread_id": item.get("thread_id")}
    if names["user_id"] is None or not all(name is None or is_plain(name, NAME_LENGTH) for name in names.values()):
        return None
    moment = now if occurred_at is None else read_plain_moment(occurred_at)
    if moment is None or content_size(content) > LARGEST_CONTENT:
        return None
    return {"event_type": event_type, "content": content, **names, "occurred_at": moment}


def is_plain(text: Any, longest: int) -> bool:
    return isinstance(text, str) and 0 < len(text) <= longest


def read_plain_moment(value: Any) -> datetime | None:
    if not isinstance(value, str) or not value.endswith("Z"):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def record_events(*, principal: Principal, rows: list[dict[str, Any]]) -> list[str]:
    """One statement for all of them. Returns their ids, in order."""
    ids = new_ids(len(rows))
    numbered = [{"id": row_id, **row} for row_id, row in zip(ids, rows, strict=True)]
    values: dict[str, Any] = {**written_by(principal), "now": timezone.now(), "rows": orjson.dumps(numbered).decode()}
    with connection.cursor() as cursor:
        cursor.execute(WRITE, values | {"gap": settings.EPISODE_GAP, "after": START, "due": None})
    for row in rows:
        note_event(row["user_id"], row["occurred_at"])
    transaction.on_commit(partial(settle_some, principal.tenant_id))
    return ids


def record_beliefs(*, principal: Principal, rows: list[dict[str, Any]]) -> list[tuple[Belief, bool]]:
    """In the order of their keys, so that two batches with the same keys wait for each other and never deadlock."""
    in_order = sorted(range(len(rows)), key=lambda place: (rows[place]["subject_id"], rows[place]["key"]))
    written = {place: record_belief(principal=principal, **rows[place]) for place in in_order}
    return [written[place] for place in range(len(rows))]
