"""Rows of derived episodes. Nothing else writes or removes them. Called inside `tenant_transaction`."""

from typing import Any, Final
from uuid import UUID

from django.db import connection

from memory.episodes.models import Episode, EpisodeQuerySet
from memory.episodes.windows import Stream, Window
from memory.transactions.changes import check_users, count_row, count_rows

WRITE: Final = """
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
RELEASE: Final = """
UPDATE memory_episode SET derived = false
WHERE tenant_id = %(tenant_id)s AND derived AND summary_kind = 'given' AND {condition}
"""
REMOVE: Final = (
    "DELETE FROM memory_episode WHERE tenant_id = %(tenant_id)s AND derived AND {condition} RETURNING user_id"
)
# Episodes that name a removed event, and may quote it: see the temporary tables of `removal/rows.py`.
NAMES_REMOVED: Final = "id IN (SELECT id FROM naming_episode WHERE derived)"


def overlapping(window: Window) -> list[Episode]:
    """Locks the episodes, so that no person rewrites a summary meanwhile."""
    episodes = of_stream(window.stream).filter(started_at__range=(window.first.at, window.last.at))
    ids = set(window.ids)
    locked = episodes.order_by("id").select_for_update()
    return [episode for episode in locked if not ids.isdisjoint(episode.event_ids)]


def of_stream(stream: Stream) -> EpisodeQuerySet:
    episodes = Episode.objects.for_tenant(stream.tenant_id).filter(derived=True, user_id=stream.user_id)
    return (
        episodes.filter(thread_id__isnull=True)
        if stream.thread_id is None
        else episodes.filter(thread_id=stream.thread_id)
    )


def write(window: Window) -> None:
    """Inserts the episode, or updates the one with the same first event and keeps a summary that a person wrote."""
    columns = {
        "id": window.episode_id,
        "agent_id": window.agent_id,
        "summary": window.summary,
        "started_at": window.first.at,
        "ended_at": window.last.at,
        "event_ids": window.ids,
    }
    with connection.cursor() as cursor:
        cursor.execute(WRITE, window.stream.columns | columns)
        (new,) = cursor.fetchone()
    if new:
        count_row(Episode, window.stream.user_id)


def remove(episodes: list[Episode], *, unless: UUID | None) -> None:
    """Removes the episodes. One whose summary a person wrote stays, and is no longer derived."""
    if gone := [episode.id for episode in episodes if episode.id != unless]:
        remove_where("id = ANY(%(ids)s)", {"tenant_id": episodes[0].tenant_id, "ids": gone})


def remove_where(condition: str, values: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(RELEASE.format(condition=condition), values)
        cursor.execute(REMOVE.format(condition=condition), values)
        users = [user_id for (user_id,) in cursor.fetchall()]
    count_rows(Episode, [(None, len(users))], sign=-1)
    check_users(users)
