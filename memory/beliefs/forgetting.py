"""Forgets beliefs. Each function runs its own transaction and retries it after a deadlock."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Collate
from django.utils import timezone

from memory.beliefs.models import Belief, BeliefQuerySet
from memory.beliefs.services import end_beliefs
from memory.transactions import again_after_deadlock, at_the_end, tenant_transaction
from memory.transactions.changes import check_users, count_rows
from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.log import record

DELETE_BELIEFS: Final = """
WITH gone AS (
    DELETE FROM memory_belief WHERE tenant_id = %s AND subject_id = %s AND id IN ({locked}) RETURNING ended_at
)
SELECT count(*), count(*) FILTER (WHERE ended_at IS NULL) FROM gone
"""


def forget_belief(*, tenant_id: UUID, id: str, soft: bool, actor: Actor) -> int:
    """Forgets every version of the belief with this id. 404 if there is no such belief."""

    def versions() -> dict[str, Any]:
        belief = Belief.objects.for_tenant(tenant_id).with_id(id)
        return {"subject_id": belief.subject_id, "key": belief.key}

    return again_after_deadlock(partial(forget, tenant_id, versions, actor, soft=soft))


def forget_beliefs(*, tenant_id: UUID, wanted: dict[str, Any], soft: bool, actor: Actor) -> int:
    """Forgets all beliefs that match `wanted`: a `subject_id`, and optional fields that narrow it down."""
    return again_after_deadlock(partial(forget, tenant_id, lambda: wanted, actor, soft=soft))


def forget(tenant_id: UUID, choose: Callable[[], dict[str, Any]], actor: Actor, *, soft: bool) -> int:
    """Removes the versions, or with `soft` only deactivates the active ones. Returns how many.

    The audit row holds the number, not the content. What a leaked key deleted is lost, but can be counted.
    """
    with tenant_transaction(tenant_id, by=actor.principal):
        wanted = choose()
        beliefs = Belief.objects.for_tenant(tenant_id).filter(**wanted)
        count = deactivate(beliefs) if soft else delete(tenant_id, wanted["subject_id"], beliefs)
        if count:
            after = {"deactivated" if soft else "deleted": count}
            at_the_end(partial(record, Action.BELIEFS_FORGOTTEN, actor=actor, tenant_id=tenant_id, after=after))
    return count


def deactivate(beliefs: BeliefQuerySet) -> int:
    active = beliefs.active()
    count = end_beliefs(active.filter(id__in=locked_in_order(active)), Belief.Status.INACTIVE, timezone.now())
    count_rows(Belief, [(None, count)], sign=-1)
    return count


def delete(tenant_id: UUID, subject_id: str, beliefs: BeliefQuerySet) -> int:
    locked, params = locked_in_order(beliefs).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(DELETE_BELIEFS.format(locked=locked), [tenant_id, subject_id, *params])
        count, active = cursor.fetchone()
    check_users([subject_id])
    count_rows(Belief, [(None, active)], sign=-1)
    return int(count)


def locked_in_order(beliefs: BeliefQuerySet) -> QuerySet[Belief, Any]:
    """Locks the rows in the order in which a batch writes them. Otherwise the two could deadlock."""
    return beliefs.order_by(Collate("key", "C"), "id").select_for_update().values("id")
