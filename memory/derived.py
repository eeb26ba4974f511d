"""Derived episodes: read, written and removed here alone. Inside `tenant_transaction`."""

from typing import Any, Final
from uuid import UUID

from django.db import connection

from memory.models import Episode, EpisodeQuerySet
from memory.stretches import Stream, Stretch
from memory.tally import note_counts, note_left, note_written

WRITE_DERIVED: Final = """
INSERT INTO memory_episode AS episode (
    tenant_id, id, created_at, user_id, thread_id, agent_id, summary, summary_kind, derived, tags, consolidation_status,
    started_at, ended_at, event_ids
)
VALUES (
    %(tenant_id)s, %(id)s, now(), %(user_id)s, %(thread_id)s, %(agent_id)s, %(summary)s, 'extractive', true, '{}',
    'consolidated', %(started_at)s, %(ended_at)s, %(event_ids)s
)
ON CONFLICT (tenant_id, id) DO UPDATE SET
    derived = true, agent_id = excluded.agent_id, event_ids = excluded.event_ids,
    started_at = excluded.started_at, ended_at = excluded.ended_at,
    summary = CASE WHEN episode.summary_kind = 'extractive' THEN excluded.summary ELSE episode.summary END
RETURNING xmax = 0
"""
LET_GO: Final = """
UPDATE memory_episode SET derived = false
WHERE tenant_id = %(tenant_id)s AND derived AND summary_kind = 'given' AND {condition}
"""
REMOVE_DERIVED: Final = (
    "DELETE FROM memory_episode WHERE tenant_id = %(tenant_id)s AND derived AND {condition} RETURNING user_id"
)
# By the tables of a removal (`removal.py`): an event that is gone, which the episode may quote.
NAMES_REMOVED: Final = "id IN (SELECT id FROM naming_episode WHERE derived)"


def overlapping_episodes(stretch: Stretch) -> list[Episode]:
    """Held, so that nobody words their summaries meanwhile."""
    episodes = derived_episodes(stretch.stream).filter(started_at__range=(stretch.first.at, stretch.last.at))
    ids = set(stretch.ids)
    held = episodes.order_by("id").select_for_update()
    return [episode for episode in held if not ids.isdisjoint(episode.event_ids)]


def derived_episodes(stream: Stream) -> EpisodeQuerySet:
    episodes = Episode.objects.for_tenant(stream.tenant_id).filter(derived=True, user_id=stream.user_id)
    return (
        episodes.filter(thread_id__isnull=True)
        if stream.thread_id is None
        else episodes.filter(thread_id=stream.thread_id)
    )


def write_derived(stretch: Stretch) -> None:
    """New, or the one that began the same: then what a person wrote of it stays."""
    columns = {
        "id": stretch.episode_id,
        "agent_id": stretch.agent_id,
        "summary": stretch.summary,
        "started_at": stretch.first.at,
        "ended_at": stretch.last.at,
        "event_ids": stretch.ids,
    }
    with connection.cursor() as cursor:
        cursor.execute(WRITE_DERIVED, stretch.stream.columns | columns)
        (new,) = cursor.fetchone()
    if new:
        note_written(Episode, stretch.stream.user_id)


def remove_derived(episodes: list[Episode], *, unless: UUID | None) -> None:
    """But one that a person worded is let go instead, and stays as if it had been given."""
    if gone := [episode.id for episode in episodes if episode.id != unless]:
        remove_derived_where("id = ANY(%(ids)s)", {"tenant_id": episodes[0].tenant_id, "ids": gone})


def remove_derived_where(condition: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(LET_GO.format(condition=condition), values)
        cursor.execute(REMOVE_DERIVED.format(condition=condition), values)
        users = [user_id for (user_id,) in cursor.fetchall()]
    note_counts(Episode, [(None, len(users))], sign=-1)
    note_left(users)
