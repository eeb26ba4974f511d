"""Verifying and pruning the audit log."""

import hmac
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from tenants.actions import Action
from tenants.actor import Actor
from tenants.audit import entry_mac, is_genuine, lock_head, record, seal
from tenants.models import AuditEntry, AuditHead


def find_faults() -> Iterator[str]:
    """A sentence for each chain that is broken, which names its first broken row; nothing if all hold."""
    for tenant_id in AuditHead.objects.order_by("tenant_id").values_list("tenant_id", flat=True).iterator():
        with transaction.atomic():
            if fault := chain_fault(AuditHead.objects.select_for_update().get(tenant_id=tenant_id)):
                yield f"tenant {tenant_id}: {fault}"
    headless = AuditEntry.objects.exclude(tenant_id=None).exclude(tenant_id__in=AuditHead.objects.values("tenant_id"))
    for orphan in headless.order_by("tenant_id").values_list("tenant_id", flat=True).distinct():
        yield f"tenant {orphan}: the head of the chain is missing"
    for entry in AuditEntry.objects.filter(tenant_id=None).order_by("id").iterator():
        if not is_intact(entry, b""):
            yield f"row {entry.id} of no tenant: it was changed"


def chain_fault(head: AuditHead) -> str | None:
    """Walks the rows from the checkpoint that retention left."""
    if not is_genuine(head):
        return "the head of the chain was changed"
    number, previous = head.pruned, bytes(head.pruned_mac)
    for entry in AuditEntry.objects.filter(tenant_id=head.tenant_id).order_by("number").iterator():
        number += 1
        if entry.number != number:
            return f"row {number} is missing, before row {entry.id}"
        if not is_intact(entry, previous):
            return f"row {number} ({entry.id}, {entry.action}) was changed, swapped or inserted"
        previous = bytes(entry.mac)
    if number < head.count:
        return f"rows {number + 1} to {head.count} are missing"
    if number > head.count or previous != bytes(head.last_mac):
        return f"there are rows after row {head.count}, the last one"
    return None


def is_intact(entry: AuditEntry, previous: bytes) -> bool:
    return entry.kid in settings.AUDIT_KEYS and hmac.compare_digest(entry_mac(entry, previous), bytes(entry.mac))


def prune(*, tenant_id: UUID, before: datetime, actor: Actor) -> int:
    """Takes out the rows of a tenant up to the last one from before a moment, and leaves a checkpoint."""
    with transaction.atomic():
        head = lock_head(tenant_id)
        last = AuditEntry.objects.filter(tenant_id=tenant_id, at__lt=before).order_by("-number").first()
        if last is None or last.number is None:
            return 0
        if fault := chain_fault(head):
            raise ValueError(f"{fault}. A broken chain is not pruned: that would hide where it broke.")
        count = last.number - head.pruned
        delete_entries(tenant_id, up_to=last.number)
        head.pruned, head.pruned_mac = last.number, last.mac
        seal(head)
        head.save(force_update=True)
        record(Action.AUDIT_PRUNED, actor=actor, tenant_id=tenant_id, after={"rows": count})
    return count


def delete_entries(tenant_id: UUID, *, up_to: int | None = None) -> None:
    """Through the one function that the trigger lets delete; without `up_to`, all of a tenant that is going."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT delete_audit_entries(%s, %s)", [tenant_id, up_to])
