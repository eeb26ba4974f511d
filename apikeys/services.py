from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models.functions import Now
from django.utils import timezone

from apikeys.keys import PREFIX_LENGTH, digest, generate_key
from apikeys.models import APIKey
from apikeys.policy import refuse_violation, successors_expiry
from apikeys.queries import FoundKey
from tenants.actions import Action
from tenants.actor import Actor
from tenants.audit import Target, record
from tenants.authority import acting
from tenants.limits import Limit, enforce
from tenants.metrics import KEYS_MADE, KEYS_REVOKED
from tenants.models import Role, Tenant
from tenants.network import network_of
from tenants.problems import Conflict

USE_NOTED_EVERY: Final = timedelta(minutes=1)
GRACE: Final = timedelta(days=1)
LONGEST_GRACE: Final = timedelta(days=7)
LEAK_REPORTS: Final = Limit("leak reports", 60, 60)  # per IP address; a secret scanner reports many keys


class Rotated(NamedTuple):
    key: APIKey
    api_key: str
    old: APIKey


def create_key(
    *,
    tenant_id: UUID,
    name: str,
    role: Role = Role.EDITOR,
    expires_at: datetime | None = None,
    allowed_ips: Sequence[str] = (),
    rate_limit_per_minute: int | None = None,
    actor: Actor,
) -> tuple[APIKey, str]:
    """The key's row and its plaintext, which exists only in what is returned. 422 where the policy forbids it."""
    with acting(actor):
        key = APIKey(
            tenant=Tenant.objects.get(id=tenant_id),
            name=name,
            role=role,
            expires_at=expires_at,
            allowed_ips=list(allowed_ips),
            rate_limit_per_minute=rate_limit_per_minute,
        )
        refuse_violation(key.tenant, created_at=key.created_at, expires_at=expires_at)
        plaintext = save_new(key, actor)
        record(Action.KEY_CREATED, actor=actor, tenant_id=tenant_id, target=target_of(key), after=described(key))
    KEYS_MADE.inc()
    return key, plaintext


def save_new(key: APIKey, actor: Actor) -> str:
    plaintext = generate_key()
    key.digest, key.prefix, key.last4 = digest(plaintext), plaintext[:PREFIX_LENGTH], plaintext[-4:]
    key.created_by_id, key.created_by_label = actor.user_id, actor.label
    key.save(force_insert=True)
    return plaintext


def change_key(*, key: APIKey, changes: dict[str, Any] | Callable[[APIKey], dict[str, Any]], actor: Actor) -> APIKey:
    """Name, addresses, request limit. What stays the same is not written, and not audited. 409 for a revoked key.

    `changes` may be worked out from the row as it is once it is locked.
    """
    with acting(actor, ends=[key.id]):
        key = locked(key)
        if key.revoked_at is not None:
            raise Conflict("This key was revoked. It can't be changed any more.", code="key_revoked")
        changes = changes(key) if callable(changes) else changes
        before = {name: getattr(key, name) for name, value in changes.items() if getattr(key, name) != value}
        if before:
            after = {name: changes[name] for name in before}
            for name, value in after.items():
                setattr(key, name, value)
            key.save(update_fields=list(after))
            target = target_of(key)
            record(Action.KEY_CHANGED, actor=actor, tenant_id=key.tenant_id, target=target, before=before, after=after)
    return key


def rotate_key(*, key: APIKey, grace: timedelta, actor: Actor) -> Rotated:
    """A new key with the same settings. The old one works until the grace is over, and never beyond its own end.

    Of several at once one rotates. The end is by the database's clock, the one that authentication asks.
    """
    with acting(actor, ends=[key.id]):
        old = locked(key)
        now: datetime = old.now  # type: ignore[attr-defined] # annotated
        refuse_rotation(old, now)
        new = successor_of(old, now)
        plaintext = save_new(new, actor)
        before = {"expires_at": as_text(old.expires_at)}
        old.replaced_by_id = new.id
        old.expires_at = min(now + grace, old.expires_at or now + grace)
        old.save(update_fields=["replaced_by_id", "expires_at"])
        after = {"expires_at": as_text(old.expires_at), "replaced_by_id": str(new.id)}
        by: dict[str, Any] = {"actor": actor, "tenant_id": old.tenant_id}
        record(Action.KEY_CREATED, target=target_of(new), after=described(new), **by)
        record(Action.KEY_ROTATED, target=target_of(old), before=before, after=after, **by)
    KEYS_MADE.inc()
    return Rotated(new, plaintext, old)


