"""Unsettled spans: the parts of streams whose episodes must be built. Called inside `tenant_transaction`.

Writes and removals of events add spans; `building.py` takes them.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection

from memory.episodes.windows import Position, Stream, Window
from postgres.statements import Statement

START: Final = UUID(int=0)  # sorts before every event of the same time
LAST_MOMENT: Final = "9999-12-31 23:59:59+00"
# Shared for the writers of a stream (`events/writing.py`), exclusive for the builder of its episodes.
LOCK_STREAM: Final = Statement("SELECT pg_advisory_xact_lock(%(number)s)")
# Shared for builders, exclusive for removals. An episode that is built during a removal could quote a removed event.
SHARE_WITH_BUILDERS: Final = "SELECT pg{try_}_advisory_xact_lock_shared(hashtextextended(%s, 0))"
ADD_SPANS: Final = f"""
INSERT INTO memory_unsettledspan (
    tenant_id, user_id, thread_id, after_at, after_id, until_at, due_at
)
SELECT %(tenant_id)s, user_id, thread_id, first, %(after)s,
    least(last, '{LAST_MOMENT}'), coalesce(%(due)s, first + %(gap)s)
FROM ({{spans}}) AS span (user_id, thread_id, first, last)
"""  # noqa: S608 - a constant of ours
GIVEN_SPAN: Final = "VALUES (%(user_id)s, %(thread_id)s, %(first)s::timestamptz, %(last)s::timestamptz)"
REMOVED_SPANS: Final = """
SELECT user_id, thread_id, min(occurred_at), max(occurred_at) + %(gap)s FROM removed_event GROUP BY user_id, thread_id
"""
DERIVED_SPANS: Final = """
SELECT user_id, thread_id, started_at, ended_at FROM memory_episode
WHERE tenant_id = %(tenant_id)s AND derived AND {condition}
"""
NEXT_SPAN: Final = """
SELECT id, after_at, after_id, until_at, now(), array_agg(id) OVER () AS known FROM memory_unsettledspan
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND {thread} AND EXISTS (
    SELECT FROM memory_unsettledspan
    WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND {thread} AND due_at <= now()
)
ORDER BY after_at, after_id, id LIMIT 1
"""
DROP_SPANS: Final = """
DELETE FROM memory_unsettledspan
WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND {thread} AND id = ANY(%(known)s)
AND (id = %(id)s OR after_at < %(last)s OR after_at = %(last)s AND NOT %(full)s)
RETURNING until_at
"""
DUE_STREAMS: Final = """
SELECT user_id, thread_id FROM memory_unsettledspan
WHERE tenant_id = %(tenant_id)s AND due_at <= now() ORDER BY due_at LIMIT %(most)s
"""


# Adding


def add_span(
    stream: Stream, first: datetime, last: datetime, *, after: UUID = START, due: datetime | None = None
) -> None:
    names = {"user_id": stream.user_id, "thread_id": stream.thread_id}
    add_spans(stream.tenant_id, GIVEN_SPAN, after=after, due=due, first=first, last=last, **names)


def add_spans(tenant_id: UUID, spans: str, *, after: UUID = START, due: datetime | None = None, **values: Any) -> None:
    """Adds the spans that a SELECT finds: user_id, thread_id, first and last time. Due one gap after the first."""
    values |= {"tenant_id": tenant_id, "after": after, "due": due, "gap": settings.EPISODE_GAP}
    with connection.cursor() as cursor:
        cursor.execute(ADD_SPANS.format(spans=spans), values)


# Taking


def due_streams(tenant_id: UUID, *, most: int = 500) -> list[Stream]:
    with connection.cursor() as cursor:
        cursor.execute(DUE_STREAMS, {"tenant_id": tenant_id, "most": most})
        return [Stream(tenant_id, *row) for row in dict.fromkeys(cursor.fetchall())]


@dataclass(frozen=True)
class Span:
    stream: Stream
    id: int
    after: Position
    until: datetime
    now: datetime
    known: list[int]  # ids of all spans of the stream when it was read


def next_span(stream: Stream) -> Span | None:
    """The first span of the stream if any of its spans is due. Windows are built from their beginning."""
    with connection.cursor() as cursor:
        cursor.execute(stream.compose(NEXT_SPAN), stream.columns)
        row = cursor.fetchone()
    return row and Span(stream, row[0], Position(row[1], row[2]), *row[3:])


def drop_spans(span: Span, window: Window | None) -> list[datetime]:
    """Removes this span and those that begin in the window. Returns their ends.

    Keeps spans that were added after the window was read, because it may lack their events. A full window may end
    between two events of the same time, so spans that begin at that time stay as well.
    """
    last = window.last.at if window else None
    values = {"id": span.id, "known": span.known, "last": last, "full": bool(window and window.is_full)}
    with connection.cursor() as cursor:
        cursor.execute(span.stream.compose(DROP_SPANS), span.stream.columns | values)
        return [until for (until,) in cursor.fetchall()]


# Locking


def exclude_removals(tenant_id: UUID, *, wait: bool) -> bool:
    """Keeps removals of events out until the commit. Returns False if one is running and `wait` is False."""
    with connection.cursor() as cursor:
        cursor.execute(SHARE_WITH_BUILDERS.format(try_="" if wait else "_try"), [removals_of(tenant_id)])
        return cursor.fetchone()[0] is not False  # the function that waits returns void


def exclude_builders(tenant_id: UUID) -> None:
    """Call this before events are removed. Waits for the builders of episodes, and keeps them out until the commit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [removals_of(tenant_id)])


def removals_of(tenant_id: UUID) -> str:
    return f"memgraph removals {tenant_id}"


def lock_stream(stream: Stream) -> None:
    LOCK_STREAM.rows(number=number_of(stream))


def number_of(stream: Stream) -> int:
    name = f"{stream.tenant_id} {stream.thread_id is None} {len(stream.user_id)} {stream.user_id} {stream.thread_id}"
    return int.from_bytes(blake2b(name.encode(), digest_size=8, person=b"stream").digest(), signed=True)
