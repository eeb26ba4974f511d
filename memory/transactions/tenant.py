from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar
from uuid import UUID

from django.db import OperationalError, transaction
from psycopg.errors import DeadlockDetected

from memory.transactions.changes import Changes, pending
from postgres import deadlines
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
    """Opens a transaction on one tenant's memory. This is the second wall between tenants.

    With row-level security a statement in here sees and writes only the rows of this tenant. A statement outside sees
    nothing. The setting ends with the transaction, so it works with connection poolers. It can't be nested.

    `by`: the principal whose authority the writes rely on. It is checked again before the commit
    (`tenants/authority.py`). Only reads, an operator's commands and the builder of derived episodes leave it out.
    `snapshot`: one consistent view (repeatable read), for reads. `unhurried`: without the time limit of API requests.

    The collected changes of counts are written last, and after them the functions given to `at_the_end`.
    """
    settings = [choose(tenant_id)]
    if snapshot:
        settings.insert(0, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    if unhurried:
        settings.append("SET LOCAL statement_timeout = 0")
    with unhurried_if(unhurried), atomic_with("; ".join(settings)):
        changes = Changes()
        outside = pending.set(changes)
        try:
            yield
            if not transaction.get_rollback():
                changes.flush(tenant_id)
            with confirming(by, confirm(by)):
                for act in changes.last_acts if not transaction.get_rollback() else ():
                    act()
        finally:
            pending.reset(outside)


@contextmanager
def unhurried_if(wanted: bool) -> Iterator[None]:  # noqa: FBT001
    """Lifts the deadline of waits, too: see `postgres/deadlines.py`."""
    before = deadlines.unhurried.set(wanted)
    try:
        yield
    finally:
        deadlines.unhurried.reset(before)


def choose(tenant_id: UUID) -> str:
    """SET takes no parameters, so the UUID is written into the text. Citus doesn't propagate `set_config()`."""
    if not isinstance(tenant_id, UUID):
        raise TypeError("tenant_id must be a UUID")
    return f"SET LOCAL memgraph.tenant_id = '{tenant_id}'"


def at_the_end(act: Callable[[], None]) -> None:
    """Runs `act` after the counts are written. For audit rows: they lock the head of the tenant's audit chain, and a
    transaction that holds that lock must not wait for another one.
    """
    pending.get().last_acts.append(act)


def in_tenant_trip(principal: Principal, step: Step, *, shared: int) -> Rows:
    """Runs one statement as a whole `tenant_transaction`, in one round trip. Inside an open one, joins it.

    Takes the advisory lock with the number `shared` first, in shared mode.
    """
    share = SHARE, {"shared": shared}
    if pending.get(None) is not None:
        return in_one_trip(share, step)[-1]
    confirmed = filter(None, [confirmation(principal)])
    with refusals():
        return transaction_in_one_trip(choose(principal.tenant_id), share, step, *confirmed)[1]


def read_in_tenant_trip(tenant_id: UUID, *steps: Step) -> list[Rows]:
    """Reads in a `tenant_transaction` of one round trip. Inside an open one, joins it."""
    return transaction_in_one_trip(choose(tenant_id), *steps)


@contextmanager
def atomic_with(commands: str) -> Iterator[None]:
    """Opens a transaction and sends these commands in one round trip with its BEGIN."""
    wrapper = database()
    wrapper.begin_with = commands
    try:
        with transaction.atomic(durable=True):
            if wrapper.begin_with:  # inside a test's transaction Django only makes a savepoint
                wrapper.command(commands)
                wrapper.begin_with = ""
            yield
    finally:
        wrapper.begin_with = ""


def again_after_deadlock(act: Callable[[], T]) -> T:
    """Runs `act`, a whole transaction, and up to four times more if PostgreSQL ends it because of a deadlock."""
    for _ in range(ATTEMPTS - 1):
        try:
            return act()
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
    return act()
