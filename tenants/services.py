from django.db import transaction
from django.utils import timezone

from tenants.actions import Action
from tenants.actor import Actor
from tenants.audit import Target, record
from tenants.models import Tenant


def suspend_tenant(*, tenant: Tenant, actor: Actor) -> Tenant:
    """Its people and keys get 403 `tenant_suspended` from the next request on. Done twice, the first time counts."""
    now = timezone.now()
    with transaction.atomic():
        if Tenant.objects.filter(id=tenant.id, suspended_at=None).update(suspended_at=now):
            tenant.suspended_at = now
            record(Action.TENANT_SUSPENDED, actor=actor, tenant_id=tenant.id, target=Target(tenant.id, tenant.name))
    return tenant


def reactivate_tenant(*, tenant: Tenant, actor: Actor) -> Tenant:
    """Sessions and keys that have not ended meanwhile are good again."""
    with transaction.atomic():
        if Tenant.objects.filter(id=tenant.id).exclude(suspended_at=None).update(suspended_at=None):
            tenant.suspended_at = None
            record(Action.TENANT_REACTIVATED, actor=actor, tenant_id=tenant.id, target=Target(tenant.id, tenant.name))
    return tenant
