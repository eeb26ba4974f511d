"""Session windows: the events of one derived episode. Read inside `tenant_transaction`."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from django.conf import settings
from django.db import connection
from psycopg import sql

LONGEST_WINDOW: Final = 1000  # events, as many as an episode may name
LONGEST_QUOTE: Final = 200  # characters
TYPES_NAMED: Final = 5
EPISODES: Final = UUID("5c0f2f0e-6d0b-5a57-9d29-0f1f6d4d2a10")  # the namespace of their ids (RFC 9562, section 5.5)
# Each step finds the next event within the gap, so the query reads nothing beyond the end of the window. `reach` is a
# column because, with row-level security, a condition with a sum could not use the index.
READ: Final = """
WITH RECURSIVE session AS (
    (
        SELECT id, occurred_at, event_type, agent_id, occurred_at + %(gap)s AS reach, 1 AS place
        FROM memory_event
        WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND {thread}
        AND (occurred_at, id) {begins} (%(at)s, %(id)s) AND occurred_at <= %(until)s
        ORDER BY occurred_at, id LIMIT 1
    )
    UNION ALL
    SELECT following.*, following.occurred_at + %(gap)s, session.place + 1
    FROM session CROSS JOIN LATERAL (
        SELECT id, occurred_at, event_type, agent_id
        FROM memory_event AS event
        WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND {thread}
        AND (event.occurred_at, event.id) > (session.occurred_at, session.id) AND event.occurred_at <= session.reach
        ORDER BY event.occurred_at, event.id LIMIT 1
    ) AS following
    WHERE session.place < %(longest)s
)
SELECT id, occurred_at, event_type, agent_id FROM session ORDER BY place
"""
QUOTE: Final = r"""
SELECT left(content->>'text', 10000) FROM memory_event
WHERE tenant_id = %(tenant_id)s AND id = ANY(%(ids)s) AND event_type = 'user_message'
AND jsonb_typeof(content->'text') = 'string' AND content->>'text' ~ '\S'
ORDER BY occurred_at, id LIMIT 1
"""


@dataclass(frozen=True, order=True)
class Position:
    """Of an event in its stream. Positions sort as the stream does."""

    at: datetime
    id: UUID


@dataclass(frozen=True)
class Stream:
    """The events of one user in one thread, or of one user without a thread."""

    tenant_id: UUID
    user_id: str
    thread_id: str | None

    @property
    def columns(self) -> dict[str, Any]:
        return {"tenant_id": self.tenant_id, "user_id": self.user_id, "thread_id": self.thread_id}

    def compose(self, statement: str, **parts: str) -> sql.Composed:
        """Two different conditions, because no index is used for a condition on a parameter that may be null."""
        thread = "thread_id IS NULL" if self.thread_id is None else "thread_id = %(thread_id)s"
        composed = {name: sql.SQL(part) for name, part in parts.items()}
        return sql.SQL(statement).format(thread=sql.SQL(thread), **composed)


@dataclass(frozen=True)
class Window:
    """Up to 1,000 events of a stream. None is later than its predecessor by more than `EPISODE_GAP`."""

    stream: Stream
    events: list[tuple[UUID, datetime, str, str | None]]

    @property
    def ids(self) -> list[UUID]:
        return [event[0] for event in self.events]

    @property
    def first(self) -> Position:
        return Position(self.events[0][1], self.events[0][0])

    @property
    def last(self) -> Position:
        return Position(self.events[-1][1], self.events[-1][0])

    @property
    def is_full(self) -> bool:
        return len(self.events) == LONGEST_WINDOW

    def is_over(self, now: datetime) -> bool:
        return self.is_full or now - self.last.at > settings.EPISODE_GAP

    @property
    def reach(self) -> datetime:
        """The latest time at which an event would still belong to the window."""
        at = self.last.at
        return at + settings.EPISODE_GAP if at < datetime.max.replace(tzinfo=UTC) - settings.EPISODE_GAP else at

    @property
    def agent_id(self) -> str | None:
        """The agent of all the events, or None if they differ."""
        agents = {event[3] for event in self.events}
        return agents.pop() if len(agents) == 1 else None

    @property
    def episode_id(self) -> UUID:
        """The same for the same first event, so that every builder writes the same row."""
        stream = self.stream
        thread = "-" if stream.thread_id is None else f"{len(stream.thread_id)} {stream.thread_id}"
        return uuid5(EPISODES, f"{self.events[0][0]} {thread} {stream.user_id}")

    @property
    def summary(self) -> str:
        """What the user said first, and how many events there are of each type."""
        counts = Counter(event[2] for event in self.events).items()
        in_order = sorted(counts, key=lambda item: (-item[1], item[0]))
        named = [f"{count} {event_type}" for event_type, count in in_order[:TYPES_NAMED]]
        if others := sum(count for _, count in in_order[TYPES_NAMED:]):
            named.append(f"{others} of other types")
        number, types = len(self.events), ", ".join(named)
        quote = self.read_quote()
        if quote is None:
            return f"{number} event{'s' * (number > 1)} ({types})"
        more = f" and {number - 1} more event{'s' * (number > 2)}" if number > 1 else ""
        return f'"{quote}"{more} ({types})'

    def read_quote(self) -> str | None:
        with connection.cursor() as cursor:
            cursor.execute(QUOTE, {"tenant_id": self.stream.tenant_id, "ids": self.ids})
            row = cursor.fetchone()
        if row is None:
            return None
        text = " ".join(row[0].split()) or "…"
        return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 1].rstrip()}…"


def read_window(stream: Stream, start: Position, until: datetime, *, inclusive: bool) -> Window | None:
    """The window that begins at the first event after `start`, or at `start` itself if `inclusive`."""
    statement = stream.compose(READ, begins=">=" if inclusive else ">")
    values = {"at": start.at, "id": start.id, "until": until, "gap": settings.EPISODE_GAP, "longest": LONGEST_WINDOW}
    with connection.cursor() as cursor:
        cursor.execute(statement, stream.columns | values)
        events = cursor.fetchall()
    return Window(stream, events) if events else None
