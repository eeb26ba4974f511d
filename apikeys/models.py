from django.db import models
from django.utils import timezone

from tenants.ids import new_id
from tenants.models import Role, Tenant, TenantQuerySet


class APIKeyQuerySet(TenantQuerySet["APIKey"]):
    def unrevoked(self) -> "APIKeyQuerySet":
        return self.filter(revoked_at=None)

    def in_status(self, status: "APIKey.Status") -> "APIKeyQuerySet":
        """What the property `status` says of one key."""
        run_out = models.Q(expires_at__lte=timezone.now())
        if status == APIKey.Status.REVOKED:
            return self.exclude(revoked_at=None)
        if status == APIKey.Status.EXPIRED:
            return self.unrevoked().filter(run_out)
        return self.unrevoked().exclude(run_out)


class APIKey(models.Model):
    """A tenant's key. It keeps its maker as id and label, not as a foreign key: it outlives the person."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        EXPIRED = "expired"
        REVOKED = "revoked"

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
        if self.revoked_at:
            return self.Status.REVOKED
        if self.expires_at and self.expires_at <= timezone.now():
            return self.Status.EXPIRED
        return self.Status.ACTIVE
