from typing import Self, TypeVar
from uuid import UUID

from django.db import models
from django.utils import timezone

from tenants.ids import new_id

M = TypeVar("M", bound=models.Model, covariant=True)


class Role(models.TextChoices):
    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"

    @property
    def level(self) -> int:
        """1 to 3; a higher level may do all that a lower one may."""
        return {"viewer": 1, "editor": 2, "admin": 3}[self.value]


class Tenant(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=100)
    sector = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    suspended_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class TenantQuerySet(models.QuerySet[M]):
    """The first wall between tenants: reads and writes of a tenant's rows start from `for_tenant`."""

    def for_tenant(self, tenant_id: UUID) -> Self:
        return self.filter(tenant_id=tenant_id)
