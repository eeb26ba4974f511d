from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar
from uuid import UUID

from django.db import OperationalError, transaction
from psycopg.errors import DeadlockDetected

from memory import tally
from postgres.base import database
from postgres.pipeline import in_one_trip, transaction_in_one_trip
from postgres.statements import Rows, Statement, Step
from tenants.authority import confirm, confirmation, confirming, refusals
from tenants.principal import Principal

T = TypeVar("T")
ATTEMPTS: Final = 5
SHARE: Final = Statement("SELECT pg_advisory_xact_lock_shared(%(shared)s)")


@contextmanager
def tenant_transaction(
    tenant_id: UUID, *, by: Principal | None = None, snapshot: bool = False, unhurried: bool = False
) -> Iterator[None]:
    """The way to the memory tables, and the second wall between tenants.

    Row-level security shows a statement the rows of the tenant named here and lets it write no others; a statement
    outside sees nothing. The setting ends with the transaction, so that it fits connection poolers. So it never nests.
    `snapshot`: one consistent view (repeatable read), for reading only. `unhurried`: without the time limit of API
    requests, for transfers.

    `by`: whose authority the writes rely on; it is confirmed before the commit (`tenants/authority.py`). Only reads,
    and an operator's commands, go without. What was noted for the tallies, and `at_the_end`, is written last.
    """
    settings = [choose(tenant_id)]
    if snapshot:
        settings.insert(0, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    if unhurried:
        settings.append("SET LOCAL statement_timeout = 0")
    with atomic_with("; ".join(settings)):
        changes = tally.Changes()
        outside = tally.pending.set(changes)
        try:
            yield
            if not transaction.get_rollback():
                changes.flush(tenant_id)
            with confirming(by, confirm(by)):
                for act in changes.last_acts if not transaction.get_rollback() else ():
                    act()
        finally:
            tally.pending.reset(outside)


def choose(tenant_id: UUID) -> str:
    """SET takes no parameters, so this is a literal of a parsed UUID. Citus doesn't propagate `set_config()`."""
    if not isinstance(tenant_id, UUID):
        raise TypeError("tenant_id must be a UUID")
    return f"SET LOCAL memgraph.tenant_id = '{tenant_id}'"


def at_the_end(act: Callable[[], None]) -> None:
    """Runs after the tallies are written: a transaction that holds the audit chain's head waits for no other lock."""
    tally.pending.get().last_acts.append(act)


def in_tenant_trip(principal: Principal, step: Step, *, shared: int) -> Rows:
    """A whole `tenant_transaction` of one statement in one round trip, or, inside of one, a part of it.

    `shared` is the number of an advisory lock, which is shared before the statement.
    """
    share = SHARE, {"shared": shared}
    if tally.pending.get(None) is not None:
        return in_one_trip(share, step)[-1]
    confirmed = filter(None, [confirmation(principal)])
    with refusals():
        return transaction_in_one_trip(choose(principal.tenant_id), share, step, *confirmed)[1]


@contextmanager
def atomic_with(commands: str) -> Iterator[None]:
    """A transaction that begins with these commands, in one round trip with its BEGIN."""
    wrapper = database()
    wrapper.begin_with = commands
    try:
        with transaction.atomic(durable=True):
            if wrapper.begin_with:  # a test's transaction was open, so Django only made a savepoint
                wrapper.command(commands)
                wrapper.begin_with = ""
            yield
    finally:
        wrapper.begin_with = ""


def again_after_deadlock(act: Callable[[], T]) -> T:
    """For what takes many rows while others write: it may be the one that gives way. `act` is a whole transaction."""
    for _ in range(ATTEMPTS - 1):
        try:
            return act()
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
    return act()
