from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Q
from django.utils import timezone

from tenants.ids import new_id
from tenants.models import Role, Tenant, TenantQuerySet


def normalize_address(email: str) -> str:
    """E-mail addresses are stored and looked up in lower case, so that case makes no difference."""
    return email.strip().lower()


class UserQuerySet(TenantQuerySet["User"]):
    pass


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc] # made at run time
    def get_by_natural_key(self, username: str | None) -> "User":
        user: User = self.get(email=normalize_address(username or ""))
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Creates an operator without an audit row. `operators.make_operator` also writes the audit row."""
        user = User(email=normalize_address(email), is_staff=True, is_superuser=True, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A member of exactly one tenant, or an operator of the installation, who has no tenant."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, null=True, blank=True, related_name="users")
    email = models.EmailField("e-mail address", max_length=254)
    full_name = models.CharField(max_length=150, blank=True, default="")
    role = models.CharField(max_length=8, choices=Role.choices, null=True, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("operator", default=False, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["email"], name="user_email_unique", violation_error_code="email_taken"),
            models.CheckConstraint(
                condition=Q(is_staff=True, tenant=None, role=None)
                | Q(is_staff=False, is_superuser=False, tenant__isnull=False, role__in=Role.values),
                name="user_is_member_or_operator",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "id"], name="user_by_tenant")]

    def __str__(self) -> str:
        return self.email


class SessionQuerySet(TenantQuerySet["Session"]):
    def unended(self) -> "SessionQuerySet":
        return self.filter(ended_at=None)

    def alive(self) -> "SessionQuerySet":
        return self.unended().filter(expires_at__gt=timezone.now())


class Session(models.Model):
    """One sign-in. Its id is the `jti` of the JWT, and this row decides whether the JWT is accepted.

    `ip` and `agent` belong to the request at `last_seen_at`. `sign_in_ip` never changes.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="sessions")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    last_seen_at = models.DateTimeField(null=True, editable=False)
    sign_in_ip = models.GenericIPAddressField("address at sign-in", null=True, editable=False)
    ip = models.GenericIPAddressField("address", null=True, editable=False)
    agent = models.CharField(max_length=200, blank=True, default="", editable=False)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "id"], name="session_by_user"),
            models.Index(fields=["user"], condition=Q(ended_at=None), name="session_unended_by_user"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} since {self.created_at:%Y-%m-%d %H:%M}"


class ResetTokenQuerySet(models.QuerySet["ResetToken"]):
    def open(self) -> "ResetTokenQuerySet":
        return self.filter(used_at=None, expires_at__gt=timezone.now())


class ResetToken(models.Model):
    """A password reset link. It works once, within an hour, and only the SHA-256 of its token is stored.

    `used_at` is also set when the link is withdrawn.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="reset_tokens")
    digest = models.BinaryField(max_length=32, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(editable=False)
    used_at = models.DateTimeField(null=True, editable=False)

    objects = ResetTokenQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["digest"], name="reset_token_digest_unique")]

    def __str__(self) -> str:
        return f"for {self.user_id} until {self.expires_at:%Y-%m-%d %H:%M}"


class InvitationQuerySet(TenantQuerySet["Invitation"]):
    def open(self) -> "InvitationQuerySet":
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=timezone.now())


class Invitation(models.Model):
    """A link that creates an account in a tenant, with a role.

    It works once, within 72 hours, and only the SHA-256 of its token is stored.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        REVOKED = "revoked"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="invitations")
    email = models.EmailField("e-mail address", max_length=254)
    role = models.CharField(max_length=8, choices=Role.choices)
    digest = models.BinaryField(max_length=32, editable=False)
    invited_by_label = models.CharField(max_length=254, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(editable=False)
    accepted_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["digest"], name="invitation_digest_unique"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known"),
        ]
        indexes = [models.Index(fields=["tenant", "id"], name="invitation_by_tenant")]

    def __str__(self) -> str:
        return self.email

    @property
    def status(self) -> Status:
        if self.accepted_at:
            return self.Status.ACCEPTED
        if self.revoked_at:
            return self.Status.REVOKED
        return self.Status.OPEN if self.expires_at > timezone.now() else self.Status.EXPIRED


class OperatorSession(models.Model):
    """A session of the Django admin. `operator_sessions.py` reads and writes it.

    The columns have the names that Django's session store expects. `session_key` is the SHA-256 of the cookie.
    """

    session_key = models.CharField(max_length=64, primary_key=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="operator_sessions")
    session_data = models.TextField(editable=False)
    expire_date = models.DateTimeField(db_index=True, editable=False)

    def __str__(self) -> str:
        return f"{self.user_id} until {self.expire_date:%Y-%m-%d %H:%M}"
