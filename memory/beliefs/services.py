"""Writes beliefs: one, a change, or a batch. Called inside `tenant_transaction`, except for the batch."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Greatest
from django.utils import timezone

from memory.beliefs.models import Belief, BeliefQuerySet
from memory.beliefs.serializers import CreateBeliefSerializer
from memory.records import written_by
from memory.serializers import read_items
from memory.transactions import again_after_deadlock, tenant_transaction
from memory.transactions.changes import count_row
from tenants.constraints import violated_constraint
from tenants.limits.slots import heavy_if_large
from tenants.principal import Principal
from tenants.problems import Conflict, DatabaseBusy

ATTEMPTS: Final = 10  # of a write that loses the race for the active version
LARGEST_BATCH: Final = 100


def record_belief(*, principal: Principal, subject_id: str, key: str, value: str, **fields: Any) -> tuple[Belief, bool]:
    """Returns the active belief of this subject and key, and whether it is a new row.

    The same value again reinforces the belief: the row stays, with the greater confidence. Another value creates a new
    version, and the old one is superseded. The partial unique index lets only one of two parallel writers through; the
    other one tries again.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            await_turn(principal.tenant_id, subject_id, key)
        try:
            with transaction.atomic():  # a loser must release its row locks, or two losers would deadlock
                belief, new, superseded = write_belief(principal, subject_id, key, value, fields)
        except IntegrityError as error:
            if violated_constraint(error) != "belief_one_active":
                raise
        else:
            if new and not superseded:  # otherwise the number of active beliefs stays the same
                count_row(Belief, subject_id)
            return belief, new
    raise DatabaseBusy()


def write_belief(
    principal: Principal, subject_id: str, key: str, value: str, fields: dict[str, Any]
) -> tuple[Belief, bool, bool]:
    """Returns the active version, whether it is new, and whether it superseded another one."""
    active = Belief.objects.for_tenant(principal.tenant_id).of_key(subject_id, key).active()
    current = active.select_for_update().first()
    if current and current.value == value:
        return reinforce(principal=principal, belief=current, confidence=fields["confidence"]), False, False
    now = timezone.now()  # ends one version and begins the other, so there is no time without a version
    if current:  # only the version that was compared; a parallel writer's may have the same value
        end_beliefs(active, Belief.Status.SUPERSEDED, now)
    version = Belief(subject_id=subject_id, key=key, value=value, **fields, **written_by(principal))
    version.created_at = version.updated_at = now
    version.save(force_insert=True)
    return version, True, current is not None


def await_turn(tenant_id: UUID, subject_id: str, key: str) -> None:
    """Losers of a race take turns. Otherwise the last one of twenty writers could lose nineteen times."""
    name = f"memgraph belief {tenant_id} {len(subject_id)} {subject_id} {key}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def reinforce(*, principal: Principal, belief: Belief, confidence: float) -> Belief:
    """Changes a belief whose row the caller has locked. An undo keeps what another credential has confirmed."""
    belief.confidence = max(belief.confidence, confidence)
    belief.updated_at = timezone.now()
    belief.confirmed_by_another = belief.confirmed_by_another or is_another(principal, belief)
    Belief.objects.for_tenant(belief.tenant_id).filter(id=belief.id).update(
        confidence=Greatest("confidence", belief.confidence),
        updated_at=belief.updated_at,
        confirmed_by_another=belief.confirmed_by_another,
    )
    return belief


def is_another(principal: Principal, belief: Belief) -> bool:
    return any(getattr(belief, column) != value for column, value in written_by(principal).items())


def revise_belief(*, principal: Principal, belief: Belief, changes: dict[str, Any]) -> Belief:
    """A new value creates a new version; other fields change in place. 409 unless this version is active."""
    row = Belief.objects.for_tenant(belief.tenant_id).filter(id=belief.id).active()
    current = row.select_for_update().first()
    if current is None:
        raise Conflict("Only the active version of a belief can be changed.", code="belief_not_active")
    kept = {name: getattr(current, name) for name in ("value", "confidence", "belief_type", "domain")}
    wanted = {**kept, **changes}
    if wanted["value"] != current.value:
        version, _ = record_belief(principal=principal, subject_id=current.subject_id, key=current.key, **wanted)
        return version
    for name, value in wanted.items():
        setattr(current, name, value)
    current.updated_at = timezone.now()
    row.update(**wanted, updated_at=current.updated_at)
    return current


def end_beliefs(active: BeliefQuerySet, status: Belief.Status, now: datetime) -> int:
    """The rows stay, for the history."""
    return active.update(status=status, ended_at=now, updated_at=now)


def record_belief_batch(*, principal: Principal, size: int, read: Callable[[], list[Any]]) -> list[tuple[Belief, bool]]:
    """Writes up to 100 beliefs, all or none. Returns each belief, in order, and whether it is a new row.

    `read` parses the items. It is much of the work, so it runs inside the slot. `size`: bytes of the body.
    """
    with heavy_if_large(principal.tenant_id, size=size):
        rows = read_items("beliefs", read(), CreateBeliefSerializer())
        return again_after_deadlock(partial(record_beliefs, principal, rows))


def record_beliefs(principal: Principal, rows: list[dict[str, Any]]) -> list[tuple[Belief, bool]]:
    """Writes in the order of subjects and keys. Two batches with the same keys then wait instead of deadlocking."""
    in_order = sorted(range(len(rows)), key=lambda place: (rows[place]["subject_id"], rows[place]["key"]))
    with tenant_transaction(principal.tenant_id, by=principal):
        written = {place: record_belief(principal=principal, **rows[place]) for place in in_order}
    return [written[place] for place in range(len(rows))]
