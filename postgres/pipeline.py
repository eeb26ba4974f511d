"""Sends several statements in one round trip, by libpq's pipeline mode."""

import select
from collections.abc import Sequence
from functools import partial
from typing import Any

from psycopg import Connection
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from postgres.base import refuse_failure
from postgres.statements import Rows, Step, bind, read, run


def in_one_trip(*steps: Step) -> list[Rows]:
    """Returns the rows of each statement, or raises the first error.

    If no transaction is open, the statements are one transaction.
    """
    return run(pipelined, *steps)


def transaction_in_one_trip(command: str, *steps: Step) -> list[Rows]:
    """Like `in_one_trip`, in a transaction that begins with `command`. Joins a transaction that is already open."""
    return run(partial(transacted, command.encode()), *steps)


def transacted(command: bytes, connection: Connection[Any], *steps: Step) -> list[Rows]:
    """After an error PostgreSQL skips the COMMIT, so a second trip sends ROLLBACK."""
    if connection.pgconn.transaction_status != TransactionStatus.IDLE:
        return pipelined(connection, *steps, before=[command])
    try:
        return pipelined(connection, *steps, before=[b"BEGIN", command], after=[b"COMMIT"])
    finally:
        if connection.pgconn.transaction_status == TransactionStatus.INERROR:
            connection.pgconn.exec_(b"ROLLBACK")


def pipelined(
    connection: Connection[Any], *steps: Step, before: Sequence[bytes] = (), after: Sequence[bytes] = ()
) -> list[Rows]:
    """An exception in here leaves the connection busy. `is_usable` then keeps later requests from using it."""
    bound, pgconn = [bind(connection, step) for step in steps], connection.pgconn
    pgconn.enter_pipeline_mode()
    for command in before:
        pgconn.send_query_params(command, None)
    for (statement, _), (_, name, parameters) in zip(steps, bound, strict=True):
        if name is None:
            pgconn.send_query_params(statement.encoded, parameters)
        else:
            pgconn.send_query_prepared(name, parameters)
    for command in after:
        pgconn.send_query_params(command, None)
    pgconn.pipeline_sync()
    results = receive(pgconn)
    pgconn.exit_pipeline_mode()
    first, last = len(before), len(before) + len(bound)
    for result in results[:first]:
        refuse_failure(connection, result, ExecStatus.COMMAND_OK)
    answers = zip(bound, results[first:last], strict=True)
    rows = [read(connection, transformer, result) for (transformer, *_), result in answers]
    for result in results[last:]:
        refuse_failure(connection, result, ExecStatus.COMMAND_OK)
    return rows


def receive(pgconn: PGconn) -> list[PGresult]:
    """Returns one result for each statement. psycopg would hold the GIL while libpq waits, so we wait with poll()."""
    readable = select.poll()
    readable.register(pgconn.socket, select.POLLIN)
    results: list[PGresult] = []
    while True:
        while pgconn.is_busy():
            readable.poll()
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:  # marks the end of one statement's results
            continue
        if result.status == ExecStatus.PIPELINE_SYNC:
            return results
        results.append(result)
