from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from rest_framework.exceptions import NotFound

from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.log import Target, record
from tenants.authority import acting
from tenants.limits.quotas import refuse_over_cap
from tenants.models import Tenant


def change_tenant(
    *, tenant_id: UUID, changes: dict[str, Any] | Callable[[Tenant], dict[str, Any]], actor: Actor
) -> Tenant:
    """Changes name, sector, key policy, request limit or retention. Neither writes nor audits unchanged values.

    `changes` may be a function of the locked row.
    """
    with acting(actor):
        tenant = locked_tenant(tenant_id)
        changes = changes(tenant) if callable(changes) else changes
        before = {name: getattr(tenant, name) for name, value in changes.items() if getattr(tenant, name) != value}
        if before:
            after = {name: changes[name] for name in before}
            refuse_over_cap(tenant, after.get("rate_limit_per_minute"))
            save(tenant, after)
            target = Target(tenant.id, tenant.name)
            record(Action.TENANT_CHANGED, actor=actor, tenant_id=tenant.id, target=target, before=before, after=after)
    return tenant


def cap_requests(*, tenant_id: UUID, cap: int | None, actor: Actor) -> Tenant:
    """Caps the requests per minute of all keys of the tenant together. Overrides a higher limit of the tenant."""
    return change_tenant(tenant_id=tenant_id, changes={"rate_limit_cap": cap}, actor=actor)


def freeze_keys(*, tenant_id: UUID, actor: Actor) -> Tenant:
    """Refuses every key of the tenant as soon as the transaction commits. Does nothing if they are frozen already."""
    with acting(actor, ends_tenant=tenant_id):
        tenant = locked_tenant(tenant_id)
        if tenant.keys_frozen_at is None:
            save(tenant, {"keys_frozen_at": timezone.now()})
            record(Action.KEYS_FROZEN, actor=actor, tenant_id=tenant.id, target=Target(tenant.id, tenant.name))
    return tenant


def unfreeze_keys(*, tenant_id: UUID, actor: Actor) -> Tenant:
    with acting(actor):
        tenant = locked_tenant(tenant_id)
        if tenant.keys_frozen_at is not None:
            before = {"keys_frozen_at": tenant.keys_frozen_at.isoformat()}
            save(tenant, {"keys_frozen_at": None})
            target = Target(tenant.id, tenant.name)
            record(Action.KEYS_UNFROZEN, actor=actor, tenant_id=tenant.id, target=target, before=before)
    return tenant


def suspend_tenant(*, tenant: Tenant, actor: Actor) -> Tenant:
    """Refuses the tenant's people and keys with 403 `tenant_suspended`. Does nothing if it is suspended already."""
    now = timezone.now()
    with acting(actor, ends_tenant=tenant.id):
        if Tenant.objects.filter(id=tenant.id, suspended_at=None).update(suspended_at=now):
            tenant.suspended_at = now
            record(Action.TENANT_SUSPENDED, actor=actor, tenant_id=tenant.id, target=Target(tenant.id, tenant.name))
    return tenant


def reactivate_tenant(*, tenant: Tenant, actor: Actor) -> Tenant:
    """Accepts the tenant's sessions and keys again, unless they have expired or were revoked meanwhile."""
    with acting(actor):
        if Tenant.objects.filter(id=tenant.id).exclude(suspended_at=None).update(suspended_at=None):
            tenant.suspended_at = None
            record(Action.TENANT_REACTIVATED, actor=actor, tenant_id=tenant.id, target=Target(tenant.id, tenant.name))
    return tenant


def audit_mismatch(*, tenant_id: UUID, actor: Actor) -> None:
    """Audits a request that names another tenant. `tenant_id`: the tenant of its credential."""
    with transaction.atomic():
        record(Action.TENANT_MISMATCH, actor=actor, tenant_id=tenant_id)


def locked_tenant(tenant_id: UUID) -> Tenant:
    """Raises 404 if the tenant no longer exists."""
    tenant = Tenant.objects.select_for_update(no_key=True).filter(id=tenant_id).first()
    if tenant is None:
        raise NotFound()
    return tenant


def save(tenant: Tenant, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(tenant, name, value)
    tenant.save(update_fields=list(values))
