"""Removing rows, and what refers to them or counts them. Called inside `tenant_transaction`."""

from typing import Any, Final

from django.db import connection, models
from psycopg import sql

from memory.consolidation import forget_removed_events
from memory.models import Event
from memory.spans import await_settling
from memory.tally import COUNTED, UTC_DAY, note_counts, note_left

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
# Row-level security keeps an index on `event_ids` from use, so all episodes are looked through, once, for those that
# name one of these. Unnested in the SELECT list, because a lateral join takes ten times as long.
CREATE_NAMING: Final = """
CREATE TEMPORARY TABLE naming_episode ON COMMIT DROP AS
SELECT DISTINCT id, derived FROM (
    SELECT id, derived, unnest(event_ids) AS event_id FROM memory_episode WHERE tenant_id = %(tenant_id)s
) AS named
WHERE event_id IN (SELECT id FROM removed_event)
"""
# What is left over is worked out of the row as it is when it is changed, not as it was when it was found.
FORGET_REFERENCES: Final = """
UPDATE memory_episode SET event_ids = ARRAY(
    SELECT id FROM unnest(event_ids) WITH ORDINALITY AS named (id, place)
    WHERE NOT EXISTS (SELECT FROM removed_event AS gone WHERE gone.id = named.id) ORDER BY place
)
WHERE tenant_id = %(tenant_id)s AND id IN (SELECT id FROM naming_episode)
"""


def remove_events(condition: str, values: dict[str, Any]) -> int:
    """Events that meet a condition (SQL of ours, with named parameters), and what episodes say of them.

    Whoever writes an episode holds the events that it names. So the removal waits for them, and the second statement,
    which sees what was committed meanwhile, finds their episode. A derived one quotes its events, so it goes with them.
    """
    await_settling(values["tenant_id"])
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
        note_counts(Event, cursor.fetchall(), sign=-1)
        cursor.execute("SELECT DISTINCT user_id FROM removed_event")
        note_left(name for (name,) in cursor.fetchall())
        cursor.execute("DROP TABLE removed_event, naming_episode")
    return removed


def remove_rows(model: type[models.Model], condition: str, values: dict[str, Any]) -> int:
    counted, table = COUNTED[model], sql.Identifier(model._meta.db_table)
    statement = sql.SQL(REMOVE).format(table=table, condition=sql.SQL(condition), returning=counted.returning)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        gone = cursor.fetchall()
    note_left(name for name, _, _ in gone)
    note_counts(model, [(None, number) for _, _, number in gone], sign=-1)
    return sum(number for _, number, _ in gone)
