from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar
from uuid import UUID

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, error_from_result
from psycopg.pq import ExecStatus, TransactionStatus

from memory import tally

T = TypeVar("T")
ATTEMPTS: Final = 5


@contextmanager
def tenant_transaction(tenant_id: UUID, *, snapshot: bool = False, unhurried: bool = False) -> Iterator[None]:
    """The only way to the memory tables, and the second wall between tenants.

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
    with transaction.atomic(durable=True):
        begin(settings)
        changes = tally.Changes()
        tally.pending.set(changes)
        yield
        if not transaction.get_rollback():
            changes.flush(tenant_id)


def begin(settings: list[str]) -> None:
    """In one round trip with the BEGIN, which psycopg would send before the first statement by itself."""
    pgconn = connection.connection.pgconn
    if pgconn.transaction_status == TransactionStatus.IDLE:
        settings = ["BEGIN", *settings]
    with connection.wrap_database_errors:
        result = pgconn.exec_("; ".join(settings).encode())
        if result.status != ExecStatus.COMMAND_OK:
            raise error_from_result(result)


def again_after_deadlock(act: Callable[[], T]) -> T:
    """For what takes many rows while others write: it may be the one that gives way. `act` is a whole transaction."""
    for _ in range(ATTEMPTS - 1):
        try:
            return act()
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
    return act()
