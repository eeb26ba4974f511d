"""Removes rows, references to them, and their counts. Called inside `tenant_transaction`."""

from typing import Any, Final

from django.db import connection
from psycopg import sql

from memory.episodes.building import forget_removed_events
from memory.episodes.unsettled import exclude_builders
from memory.events.models import UTC_DAY, Event
from memory.records import Remembered
from memory.transactions.changes import check_users, count_rows

CREATE_REMOVED: Final = """
CREATE TEMPORARY TABLE removed_event
(id uuid, user_id text, thread_id text, occurred_at timestamptz, day date) ON COMMIT DROP
"""
REMOVE_EVENTS: Final = f"""
WITH gone AS (
    DELETE FROM memory_event WHERE tenant_id = %(tenant_id)s AND {{condition}}
    RETURNING id, user_id, thread_id, occurred_at, {UTC_DAY}
)
INSERT INTO removed_event SELECT * FROM gone
"""  # noqa: S608 - a constant of ours
REMOVE: Final = """
WITH gone AS (DELETE FROM {table} WHERE tenant_id = %(tenant_id)s AND {condition} RETURNING {returning})
SELECT name, count(*), count(*) FILTER (WHERE counts) FROM gone GROUP BY name
"""
# Finds the episodes that name a removed event. Row-level security allows no index on `event_ids`, so this reads all
# episodes of the tenant once. It unnests in the SELECT list because a lateral join takes ten times as long.
CREATE_NAMING: Final = """
CREATE TEMPORARY TABLE naming_episode ON COMMIT DROP AS
SELECT DISTINCT id, derived FROM (
    SELECT id, derived, unnest(event_ids) AS event_id FROM memory_episode WHERE tenant_id = %(tenant_id)s
) AS named
WHERE event_id IN (SELECT id FROM removed_event)
"""
# Filters the ids that the row has when it is updated, not those that it had when it was found.
FORGET_REFERENCES: Final = """
UPDATE memory_episode SET event_ids = ARRAY(
    SELECT id FROM unnest(event_ids) WITH ORDINALITY AS named (id, place)
    WHERE NOT EXISTS (SELECT FROM removed_event AS gone WHERE gone.id = named.id) ORDER BY place
)
WHERE tenant_id = %(tenant_id)s AND id IN (SELECT id FROM naming_episode)
"""


def remove_events(condition: str, values: dict[str, Any]) -> int:
    """Removes the events that meet a condition, which is SQL with named parameters. Returns how many.

    Episodes lose the ids of removed events. Derived episodes that name one are removed, because they quote their
    events. A writer of an episode locks the events that it names; so this waits for it, and the next statement sees the
    episode.
    """
    exclude_builders(values["tenant_id"])
    with connection.cursor() as cursor:
        cursor.execute(CREATE_REMOVED)
        cursor.execute(sql.SQL(REMOVE_EVENTS).format(condition=sql.SQL(condition)), values)
        removed: int = cursor.rowcount
        cursor.execute("CREATE INDEX ON removed_event (id)")
        cursor.execute("ANALYZE removed_event")
        cursor.execute(CREATE_NAMING, values)
        cursor.execute("ANALYZE naming_episode")
        forget_removed_events(values["tenant_id"])
        cursor.execute(FORGET_REFERENCES, values)
        cursor.execute("SELECT day, count(*) FROM removed_event GROUP BY day")
        count_rows(Event, cursor.fetchall(), sign=-1)
        cursor.execute("SELECT DISTINCT user_id FROM removed_event")
        check_users(name for (name,) in cursor.fetchall())
        cursor.execute("DROP TABLE removed_event, naming_episode")
    return removed


def remove_rows(model: type[Remembered], condition: str, values: dict[str, Any]) -> int:
    """Removes the beliefs or episodes that meet a condition, with their counts; see `remove_events`."""
    table, returning = sql.Identifier(model._meta.db_table), model.COUNTING.returning
    statement = sql.SQL(REMOVE).format(table=table, condition=sql.SQL(condition), returning=returning)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        gone = cursor.fetchall()
    check_users(name for name, _, _ in gone)
    count_rows(model, [(None, number) for _, _, number in gone], sign=-1)
    return sum(number for _, number, _ in gone)
