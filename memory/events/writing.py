"""The SQL that writes events. One event takes one statement in one round trip: its row, its counts, and its span."""

from datetime import UTC
from typing import Any, Final
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection
from django.utils import timezone

from memory.episodes.unsettled import ADD_SPANS, START, number_of
from memory.episodes.windows import Stream
from memory.events.models import Event
from memory.transactions import in_tenant_trip
from memory.transactions.changes import ATTEMPTS, COUNT, TOTAL
from postgres.statements import Statement
from tenants.ids import new_id
from tenants.principal import Principal
from tenants.problems import DatabaseBusy

COLUMNS: Final = ", ".join(Event.COLUMNS)
VALUES: Final = ", ".join(f"%({column})s" for column in Event.COLUMNS)
# Every CTE sees the snapshot taken before this INSERT. `has_span` is true if the event only extends a session window
# that already has an unsettled span. Then no new span is needed. `lately` is the newest 50 events before this one,
# by an index, of the thread or of the user; if the predecessor isn't among them, the result is a span that wasn't
# needed. If this statement creates the user, older rows belong to an erased user and are irrelevant.
# Nothing is written and no row is returned if the user couldn't be locked: see `COUNT`.
WRITE: Final = """
WITH {count}, event AS (
    INSERT INTO memory_event (tenant_id, {columns}) SELECT %(tenant_id)s, {values} FROM entered WHERE missed = 0
), state AS (
    SELECT EXISTS (
        SELECT FROM (
            SELECT user_id, thread_id FROM memory_event
            WHERE tenant_id = %(tenant_id)s AND {of_thread_or_user} AND occurred_at <= %(occurred_at)s
            AND occurred_at >= %(occurred_at)s::timestamptz - %(gap)s::interval
            ORDER BY occurred_at DESC, id DESC LIMIT 50
        ) AS lately
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
), added AS (
    {add_span}
)
SELECT NOT has_span AND (%(occurred_at)s::timestamptz + %(gap)s::interval <= now() OR EXISTS (
    SELECT FROM memory_unsettledspan
    WHERE tenant_id = %(tenant_id)s AND user_id = %(user_id)s AND {of_thread} AND due_at <= now()
))
FROM state
"""
ONE: Final = {
    "names": "SELECT %(user_id)s::text AS name",
    "days": "SELECT day, 1, 0, 0, 0 FROM (SELECT %(total)s::date UNION SELECT %(day)s::date) AS day (day)",
}
SPAN: Final = "SELECT %(user_id)s, %(thread_id)s, %(occurred_at)s, %(occurred_at)s FROM state WHERE NOT has_span"
PARTS: Final = {
    "columns": COLUMNS,
    "values": VALUES,
    "add_span": ADD_SPANS.format(spans=SPAN),
    "count": COUNT.format(**ONE),
}
# Two statements, because no index is used for a condition on a parameter that may be null.
WITH_THREAD: Final = Statement(
    WRITE.format(**PARTS, of_thread_or_user="thread_id = %(thread_id)s", of_thread="thread_id = %(thread_id)s")
)
WITHOUT_THREAD: Final = Statement(
    WRITE.format(**PARTS, of_thread_or_user="user_id = %(user_id)s", of_thread="thread_id IS NULL")
)
BATCH_SPANS: Final = "SELECT user_id, thread_id, min(occurred_at), max(occurred_at) FROM row GROUP BY 1, 2"
# Always adds spans: to look for existing ones costs more than a span that isn't needed.
WRITE_BATCH: Final = f"""
WITH row AS MATERIALIZED (
    SELECT * FROM jsonb_populate_recordset(NULL::memory_event, %(rows)s::jsonb)
), written AS (
    INSERT INTO memory_event (tenant_id, {COLUMNS}) SELECT %(tenant_id)s, {COLUMNS} FROM row
)
{ADD_SPANS.format(spans=BATCH_SPANS)}
"""  # noqa: S608 - constants


def write_event(principal: Principal, fields: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Returns the row, and whether episodes of its stream are due now."""
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
    statement = WITHOUT_THREAD if row["thread_id"] is None else WITH_THREAD
    stream = number_of(Stream(row["tenant_id"], row["user_id"], row["thread_id"]))
    for _ in range(ATTEMPTS):
        if written := in_tenant_trip(principal, (statement, values), shared=stream):
            ((is_due,),) = written
            return row, is_due
    raise DatabaseBusy()


def write_events(authors: dict[str, UUID | None], rows: list[dict[str, Any]]) -> None:
    """Writes all rows in one statement. Doesn't count them."""
    common = {"created_at": timezone.now(), **authors}
    values: dict[str, Any] = {
        "tenant_id": authors["tenant_id"],
        "rows": orjson.dumps([{**row, **common} for row in rows]).decode(),
        "gap": settings.EPISODE_GAP,
        "after": START,
        "due": None,
    }
    with connection.cursor() as cursor:
        cursor.execute(WRITE_BATCH, values)
