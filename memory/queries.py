"""Reads of a tenant's memory that are more than a filter. Each is called inside `tenant_transaction`."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from memory.models import Belief, BeliefQuerySet, Episode, Event

CHART_DAYS: Final = 30
LONGEST_HISTORY: Final = 1000
COUNT_USERS: Final = """
SELECT count(*) FROM (
    SELECT user_id FROM memory_event WHERE tenant_id = %(tenant)s
    UNION SELECT subject_id FROM memory_belief WHERE tenant_id = %(tenant)s
    UNION SELECT user_id FROM memory_episode WHERE tenant_id = %(tenant)s
) AS users
"""


def belief_history(
    *, tenant_id: UUID, subject_id: str, key: str, include_inactive: bool, as_of: datetime | None = None
) -> list[Belief]:
    """The newest 1,000 versions, oldest first: all of them, or those that held at a moment."""
    versions = Belief.objects.for_tenant(tenant_id).of_key(subject_id, key)
    if as_of is not None:
        versions = versions.filter(created_at__lte=as_of)
    if not include_inactive:
        held = Q(ended_at=None) if as_of is None else Q(ended_at=None) | Q(ended_at__gt=as_of)
        versions = versions.filter(held)
    return list(versions.order_by("-created_at", "-id")[:LONGEST_HISTORY])[::-1]


def belief_timeline(
    *, tenant_id: UUID, subject_id: str, limit: int, domain: str | None = None, since: datetime | None = None
) -> BeliefQuerySet:
    """What was learned of a subject, newest first, superseded versions among it."""
    versions = Belief.objects.for_tenant(tenant_id).filter(subject_id=subject_id)
    if domain is not None:
        versions = versions.filter(domain=domain)
    if since is not None:
        versions = versions.filter(created_at__gte=since)
    return versions.order_by("-id")[:limit]


def tenant_stats(tenant_id: UUID) -> dict[str, Any]:
    """Totals of a tenant. `events_per_day`: 30 days by `occurred_at`, UTC, today last."""
    events = Event.objects.for_tenant(tenant_id)
    totals = events.aggregate(total=Count("*"), last=Max("occurred_at"))
    return {
        "total_events": totals["total"],
        "total_beliefs": Belief.objects.for_tenant(tenant_id).active().count(),
        "total_episodes": Episode.objects.for_tenant(tenant_id).count(),
        "total_users": count_users(tenant_id),
        "last_event_at": totals["last"],
        "events_per_day": events_per_day(tenant_id),
    }


def count_users(tenant_id: UUID) -> int:
    """End users with any row."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_USERS, {"tenant": tenant_id})
        return int(cursor.fetchone()[0])


def events_per_day(tenant_id: UUID) -> list[dict[str, Any]]:
    today = timezone.now().date()
    days = [today - timedelta(days=age) for age in reversed(range(CHART_DAYS))]
    start = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=CHART_DAYS - 1)
    recent = Event.objects.for_tenant(tenant_id).filter(
        occurred_at__gte=start, occurred_at__lt=start + timedelta(CHART_DAYS)
    )
    counts = dict(recent.values_list(TruncDate("occurred_at")).annotate(count=Count("*")).order_by())
    return [{"date": day, "events": counts.get(day, 0)} for day in days]
