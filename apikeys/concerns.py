"""Keys that ask for attention: what `/v1/api-keys/health` answers and `manage.py key_report` tells."""

from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Q

from apikeys.models import IDLE_AFTER, APIKey, APIKeyQuerySet
from apikeys.policy import violating
from tenants.models import Tenant
from tenants.principal import ENDS_SOON

MOST_SHOWN: Final = 100


def concerns(tenant: Tenant, *, now: datetime) -> dict[str, Q]:
    return {
        "ends_soon": Q(expires_at__lte=now + ENDS_SOON),
        "idle": Q(last_used_at__lte=now - IDLE_AFTER),
        "never_used": Q(last_used_at=None),
        "without_expiry": Q(expires_at=None),
        "against_policy": violating(tenant),
    }


def keys_in_service(tenant: Tenant, *, now: datetime) -> APIKeyQuerySet:
    return APIKey.objects.for_tenant(tenant.id).in_service(now).select_related("tenant")


def key_health(tenant: Tenant, *, now: datetime) -> dict[str, Any]:
    """Counts in one query, and up to 100 keys for each concern: those that end first, then the oldest."""
    keys, conditions = keys_in_service(tenant, now=now), concerns(tenant, now=now)
    counting = {name: Count("id", filter=condition) for name, condition in conditions.items()}
    counts = keys.aggregate(total=Count("id"), **counting)
    health: dict[str, Any] = {"keys_in_service": counts["total"]}
    for name, condition in conditions.items():
        items = keys.filter(condition).order_by("expires_at", "id")[:MOST_SHOWN] if counts[name] else []
        health[name] = {"count": counts[name], "items": items}
    return health
