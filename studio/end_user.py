"""Reads everything known about one end user, in a few queries whose cost is bounded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from memory.models import Belief

MOST_COUNTED: Final = 10_000
BELIEFS: Final = 50
TALLY: Final = """
SELECT
    (SELECT count(*) FROM (
        SELECT FROM memory_event WHERE tenant_id = %(tenant)s AND user_id = %(user)s LIMIT %(most)s
    ) AS rows),
    (SELECT count(*) FROM (
        SELECT FROM memory_belief
        WHERE tenant_id = %(tenant)s AND subject_id = %(user)s AND ended_at IS NULL LIMIT %(most)s
    ) AS rows),
    (SELECT count(*) FROM (
        SELECT FROM memory_belief WHERE tenant_id = %(tenant)s AND subject_id = %(user)s LIMIT %(most)s
    ) AS rows),
    (SELECT count(*) FROM (
        SELECT FROM memory_episode WHERE tenant_id = %(tenant)s AND user_id = %(user)s LIMIT %(most)s
    ) AS rows),
    array_agg(thread_id ORDER BY last DESC), array_agg(events ORDER BY last DESC), array_agg(last ORDER BY last DESC)
FROM (
    SELECT thread_id, count(*) AS events, max(occurred_at) AS last
    FROM (
        SELECT thread_id, occurred_at FROM memory_event
        WHERE tenant_id = %(tenant)s AND user_id = %(user)s ORDER BY occurred_at DESC, id DESC LIMIT 1000
    ) AS newest
    WHERE thread_id IS NOT NULL GROUP BY thread_id ORDER BY last DESC LIMIT 10
) AS threads
"""


class Thread(NamedTuple):
    name: str
    events: int
    last: datetime


class Count(int):
    """A count that stops just above 10,000, so that a page costs the same however many rows there are."""

    def __str__(self) -> str:
        return f"over {MOST_COUNTED:,}" if self > MOST_COUNTED else f"{int(self):,}"


@dataclass(frozen=True, kw_only=True)
class EndUserTally:
    events: Count
    beliefs: Count
    versions: Count
    episodes: Count
    threads: list[Thread]

    @property
    def is_known(self) -> bool:
        return bool(self.events or self.versions or self.episodes)


def tally_of(*, tenant_id: UUID, user_id: str) -> EndUserTally:
    """Counts the rows, and finds the latest threads among the newest 1,000 events. Call in `tenant_transaction`."""
    with connection.cursor() as cursor:
        cursor.execute(TALLY, {"tenant": tenant_id, "user": user_id, "most": MOST_COUNTED + 1})
        events, beliefs, versions, episodes, *columns = cursor.fetchone()
    return EndUserTally(
        events=Count(events),
        beliefs=Count(beliefs),
        versions=Count(versions),
        episodes=Count(episodes),
        threads=[Thread(*row) for row in zip(*(column or [] for column in columns), strict=True)],
    )


class Known(NamedTuple):
    active: list[Belief]
    timeline: list[Belief]


def beliefs_of(*, tenant_id: UUID, subject_id: str) -> Known:
    """Reads the newest active beliefs and the newest versions, in one query. Call in `tenant_transaction`."""
    versions = Belief.objects.for_tenant(tenant_id).filter(subject_id=subject_id).order_by("-id")
    found = sorted(versions.active()[:BELIEFS].union(versions[:BELIEFS]), key=lambda belief: belief.id, reverse=True)
    return Known([belief for belief in found if belief.ended_at is None][:BELIEFS], found[:BELIEFS])
