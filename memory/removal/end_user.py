from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from memory.models import Belief, Episode
from memory.removal import remove_events, remove_rows
from memory.spans import await_settling
from memory.transactions import at_the_end, tenant_transaction
from tenants.actions import Action
from tenants.actor import Actor
from tenants.audit import Target, pseudonym, record
from tenants.slots import TAKEBACKS

OF_USER: Final = "user_id = %(user_id)s"
OF_SUBJECT: Final = "subject_id = %(user_id)s"


@dataclass(frozen=True, kw_only=True)
class Erased:
    events: int
    beliefs: int
    episodes: int


def erase_user(*, tenant_id: UUID, user_id: str, actor: Actor) -> Erased:
    """All that is remembered of one end user, in one transaction. What others' events say of them is not found by this.

    The audit log can't be erased from, so it keeps a pseudonym of the user id, under the log's key.
    """
    values = {"tenant_id": tenant_id, "user_id": user_id}
    with TAKEBACKS.take(tenant_id), tenant_transaction(tenant_id, by=actor.principal, unhurried=True):
        await_settling(tenant_id)
        erased = Erased(
            episodes=remove_rows(Episode, OF_USER, values),
            events=remove_events(OF_USER, values),
            beliefs=remove_rows(Belief, OF_SUBJECT, values),
        )
        target = Target(None, pseudonym(tenant_id, user_id))
        row = partial(record, Action.MEMORY_ERASED, actor=actor, tenant_id=tenant_id)
        at_the_end(partial(row, target=target, after=vars(erased)))
    return erased
