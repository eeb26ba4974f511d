"""Retention: removes old events in batches, so that writers never wait long."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from memory.events.models import Event
from memory.removal.rows import remove_events
from memory.transactions import again_after_deadlock, tenant_transaction
from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.log import record

BATCH: Final = 10_000
# Skips events that are locked, by another run or by the writer of an episode that names them. The next run gets them.
# An array, because PostgreSQL could run a subquery more than once, each time with its own LIMIT.
OLDEST: Final = """
id = ANY(ARRAY(
    SELECT id FROM memory_event WHERE tenant_id = %(tenant_id)s AND occurred_at < %(before)s
    ORDER BY occurred_at, id LIMIT %(batch)s FOR UPDATE SKIP LOCKED
))
"""


def events_before(tenant_id: UUID, days: int) -> int:
    with tenant_transaction(tenant_id, unhurried=True):
        return Event.objects.for_tenant(tenant_id).filter(occurred_at__lt=time_before(days)).count()


def prune_events(*, tenant_id: UUID, days: int, actor: Actor) -> int:
    """Removes the events that happened more than `days` ago. Returns how many. Audited even if interrupted."""
    before, total = time_before(days), 0
    try:
        while removed := again_after_deadlock(lambda: prune_batch(tenant_id, before)):
            total += removed
    finally:
        if total:
            after = {"events": total, "before": before.isoformat()}
            with transaction.atomic():
                record(Action.EVENTS_PRUNED, actor=actor, tenant_id=tenant_id, after=after)
    return total


def prune_batch(tenant_id: UUID, before: datetime) -> int:
    with tenant_transaction(tenant_id, unhurried=True):
        return remove_events(OLDEST, {"tenant_id": tenant_id, "before": before, "batch": BATCH})


def time_before(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)
