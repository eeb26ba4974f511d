from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected

from memory import tally
from tenants.statements import Rows, Statement, Step, in_one_trip

T = TypeVar("T")
ATTEMPTS: Final = 5
CHOOSE_TENANT: Final = Statement("SELECT set_config('memgraph.tenant_id', %(tenant_id)s, true)")


@contextmanager
def tenant_transaction(tenant_id: UUID, *, snapshot: bool = False, unhurried: bool = False) -> Iterator[None]:
    """The way to the memory tables, and the second wall between tenants.

    Row-level security shows a statement the rows of the tenant named here and lets it write no others; a statement
    outside sees nothing. The setting ends with the transaction, so that it fits connection poolers, and is sent as a
    literal made from a parsed UUID, because SET takes no parameters. So it never nests. `snapshot`: one consistent
    view (repeatable read), for reading only. `unhurried`: without the time limit of API requests, for transfers. What
    was noted meanwhile for the tallies is written last.
    """
    if not isinstance(tenant_id, UUID):
        raise TypeError("tenant_id must be a UUID")
    settings = [f"SET LOCAL memgraph.tenant_id = '{tenant_id}'"]
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
        finally:
            tally.pending.reset(outside)


def in_tenant_trip(tenant_id: UUID, *steps: Step) -> Rows:
    """A whole `tenant_transaction` in one round trip, or, inside of one, a part of it. Answers the last one's rows."""
    is_inside = tally.pending.get(None) is not None
    choice = () if is_inside else ((CHOOSE_TENANT, {"tenant_id": str(tenant_id)}),)
    return in_one_trip(*choice, *steps)


@contextmanager
def atomic_with(commands: str) -> Iterator[None]:
    """A transaction that begins with these commands, in one round trip with its BEGIN."""
    database = cast("Any", connection)  # ours, of `memgraph/postgres`
    database.begin_with = commands
    try:
        with transaction.atomic(durable=True):
            if database.begin_with:  # in a test's transaction only a savepoint began
                database.command(commands)
                database.begin_with = ""
            yield
    finally:
        database.begin_with = ""


def again_after_deadlock(act: Callable[[], T]) -> T:
    """For what takes many rows while others write: it may be the one that gives way. `act` is a whole transaction."""
    for _ in range(ATTEMPTS - 1):
        try:
            return act()
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
    return act()
