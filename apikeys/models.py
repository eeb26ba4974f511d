from datetime import datetime, timedelta
from typing import Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from apikeys.policy import Violation, violation
from tenants.ids import new_id
from tenants.models import Role, Tenant, TenantQuerySet
from tenants.principal import ENDS_SOON

IDLE_AFTER: Final = timedelta(days=90)


class APIKeyQuerySet(TenantQuerySet["APIKey"]):
    def unrevoked(self) -> "APIKeyQuerySet":
        return self.filter(revoked_at=None)

    def in_service(self, now: datetime) -> "APIKeyQuerySet":
        """Neither ended nor about to: a key that was rotated is somebody's choice already."""
        return self.unrevoked().filter(Q(expires_at=None) | Q(expires_at__gt=now), replaced_by_id=None)

    def in_status(self, status: "APIKey.Status") -> "APIKeyQuerySet":
        """What the property `status` says of one key."""
        now = timezone.now()
        ended, soon = Q(expires_at__lte=now), Q(expires_at__lte=now + ENDS_SOON)
        frozen, rotated = ~Q(tenant__keys_frozen_at=None), ~Q(replaced_by_id=None)
        return self.filter(
            {
                APIKey.Status.REVOKED: ~Q(revoked_at=None),
                APIKey.Status.EXPIRED: Q(revoked_at=None) & ended & ~rotated,
                APIKey.Status.ROTATED: Q(revoked_at=None) & rotated & (ended | ~frozen),
                APIKey.Status.FROZEN: Q(revoked_at=None) & ~ended & frozen,
                APIKey.Status.EXPIRING: Q(revoked_at=None) & ~ended & ~frozen & ~rotated & soon,
                APIKey.Status.ACTIVE: Q(revoked_at=None) & ~frozen & ~rotated & ~soon,
            }[status]
        )


class APIKey(models.Model):
    """A tenant's key. It keeps its maker as id and label, not as a foreign key: it outlives the person."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        EXPIRING = "expiring"
        EXPIRED = "expired"
        ROTATED = "rotated"
        REVOKED = "revoked"
        FROZEN = "frozen"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=100)
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.EDITOR)
    digest = models.BinaryField(max_length=32, editable=False)
    prefix = models.CharField(max_length=12, editable=False)
    last4 = models.CharField(max_length=4, editable=False)
    created_by_id = models.UUIDField(null=True, editable=False)
    created_by_label = models.CharField(max_length=254, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    last_used_ip = models.GenericIPAddressField(null=True, editable=False)
    last_used_agent = models.CharField(max_length=200, blank=True, default="", editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    replaced_by_id = models.UUIDField(null=True, editable=False)
    allowed_ips = ArrayField(models.CharField(max_length=43), default=list, blank=True)
    rate_limit_per_minute = models.PositiveIntegerField(null=True, blank=True)

    objects = APIKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["digest"], name="apikey_digest_unique"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="apikey_role_known"),
        ]
        indexes = [models.Index(fields=["tenant", "id"], name="apikey_by_tenant")]

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> Status:
        """One word for a row in a list; the worst news wins. A rotated key works until its `expires_at`."""
        now = timezone.now()
        if self.revoked_at:
            return self.Status.REVOKED
        if self.has_expired(now):
            return self.Status.ROTATED if self.replaced_by_id else self.Status.EXPIRED
        if self.tenant.keys_frozen_at:
            return self.Status.FROZEN
        if self.replaced_by_id:
            return self.Status.ROTATED
        ends_soon = self.expires_at is not None and self.expires_at <= now + ENDS_SOON
        return self.Status.EXPIRING if ends_soon else self.Status.ACTIVE

    @property
    def policy_violations(self) -> list[Violation]:
        """How the key breaks the tenant's policy of today; nothing for a key that has ended or was rotated."""
        if self.revoked_at or self.replaced_by_id or self.has_expired(timezone.now()):
            return []
        found = violation(self.tenant, created_at=self.created_at, expires_at=self.expires_at)
        return [found] if found else []

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now
