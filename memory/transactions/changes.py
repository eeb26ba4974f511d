"""Keeps exact counts of a tenant's rows. The transaction that changes the rows changes the counts; reads sum them.

A transaction collects its changes in `Changes` and writes them in one statement, last of all. So it locks the rows of
the counts only for as long as the commit takes. It locks users before tallies, and each in order. A transaction that
holds these locks waits for no other rows, so it can't deadlock.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from memory.records import Remembered
from tenants.problems import DatabaseBusy

ATTEMPTS: Final = 5  # to lock users while other transactions add or remove them
SLOTS: Final = 16  # rows per tenant and day, chosen by backend, so that parallel writers don't lock the same row
TOTAL: Final = date.min  # rows of this day hold the totals; events of that day itself are on no chart
COUNTS: Final = ("events", "beliefs", "episodes", "users")
# Two statements begin with this: the one that writes an event, and `WRITE`. An INSERT into `memory_enduser` waits for
# another transaction that adds or removes the same user, and then may neither find nor add it, because the statement's
# snapshot is older. `missed` counts these users. If there are any, the statement writes nothing and runs again.
COUNT: Final = f"""
wanted AS (
    {{names}}
), held AS (
    SELECT name FROM memory_enduser WHERE tenant_id = %(tenant_id)s AND name = ANY (ARRAY(SELECT name FROM wanted))
    ORDER BY name FOR KEY SHARE
), made AS (
    INSERT INTO memory_enduser (tenant_id, name)
    SELECT %(tenant_id)s, name FROM wanted WHERE name NOT IN (SELECT name FROM held) ORDER BY name
    ON CONFLICT DO NOTHING RETURNING name
), entered AS (
    SELECT (SELECT count(*) FROM made) AS made,
           (SELECT count(*) FROM wanted) - (SELECT count(*) FROM held) - (SELECT count(*) FROM made) AS missed
), counted AS (
    INSERT INTO memory_tally AS tally (tenant_id, slot, day, events, beliefs, episodes, users)
    SELECT %(tenant_id)s, mod(pg_backend_pid(), {SLOTS}), day, events, beliefs, episodes,
           users + CASE WHEN day = %(total)s THEN made ELSE 0 END
    FROM entered CROSS JOIN (
        {{days}}
    ) AS change (day, events, beliefs, episodes, users)
    WHERE missed = 0 ORDER BY day
    ON CONFLICT (tenant_id, day, slot) DO UPDATE SET
        events = tally.events + excluded.events, beliefs = tally.beliefs + excluded.beliefs,
        episodes = tally.episodes + excluded.episodes, users = tally.users + excluded.users
)
"""  # noqa: S608 - a constant of ours
WRITE: Final = f"WITH {COUNT} SELECT made, missed FROM entered"  # noqa: S608 - a constant
GATHERED: Final = {
    "names": "SELECT unnest(%(names)s::text[]) AS name",
    "days": """
        SELECT * FROM unnest(
            %(days)s::date[], %(events)s::bigint[], %(beliefs)s::bigint[], %(episodes)s::bigint[], %(users)s::bigint[]
        )
    """,
}
MORE_IS_STAGED: Final = {
    "names": " UNION SELECT name FROM staged_user",
    "days": " UNION ALL SELECT day, sum(events), 0, 0, 0 FROM staged_day WHERE day <> %(total)s GROUP BY day",
}
STAGED: Final = {name: GATHERED[name] + MORE_IS_STAGED[name] for name in GATHERED}
# A writer holds a lock on its user until the commit. So this waits for it, and the next statement sees its rows.
LOCK_USERS: Final = """
SELECT count(*) FROM (
    SELECT FROM memory_enduser WHERE tenant_id = %(tenant_id)s AND name = ANY(%(names)s::text[])
    ORDER BY name FOR UPDATE
) AS held
"""
REMOVE_USERS: Final = """
WITH gone AS (
    DELETE FROM memory_enduser AS u WHERE tenant_id = %(tenant_id)s AND name = ANY(%(names)s::text[])
    AND NOT EXISTS (SELECT FROM memory_event WHERE tenant_id = %(tenant_id)s AND user_id = u.name)
    AND NOT EXISTS (SELECT FROM memory_belief WHERE tenant_id = %(tenant_id)s AND subject_id = u.name)
    AND NOT EXISTS (SELECT FROM memory_episode WHERE tenant_id = %(tenant_id)s AND user_id = u.name)
    RETURNING name
), unsettled AS (
    DELETE FROM memory_unsettledspan
    WHERE tenant_id = %(tenant_id)s AND user_id = ANY (ARRAY(SELECT name FROM gone))
)
SELECT count(*) FROM gone
"""


@dataclass
class Changes:
    """The changes of one transaction so far."""

    counts: dict[date, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    present: set[str] = field(default_factory=set)  # users with at least one new row
    reduced: set[str] = field(default_factory=set)  # users who lost rows, and perhaps have none left
    last_acts: list[Callable[[], None]] = field(default_factory=list)  # audit rows: see `at_the_end`
    staged: bool = False  # an import has more in temporary tables, because sets and dicts would take too much memory

    def add(self, column: str, number: int, day: date | None = None) -> None:
        self.counts[TOTAL][column] += number
        if day is not None and day != TOTAL:
            self.counts[day][column] += number

    def add_event(self, user_id: str, occurred_at: datetime) -> None:
        self.add("events", 1, occurred_at.astimezone(UTC).date())
        self.present.add(user_id)

    def flush(self, tenant_id: UUID) -> None:
        values = {"tenant_id": tenant_id, "total": TOTAL}
        if self.reduced:
            self.add("users", -remove_users(tenant_id, sorted(self.reduced | self.present)))
        if not (self.present or self.staged or self.days()):
            return
        for _ in range(ATTEMPTS):
            made, missed = self.write({**values, **self.columns()})
            if not missed:
                return
            self.add("users", made)
        raise DatabaseBusy()

    def days(self) -> list[date]:
        return sorted(day for day, counts in self.counts.items() if any(counts.values()))

    def write(self, values: dict[str, Any]) -> tuple[int, int]:
        with connection.cursor() as cursor:
            cursor.execute(WRITE.format(**(STAGED if self.staged else GATHERED)), values)
            made, missed = cursor.fetchone()
        return made, missed

    def columns(self) -> dict[str, list[Any]]:
        days = sorted({TOTAL, *self.days()})  # always with the total, because the statement adds new users to it
        counts = {column: [self.counts[day][column] for day in days] for column in COUNTS}
        return {"names": sorted(self.present), "days": days, **counts}


pending: ContextVar[Changes] = ContextVar("pending")  # set exactly while a `tenant_transaction` is open


def remove_users(tenant_id: UUID, names: list[str]) -> int:
    """Removes the users who have no rows left, and the unsettled spans of their streams. Returns how many.

    `names` includes the users who got new rows, so that all locks are taken in one order.
    """
    values: dict[str, Any] = {"tenant_id": tenant_id, "names": names}
    with connection.cursor() as cursor:
        cursor.execute(LOCK_USERS, values)
        cursor.execute(REMOVE_USERS, values)
        removed: int = cursor.fetchone()[0]
    return removed


def count_event(user_id: str, occurred_at: datetime) -> None:
    pending.get().add_event(user_id, occurred_at)


def count_row(model: type[Remembered], user_id: str) -> None:
    """Adds one row of a user who may be new. Only for models without a count per day."""
    changes = pending.get()
    changes.add(model.COUNTING.count, 1)
    changes.present.add(user_id)


def count_rows(model: type[Remembered], days: Iterable[tuple[date | None, int]], *, sign: int = 1) -> None:
    """Adds so many rows per day, or removes them with `sign=-1`."""
    for day, number in days:
        pending.get().add(model.COUNTING.count, sign * number, day)


def correct_count(count: str, number: int, day: date) -> None:
    """Changes the count of this day, which may be `TOTAL`, and no other."""
    pending.get().counts[day][count] += number


def add_users(names: Iterable[str]) -> None:
    pending.get().present.update(names)


def check_users(names: Iterable[str]) -> None:
    """These users lost rows. At the end, those without any row are removed."""
    pending.get().reduced.update(names)


def count_staged() -> None:
    """At the end, also counts the users in the temporary table `staged_user` and the events in `staged_day`.

    `staged_day` changes only the counts per day: use `count_rows` without a day for the total. Don't count events of a
    day in both ways, because one statement can't change a row twice.
    """
    pending.get().staged = True
