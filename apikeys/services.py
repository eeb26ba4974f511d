from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from apikeys.keys import PREFIX_LENGTH, digest, generate_key
from apikeys.models import APIKey
from tenants.metrics import KEYS_MADE, KEYS_REVOKED
from tenants.models import Role, Tenant
from tenants.problems import Conflict

USE_NOTED_EVERY: Final = timedelta(minutes=1)


def create_key(
    *,
    tenant: Tenant,
    name: str,
    role: Role = Role.EDITOR,
    expires_at: datetime | None = None,
    created_by_id: UUID | None,
    created_by_label: str,
) -> tuple[APIKey, str]:
    """The key's row and its plaintext, which exists only in what is returned here."""
    plaintext = generate_key()
    key = APIKey.objects.create(
        tenant=tenant,
        name=name,
        role=role,
        digest=digest(plaintext),
        prefix=plaintext[:PREFIX_LENGTH],
        last4=plaintext[-4:],
        expires_at=expires_at,
        created_by_id=created_by_id,
        created_by_label=created_by_label,
    )
    KEYS_MADE.inc()
    return key, plaintext


def revoke_key(*, key: APIKey) -> APIKey:
    """Ends a key for good. One statement decides who was first: 409 `already_revoked` for everybody else."""
    now = timezone.now()
    if not APIKey.objects.for_tenant(key.tenant_id).unrevoked().filter(id=key.id).update(revoked_at=now):
        raise Conflict("This key was revoked before.", code="already_revoked")
    KEYS_REVOKED.inc()
    key.revoked_at = now
    return key


def note_use(*, key_id: UUID, last_used_at: datetime | None, now: datetime, address: str | None, agent: str) -> None:
    """Writes when, where and by what a key was last used: at most once a minute, also with many workers."""
    before = now - USE_NOTED_EVERY
    if last_used_at is not None and last_used_at > before:
        return
    unnoted = Q(last_used_at=None) | Q(last_used_at__lte=before)
    APIKey.objects.filter(unnoted, id=key_id).update(last_used_at=now, last_used_ip=address, last_used_agent=agent)
