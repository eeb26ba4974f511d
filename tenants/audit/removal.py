"""Deletes rows of the audit log, for retention and for the deletion of a tenant."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.checks import chain_fault, unchained_faults
from tenants.audit.log import is_genuine, lock_head, record, seal
from tenants.models import AuditEntry, AuditHead

REFUSAL: Final = "{}. Nothing was pruned, because that would hide the fault."


def prune(*, tenant_id: UUID, before: datetime, actor: Actor) -> int:
    """Deletes a tenant's rows up to the last one before a moment, and leaves a checkpoint. Returns how many.

    Raises ValueError if the chain is broken.
    """
    with transaction.atomic():
        last = AuditEntry.objects.filter(tenant_id=tenant_id, at__lt=before).order_by("-number").first()
        if last is None:
            return 0
        if fault := chain_fault(tenant_id):
            raise ValueError(REFUSAL.format(fault))
        count = delete_up_to(lock_head(tenant_id), last)
        record(Action.AUDIT_PRUNED, actor=actor, tenant_id=tenant_id, after={"rows": count})
    return count


def delete_up_to(head: AuditHead, last: AuditEntry) -> int:
    """Deletes rows up to `last`, whose number and MAC become the checkpoint. Doesn't make an invalid head valid."""
    genuine = is_genuine(head)
    count = delete_entries(head.tenant_id, up_to=last.number)
    head.pruned, head.pruned_mac = last.number or 0, last.mac
    if genuine:
        seal(head)
    head.save(force_update=True)
    return count


def prune_unchained(*, before: datetime, actor: Actor) -> int:
    """Deletes rows without a tenant from before a moment. They need retention too, because they hold IP addresses.

    Raises ValueError if one of them was changed.
    """
    with transaction.atomic():
        if fault := next(unchained_faults(AuditEntry.objects.filter(tenant_id=None, at__lt=before)), None):
            raise ValueError(REFUSAL.format(fault))
        count = delete_entries(None, older_than=before)
        if count:
            record(Action.AUDIT_PRUNED, actor=actor, tenant_id=None, after={"rows": count})
    return count


def delete_entries(tenant_id: UUID | None, *, up_to: int | None = None, older_than: datetime | None = None) -> int:
    """Calls the only function that the trigger allows to delete. Without a bound, it deletes all rows of a tenant."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT delete_audit_entries(%s, %s, %s)", [tenant_id, up_to, older_than])
        (count,) = cursor.fetchone()
    return int(count)
