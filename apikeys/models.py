from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from apikeys.policy import Violation, violation
from apikeys.status import IN_SERVICE, Status, has_status, status_of
from tenants.ids import new_id
from tenants.models import Role, Tenant, TenantQuerySet

IDLE_AFTER: Final = timedelta(days=90)


class APIKeyQuerySet(TenantQuerySet["APIKey"]):
    def unrevoked(self) -> "APIKeyQuerySet":
        return self.filter(revoked_at=None)

    def in_status(self, *statuses: Status) -> "APIKeyQuerySet":
        return self.filter(has_status(timezone.now(), *statuses))

    def in_service(self, now: datetime) -> "APIKeyQuerySet":
        """Keys that are not expired, revoked or rotated. A rotated key is excluded even while it is frozen."""
        return self.filter(has_status(now, *IN_SERVICE), replaced_by_id=None)


class APIKey(models.Model):
    """A tenant's key. It stores its creator's id and label, not a foreign key, because it outlives the user.

    `SETTINGS` are the fields that the creator chooses. A rotation copies them, and the audit log keeps them.
    """

    SETTINGS: ClassVar = ("name", "role", "expires_at", "allowed_ips", "rate_limit_per_minute")

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
        return status_of(self, timezone.now())

    @property
    def policy_violations(self) -> list[Violation]:
        """How the key violates the tenant's current policy. Empty for a key that no longer works or was rotated."""
        if self.replaced_by_id or self.status not in IN_SERVICE:
            return []
        found = violation(self.tenant, created_at=self.created_at, expires_at=self.expires_at)
        return [found] if found else []

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now
