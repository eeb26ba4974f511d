"""Exact counts of a tenant's rows: changed in the transaction that changes the rows, and summed on read.

A transaction gathers its changes and writes them in one statement, last of all. So the rows of a tally are locked for
no longer than the commit takes, users before tallies and each in order, and nobody who holds one waits for other rows.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, models
from psycopg import sql

from memory.models import Belief, Episode, Event
from tenants.problems import DatabaseBusy

ATTEMPTS: Final = 5  # to lock users that other transactions add or remove meanwhile
SLOTS: Final = 16  # of a tenant and day, by backend, so that no row holds up parallel writers
TOTAL: Final = date.min  # rows of this day count all time; what happened on that day itself is on no chart
COLUMNS: Final = ("events", "beliefs", "episodes", "users")
UTC_DAY: Final = "(occurred_at AT TIME ZONE 'UTC')::date"
# Whose uncommitted row is in the way, or whose removal, is waited for; so not every name may be held at the first try,
# and only when all are, the tally is written. Part of a statement that writes rows, or all of one.
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
WRITE: Final = f"WITH {COUNT} SELECT made, missed FROM entered"  # noqa: S608 - a constant of ours
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
# Whoever wrote a row of the user holds it until the commit. So the removal waits, and the next statement sees the row.
HOLD_LEFT: Final = """
SELECT count(*) FROM (
    SELECT FROM memory_enduser WHERE tenant_id = %(tenant_id)s AND name = ANY(%(names)s::text[])
    ORDER BY name FOR UPDATE
) AS held
"""
LEAVE: Final = """
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


@dataclass(frozen=True)
class Counted:
    """How the rows of a model are counted, in SQL of ours: on which day, if any, and whether a row counts at all."""

    column: str
    user: str
    day: str = "NULL::date"
    condition: str = "true"

    @property
    def returning(self) -> sql.Composed:
        parts = map(sql.SQL, (self.user, self.day, self.condition))
        return sql.SQL("{} AS name, {} AS day, {} AS counts").format(*parts)


COUNTED: Final[dict[type[models.Model], Counted]] = {
    Event: Counted("events", "user_id", day=UTC_DAY),
    Belief: Counted("beliefs", "subject_id", condition="ended_at IS NULL"),
    Episode: Counted("episodes", "user_id"),
}


@dataclass
class Changes:
    """What a transaction has changed so far."""

    counts: dict[date, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    entered: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)
    last_acts: list[Callable[[], None]] = field(default_factory=list)  # audit rows: see `at_the_end`
    staged: bool = False  # more is in temporary tables, `staged_user` and `staged_day`: too much for a set and a dict

    def add(self, column: str, number: int, day: date | None = None) -> None:
        self.counts[TOTAL][column] += number
        if day is not None and day != TOTAL:
            self.counts[day][column] += number

    def add_event(self, user_id: str, occurred_at: datetime) -> None:
        self.add("events", 1, occurred_at.astimezone(UTC).date())
        self.entered.add(user_id)

    def flush(self, tenant_id: UUID) -> None:
        values = {"tenant_id": tenant_id, "total": TOTAL}
        if self.left:
            self.add("users", -remove_users(tenant_id, sorted(self.left | self.entered)))
        if not (self.entered or self.staged or self.days()):
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
        days = sorted({TOTAL, *self.days()})  # the total always: users who turn out to be new are added to it
        counts = {column: [self.counts[day][column] for day in days] for column in COLUMNS}
        return {"names": sorted(self.entered), "days": days, **counts}


pending: ContextVar[Changes] = ContextVar("pending")  # of the transaction that `tenant_transaction` opened last


def remove_users(tenant_id: UUID, names: list[str]) -> int:
    """Those of whom no row is left, and with them what is unsettled of their streams.

    Who enters at the same time is held as well, so that all are, in order.
    """
    values: dict[str, Any] = {"tenant_id": tenant_id, "names": names}
    with connection.cursor() as cursor:
        cursor.execute(HOLD_LEFT, values)
        cursor.execute(LEAVE, values)
        removed: int = cursor.fetchone()[0]
    return removed


def note_event(user_id: str, occurred_at: datetime) -> None:
    pending.get().add_event(user_id, occurred_at)


def note_written(model: type[models.Model], user_id: str) -> None:
    """One row more that counts, of a user who perhaps is new."""
    changes = pending.get()
    changes.add(COUNTED[model].column, 1)
    changes.entered.add(user_id)


def note_counts(model: type[models.Model], days: Iterable[tuple[date | None, int]], *, sign: int = 1) -> None:
    for day, number in days:
        pending.get().add(COUNTED[model].column, sign * number, day)


def note_difference(column: str, number: int, day: date) -> None:
    """Of that day alone, which may be `TOTAL`."""
    pending.get().counts[day][column] += number


def note_entered(names: Iterable[str]) -> None:
    pending.get().entered.update(names)


def note_left(names: Iterable[str]) -> None:
    """Users of whom rows went: those of whom none is left are counted no longer."""
    pending.get().left.update(names)


def note_staged() -> None:
    """The names in the temporary table `staged_user` have entered, and the days in `staged_day` have more events.

    In total, those events are noted besides; by day, no others may be: one statement can't change a row twice.
    """
    pending.get().staged = True
