"""The main counts for operators, in three queries. None reads a table of events, beliefs or episodes."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone

from apikeys.models import APIKey
from apikeys.status import Status, has_status
from tenants.audit.actions import Action
from tenants.models import AuditEntry, Tenant

DAY: Final = timedelta(days=1)


class Figure(NamedTuple):
    label: str
    number: int
    address: str  # URL of the list that shows them


def installation_counts() -> list[Figure]:
    tenants, audit, keys = (
        reverse(f"admin:{name}_changelist") for name in ("tenants_tenant", "tenants_auditentry", "apikeys_apikey")
    )
    of_tenants, sign_ins, of_keys = count_tenants(), count_sign_ins(), count_keys()
    return [
        Figure("Tenants", of_tenants["all"], tenants),
        Figure("Suspended", of_tenants["suspended"], f"{tenants}?state=suspended"),
        Figure("Sign-ins refused in 24 hours", sign_ins["refused"], f"{audit}?action={Action.SIGN_IN_REFUSED}"),
        Figure("Locked out in 24 hours", sign_ins["locked"], f"{audit}?action={Action.SIGN_IN_LOCKED}"),
        Figure("Keys expiring within 30 days", of_keys["ending"], f"{keys}?status={Status.EXPIRING}"),
        Figure("Expired keys without a replacement", of_keys["ended"], f"{keys}?status={Status.EXPIRED}"),
    ]


def count_tenants() -> dict[str, int]:
    counts: dict[str, int] = Tenant.objects.aggregate(
        all=Count("id"),
        suspended=Count("id", filter=~Q(suspended_at=None)),
    )
    return counts


def count_sign_ins() -> dict[str, int]:
    """Filters by the primary key, which sorts by time, so that only one day of the log is read."""
    lately = AuditEntry.objects.filter(id__gte=first_id_at(timezone.now() - DAY))
    counts: dict[str, int] = lately.aggregate(
        refused=Count("id", filter=Q(action=Action.SIGN_IN_REFUSED)),
        locked=Count("id", filter=Q(action=Action.SIGN_IN_LOCKED)),
    )
    return counts


def count_keys() -> dict[str, int]:
    """Uses the conditions of the list's filters. They leave rotated keys out, because these have a successor."""
    now = timezone.now()
    counts: dict[str, int] = APIKey.objects.aggregate(
        ending=Count("id", filter=has_status(now, Status.EXPIRING)),
        ended=Count("id", filter=has_status(now, Status.EXPIRED)),
    )
    return counts


def first_id_at(moment: datetime) -> UUID:
    """The lowest UUIDv7 of a moment (RFC 9562, section 5.7): its first 48 bits are the milliseconds."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
