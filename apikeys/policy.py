"""A tenant's policy on the lifetime of its keys: `require_key_expiry` and `max_key_lifetime_days`."""

from datetime import datetime, timedelta
from typing import Final

from django.db import models
from django.db.models import ExpressionWrapper, F, Q, Value
from rest_framework.exceptions import ErrorDetail, ValidationError

from tenants.models import Tenant
from tenants.serializers import LONGEST_DAYS

LONGEST: Final = timedelta(days=LONGEST_DAYS)  # a key may have been made with an expiry in the year 9999
USUAL_LIFETIME: Final = timedelta(days=90)  # of a successor that needs an expiry, if the old key had none


class Violation(models.TextChoices):
    """How a key violates the policy. A maximum lifetime also requires an expiry."""

    NO_EXPIRY = "no_expiry"
    LIFETIME_TOO_LONG = "lifetime_too_long"


def longest_lifetime(tenant: Tenant) -> timedelta | None:
    return timedelta(days=tenant.max_key_lifetime_days) if tenant.max_key_lifetime_days else None


def needs_expiry(tenant: Tenant) -> bool:
    return tenant.require_key_expiry or longest_lifetime(tenant) is not None


def violation(tenant: Tenant, *, created_at: datetime, expires_at: datetime | None) -> Violation | None:
    if expires_at is None:
        return Violation.NO_EXPIRY if needs_expiry(tenant) else None
    longest = longest_lifetime(tenant)
    return Violation.LIFETIME_TOO_LONG if longest and expires_at - created_at > longest else None


def violating() -> Q:
    """`violation` as a query condition. It compares each key with its own tenant's policy."""
    needs_end = Q(tenant__require_key_expiry=True) | Q(tenant__max_key_lifetime_days__isnull=False)
    longest = ExpressionWrapper(
        F("tenant__max_key_lifetime_days") * Value(timedelta(days=1)), output_field=models.DurationField()
    )
    return Q(expires_at=None) & needs_end | Q(expires_at__gt=F("created_at") + longest)


def refuse_violation(tenant: Tenant, *, created_at: datetime, expires_at: datetime | None) -> None:
    """422 for the field `expires_at`."""
    found = violation(tenant, created_at=created_at, expires_at=expires_at)
    if found is not None:
        raise ValidationError({"expires_at": [ErrorDetail(policy_sentence(tenant), code=found)]})


def policy_sentence(tenant: Tenant) -> str:
    days = tenant.max_key_lifetime_days
    within = f" within {days} {'day' if days == 1 else 'days'}" if days else ""
    return f"The key policy of this workspace requires an expiry date{within}."


def successors_expiry(
    tenant: Tenant, *, now: datetime, created_at: datetime, expires_at: datetime | None
) -> datetime | None:
    """When the key's successor expires. It gets the key's own lifetime, but at most the policy's maximum."""
    if expires_at is not None:
        lifetime = expires_at - created_at
    elif needs_expiry(tenant):
        lifetime = longest_lifetime(tenant) or USUAL_LIFETIME
    else:
        return None
    return now + min(lifetime, longest_lifetime(tenant) or lifetime, LONGEST)
