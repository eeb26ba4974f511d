"""Reads of a tenant's memory that are more than a filter. Each is called inside `tenant_transaction`."""

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Any, Final
from uuid import UUID

from django.db.models import Func, IntegerField, Q, Sum
from django.utils import timezone

from memory.models import Belief, BeliefQuerySet, Event, Tally
from memory.tally import COLUMNS, TOTAL

CHART_DAYS: Final = 30
LONGEST_HISTORY: Final = 1000
LARGEST_HISTORY: Final = 8 * 1024 * 1024  # bytes of values


def belief_history(
    *, tenant_id: UUID, subject_id: str, key: str, include_inactive: bool, as_of: datetime | None = None
) -> list[Belief]:
    """The newest 1,000 versions, oldest first: all of them, or those that held at a moment. Fewer of 8 MiB and more."""
    versions = Belief.objects.for_tenant(tenant_id).of_key(subject_id, key)
    if as_of is not None:
        versions = versions.filter(created_at__lte=as_of)
    if not include_inactive:
        held = Q(ended_at=None) if as_of is None else Q(ended_at=None) | Q(ended_at__gt=as_of)
        versions = versions.filter(held)
    newest = versions.order_by("-created_at", "-id")[:LONGEST_HISTORY]
    sizes = accumulate(
        newest.values_list(Func("value", function="octet_length", output_field=IntegerField()), flat=True)
    )
    fitting = sum(1 for size in sizes if size <= LARGEST_HISTORY)
    return list(newest[: max(1, fitting)])[::-1]


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
    """Totals of a tenant, at the same cost for any number of rows."""
    newest = Event.objects.for_tenant(tenant_id).order_by("-occurred_at", "-id")[:1]
    return {
        **tenant_totals(tenant_id),
        "last_event_at": newest.values_list("occurred_at", flat=True).first(),
    }


def tenant_totals(tenant_id: UUID) -> dict[str, Any]:
    """In one query. `events_per_day`: 30 days by `occurred_at`, UTC, today last."""
    today = timezone.now().date()
    days = [today - timedelta(days=age) for age in reversed(range(CHART_DAYS))]
    tally = tally_of(tenant_id, days)
    return {
        **{f"total_{column}": tally[TOTAL][column] for column in COLUMNS},
        "events_per_day": [{"date": day, "events": tally[day]["events"]} for day in days],
    }


def tally_of(tenant_id: UUID, days: list[date]) -> dict[date, Counter[str]]:
    """The sums over all slots: of all time, and of each of these days."""
    rows = Tally.objects.for_tenant(tenant_id).filter(Q(day=TOTAL) | Q(day__range=(days[0], days[-1])))
    sums = rows.values_list("day").annotate(*map(Sum, COLUMNS)).order_by()
    found = {day: Counter(dict(zip(COLUMNS, counts, strict=True))) for day, *counts in sums}
    return {day: found.get(day, Counter()) for day in (TOTAL, *days)}
