"""SQL of ours on the hottest paths, past Django's and psycopg's cursors: a fourth of their time."""

import re
from itertools import count
from typing import Any, Final

from django.db import connection
from psycopg import Connection, OperationalError, abc
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

PARAMETER: Final = re.compile(r"%\((\w+)\)s")
NUMBERS: Final = count(1)
# A table's column has another type now, or somebody deallocated.
OUTDATED: Final = (FeatureNotSupported, InvalidSqlStatementName)


class Statement:
    """A statement with parameters like `%(name)s`, which every connection prepares once, by libpq's own call."""

    def __init__(self, sql: str) -> None:
        self.parameters = list(dict.fromkeys(PARAMETER.findall(sql)))
        self.sql = PARAMETER.sub(lambda match: f"${self.parameters.index(match[1]) + 1}", sql).replace("%%", "%")
        self.formats = [PyFormat.TEXT] * len(self.parameters)

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """As a cursor would answer, or raise."""
        connection.close_if_health_check_failed()
        connection.ensure_connection()
        if connection.queries_logged:
            connection.queries_log.append({"sql": self.sql, "time": "0"})
        ordered = [values[name] for name in self.parameters]
        with connection.wrap_database_errors:
            return self.execute(connection.connection, ordered)

    def execute(self, database: Connection[Any], values: list[Any]) -> list[tuple[Any, ...]]:
        try:
            return self.execute_prepared(database, values)
        except OUTDATED:
            prepared_on(database).pop(self, None)
            if database.pgconn.transaction_status != TransactionStatus.IDLE:
                raise
            return self.execute_prepared(database, values)

    def execute_prepared(self, database: Connection[Any], values: list[Any]) -> list[tuple[Any, ...]]:
        known = prepared_on(database)
        if self not in known:
            known[self] = self.prepare(database)
        name, transformer = known[self]
        parameters: Any = transformer.dump_sequence(values, self.formats)
        result = database.pgconn.exec_prepared(name, parameters)
        refuse_failure(database, result, ExecStatus.TUPLES_OK)
        transformer.set_pgresult(result)
        return transformer.load_rows(0, result.ntuples, tuple)

    def prepare(self, database: Connection[Any]) -> tuple[bytes, abc.Transformer]:
        """By a name that is never used again: whether one that failed is there, nobody knows."""
        name = f"memgraph_{next(NUMBERS)}".encode()
        refuse_failure(database, database.pgconn.prepare(name, self.sql.encode()), ExecStatus.COMMAND_OK)
        return name, Transformer(database)


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
