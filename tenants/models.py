from typing import Self, TypeVar
from uuid import UUID

from django.db import models
from django.utils import timezone
from rest_framework.exceptions import NotFound

from tenants.ids import new_id, parse_id

M = TypeVar("M", bound=models.Model, covariant=True)


class Role(models.TextChoices):
    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"

    @property
    def level(self) -> int:
        """1 to 3. A higher level may do everything that a lower one may."""
        return {"viewer": 1, "editor": 2, "admin": 3}[self.value]


class Tenant(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=100)
    sector = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    suspended_at = models.DateTimeField(null=True, blank=True, editable=False)
    keys_frozen_at = models.DateTimeField(null=True, editable=False)
    require_key_expiry = models.BooleanField(default=False)
    max_key_lifetime_days = models.PositiveIntegerField(null=True, blank=True)
    rate_limit_per_minute = models.PositiveIntegerField(null=True, blank=True)
    rate_limit_cap = models.PositiveIntegerField("cap of requests per minute", null=True, blank=True)
    event_retention_days = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class TenantQuerySet(models.QuerySet[M]):
    """The first barrier between tenants: views and pages read and write a tenant's rows through `for_tenant`.

    A few services use SQL of their own, with the tenant's id as a parameter.
    """

    def for_tenant(self, tenant_id: UUID) -> Self:
        return self.filter(tenant_id=tenant_id)

    def with_id(self, text: str) -> M:
        """Returns the row with an id from a request. The same 404 if it is malformed, missing or of another tenant."""
        row_id = parse_id(text)
        row = self.filter(id=row_id).first() if row_id else None
        if row is None:
            raise NotFound()
        return row


class AuditEntryQuerySet(TenantQuerySet["AuditEntry"]):
    pass


class AuditEntry(models.Model):
    """One audited act. Append-only: a trigger refuses changes, and the chain of `audit/log.py` reveals them.

    Stores ids and labels instead of foreign keys, because a row outlives the rows that it refers to.
    """

    COLUMNS = (
        "number",
        "at",
        "action",
        "actor_kind",
        "actor_id",
        "actor_label",
        "target_id",
        "target_label",
        "before",
        "after",
        "address",
        "agent",
        "request_id",
    )  # what a reader sees of a row; the order is also that of the CSV file

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField(null=True)
    number = models.BigIntegerField(null=True)  # position in the tenant's chain, from 1; null without a tenant
    at = models.DateTimeField(default=timezone.now)
    action = models.CharField(max_length=32)  # an `Action`; no choices, so that a new one needs no migration
    actor_kind = models.CharField(max_length=10)
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=254)
    target_id = models.UUIDField(null=True)
    target_label = models.CharField(max_length=254)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=200)
    request_id = models.CharField(max_length=64)
    kid = models.CharField(max_length=64)
    mac = models.BinaryField(max_length=32)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "audit log"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["tenant_id", "number"], name="audit_number_unique")]
        indexes = [
            models.Index(fields=["tenant_id", "id"], name="audit_by_tenant"),
            models.Index(fields=["tenant_id", "action", "id"], name="audit_by_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_label}".strip()


class AuditHead(models.Model):
    """The end of a tenant's chain. Has a MAC of its own, so that removing the last rows is detected.

    `pruned` and `pruned_mac` are the checkpoint that retention leaves: the number and MAC of the last deleted row.
    """

    tenant_id = models.UUIDField(primary_key=True)
    count = models.BigIntegerField(default=0)
    last_mac = models.BinaryField(max_length=32, default=bytes)
    pruned = models.BigIntegerField(default=0)
    pruned_mac = models.BinaryField(max_length=32, default=bytes)
    kid = models.CharField(max_length=64, default="")
    mac = models.BinaryField(max_length=32, default=bytes)

    def __str__(self) -> str:
        return f"{self.tenant_id}: {self.count}"


class Counter(models.Model):
    """A hit counter of `limits/limit.py`.

    The name is a digest, so the table shows no IP address or e-mail address. The table is unlogged: a crash empties it.
    """

    name = models.BinaryField(max_length=32, primary_key=True)
    hits = models.IntegerField()
    strikes = models.SmallIntegerField(default=0)
    ends_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["ends_at"], name="counter_by_end")]

    def __str__(self) -> str:
        return f"{self.hits} until {self.ends_at:%H:%M:%S}"
