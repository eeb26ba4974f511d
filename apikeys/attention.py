"""Keys that need attention, for `/v1/api-keys/health` and `manage.py key_report`."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Q

from apikeys.models import IDLE_AFTER, APIKey, APIKeyQuerySet
from apikeys.policy import violating
from tenants.principal import ENDS_SOON

MOST_SHOWN: Final = 100


def concerns(*, now: datetime) -> dict[str, Q]:
    return {
        "ends_soon": Q(expires_at__lte=now + ENDS_SOON),  # counts frozen keys too
        "idle": Q(last_used_at__lte=now - IDLE_AFTER),
        "never_used": Q(last_used_at=None),
        "without_expiry": Q(expires_at=None),
        "against_policy": violating(),
    }


def keys_in_service(tenant_id: UUID, *, now: datetime) -> APIKeyQuerySet:
    return APIKey.objects.for_tenant(tenant_id).in_service(now).select_related("tenant")


def count_concerns(tenant_id: UUID, *, now: datetime) -> dict[str, int]:
    """Counts the keys `in_service`, and how many of them were ever `used`, are `frozen` or have each concern."""
    counts_by_concern = {name: Count("id", filter=condition) for name, condition in concerns(now=now).items()}
    counts: dict[str, int] = keys_in_service(tenant_id, now=now).aggregate(
        in_service=Count("id"),
        used=Count("id", filter=Q(last_used_at__isnull=False)),
        frozen=Count("id", filter=Q(tenant__keys_frozen_at__isnull=False)),
        **counts_by_concern,
    )
    return counts


def key_health(tenant_id: UUID, *, now: datetime) -> dict[str, Any]:
    """Each concern's count and its first 100 keys, by expiry and then by age. One query gets all the counts."""
    keys, counts = keys_in_service(tenant_id, now=now), count_concerns(tenant_id, now=now)
    health: dict[str, Any] = {"keys_in_service": counts["in_service"]}
    for name, condition in concerns(now=now).items():
        items = keys.filter(condition).order_by("expires_at", "id")[:MOST_SHOWN] if counts[name] else []
        health[name] = {"count": counts[name], "items": items}
    return health
