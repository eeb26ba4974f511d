"""A key's status, as one word. If several apply, the most serious wins. A rotated key works until `expires_at`.

`status_at` computes it in SQL, for lists, filters and counts; `status_of` computes it for one key. Keep both in step.
"""

from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.lookups import In

from tenants.models import Tenant
from tenants.principal import ENDS_SOON


class Status(models.TextChoices):
    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    ROTATED = "rotated"
    REVOKED = "revoked"
    FROZEN = "frozen"


class HasStatus(Protocol):
    """What the status of a key depends on."""

    @property
    def revoked_at(self) -> datetime | None: ...
    @property
    def replaced_by_id(self) -> UUID | None: ...
    @property
    def tenant(self) -> Tenant: ...
    def has_expired(self, now: datetime) -> bool: ...


IN_SERVICE: Final = (Status.ACTIVE, Status.EXPIRING, Status.FROZEN)


def status_at(now: datetime) -> Case:
    is_rotated, has_expired = Q(replaced_by_id__isnull=False), Q(expires_at__lte=now)
    return Case(
        When(Q(revoked_at__isnull=False), then=Value(Status.REVOKED)),
        When(has_expired & is_rotated, then=Value(Status.ROTATED)),
        When(has_expired, then=Value(Status.EXPIRED)),
        When(Q(tenant__keys_frozen_at__isnull=False), then=Value(Status.FROZEN)),
        When(is_rotated, then=Value(Status.ROTATED)),
        When(Q(expires_at__lte=now + ENDS_SOON), then=Value(Status.EXPIRING)),
        default=Value(Status.ACTIVE),
        output_field=models.CharField(),
    )


def has_status(now: datetime, *statuses: Status) -> In:
    """A condition for filters and counts."""
    return In(status_at(now), statuses)


def status_of(key: HasStatus, now: datetime) -> Status:
    if key.revoked_at:
        return Status.REVOKED
    if key.has_expired(now):
        return Status.ROTATED if key.replaced_by_id else Status.EXPIRED
    if key.tenant.keys_frozen_at:
        return Status.FROZEN
    if key.replaced_by_id:
        return Status.ROTATED
    return Status.EXPIRING if key.has_expired(now + ENDS_SOON) else Status.ACTIVE
