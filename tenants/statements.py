"""SQL of ours on the hottest paths, past Django's and psycopg's cursors: a fourth of their time."""

import re
import select
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import Connection, OperationalError, abc
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

PARAMETER: Final = re.compile(r"%\((\w+)\)s")
NUMBERS: Final = count(1)
# A table's column has another type now, or somebody deallocated.
OUTDATED: Final = (FeatureNotSupported, InvalidSqlStatementName)


Rows = list[tuple[Any, ...]]
T = TypeVar("T")


class Statement:
    """A statement with parameters like `%(name)s`, which every connection prepares once, by libpq's own call."""

    def __init__(self, sql: str) -> None:
        self.source = sql
        self.parameters = list(dict.fromkeys(PARAMETER.findall(sql)))
        self.sql = PARAMETER.sub(lambda match: f"${self.parameters.index(match[1]) + 1}", sql).replace("%%", "%")
        self.formats = [PyFormat.TEXT] * len(self.parameters)

    def rows(self, **values: Any) -> Rows:
        """As a cursor would answer, or raise."""
        return run(alone, (self, values))


Step = tuple[Statement, Mapping[str, Any]]


def in_one_trip(*steps: Step) -> list[Rows]:
    """Sends statements all at once, and answers the rows of each, or raises what went wrong first.

    Where no transaction is open, they are one by themselves: all happened, or none did (libpq's pipeline mode).
    """
    return run(pipelined, *steps)


def run(send: Callable[..., T], *steps: Step) -> T:
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    wrapper.close_if_health_check_failed()
    wrapper.ensure_connection()
    if wrapper.queries_logged:
        wrapper.queries_log += [{"sql": statement.sql, "time": "0"} for statement, _ in steps]
    with wrapper.wrap_database_errors:
        return again_if_outdated(wrapper.connection, send, steps)


def again_if_outdated(database: Connection[Any], send: Callable[..., T], steps: tuple[Step, ...]) -> T:
    try:
        return send(database, *steps)
    except OUTDATED:
        for statement, _ in steps:
            prepared_on(database).pop(statement, None)
        if database.pgconn.transaction_status != TransactionStatus.IDLE:
            raise
        return send(database, *steps)


def alone(database: Connection[Any], step: Step) -> Rows:
    transformer, name, parameters = bind(database, step)
    return read(database, transformer, database.pgconn.exec_prepared(name, parameters))


def pipelined(database: Connection[Any], *steps: Step) -> list[Rows]:
    """Whoever breaks off in between leaves a connection that no request takes up again: it isn't idle."""
    bound, pgconn = [bind(database, step) for step in steps], database.pgconn
    pgconn.enter_pipeline_mode()
    for _, name, parameters in bound:
        pgconn.send_query_prepared(name, parameters)
    pgconn.pipeline_sync()
    results = receive(pgconn)
    pgconn.exit_pipeline_mode()
    return [read(database, transformer, result) for (transformer, *_), result in zip(bound, results, strict=True)]


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


def bind(database: Connection[Any], step: Step) -> tuple[abc.Transformer, bytes, Any]:
    statement, values = step
    known = prepared_on(database)
    if statement not in known:
        known[statement] = prepare(database, statement)
    name, transformer = known[statement]
    ordered = [values[each] for each in statement.parameters]
    return transformer, name, transformer.dump_sequence(ordered, statement.formats)


def prepare(database: Connection[Any], statement: Statement) -> tuple[bytes, abc.Transformer]:
    """By a name that is never used again: whether one that failed is there, nobody knows."""
    name = f"memgraph_{next(NUMBERS)}".encode()
    refuse_failure(database, database.pgconn.prepare(name, statement.sql.encode()), ExecStatus.COMMAND_OK)
    return name, Transformer(database)


def read(database: Connection[Any], transformer: abc.Transformer, result: PGresult) -> Rows:
    refuse_failure(database, result, ExecStatus.TUPLES_OK)
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)


def prepared_on(database: Connection[Any]) -> dict[Statement, tuple[bytes, abc.Transformer]]:
    """Kept on the connection itself: they refer to it, and would keep it alive elsewhere."""
    known: dict[Statement, tuple[bytes, abc.Transformer]] = vars(database).setdefault("statements", {})
    return known


def refuse_failure(database: Connection[Any], result: PGresult, *wanted: ExecStatus) -> None:
    """As psycopg's cursors do. Of a lost connection libpq's answer has no code, which alone would tell its class."""
    if result.status in wanted:
        return
    if database.pgconn.status == ConnStatus.BAD:
        raise OperationalError(result.get_error_message())
    raise error_from_result(result)
