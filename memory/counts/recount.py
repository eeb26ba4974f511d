"""Compares the counts with the rows, and repairs them."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db import connection

from memory.events.models import UTC_DAY
from memory.transactions import tenant_transaction
from memory.transactions.changes import TOTAL, add_users, check_users, correct_count

# One statement and so one snapshot, in which the counts include every visible row.
DRIFT: Final = f"""
SELECT day, what, sum(counted)::bigint, sum(there)::bigint
FROM (
    SELECT %(total)s::date AS day, 'events' AS what, 0 AS counted, count(*) AS there
    FROM memory_event WHERE tenant_id = %(tenant_id)s
    UNION ALL SELECT {UTC_DAY}, 'events', 0, count(*)
    FROM memory_event WHERE tenant_id = %(tenant_id)s AND {UTC_DAY} <> %(total)s::date GROUP BY 1
    UNION ALL SELECT %(total)s::date, 'beliefs', 0, count(*)
    FROM memory_belief WHERE tenant_id = %(tenant_id)s AND ended_at IS NULL
    UNION ALL SELECT %(total)s::date, 'episodes', 0, count(*) FROM memory_episode WHERE tenant_id = %(tenant_id)s
    UNION ALL SELECT %(total)s::date, 'users', 0, count(*) FROM memory_enduser WHERE tenant_id = %(tenant_id)s
    UNION ALL SELECT day, what, counted, 0
    FROM memory_tally CROSS JOIN LATERAL (
        VALUES ('events', events), ('beliefs', beliefs), ('episodes', episodes), ('users', users)
    ) AS tally (what, counted)
    WHERE tenant_id = %(tenant_id)s
) AS counts
GROUP BY day, what HAVING sum(counted) <> sum(there) ORDER BY day, what
"""  # noqa: S608 - a constant of ours
STRAYS: Final = """
SELECT name
FROM (
    SELECT user_id AS name FROM memory_event WHERE tenant_id = %(tenant_id)s
    UNION SELECT subject_id FROM memory_belief WHERE tenant_id = %(tenant_id)s
    UNION SELECT user_id FROM memory_episode WHERE tenant_id = %(tenant_id)s
) AS there
FULL JOIN (SELECT name FROM memory_enduser WHERE tenant_id = %(tenant_id)s) AS known USING (name)
WHERE there.name IS NULL OR known.name IS NULL
"""


@dataclass(frozen=True)
class Drift:
    day: date
    what: str
    counted: int
    there: int

    def __str__(self) -> str:
        day = "" if self.day == TOTAL else f" of {self.day}"
        return f"{self.what}{day}: {self.counted} counted, {self.there} there"


@dataclass(frozen=True)
class Recounted:
    drifts: list[Drift]
    strays: int  # users who have rows but are missing in `memory_enduser`, and the reverse


def recount(tenant_id: UUID, *, repair: bool = False) -> Recounted:
    """Writers can go on during a repair. They change rows and counts alike, so the difference stays the same."""
    values: dict[str, Any] = {"tenant_id": tenant_id, "total": TOTAL}
    with tenant_transaction(tenant_id, unhurried=True), connection.cursor() as cursor:
        if repair:  # one at a time on all hosts, because two would add the same difference twice
            cursor.execute("LOCK TABLE memory_tally IN SHARE UPDATE EXCLUSIVE MODE")
        cursor.execute(DRIFT, values)
        drifts = [Drift(*row) for row in cursor.fetchall()]
        cursor.execute(STRAYS, values)
        strays = [name for (name,) in cursor.fetchall()]
        if repair:
            for drift in drifts:
                correct_count(drift.what, drift.there - drift.counted, drift.day)
            add_users(strays)
    if repair and strays:
        with tenant_transaction(tenant_id, unhurried=True):
            check_users(strays)  # removes those without rows
    return Recounted(drifts, len(strays))
