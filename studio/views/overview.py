from typing import Any, Final

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apikeys.attention import count_concerns
from memory.counts.queries import tenant_totals
from memory.models import Belief, Event
from memory.transactions import tenant_transaction
from studio.access import PageRequest, page
from studio.charts import daily_chart
from studio.queries import newest_writers
from tenants.permissions import IsTenantAdmin

NEWEST: Final = 8
CONCERNS: Final = {
    "ends_soon": "Expire within 30 days",
    "idle": "Not used for 90 days",
    "never_used": "Never used",
    "without_expiry": "Never expire",
    "against_policy": "Violate the key policy",
}


@page()
def overview(request: PageRequest) -> HttpResponse:
    """Totals, growth and the keys that write most; for a new workspace, the first three steps instead."""
    tenant_id = request.principal.tenant_id
    with tenant_transaction(tenant_id):
        stats = tenant_totals(tenant_id)
        events = list(Event.objects.for_tenant(tenant_id).order_by("-occurred_at", "-id")[:NEWEST])
        writers = newest_writers(tenant_id) if events else []
    keys = count_concerns(tenant_id, now=timezone.now()) if IsTenantAdmin.allows(request.principal) else None
    has_memory = bool(stats["total_events"] or stats["total_beliefs"])
    context: dict[str, Any] = {"stats": stats, "events": events, "writers": writers, "keys": keys}
    context |= {
        "concerns": CONCERNS,
        "chart": daily_chart(stats["events_per_day"]),
        **first_steps(keys, has_memory=has_memory),
    }
    return render(request, "studio/overview.html", context)


@page()
def steps(request: PageRequest) -> HttpResponse:
    """The first steps on a new workspace's overview: the part that refreshes itself."""
    tenant_id = request.principal.tenant_id
    with tenant_transaction(tenant_id):
        has_memory = Event.objects.for_tenant(tenant_id).exists() or Belief.objects.for_tenant(tenant_id).exists()
    keys = count_concerns(tenant_id, now=timezone.now())
    return render(request, "studio/parts/steps.html", first_steps(keys, has_memory=has_memory))


def first_steps(keys: dict[str, int] | None, *, has_memory: bool) -> dict[str, Any]:
    return {
        "is_new": not has_memory,
        "has_memory": has_memory,
        "has_key": keys is None or keys["in_service"] > 0,
        "has_called": has_memory or (keys is not None and keys["used"] > 0),
        "url": settings.PUBLIC_URL,
        "api_key": "YOUR_API_KEY",
    }
