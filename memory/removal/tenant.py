"""Deletes a tenant and all its rows, in batches. If it is interrupted, run it again to finish."""

from collections import Counter
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from rest_framework.exceptions import NotFound

from accounts.models import Invitation, ResetToken, Session, User
from apikeys.models import APIKey
from memory.models import Belief, EndUser, Episode, Event, Tally, UnsettledSpan
from memory.transactions import tenant_transaction
from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.checks import Place, chain_fault
from tenants.audit.log import Target, lock_head, record
from tenants.audit.removal import delete_entries, delete_up_to
from tenants.authority import acting
from tenants.limits.slots import TAKEBACKS
from tenants.models import AuditEntry, AuditHead, Tenant
from tenants.principal import Principal
from tenants.problems import Unavailable

BATCH: Final = 2000
ATTEMPTS: Final = 5  # requests from before the suspension may still write
MEMORY: Final[tuple[type[models.Model], ...]] = (Event, Belief, Episode)
DERIVED_FROM_MEMORY: Final[tuple[type[models.Model], ...]] = (UnsettledSpan, EndUser, Tally)  # not reported


def delete_tenant(*, tenant_id: UUID, actor: Actor) -> dict[str, int]:
    """Returns how many rows of each kind were deleted. Leaves one audit row, which belongs to no tenant.

    Suspends the tenant first, so that no new request is accepted. If a running request still writes a row, the last
    transaction fails, because every table refers to the tenant's row. Then the sweep runs again.
    """
    with TAKEBACKS.take(tenant_id):
        return delete_in_batches(tenant_id, actor)


def delete_in_batches(tenant_id: UUID, actor: Actor) -> dict[str, int]:
    deleted: Counter[str] = Counter()
    chain = suspend_for_deletion(tenant_id, actor)
    by = replace(actor.principal, is_deleting=True) if actor.principal else None
    actor = replace(actor, principal=None)
    for _ in range(ATTEMPTS):
        try:
            sweep_memory(tenant_id, deleted, by)
            by = None  # the next step deletes the person
            sweep_accounts(tenant_id, deleted)
            return finish(tenant_id, deleted, chain, actor)
        except IntegrityError:
            continue
    raise Unavailable("The workspace is still being written to. Delete it again to finish.", code="database_busy")


def suspend_for_deletion(tenant_id: UUID, actor: Actor) -> str:
    """Returns the fault of the audit chain, or "held". Checked now, because its rows will be deleted."""
    with acting(actor, ends_tenant=tenant_id):
        tenant = Tenant.objects.select_for_update(no_key=True).filter(id=tenant_id).first()
        if tenant is None:
            raise NotFound()
        fault = chain_fault(tenant_id)
        if tenant.suspended_at is None:
            tenant.suspended_at = timezone.now()
            tenant.save(update_fields=["suspended_at"])
            target, after = Target(tenant.id, tenant.name), {"reason": "deletion"}
            record(Action.TENANT_SUSPENDED, actor=actor, tenant_id=tenant_id, target=target, after=after)
    return fault or "held"


def sweep_memory(tenant_id: UUID, deleted: Counter[str], by: Principal | None) -> None:
    """The long part. Each batch checks the authority again, so deactivating the person stops it."""
    for model in MEMORY:
        deleted[name_of(model)] += delete_memory(model, tenant_id, by)
    for model in DERIVED_FROM_MEMORY:
        delete_memory(model, tenant_id, by)


def sweep_accounts(tenant_id: UUID, deleted: Counter[str]) -> None:
    for rows in (
        Invitation.objects.for_tenant(tenant_id),
        ResetToken.objects.filter(user__tenant_id=tenant_id),
        Session.objects.for_tenant(tenant_id),
        APIKey.objects.for_tenant(tenant_id),
        User.objects.filter(tenant_id=tenant_id),
    ):
        deleted[name_of(rows.model)] += delete_rows(rows)
    deleted[name_of(AuditEntry)] += delete_audit_batches(tenant_id)


def name_of(model: type[models.Model]) -> str:
    return str(model._meta.verbose_name_plural).lower().replace(" ", "_")


def delete_memory(model: type[models.Model], tenant_id: UUID, by: Principal | None) -> int:
    total = 0
    while True:
        with tenant_transaction(tenant_id, by=by, unhurried=True):
            rows: models.QuerySet[Any] = model._default_manager.filter(tenant_id=tenant_id)
            count = rows.filter(pk__in=rows.values("pk")[:BATCH]).delete()[0]
        total += count
        if not count:
            return total


def delete_rows(rows: models.QuerySet[Any]) -> int:
    """Also deletes the admin's log entries about the rows, because they hold names and e-mail addresses."""
    total = 0
    while ids := list(rows.order_by().values_list("id", flat=True)[:BATCH]):
        with transaction.atomic():
            _, by_model = rows.filter(id__in=ids).delete()
            LogEntry.objects.filter(object_id__in=map(str, ids)).delete()
        total += by_model.get(rows.model._meta.label, 0)
    return total


def delete_audit_batches(tenant_id: UUID) -> int:
    """Oldest first. Each batch leaves a checkpoint, so the rest of the chain can always be verified."""
    total = 0
    while True:
        with transaction.atomic():
            head = lock_head(tenant_id)
            left = AuditEntry.objects.for_tenant(tenant_id).filter(number__gt=head.pruned).order_by("number")
            last = left[BATCH : BATCH + 1].first()
            if last is None:
                return total
            total += delete_up_to(head, last)


def finish(tenant_id: UUID, swept: Counter[str], chain: str, actor: Actor) -> dict[str, int]:
    """Deletes the rest of the audit log and the tenant, and writes the last audit row, in one transaction."""
    deleted = swept.copy()
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().filter(id=tenant_id).first()
        if tenant is None:
            raise NotFound()
        head = lock_head(tenant_id)
        end = Place.end(head)
        deleted[name_of(AuditEntry)] += delete_entries(tenant_id)
        AuditHead.objects.filter(tenant_id=tenant_id).delete()
        LogEntry.objects.filter(object_id=str(tenant_id)).delete()
        tenant.delete()
        after = {**deleted, "chain": chain, "head": {"number": end.number, "mac": end.mac.hex()}}
        record(Action.TENANT_DELETED, actor=actor, tenant_id=None, target=Target(tenant_id, ""), after=after)
    return dict(deleted)
