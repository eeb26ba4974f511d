"""Unsettled spans: left by whoever writes or removes events, taken by who settles. Inside `tenant_transaction`."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection

from memory.stretches import Place, Stream, Stretch
from postgres.statements import Statement

START: Final = UUID(int=0)  # before every event of a moment
LAST_MOMENT: Final = "9999-12-31 23:59:59+00"
# Shared by the writers of a stream (`one_event.py`), exclusive for the builder of its episodes.
LOCK_STREAM: Final = Statement("SELECT pg_advisory_xact_lock(%(number)s)")
# Where a removal runs, no episode is made: it could quote an event that is going.
HOLD_OFF_REMOVALS: Final = "SELECT pg{try_}_advisory_xact_lock_shared(hashtextextended(%s, 0))"
NOTE: Final = f"""
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


# Leaving them


def note_span(
    stream: Stream, first: datetime, last: datetime, *, after: UUID = START, due: datetime | None = None
) -> None:
    names = {"user_id": stream.user_id, "thread_id": stream.thread_id}
    note_rows(stream.tenant_id, GIVEN_SPAN, after=after, due=due, first=first, last=last, **names)


def note_rows(tenant_id: UUID, spans: str, *, after: UUID = START, due: datetime | None = None, **values: Any) -> None:
    """Spans that a SELECT of ours finds: user_id, thread_id, first and last moment. Due when a stretch can be over."""
    values |= {"tenant_id": tenant_id, "after": after, "due": due, "gap": settings.EPISODE_GAP}
    with connection.cursor() as cursor:
        cursor.execute(NOTE.format(spans=spans), values)


# Taking them


def due_streams(tenant_id: UUID, *, most: int = 500) -> list[Stream]:
    with connection.cursor() as cursor:
        cursor.execute(DUE_STREAMS, {"tenant_id": tenant_id, "most": most})
        return [Stream(tenant_id, *row) for row in dict.fromkeys(cursor.fetchall())]


@dataclass(frozen=True)
class Span:
    stream: Stream
    id: int
    after: Place
    until: datetime
    now: datetime
    known: list[int]  # all spans of the stream by then


def next_span(stream: Stream) -> Span | None:
    """The first, where any is due: a stretch is made from its beginning on."""
    with connection.cursor() as cursor:
        cursor.execute(stream.compose(NEXT_SPAN), stream.columns)
        row = cursor.fetchone()
    return row and Span(stream, row[0], Place(row[1], row[2]), *row[3:])


def drop_spans(span: Span, stretch: Stretch | None) -> list[datetime]:
    """This one, and those that begin in its stretch. Answers where they end.

    But not those that came while the stretch was read: it may lack their events. A full stretch may end amid the
    events of one moment: what begins there is left.
    """
    last = stretch.last.at if stretch else None
    values = {"id": span.id, "known": span.known, "last": last, "full": bool(stretch and stretch.is_full)}
    with connection.cursor() as cursor:
        cursor.execute(span.stream.compose(DROP_SPANS), span.stream.columns | values)
        return [until for (until,) in cursor.fetchall()]


# Waiting for one another


def hold_off_removals(tenant_id: UUID, *, wait: bool) -> bool:
    """False where a removal is running and none may wait."""
    with connection.cursor() as cursor:
        cursor.execute(HOLD_OFF_REMOVALS.format(try_="" if wait else "_try"), [removals_of(tenant_id)])
        return cursor.fetchone()[0] is not False  # who waits is answered nothing


def await_settling(tenant_id: UUID) -> None:
    """Called before events are removed: no step of settling is running then, or begins."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [removals_of(tenant_id)])


def removals_of(tenant_id: UUID) -> str:
    return f"memgraph removals {tenant_id}"


def lock_stream(stream: Stream) -> None:
    LOCK_STREAM.rows(number=number_of(stream))


def number_of(stream: Stream) -> int:
    name = f"{stream.tenant_id} {stream.thread_id is None} {len(stream.user_id)} {stream.user_id} {stream.thread_id}"
    return int.from_bytes(blake2b(name.encode(), digest_size=8, person=b"stream").digest(), signed=True)
