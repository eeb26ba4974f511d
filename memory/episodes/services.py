"""Writes episodes. Called inside `tenant_transaction`. `building.py` writes the derived ones."""

from typing import Any, Final
from uuid import UUID

from django.db import connection

from memory.episodes.models import Episode
from memory.records import written_by
from memory.transactions.changes import add_users, check_users, count_row
from tenants.principal import Principal
from tenants.problems import Conflict, Unprocessable

FIXED: Final = ("user_id", "agent_id", "thread_id", "started_at", "ended_at", "event_ids")  # of a derived episode
LOCK_EVENTS: Final = """
SELECT count(*) FROM (
    SELECT id FROM memory_event WHERE tenant_id = %s AND id = ANY(%s) ORDER BY id FOR KEY SHARE
) AS locked
"""


def record_episode(*, principal: Principal, **fields: Any) -> Episode:
    refuse_unknown_events(principal.tenant_id, fields.get("event_ids", []))
    episode = Episode.objects.create(**written_by(principal), **fields)
    count_row(Episode, episode.user_id)
    return episode


def revise_episode(*, episode: Episode, changes: dict[str, Any]) -> Episode:
    """Changes an episode whose row the caller has locked. A new summary counts as given, so no rebuild replaces it."""
    if episode.derived:
        refuse_fixed(episode, changes)
    if changes.get("summary", episode.summary) != episode.summary:
        changes = {**changes, "summary_kind": Episode.SummaryKind.GIVEN}
    refuse_unknown_events(episode.tenant_id, changes.get("event_ids", []))
    if changes.get("user_id", episode.user_id) != episode.user_id:
        check_users([episode.user_id])
        add_users([changes["user_id"]])
    for name, value in changes.items():
        setattr(episode, name, value)
    Episode.objects.for_tenant(episode.tenant_id).filter(id=episode.id).update(**changes)
    return episode


def refuse_fixed(episode: Episode, changes: dict[str, Any]) -> None:
    if any(changes.get(name, getattr(episode, name)) != getattr(episode, name) for name in FIXED):
        raise Conflict(
            "This episode is derived from its events. Only its summary, tags, outcome and status can be changed.",
            code="episode_derived",
        )


def refuse_unknown_events(tenant_id: UUID, event_ids: list[UUID]) -> None:
    """Locks the events until the commit. A removal of one of them waits, and then sees the episode."""
    wanted = set(event_ids)
    if not wanted:
        return
    with connection.cursor() as cursor:
        cursor.execute(LOCK_EVENTS, [tenant_id, list(wanted)])
        (locked,) = cursor.fetchone()
    if locked != len(wanted):
        raise Unprocessable("event_ids names an event that does not exist.", code="unknown_event")
