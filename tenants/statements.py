"""SQL of ours on the hottest paths, past Django's and psycopg's cursors: a fourth of their time."""

import re
from itertools import count
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.db import connection
from psycopg import Connection, abc
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

PARAMETER: Final = re.compile(r"%\((\w+)\)s")
NUMBERS: Final = count(1)
prepared: Final[WeakKeyDictionary[Connection[Any], dict[bytes, abc.Transformer]]] = WeakKeyDictionary()


class Statement:
    """A statement with parameters like `%(name)s`, which every connection prepares once, by libpq's own call."""

    def __init__(self, sql: str) -> None:
        self.parameters = list(dict.fromkeys(PARAMETER.findall(sql)))
        self.sql = PARAMETER.sub(lambda match: f"${self.parameters.index(match[1]) + 1}", sql).replace("%%", "%")
        self.formats = [PyFormat.TEXT] * len(self.parameters)
        self.name = f"memgraph_{next(NUMBERS)}".encode()

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
        known = prepared.setdefault(database, {})
        if (transformer := known.get(self.name)) is None:
            transformer = known[self.name] = self.prepare(database)
        parameters: Any = transformer.dump_sequence(values, self.formats)
        result = database.pgconn.exec_prepared(self.name, parameters)
        if result.status != ExecStatus.TUPLES_OK:
            raise error_from_result(result)
        transformer.set_pgresult(result)
        return transformer.load_rows(0, result.ntuples, tuple)

    def prepare(self, database: Connection[Any]) -> abc.Transformer:
        result = database.pgconn.prepare(self.name, self.sql.encode())
        if result.status != ExecStatus.COMMAND_OK:
            raise error_from_result(result)
        return Transformer(database)
