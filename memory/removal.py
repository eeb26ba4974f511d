"""Removing events with the references to them. Called inside `tenant_transaction`."""

from typing import Any, Final

from django.db import connection
from psycopg import sql

CREATE_REMOVED: Final = "CREATE TEMPORARY TABLE removed_event (id uuid) ON COMMIT DROP"
REMOVE: Final = """
WITH gone AS (DELETE FROM memory_event WHERE tenant_id = %(tenant_id)s AND {condition} RETURNING id)
INSERT INTO removed_event SELECT id FROM gone
"""
FORGET_REFERENCES: Final = """
UPDATE memory_episode AS episode SET event_ids = left_over.event_ids
FROM (
    SELECT e.id, coalesce(array_agg(named.id ORDER BY named.place) FILTER (WHERE gone.id IS NULL), '{}') AS event_ids
    FROM memory_episode AS e
    CROSS JOIN unnest(e.event_ids) WITH ORDINALITY AS named (id, place)
    LEFT JOIN removed_event AS gone ON gone.id = named.id
    WHERE e.tenant_id = %(tenant_id)s
    GROUP BY e.id
    HAVING bool_or(gone.id IS NOT NULL)
) AS left_over
WHERE episode.tenant_id = %(tenant_id)s AND episode.id = left_over.id
"""


def remove_events(condition: str, values: dict[str, Any]) -> int:
    """Events that meet a condition (SQL of ours, with named parameters), and what episodes say of them.

    Whoever writes an episode holds the events that it names. So the removal waits for them, and the second statement,
    which sees what was committed meanwhile, finds their episode.
    """
    with connection.cursor() as cursor:
        cursor.execute(CREATE_REMOVED)
        cursor.execute(sql.SQL(REMOVE).format(condition=sql.SQL(condition)), values)
        removed: int = cursor.rowcount
        cursor.execute("ANALYZE removed_event")
        cursor.execute(FORGET_REFERENCES, values)
        cursor.execute("DROP TABLE removed_event")
    return removed


def remove_rows(table: str, condition: str, values: dict[str, Any]) -> int:
    statement = sql.SQL("DELETE FROM {table} WHERE tenant_id = %(tenant_id)s AND {condition}")
    with connection.cursor() as cursor:
        cursor.execute(statement.format(table=sql.Identifier(table), condition=sql.SQL(condition)), values)
        removed: int = cursor.rowcount
    return removed
