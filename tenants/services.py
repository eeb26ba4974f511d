from django.utils import timezone

from tenants.models import Tenant


def suspend_tenant(*, tenant: Tenant) -> Tenant:
    """Its people and keys get 403 `tenant_suspended` from the next request on. Done twice, the first time counts."""
    now = timezone.now()
    if Tenant.objects.filter(id=tenant.id, suspended_at=None).update(suspended_at=now):
        tenant.suspended_at = now
    return tenant


def reactivate_tenant(*, tenant: Tenant) -> Tenant:
    """Sessions and keys that have not ended meanwhile are good again."""
    Tenant.objects.filter(id=tenant.id).update(suspended_at=None)
    tenant.suspended_at = None
    return tenant
