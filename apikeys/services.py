from collections.abc import Callable
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
from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.log import Target, record
from tenants.authority import acting
from tenants.lease import authority_changes
from tenants.limits.limit import Limit, enforce
from tenants.metrics import KEYS_MADE, KEYS_REVOKED
from tenants.models import Tenant
from tenants.network import network_of
from tenants.problems import Conflict

LAST_USE_INTERVAL: Final = timedelta(minutes=1)
GRACE: Final = timedelta(days=1)
LONGEST_GRACE: Final = timedelta(days=7)
LEAK_REPORTS: Final = Limit("leak reports", 60, 60)  # per IP address; a secret scanner reports many keys


class Rotated(NamedTuple):
    key: APIKey
    api_key: str
    old: APIKey


def create_key(*, tenant_id: UUID, actor: Actor, **settings: Any) -> tuple[APIKey, str]:
    """Returns the key's row and its plaintext, which is stored nowhere. 422 if the policy forbids `expires_at`.

    `settings`: any of `APIKey.SETTINGS`; the name is required.
    """
    with acting(actor):
        key = APIKey(tenant=Tenant.objects.get(id=tenant_id), **settings)
        refuse_violation(key.tenant, created_at=key.created_at, expires_at=key.expires_at)
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
    """Changes the name, the allowed networks or the request limit. 409 `key_revoked` for a revoked key.

    `changes` can be a function of the locked row. Values that stay the same are neither written nor audited.
    """
    with acting(actor, ends=[key.id]):
        key = locked(key)
        if key.revoked_at is not None:
            raise Conflict("This key has been revoked and can no longer be changed.", code="key_revoked")
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
    """Creates a new key with the same settings.

    The old one works until its grace period ends or it expires, whichever comes first. The row
    lock lets only one of several parallel calls rotate the key. Times come from the database's clock, which
    authentication uses too.
    """
    with acting(actor, ends=[key.id]):
        old = locked(key)
        now: datetime = old.now  # type: ignore[attr-defined] # annotated by `locked`
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
        raise Conflict("This key has been revoked. Create a new one.", code="key_revoked")
    if key.replaced_by_id is not None:
        raise Conflict("This key has already been rotated. Rotate the key that replaced it.", code="already_rotated")
    if key.has_expired(now):
        raise Conflict("This key has expired. Create a new one.", code="key_expired")


def successor_of(old: APIKey, now: datetime) -> APIKey:
    """A key with the same settings. It lives as long as the old one did, or as long as the policy allows."""
    expires_at = successors_expiry(old.tenant, now=now, created_at=old.created_at, expires_at=old.expires_at)
    return APIKey(tenant=old.tenant, created_at=now, **{**settings_of(old), "expires_at": expires_at})


def settings_of(key: APIKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in APIKey.SETTINGS}


def locked(key: APIKey) -> APIKey:
    """Locks the key's row and returns it as it is now, with the database's time as `now`."""
    keys = APIKey.objects.for_tenant(key.tenant_id).select_related("tenant").annotate(now=Now())
    return keys.select_for_update(of=("self",), no_key=True).get(id=key.id)


def revoke_key(*, key: APIKey, actor: Actor, action: Action = Action.KEY_REVOKED) -> APIKey:
    """Permanently revokes a key. 409 `already_revoked` the second time.

    The UPDATE lets only one of several parallel calls succeed.
    """
    now = timezone.now()
    with acting(actor, ends=[key.id]):
        unrevoked = APIKey.objects.for_tenant(key.tenant_id).unrevoked().filter(id=key.id)
        if not unrevoked.update(revoked_at=now):
            raise Conflict("This key has already been revoked.", code="already_revoked")
        record(action, actor=actor, tenant_id=key.tenant_id, target=target_of(key))
    KEYS_REVOKED.inc()
    key.revoked_at = now
    return key


def report_leak(*, text: str, actor: Actor) -> None:
    """Revokes the key, if the text is a key. Anyone who has a whole key may revoke it.

    Any other text is looked up in the same way and raises nothing, so the response is always the same.
    """
    enforce(LEAK_REPORTS, str(network_of(actor.address)))
    authority_changes()  # for any text, because the time of the response would reveal whether it is a key
    key = APIKey.objects.unrevoked().filter(digest=digest(text)).first()
    if key is None:
        return
    with suppress(Conflict):  # a parallel call has revoked it
        revoke_key(key=key, actor=actor, action=Action.KEY_LEAK_REPORTED)


def target_of(key: APIKey) -> Target:
    return Target(key.id, f"{key.name} ({key.prefix}…{key.last4})")


def described(key: APIKey) -> dict[str, Any]:
    """The settings, as the audit log keeps them."""
    return {**settings_of(key), "expires_at": as_text(key.expires_at)}


def as_text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def is_last_use_current(found: FoundKey) -> bool:
    return found.last_used_at is not None and found.last_used_at > found.now - LAST_USE_INTERVAL


def write_last_use(*, found: FoundKey, actor: Actor) -> None:
    """Writes the key's last use (time, IP address, user agent), at most once a minute across all workers."""
    use = {"last_used_at": found.now, "last_used_ip": actor.address, "last_used_agent": actor.agent}
    if found.last_used_at is None:
        write_first_use(found, use, actor)
    else:
        APIKey.objects.filter(id=found.id, last_used_at__lte=found.now - LAST_USE_INTERVAL).update(**use)


def write_first_use(found: FoundKey, use: dict[str, Any], actor: Actor) -> None:
    """Also audits it, once: the UPDATE's filter lets only one of several parallel requests through."""
    with acting(actor):
        if APIKey.objects.filter(id=found.id, last_used_at=None).update(**use):
            target = Target(found.id, f"{found.name} ({found.prefix}…)")
            record(Action.KEY_FIRST_USED, actor=actor, tenant_id=found.tenant_id, target=target)
