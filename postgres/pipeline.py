"""Statements sent all at once, and answered in one round trip: libpq's pipeline mode."""

import select
from typing import Any

from psycopg import Connection
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from postgres.statements import Rows, Step, bind, read, run


def in_one_trip(*steps: Step) -> list[Rows]:
    """Answers the rows of each, or raises what went wrong first.

    Where no transaction is open, they are one by themselves: all happened, or none did.
    """
    return run(pipelined, *steps)


def pipelined(connection: Connection[Any], *steps: Step) -> list[Rows]:
    """Whoever breaks off in between leaves a connection that no request takes up again: it isn't idle."""
    bound, pgconn = [bind(connection, step) for step in steps], connection.pgconn
    pgconn.enter_pipeline_mode()
    for _, name, parameters in bound:
        pgconn.send_query_prepared(name, parameters)
    pgconn.pipeline_sync()
    results = receive(pgconn)
    pgconn.exit_pipeline_mode()
    return [read(connection, transformer, result) for (transformer, *_), result in zip(bound, results, strict=True)]


def receive(pgconn: PGconn) -> list[PGresult]:
    """One of each statement. psycopg holds Python's lock while libpq waits for an answer, so the waiting is ours."""
    readable = select.poll()
    readable.register(pgconn.socket, select.POLLIN)
    results: list[PGresult] = []
    while True:
        while pgconn.is_busy():
            readable.poll()
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:  # the end of a statement's
            continue
        if result.status == ExecStatus.PIPELINE_SYNC:
            return results
        results.append(result)
