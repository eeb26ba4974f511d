"""Writes to a tenant's memory. Each is called inside `tenant_transaction`, but for `record_event`, which may be."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Greatest
from django.utils import timezone

from memory.consolidation import settle_quietly
from memory.models import Belief, BeliefQuerySet, Episode
from memory.one_event import write_event
from memory.stretches import Stream
from memory.tally import note_entered, note_left, note_written
from tenants.constraints import violated_constraint
from tenants.principal import Kind, Principal
from tenants.problems import Conflict, Unavailable, Unprocessable

ATTEMPTS: Final = 10  # of a write that loses races for the active version
DERIVED: Final = ("user_id", "agent_id", "thread_id", "started_at", "ended_at", "event_ids")
HOLD_EVENTS: Final = """
SELECT count(*) FROM (
    SELECT id FROM memory_event WHERE tenant_id = %s AND id = ANY(%s) ORDER BY id FOR KEY SHARE
) AS held
"""
NOBODY: Final[Mapping[str, UUID | None]] = {"written_by_key": None, "written_by_user": None}  # an operator's import


def written_by(principal: Principal) -> dict[str, UUID | None]:
    """The columns that tell which credential wrote a row."""
    return {
        "tenant_id": principal.tenant_id,
        "written_by_key": principal.key_id,
        "written_by_user": principal.user_id if principal.kind is Kind.USER else None,
    }


def record_event(*, principal: Principal, **fields: Any) -> dict[str, Any]:
    """The row. What is due in its stream is settled after the commit.

    Outside of a transaction it is one by itself, in one round trip. Inside, it comes last, because it is counted at
    once: who holds a tally waits for no other rows (`tally.py`).
    """
    row, is_due = write_event(principal, {**written_by(principal), **fields})
    if is_due:
        stream = Stream(row["tenant_id"], row["user_id"], row["thread_id"])
        transaction.on_commit(partial(settle_quietly, [stream]))
    return row


def record_belief(*, principal: Principal, subject_id: str, key: str, value: str, **fields: Any) -> tuple[Belief, bool]:
    """The active belief of this subject and key, and whether it is new.

    The same value again reinforces: the row stays, the greater confidence is kept. Another value is a new version, and
    the old one is superseded. Two writers at once: the partial unique index lets one through, the other tries again.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            await_turn(principal.tenant_id, subject_id, key)
        try:
            with transaction.atomic():  # who loses gives its row locks back, or two losers would wait for each other
                belief, new, superseded = write_belief(principal, subject_id, key, value, fields)
        except IntegrityError as error:
            if violated_constraint(error) != "belief_one_active":
                raise
        else:
            if new and not superseded:  # else the user has an active one before and after
                note_written(Belief, subject_id)
            return belief, new
    raise Unavailable("This belief is being written by many at once.", code="database_busy")


def write_belief(
    principal: Principal, subject_id: str, key: str, value: str, fields: dict[str, Any]
) -> tuple[Belief, bool, bool]:
    """The active version, whether it is new, and whether it superseded another."""
    active = Belief.objects.for_tenant(principal.tenant_id).of_key(subject_id, key).active()
    current = active.select_for_update().first()
    if current and current.value == value:
        return reinforce(principal=principal, belief=current, confidence=fields["confidence"]), False, False
    now = timezone.now()  # of both ends, so that one version or the other holds at every moment
    if current:  # without it, there may be one by now, and of the same value
        end_beliefs(active, Belief.Status.SUPERSEDED, now)
    version = Belief(subject_id=subject_id, key=key, value=value, **fields, **written_by(principal))
    version.created_at = version.updated_at = now
    version.save(force_insert=True)
    return version, True, current is not None


def await_turn(tenant_id: UUID, subject_id: str, key: str) -> None:
    """Who lost a race queues for the next, or else the last of twenty writers would lose nineteen."""
    name = f"memgraph belief {tenant_id} {len(subject_id)} {subject_id} {key}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def reinforce(*, principal: Principal, belief: Belief, confidence: float) -> Belief:
    """The row is locked. What another credential than the writer says too is kept when the writer's rows are undone."""
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
    """Another value makes a version; the rest changes in place. Only the active version can be revised."""
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
    """Versions that hold no longer stay for the history."""
    return active.update(status=status, ended_at=now, updated_at=now)


def record_episode(*, principal: Principal, **fields: Any) -> Episode:
    refuse_unknown_events(principal.tenant_id, fields.get("event_ids", []))
    episode = Episode.objects.create(**written_by(principal), **fields)
    note_written(Episode, episode.user_id)
    return episode


def revise_episode(*, episode: Episode, changes: dict[str, Any]) -> Episode:
    """The row is locked. A summary that a person words is theirs from then on: no rebuild writes over it."""
    if episode.derived:
        refuse_derived(episode, changes)
    if changes.get("summary", episode.summary) != episode.summary:
        changes = {**changes, "summary_kind": Episode.SummaryKind.GIVEN}
    refuse_unknown_events(episode.tenant_id, changes.get("event_ids", []))
    if changes.get("user_id", episode.user_id) != episode.user_id:
        note_left([episode.user_id])
        note_entered([changes["user_id"]])
    for name, value in changes.items():
        setattr(episode, name, value)
    Episode.objects.for_tenant(episode.tenant_id).filter(id=episode.id).update(**changes)
    return episode


def refuse_derived(episode: Episode, changes: dict[str, Any]) -> None:
    if any(changes.get(name, getattr(episode, name)) != getattr(episode, name) for name in DERIVED):
        raise Conflict(
            "This episode was made of its events: its summary, tags, outcome and status can be changed.",
            code="episode_derived",
        )


def refuse_unknown_events(tenant_id: UUID, event_ids: list[UUID]) -> None:
    """Holds the events until the episode is written: whoever removes one meanwhile waits, and then sees the episode."""
    wanted = set(event_ids)
    if not wanted:
        return
    with connection.cursor() as cursor:
        cursor.execute(HOLD_EVENTS, [tenant_id, list(wanted)])
        (held,) = cursor.fetchone()
    if held != len(wanted):
        raise Unprocessable("event_ids names an event that does not exist.", code="unknown_event")
