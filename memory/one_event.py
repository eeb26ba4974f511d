"""One event, in one round trip and one statement: its row, its counts, and its unsettled span where it needs one."""

from datetime import UTC
from typing import Any, Final

import orjson
from django.conf import settings
from django.utils import timezone

from memory.spans import NOTE, START, number_of
from memory.stretches import Stream
from memory.tally import ATTEMPTS, COUNT, TOTAL
from memory.transactions import in_tenant_trip
from postgres.statements import Statement
from tenants.ids import new_id
from tenants.principal import Principal
from tenants.problems import DatabaseBusy

# Each part sees the rows as they were before. `stretch`: by an index each, the newest events of the thread or the user
# before this one, and the newest derived episode; a predecessor that is not among the newest 50 only costs a span that
# was not needed. Of a user who is new here, or was erased while this waited, what was there before tells nothing.
# Nothing is written, and nothing answered, where the user could not be held: see `COUNT`.
WRITE: Final = """
WITH {count}, event AS (
    INSERT INTO memory_event (tenant_id, id, created_at, written_by_key, written_by_user,
                              event_type, content, user_id, agent_id, thread_id, occurred_at)
    SELECT %(tenant_id)s, %(id)s, %(created_at)s, %(written_by_key)s, %(written_by_user)s,
           %(event_type)s, %(content)s, %(user_id)s, %(agent_id)s, %(thread_id)s, %(occurred_at)s
    FROM entered WHERE missed = 0
), stretch AS (
    SELECT EXISTS (
        SELECT FROM (
            SELECT user_id, thread_id FROM memory_event
            WHERE tenant_id = %(tenant_id)s AND {of_thread_or_user} AND occurred_at <= %(occurred_at)s
            AND occurred_at >= %(occurred_at)s::timestamptz - %(gap)s::interval
            ORDER BY occurred_at DESC, id DESC LIMIT 50
        ) AS recent
        WHERE user_id = %(user_id)s AND {of_thread}
    ) AND NOT EXISTS (
        SELECT FROM (
            SELECT ended_at FROM memory_episode
            WHERE tenant_id = %(tenant_id)s AND derived AND user_id = %(user_id)s AND {of_thread}
            ORDER BY started_at DESC, ended_at DESC LIMIT 1
        ) AS newest
        WHERE ended_at >= %(occurred_at)s::timestamptz - %(gap)s::interval
    ) AND made = 0 AS has_span
    FROM entered WHERE missed = 0
), noted AS (
    {note}
)
SELECT NOT has_span AND (%(occurred_at)s::timestamptz + %(gap)s::interval <= now() OR EXISTS (
    SELECT FROM memory_unsettledspan
    WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND {of_thread} AND due_at <= now()
))
FROM stretch
"""
ONE: Final = {
    "names": "SELECT %(user_id)s::text AS name",
    "days": "SELECT day, 1, 0, 0, 0 FROM (SELECT %(total)s::date UNION SELECT %(day)s::date) AS day (day)",
}
SPAN: Final = "SELECT %(user_id)s, %(thread_id)s, %(occurred_at)s, %(occurred_at)s FROM stretch WHERE NOT has_span"
PARTS: Final = {"note": NOTE.format(spans=SPAN), "count": COUNT.format(**ONE)}
# No index finds a parameter that may be null.
IN_THREAD: Final = Statement(
    WRITE.format(**PARTS, of_thread_or_user="thread_id = %(thread_id)s", of_thread="thread_id = %(thread_id)s")
)
IN_NONE: Final = Statement(
    WRITE.format(**PARTS, of_thread_or_user="user_id = %(user_id)s", of_thread="thread_id IS NULL")
)


def write_event(principal: Principal, fields: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The row, and whether its stream has something to settle now."""
    row = {"id": new_id(), "created_at": timezone.now(), "agent_id": None, "thread_id": None, **fields}
    row.setdefault("occurred_at", row["created_at"])
    values = {
        **row,
        "content": orjson.dumps(row["content"]).decode(),
        "day": row["occurred_at"].astimezone(UTC).date(),
        "total": TOTAL,
        "gap": settings.EPISODE_GAP,
        "after": START,
        "due": None,
    }
    statement = IN_NONE if row["thread_id"] is None else IN_THREAD
    stream = number_of(Stream(row["tenant_id"], row["user_id"], row["thread_id"]))
    for _ in range(ATTEMPTS):
        if written := in_tenant_trip(principal, (statement, values), shared=stream):
            ((is_due,),) = written
            return row, is_due
        # Another transaction was adding or removing the user, and has ended by now.
    raise DatabaseBusy()