def refuse_rotation(key: APIKey, now: datetime) -> None:
    if key.revoked_at is not None:
        raise Conflict("This key was revoked. Make a new one.", code="key_revoked")
    if key.replaced_by_id is not None:
        raise Conflict("This key was rotated before. Rotate the key that replaced it.", code="already_rotated")
    if key.has_expired(now):
        raise Conflict("This key has expired. Make a new one.", code="key_expired")


def successor_of(old: APIKey, now: datetime) -> APIKey:
    return APIKey(
        tenant=old.tenant,
        name=old.name,
        role=old.role,
        created_at=now,
        expires_at=successors_expiry(old.tenant, now=now, created_at=old.created_at, expires_at=old.expires_at),
        allowed_ips=old.allowed_ips,
        rate_limit_per_minute=old.rate_limit_per_minute,
    )


def locked(key: APIKey) -> APIKey:
    """The row as it is now, for this transaction alone."""
    keys = APIKey.objects.for_tenant(key.tenant_id).select_related("tenant").annotate(now=Now())
    return keys.select_for_update(of=("self",), no_key=True).get(id=key.id)


def revoke_key(*, key: APIKey, actor: Actor, action: Action = Action.KEY_REVOKED) -> APIKey:
    """Ends a key for good. One statement decides who was first: 409 `already_revoked` for everybody else."""
    now = timezone.now()
    with acting(actor, ends=[key.id]):
        unrevoked = APIKey.objects.for_tenant(key.tenant_id).unrevoked().filter(id=key.id)
        if not unrevoked.update(revoked_at=now):
            raise Conflict("This key was revoked before.", code="already_revoked")
        record(action, actor=actor, tenant_id=key.tenant_id, target=target_of(key))
    KEYS_REVOKED.inc()
    key.revoked_at = now
    return key


def report_leak(*, text: str, actor: Actor) -> None:
    """Whoever holds a whole key can end it. What isn't a key is looked up all the same, and says nothing either."""
    enforce(LEAK_REPORTS, str(network_of(actor.address)))
    key = APIKey.objects.unrevoked().filter(digest=digest(text)).first()
    if key is None:
        return
    with suppress(Conflict):  # somebody else was faster: it is revoked
        revoke_key(key=key, actor=actor, action=Action.KEY_LEAK_REPORTED)


def target_of(key: APIKey) -> Target:
    return Target(key.id, f"{key.name} ({key.prefix}…{key.last4})")


def described(key: APIKey) -> dict[str, Any]:
    """What of a key the audit log keeps."""
    return {
        "name": key.name,
        "role": key.role,
        "expires_at": as_text(key.expires_at),
        "allowed_ips": key.allowed_ips,
        "rate_limit_per_minute": key.rate_limit_per_minute,
    }


def as_text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def is_use_noted(found: FoundKey) -> bool:
    return found.last_used_at is not None and found.last_used_at > found.now - USE_NOTED_EVERY


def note_use(*, found: FoundKey, actor: Actor) -> None:
    """Writes when, where and by what a key was last used: at most once a minute, also with many workers."""
    use = {"last_used_at": found.now, "last_used_ip": actor.address, "last_used_agent": actor.agent}
    if found.last_used_at is None:
        note_first_use(found, use, actor)
    else:
        APIKey.objects.filter(id=found.id, last_used_at__lte=found.now - USE_NOTED_EVERY).update(**use)


def note_first_use(found: FoundKey, use: dict[str, Any], actor: Actor) -> None:
    """Audited. Of several first uses at once, the filtered update lets one be the first."""
    with acting(actor):
        if APIKey.objects.filter(id=found.id, last_used_at=None).update(**use):
            target = Target(found.id, f"{found.name} ({found.prefix}…)")
            record(Action.KEY_FIRST_USED, actor=actor, tenant_id=found.tenant_id, target=target)
