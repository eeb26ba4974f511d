"""Prepared statements for the hottest paths. They take a quarter of the time of Django's and psycopg's cursors."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Any, Final, TypeVar

from psycopg import ClientCursor, Connection, abc
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from postgres.base import DatabaseWrapper, database, refuse_failure

PARAMETER: Final = re.compile(r"%\((\w+)\)s")
NUMBERS: Final = count(1)
# The type of a column has changed, or the prepared statement was deallocated.
OUTDATED: Final = (FeatureNotSupported, InvalidSqlStatementName)


Rows = list[tuple[Any, ...]]
T = TypeVar("T")


class Statement:
    """A statement with parameters like `%(name)s`. Each connection prepares it once, if `is_prepared`."""

    def __init__(self, sql: str, *, is_prepared: bool = True) -> None:
        self.source = sql = sql.strip()
        self.is_prepared = is_prepared
        self.parameters = list(dict.fromkeys(PARAMETER.findall(sql)))
        self.sql = PARAMETER.sub(lambda match: f"${self.parameters.index(match[1]) + 1}", sql).replace("%%", "%")
        self.encoded = self.sql.encode()
        self.formats = [PyFormat.TEXT] * len(self.parameters)

    def rows(self, **values: Any) -> Rows:
        """Returns, or raises, what a cursor would."""
        return run(alone, (self, values))


Step = tuple[Statement, Mapping[str, Any]]


def run(send: Callable[..., T], *steps: Step) -> T:
    wrapper = database()
    wrapper.close_if_health_check_failed()
    wrapper.ensure_connection()
    if wrapper.force_debug_cursor:
        client = ClientCursor(wrapper.connection)
        wrapper.queries_log += [{"sql": client.mogrify(step.source, values), "time": "0"} for step, values in steps]
    if wrapper.execute_wrappers:
        return watched(wrapper, send, steps)
    return send_steps(wrapper, send, steps)


def watched(wrapper: DatabaseWrapper, send: Callable[..., T], steps: tuple[Step, ...]) -> T:
    """Calls Django's `execute_wrappers`. They see a pipeline as one statement, because it is one round trip.

    A wrapper can't change the SQL or the parameters, because the statements are already prepared.
    """

    def innermost(*_: Any) -> T:
        return send_steps(wrapper, send, steps)

    execute: Callable[..., T] = innermost
    for each in reversed(wrapper.execute_wrappers):
        execute = partial(each, execute)
    sql = "; ".join(statement.sql for statement, _ in steps)
    parameters = [values[name] for statement, values in steps for name in statement.parameters]
    with wrapper.cursor() as cursor:
        return execute(sql, parameters, False, {"connection": wrapper, "cursor": cursor})  # noqa: FBT003 - Django's


def send_steps(wrapper: DatabaseWrapper, send: Callable[..., T], steps: tuple[Step, ...]) -> T:
    with wrapper.wrap_database_errors, wrapper.deadline:
        return again_if_outdated(wrapper.connection, send, steps)


def again_if_outdated(connection: Connection[Any], send: Callable[..., T], steps: tuple[Step, ...]) -> T:
    try:
        return send(connection, *steps)
    except OUTDATED:
        for statement, _ in steps:
            prepared_on(connection).pop(statement, None)
        if connection.pgconn.transaction_status != TransactionStatus.IDLE:
            raise
        return send(connection, *steps)


def alone(connection: Connection[Any], step: Step) -> Rows:
    transformer, name, parameters = bind(connection, step)
    if name is None:
        return read(connection, transformer, connection.pgconn.exec_params(step[0].encoded, parameters))
    return read(connection, transformer, connection.pgconn.exec_prepared(name, parameters))


def bind(connection: Connection[Any], step: Step) -> tuple[abc.Transformer, bytes | None, Any]:
    """Returns the name of the prepared statement, or None, and the parameters as libpq takes them."""
    statement, values = step
    known = prepared_on(connection)
    if statement.is_prepared and statement not in known:
        known[statement] = prepare(connection, statement)
    name, transformer = known.get(statement) or (None, Transformer(connection))
    ordered = [values[each] for each in statement.parameters]
    return transformer, name, transformer.dump_sequence(ordered, statement.formats)


def prepare(connection: Connection[Any], statement: Statement) -> tuple[bytes, abc.Transformer]:
    """Uses each name once: after a failure we can't tell whether the name exists."""
    name = f"memgraph_{next(NUMBERS)}".encode()
    refuse_failure(connection, connection.pgconn.prepare(name, statement.sql.encode()), ExecStatus.COMMAND_OK)
    return name, Transformer(connection)


def read(connection: Connection[Any], transformer: abc.Transformer, result: PGresult) -> Rows:
    refuse_failure(connection, result, ExecStatus.TUPLES_OK)
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)


def prepared_on(connection: Connection[Any]) -> dict[Statement, tuple[bytes, abc.Transformer]]:
    """Stored on the connection: anywhere else they would keep it alive."""
    known: dict[Statement, tuple[bytes, abc.Transformer]] = vars(connection).setdefault("statements", {})
    return known
