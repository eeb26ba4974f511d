"""Undoes the writes of a leaked key: they may have poisoned the agents' memory."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.db import connection, transaction

from apikeys.models import APIKey
from apikeys.services import target_of
from memory.beliefs.models import Belief
from memory.episodes.models import Episode
from memory.episodes.unsettled import DERIVED_SPANS, add_spans, exclude_builders
from memory.removal.rows import remove_events, remove_rows
from memory.transactions import again_after_deadlock, at_the_end, tenant_transaction
from memory.transactions.changes import check_users, count_rows
from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.log import record
from tenants.limits.slots import TAKEBACKS
from tenants.models import AuditEntry

WRITTEN_BY_KEY: Final = "written_by_key = %(key_id)s AND written_at >= %(since)s"
CREATE_REMOVED: Final = """
CREATE TEMPORARY TABLE removed_belief
ON COMMIT DROP AS SELECT subject_id, key, status, created_at, id FROM memory_belief WITH NO DATA
"""
# Locks every version of the beliefs that the key wrote. Oldest first, as everywhere, so that there is no deadlock.
LOCK: Final = f"""
SELECT count(*) FROM (
    SELECT id FROM memory_belief
    WHERE tenant_id = %(tenant_id)s AND (subject_id, key) IN (
        SELECT subject_id, key FROM memory_belief WHERE tenant_id = %(tenant_id)s AND {WRITTEN_BY_KEY}
    )
    ORDER BY id FOR UPDATE
) AS locked
"""  # noqa: S608 - a constant of ours
REMOVE: Final = f"""
WITH gone AS (
    DELETE FROM memory_belief WHERE tenant_id = %(tenant_id)s AND {WRITTEN_BY_KEY} AND NOT confirmed_by_another
    RETURNING subject_id, key, status, created_at, id
)
INSERT INTO removed_belief SELECT * FROM gone
"""  # noqa: S608 - a constant of ours
COUNT_REMOVED: Final = """
SELECT subject_id, count(*) FILTER (WHERE status = 'active') FROM removed_belief GROUP BY subject_id
"""
# If the active version was removed, the newest remaining one becomes active again, as if the key had never written.
# A belief that was deactivated, before or after the key wrote, stays inactive.
RESTORE: Final = """
UPDATE memory_belief AS belief SET status = 'active', ended_at = NULL, updated_at = now()
FROM (
    SELECT DISTINCT ON (left_over.subject_id, left_over.key) left_over.*
    FROM memory_belief AS left_over
    JOIN removed_belief AS gone USING (subject_id, key)
    WHERE left_over.tenant_id = %(tenant_id)s AND gone.status = 'active'
    ORDER BY left_over.subject_id, left_over.key, left_over.created_at DESC, left_over.id DESC
) AS newest
WHERE belief.tenant_id = %(tenant_id)s AND belief.id = newest.id AND belief.status = 'superseded'
AND NOT EXISTS (
    SELECT FROM removed_belief AS later
    WHERE later.subject_id = newest.subject_id AND later.key = newest.key AND later.status = 'inactive'
    AND (later.created_at, later.id) > (newest.created_at, newest.id)
)
"""
COUNT_CONFIRMED: Final = f"""
SELECT count(*) FROM memory_belief WHERE tenant_id = %(tenant_id)s AND {WRITTEN_BY_KEY} AND confirmed_by_another
"""  # noqa: S608 - a constant of ours


@dataclass(frozen=True, kw_only=True)
class UndoneBeliefs:
    removed: int
    restored: int
    kept_confirmed: int


@dataclass(frozen=True, kw_only=True)
class LostBeliefs:
    deleted: int
    deactivated: int


@dataclass(frozen=True, kw_only=True)
class Undone:
    dry_run: bool
    since: datetime
    events: int
    episodes: int
    beliefs: UndoneBeliefs
    lost: LostBeliefs


def lost_beliefs(key: APIKey, since: datetime) -> LostBeliefs:
    """How many beliefs the key forgot since then. The audit log holds only the numbers."""
    of_key = AuditEntry.objects.filter(tenant_id=key.tenant_id, actor_id=key.id, at__gte=since)
    counts: Counter[str] = Counter()
    for after in of_key.filter(action=Action.BELIEFS_FORGOTTEN).values_list("after", flat=True).iterator():
        counts.update(after or {})
    return LostBeliefs(deleted=counts["deleted"], deactivated=counts["deactivated"])


def undo_writes(*, key: APIKey, since: datetime, dry_run: bool, actor: Actor) -> Undone:
    """Removes what a key wrote since a time, in one transaction. A dry run does the same and rolls back.

    It uses `written_at`, because imported rows keep their original `created_at`. It can't restore what the key deleted
    or changed in place. Revoke the key first, because what it writes during the undo stays.
    """
    with TAKEBACKS.take(key.tenant_id):
        return again_after_deadlock(lambda: undo_in_transaction(key, since, actor, dry_run=dry_run))


def undo_in_transaction(key: APIKey, since: datetime, actor: Actor, *, dry_run: bool) -> Undone:
    values = {"tenant_id": key.tenant_id, "key_id": key.id, "since": since}
    with tenant_transaction(key.tenant_id, by=actor.principal, unhurried=True):
        exclude_builders(key.tenant_id)
        spans = DERIVED_SPANS.format(condition=WRITTEN_BY_KEY)  # of imported derived episodes, to rebuild them
        add_spans(key.tenant_id, spans, key_id=key.id, since=since)
        episodes = remove_rows(Episode, WRITTEN_BY_KEY, values)
        events = remove_events(WRITTEN_BY_KEY, values)
        beliefs = undo_beliefs(values)
        counts = {"events": events, "episodes": episodes, "beliefs": vars(beliefs)}
        if dry_run:
            transaction.set_rollback(True)
        else:
            after = {"since": since.isoformat(), **counts}
            row = partial(record, Action.KEY_WRITES_UNDONE, actor=actor, tenant_id=key.tenant_id)
            at_the_end(partial(row, target=target_of(key), after=after))
    return Undone(
        dry_run=dry_run, since=since, events=events, episodes=episodes, beliefs=beliefs, lost=lost_beliefs(key, since)
    )


def undo_beliefs(values: dict[str, Any]) -> UndoneBeliefs:
    with connection.cursor() as cursor:
        cursor.execute(LOCK, values)
        cursor.execute(CREATE_REMOVED)
        cursor.execute(REMOVE, values)
        removed = cursor.rowcount
        cursor.execute("ANALYZE removed_belief")
        cursor.execute(COUNT_REMOVED)
        gone = cursor.fetchall()
        cursor.execute(RESTORE, values)
        restored = cursor.rowcount
        cursor.execute(COUNT_CONFIRMED, values)
        (kept_confirmed,) = cursor.fetchone()
        cursor.execute("DROP TABLE removed_belief")
    check_users(subject_id for subject_id, _ in gone)
    count_rows(Belief, [(None, restored), *((None, -active) for _, active in gone)])
    return UndoneBeliefs(removed=removed, restored=restored, kept_confirmed=kept_confirmed)
