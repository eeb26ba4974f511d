from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apikeys.keys import PREFIX_LENGTH, digest, generate_key
from apikeys.models import APIKey
from apikeys.queries import FoundKey
from tenants.actions import Action
from tenants.actor import Actor
from tenants.audit import Target, record
from tenants.metrics import KEYS_MADE, KEYS_REVOKED
from tenants.models import Role
from tenants.problems import Conflict

USE_NOTED_EVERY: Final = timedelta(minutes=1)


def create_key(
    *, tenant_id: UUID, name: str, role: Role = Role.EDITOR, expires_at: datetime | None = None, actor: Actor
) -> tuple[APIKey, str]:
    """The key's row and its plaintext, which exists only in what is returned here."""
    plaintext = generate_key()
    with transaction.atomic():
        key = APIKey.objects.create(
            tenant_id=tenant_id,
            name=name,
            role=role,
            digest=digest(plaintext),
            prefix=plaintext[:PREFIX_LENGTH],
            last4=plaintext[-4:],
            expires_at=expires_at,
            created_by_id=actor.user_id,
            created_by_label=actor.label,
        )
        record(Action.KEY_CREATED, actor=actor, tenant_id=tenant_id, target=target_of(key), after=described(key))
    KEYS_MADE.inc()
    return key, plaintext


def revoke_key(*, key: APIKey, actor: Actor, action: Action = Action.KEY_REVOKED) -> APIKey:
    """Ends a key for good. One statement decides who was first: 409 `already_revoked` for everybody else."""
    now = timezone.now()
    with transaction.atomic():
        unrevoked = APIKey.objects.for_tenant(key.tenant_id).unrevoked().filter(id=key.id)
        if not unrevoked.update(revoked_at=now):
            raise Conflict("This key was revoked before.", code="already_revoked")
        record(action, actor=actor, tenant_id=key.tenant_id, target=target_of(key))
    KEYS_REVOKED.inc()
    key.revoked_at = now
    return key


def target_of(key: APIKey) -> Target:
    return Target(key.id, f"{key.name} ({key.prefix}…{key.last4})")


def described(key: APIKey) -> dict[str, Any]:
    """What of a key the audit log keeps."""
    return {
        "name": key.name,
        "role": key.role,
        "expires_at": key.expires_at and key.expires_at.isoformat(),
        "allowed_ips": key.allowed_ips,
        "rate_limit_per_minute": key.rate_limit_per_minute,
    }


def note_use(*, found: FoundKey, now: datetime, actor: Actor) -> None:
    """Writes when, where and by what a key was last used: at most once a minute, also with many workers."""
    before = now - USE_NOTED_EVERY
    use = {"last_used_at": now, "last_used_ip": actor.address, "last_used_agent": actor.agent}
    if found.last_used_at is None:
        note_first_use(found, use, actor)
    elif found.last_used_at <= before:
        APIKey.objects.filter(id=found.id, last_used_at__lte=before).update(**use)


def note_first_use(found: FoundKey, use: dict[str, Any], actor: Actor) -> None:
    """Audited. Of several first uses at once, the filtered update lets one be the first."""
    with transaction.atomic():
        if APIKey.objects.filter(id=found.id, last_used_at=None).update(**use):
            target = Target(found.id, f"{found.name} ({found.prefix}…)")
            record(Action.KEY_FIRST_USED, actor=actor, tenant_id=found.tenant_id, target=target)
