"""Verifies the audit log."""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from django.conf import settings
from django.db import DataError, transaction
from django.db.models import Q, QuerySet

from tenants.audit.log import entry_mac, is_genuine, lock_head
from tenants.models import AuditEntry, AuditHead, Tenant

UNREADABLE: Final = (ArithmeticError, AttributeError, DataError, RecursionError, TypeError, ValueError)


class BrokenChainError(Exception):
    """Its message names the first broken row."""


@dataclass(frozen=True)
class Place:
    """A position in a chain: a row's number and MAC."""

    number: int
    mac: bytes

    @classmethod
    def checkpoint(cls, head: AuditHead) -> Self:
        return cls(head.pruned, bytes(head.pruned_mac))

    @classmethod
    def end(cls, head: AuditHead) -> Self:
        return cls(head.count, bytes(head.last_mac))


def find_faults() -> Iterator[str]:
    """Yields a sentence for each broken chain, with its first broken row, and for each changed row without a tenant."""
    heads = AuditHead.objects.order_by("tenant_id").values_list("tenant_id", flat=True)
    for tenant_id in list(heads):
        with transaction.atomic():
            if fault := chain_fault(tenant_id):
                yield f"tenant {tenant_id}: {fault}"
    entries = AuditEntry.objects.exclude(tenant_id=None).exclude(tenant_id__in=AuditHead.objects.values("tenant_id"))
    tenants = Tenant.objects.exclude(id__in=AuditHead.objects.values("tenant_id"))
    tenant_ids = entries.values_list("tenant_id", flat=True).order_by()
    for headless_id in tenant_ids.union(tenants.values_list("id").order_by()):
        yield f"tenant {headless_id}: the head of the chain is missing"
    yield from unchained_faults(AuditEntry.objects.filter(tenant_id=None))


def unchained_faults(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """Yields a sentence for each changed row without a tenant."""
    last = "the first"
    try:
        for entry in entries.order_by("id").iterator():
            if not is_intact(entry, b""):
                yield f"row {entry.id} without a tenant: it was changed"
            last = f"the one after {entry.id}"
    except UNREADABLE:
        yield f"a row without a tenant, {last}: it was changed, and can't be read"


def chain_fault(tenant_id: UUID) -> str | None:
    """A sentence about what is wrong with a chain, or None. Call it in a transaction, which then holds the head's lock.

    Walks the rows up to the current head without a lock, then locks the head and walks the rows that came meanwhile.
    """
    head = AuditHead.objects.filter(tenant_id=tenant_id).first()
    walked = walk_if_it_holds(head) if head else None
    locked = lock_head(tenant_id)
    if head is None or walked is None or locked.pruned != head.pruned:  # a pruning meanwhile also breaks the first walk
        walked = Place.checkpoint(locked)
    try:
        if not is_genuine(locked):
            raise BrokenChainError("the head of the chain was changed")
        check_end(locked, walk(tenant_id, walked))
    except BrokenChainError as fault:
        return str(fault)
    return None


def walk_if_it_holds(head: AuditHead) -> Place | None:
    try:
        return walk(head.tenant_id, Place.checkpoint(head), up_to=head.count)
    except BrokenChainError:
        return None


def walk(tenant_id: UUID, start: Place, *, up_to: int | None = None) -> Place:
    """Checks each row's number and MAC. Returns the last place reached, or raises BrokenChainError."""
    rows = AuditEntry.objects.filter(tenant_id=tenant_id, number__gt=start.number).order_by("number")
    if up_to is not None:
        rows = rows.filter(number__lte=up_to)
    here = start
    try:
        for entry in rows.iterator():
            here = step(here, entry)
    except UNREADABLE:
        return walk_singly(rows, here)
    return here


def walk_singly(rows: QuerySet[AuditEntry], here: Place) -> Place:
    """Reads row by row to find the one that can't be read. `walk` reads many at once."""
    try:
        while entry := rows.filter(number__gt=here.number).first():
            here = step(here, entry)
    except UNREADABLE:
        raise BrokenChainError(f"row {here.number + 1} was changed, and can't be read") from None
    return here


def step(here: Place, entry: AuditEntry) -> Place:
    expected = here.number + 1
    if entry.number != expected:
        raise BrokenChainError(f"row {expected} is missing, before row {entry.id}")
    if not is_intact(entry, here.mac):
        raise BrokenChainError(f"row {expected} ({entry.id}, {entry.action}) was changed, swapped or inserted")
    return Place(expected, bytes(entry.mac))


def check_end(head: AuditHead, end: Place) -> None:
    if end.number < head.count:
        raise BrokenChainError(f"rows {end.number + 1} to {head.count} are missing")
    if end != Place.end(head):
        raise BrokenChainError(f"there are rows after row {head.count}, the last one")
    misplaced = Q(number=None) | Q(number__lte=head.pruned)
    if inserted := AuditEntry.objects.filter(misplaced, tenant_id=head.tenant_id).values_list("id", flat=True).first():
        raise BrokenChainError(f"row {inserted} was inserted: it has no place in the chain")


def is_intact(entry: AuditEntry, previous: bytes) -> bool:
    return entry.kid in settings.AUDIT_KEYS and hmac.compare_digest(entry_mac(entry, previous), bytes(entry.mac))


def kept_head_fault(kept: Place, tenant_id: UUID | None = None) -> str | None:
    """None, or why the row that this saved head names is missing, which means an older state was restored."""
    heads, entries = AuditHead.objects.all(), AuditEntry.objects.exclude(tenant_id=None)
    if tenant_id is not None:
        heads, entries = heads.filter(tenant_id=tenant_id), entries.filter(tenant_id=tenant_id)
        if heads.filter(pruned__gt=kept.number).exists():
            return f"row {kept.number} was pruned since this head was kept: compare with a newer one"
    if entries.filter(number=kept.number, mac=kept.mac).exists():
        return None
    if heads.filter(pruned=kept.number, pruned_mac=kept.mac).exists():
        return None
    where = f"tenant {tenant_id}" if tenant_id else "any tenant"
    missing = f"no row {kept.number} of {where} has the MAC of the kept head: an older state was restored"
    return missing + ", or the tenant is gone" + ("" if tenant_id else ", or the row was pruned (check with --tenant)")
