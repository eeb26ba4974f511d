"""The progress of a tenant's running export or import, from PostgreSQL's statistics. Nothing is stored."""

from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection
from psycopg import sql

from memory.transfer.lock import lock_name

FIND: Final = """
SELECT activity.application_name, coalesce(copying.tuples_processed, 0)
FROM pg_locks AS held
JOIN pg_stat_activity AS activity USING (pid)
LEFT JOIN pg_stat_progress_copy AS copying USING (pid)
WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1 AND activity.datname = current_database()
AND (held.classid::bigint << 32 | held.objid::bigint) = hashtextextended(%s, 0)
"""


class Export(NamedTuple):
    """Exports one table after the other."""

    part: str  # the type of the rows that are being exported
    rows: int


class Import(NamedTuple):
    line: int


def report_progress(kind: str, detail: object) -> None:
    """Writes the progress into the connection's name, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SET LOCAL application_name = {}").format(f"memgraph {kind} {detail}"))


def transfer_under_way(tenant_id: UUID) -> Export | Import | None:
    with connection.cursor() as cursor:
        cursor.execute(FIND, [lock_name(tenant_id)])
        found = cursor.fetchone()
    if found is None:
        return None
    words, rows = found
    match words.split():
        case ["memgraph", "export", part]:
            return Export(part, rows)
        case ["memgraph", "import", line]:
            return Import(int(line))
    return None  # it has just begun
