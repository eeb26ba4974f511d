"""One event, in one statement: its row, its counts, and its unsettled span where it needs one."""

from datetime import UTC
from typing import Any, Final

import orjson
from django.conf import settings
from django.utils import timezone

from memory.spans import LAST_MOMENT, START, lock_stream
from memory.stretches import Stream
from memory.tally import TOTAL, note_event, own_slot
from tenants.ids import new_id
from tenants.statements import Statement

# Each part sees the rows as they were before. `stretch`: by an index each, the newest events of the thread or the user
# before this one, and the newest derived episode; a predecessor that is not among the newest 50 only costs a span that
# was not needed. `entered`: as in `tally.py`, where nobody is entered, nothing is counted yet.
WRITE: Final = """
WITH written AS (
    INSERT INTO memory_event (tenant_id, id, created_at, written_by_key, written_by_user,
                              event_type, content, user_id, agent_id, thread_id, occurred_at)
    VALUES (%(tenant_id)s, %(id)s, %(created_at)s, %(written_by_key)s, %(written_by_user)s,
            %(event_type)s, %(content)s, %(user_id)s, %(agent_id)s, %(thread_id)s, %(occurred_at)s)
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
            ORDER BY started_at DESC LIMIT 1
        ) AS newest
        WHERE ended_at >= %(occurred_at)s::timestamptz - %(gap)s::interval
    ) AS has_span
), noted AS (
    INSERT INTO memory_unsettledspan (tenant_id, id, user_id, thread_id, after_at, after_id, until_at, due_at)
    SELECT %(tenant_id)s, gen_random_uuid(), %(user_id)s, %(thread_id)s, %(occurred_at)s, %(start)s,
           least(%(occurred_at)s, %(last_moment)s::timestamptz), %(occurred_at)s::timestamptz + %(gap)s::interval
    FROM stretch WHERE NOT has_span
), held AS (
    SELECT FROM memory_enduser WHERE tenant_id = %(tenant_id)s AND name = %(user_id)s FOR KEY SHARE
), made AS (
    INSERT INTO memory_enduser (tenant_id, name)
    SELECT %(tenant_id)s, %(user_id)s WHERE NOT EXISTS (SELECT FROM held)
    ON CONFLICT DO NOTHING RETURNING name
), entered AS (
    SELECT EXISTS (SELECT FROM held) AS held, EXISTS (SELECT FROM made) AS made
), counted AS (
    INSERT INTO memory_tally AS tally (tenant_id, slot, day, events, beliefs, episodes, users)
    SELECT %(tenant_id)s, %(slot)s, day, 1, 0, 0, CASE WHEN made AND day = %(total)s THEN 1 ELSE 0 END
    FROM entered CROSS JOIN unnest(%(days)s::date[]) AS day
    WHERE held OR made
    ON CONFLICT (tenant_id, day, slot) DO UPDATE SET
        events = tally.events + excluded.events, users = tally.users + excluded.users
)
SELECT held OR made,
       NOT has_span AND (%(occurred_at)s::timestamptz + %(gap)s::interval <= now() OR EXISTS (
           SELECT FROM memory_unsettledspan
           WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND {of_thread} AND due_at <= now()
       ))
FROM stretch CROSS JOIN entered
"""
# No index finds a parameter that may be null.
IN_THREAD: Final = Statement(
    WRITE.format(of_thread_or_user="thread_id = %(thread_id)s", of_thread="thread_id = %(thread_id)s")
)
IN_NONE: Final = Statement(WRITE.format(of_thread_or_user="user_id = %(user_id)s", of_thread="thread_id IS NULL"))


def write_event(fields: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The row, and whether its stream has something to settle now. Inside `tenant_transaction`."""
    row = {"id": new_id(), "created_at": timezone.now(), "agent_id": None, "thread_id": None, **fields}
    row.setdefault("occurred_at", row["created_at"])
    lock_stream(Stream(row["tenant_id"], row["user_id"], row["thread_id"]), shared=True)
    day = row["occurred_at"].astimezone(UTC).date()
    statement = IN_NONE if row["thread_id"] is None else IN_THREAD
    ((is_counted, is_due),) = statement.rows(
        **{**row, "content": orjson.dumps(row["content"]).decode()},
        slot=own_slot(),
        days=sorted({TOTAL, day}),
        total=TOTAL,
        gap=settings.EPISODE_GAP,
        start=START,
        last_moment=LAST_MOMENT,
    )
    if not is_counted:
        note_event(row["user_id"], row["occurred_at"])
    return row, is_due
