"""Reads the counts, in one round trip."""

from collections import Counter
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from memory.transactions import read_in_tenant_trip
from memory.transactions.changes import COUNTS, TOTAL
from postgres.statements import Rows, Statement, Step

CHART_DAYS: Final = 30
SUMS: Final = Statement(f"""
SELECT day, {", ".join(f"sum({name})::bigint" for name in COUNTS)} FROM memory_tally
WHERE tenant_id = %(tenant_id)s AND (day = %(total)s OR day BETWEEN %(first)s AND %(last)s) GROUP BY day
""")  # noqa: S608 - our own column names
NEWEST: Final = Statement("""
SELECT occurred_at FROM memory_event WHERE tenant_id = %(tenant_id)s AND occurred_at <= now()
ORDER BY occurred_at DESC, id DESC LIMIT 1
""")


def tenant_stats(tenant_id: UUID) -> dict[str, Any]:
    """The totals of a tenant. Costs the same for any number of rows."""
    days = chart_days()
    sums, newest = read_in_tenant_trip(tenant_id, sums_of(tenant_id, days), (NEWEST, {"tenant_id": tenant_id}))
    return {**totals(sums, days), "last_event_at": newest[0][0] if newest else None}


def tenant_totals(tenant_id: UUID) -> dict[str, Any]:
    """The same without the time of the newest event."""
    days = chart_days()
    (sums,) = read_in_tenant_trip(tenant_id, sums_of(tenant_id, days))
    return totals(sums, days)


def chart_days() -> list[date]:
    """30 days, today (UTC) last."""
    today = timezone.now().date()
    return [today - timedelta(days=age) for age in reversed(range(CHART_DAYS))]


def sums_of(tenant_id: UUID, days: list[date]) -> Step:
    """Returns the totals and the counts of each day. Each is the sum of several rows, so that writers rarely meet."""
    return SUMS, {"tenant_id": tenant_id, "total": TOTAL, "first": days[0], "last": days[-1]}


def totals(sums: Rows, days: list[date]) -> dict[str, Any]:
    found = {day: Counter(dict(zip(COUNTS, counts, strict=True))) for day, *counts in sums}
    return {
        **{f"total_{name}": found.get(TOTAL, Counter())[name] for name in COUNTS},
        "events_per_day": [{"date": day, "events": found.get(day, Counter())["events"]} for day in days],
    }
