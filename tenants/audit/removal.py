"""Taking rows out of the audit log, which only retention and the deletion of a tenant do."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.checks import chain_fault, unchained_faults
from tenants.audit.log import is_genuine, lock_head, record, seal
from tenants.models import AuditEntry, AuditHead

REFUSAL: Final = "{}. What is broken is not pruned: that would hide where it broke."


def prune(*, tenant_id: UUID, before: datetime, actor: Actor) -> int:
    """Takes out the rows of a tenant up to the last one from before a moment, and leaves a checkpoint."""
    with transaction.atomic():
        last = AuditEntry.objects.filter(tenant_id=tenant_id, at__lt=before).order_by("-number").first()
        if last is None:
            return 0
        if fault := chain_fault(tenant_id):
            raise ValueError(REFUSAL.format(fault))
        count = take_out(lock_head(tenant_id), last)
        record(Action.AUDIT_PRUNED, actor=actor, tenant_id=tenant_id, after={"rows": count})
    return count


def take_out(head: AuditHead, last: AuditEntry) -> int:
    """Rows up to one of them, whose number and MAC become the checkpoint. A head that is not good stays so."""
    genuine = is_genuine(head)
    count = delete_entries(head.tenant_id, up_to=last.number)
    head.pruned, head.pruned_mac = last.number or 0, last.mac
    if genuine:
        seal(head)
    head.save(force_update=True)
    return count


def prune_unchained(*, before: datetime, actor: Actor) -> int:
    """Takes out the rows of no tenant from before a moment: retention is for them too, they hold addresses."""
    with transaction.atomic():
        if fault := next(unchained_faults(AuditEntry.objects.filter(tenant_id=None, at__lt=before)), None):
            raise ValueError(REFUSAL.format(fault))
        count = delete_entries(None, older_than=before)
        if count:
            record(Action.AUDIT_PRUNED, actor=actor, tenant_id=None, after={"rows": count})
    return count


def delete_entries(tenant_id: UUID | None, *, up_to: int | None = None, older_than: datetime | None = None) -> int:
    """Through the one function that the trigger lets delete. All of a tenant that is going, unless it is bounded."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT delete_audit_entries(%s, %s, %s)", [tenant_id, up_to, older_than])
        (count,) = cursor.fetchone()
    return int(count)
