"""Reads the counts. Called inside `tenant_transaction`."""

from collections import Counter
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, Sum
from django.utils import timezone

from memory.counts.models import Tally
from memory.events.models import Event
from memory.transactions.changes import COUNTS, TOTAL

CHART_DAYS: Final = 30


def tenant_stats(tenant_id: UUID) -> dict[str, Any]:
    """The totals of a tenant. Costs the same for any number of rows."""
    newest = Event.objects.for_tenant(tenant_id).order_by("-occurred_at", "-id")[:1]
    return {
        **tenant_totals(tenant_id),
        "last_event_at": newest.values_list("occurred_at", flat=True).first(),
    }


def tenant_totals(tenant_id: UUID) -> dict[str, Any]:
    """Takes one query. `events_per_day`: 30 days by `occurred_at`, UTC, today last."""
    today = timezone.now().date()
    days = [today - timedelta(days=age) for age in reversed(range(CHART_DAYS))]
    counts = counts_of(tenant_id, days)
    return {
        **{f"total_{count}": counts[TOTAL][count] for count in COUNTS},
        "events_per_day": [{"date": day, "events": counts[day]["events"]} for day in days],
    }


def counts_of(tenant_id: UUID, days: list[date]) -> dict[date, Counter[str]]:
    """The totals, and the counts of each of these days, summed over all slots."""
    rows = Tally.objects.for_tenant(tenant_id).filter(Q(day=TOTAL) | Q(day__range=(days[0], days[-1])))
    sums = rows.values_list("day").annotate(*map(Sum, COUNTS)).order_by()
    found = {day: Counter(dict(zip(COUNTS, counts, strict=True))) for day, *counts in sums}
    return {day: found.get(day, Counter()) for day in (TOTAL, *days)}
