"""Erases one end user."""

from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from memory.beliefs.models import Belief
from memory.episodes.models import Episode
from memory.episodes.unsettled import exclude_builders
from memory.removal.rows import remove_events, remove_rows
from memory.transactions import at_the_end, tenant_transaction
from memory.transactions.changes import check_users
from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.log import Target, pseudonym, record
from tenants.limits.slots import TAKEBACKS

OF_USER: Final = "user_id = %(user_id)s"
OF_SUBJECT: Final = "subject_id = %(user_id)s"


@dataclass(frozen=True, kw_only=True)
class Erased:
    events: int
    beliefs: int
    episodes: int


def erase_user(*, tenant_id: UUID, user_id: str, actor: Actor) -> Erased:
    """Removes all rows of one end user, in one transaction. It doesn't find what other users' events say about them.

    Rows that are written during the erasure may remain. Stop the writers first, or erase again.

    The audit log can't be changed, so it holds a pseudonym: an HMAC of the user id with the log's key.
    """
    values = {"tenant_id": tenant_id, "user_id": user_id}
    with TAKEBACKS.take(tenant_id), tenant_transaction(tenant_id, by=actor.principal, unhurried=True):
        exclude_builders(tenant_id)
        erased = Erased(
            episodes=remove_rows(Episode, OF_USER, values),
            events=remove_events(OF_USER, values),
            beliefs=remove_rows(Belief, OF_SUBJECT, values),
        )
        check_users([user_id])  # also if there were no rows: a user without any is removed
        target = Target(None, pseudonym(tenant_id, user_id))
        row = partial(record, Action.MEMORY_ERASED, actor=actor, tenant_id=tenant_id)
        at_the_end(partial(row, target=target, after=vars(erased)))
    return erased
