"""Django's PostgreSQL backend, with fewer round trips, and with psycopg's C code to read times."""

import select
from contextlib import suppress
from typing import Any, Final, cast

from django.db import DEFAULT_DB_ALIAS, DatabaseError, NotSupportedError, connections
from django.db.backends.postgresql import base
from psycopg import Connection, Error, OperationalError, adapters
from psycopg.adapt import AdaptersMap
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

from postgres.deadlines import Deadline, TimedConnection

TIMESTAMPTZ: Final = adapters.types["timestamptz"].oid


class DatabaseWrapper(base.DatabaseWrapper):
    """Keeps psycopg's connection in autocommit. Transactions begin and end with commands that go straight to libpq."""

    connection: Connection[Any]  # or None, before `ensure_connection`
    deadline: Deadline  # of the connection
    begin_with = ""  # more commands, sent with the BEGIN: see `memory/transactions/tenant.py`

    def get_connection_params(self) -> dict[str, Any]:
        """Uses psycopg's own loader for times. Django's replaces the zone of each, which is already UTC."""
        params: dict[str, Any] = super().get_connection_params()
        if loader := adapters.get_loader(TIMESTAMPTZ, Format.TEXT):
            params["context"] = AdaptersMap(params["context"].adapters)
            params["context"].register_loader(TIMESTAMPTZ, loader)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        """psycopg would drop all prepared statements after DROP, ALTER or ROLLBACK. PostgreSQL replans them itself."""
        connection: Connection[Any] = super().get_new_connection({**conn_params, "autocommit": True})
        connection._prepared.clear = lambda: False  # type: ignore[method-assign]
        connection.__class__ = TimedConnection  # Django offers no other place for it
        self.deadline = cast("TimedConnection", connection).deadline = Deadline(connection)
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        """Like Django's, but without the time zone, which no connection here changes."""
        if name:
            return self.connection.cursor(name, scrollable=False, withhold=self.autocommit)
        return self.connection.cursor()

    def is_usable(self) -> bool:
        """Called once per request. Django's own check is a round trip, as slow as a query by primary key."""
        return is_usable(self.connection)

    def command(self, commands: str) -> None:
        """Runs commands, separated by semicolons, in one round trip. Discards their results."""
        with self.wrap_database_errors, self.deadline:
            result = self.connection.pgconn.exec_(commands.encode())
            refuse_failure(self.connection, result, ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)

    def _start_transaction_under_autocommit(self) -> None:
        """Django's hook for databases that need an explicit BEGIN."""
        commands, self.begin_with = f"BEGIN; {self.begin_with}", ""
        try:
            self.command(commands)
        except DatabaseError:
            with suppress(Error):
                self.connection.rollback()
            raise

    def _set_autocommit(self, autocommit: bool) -> None:  # noqa: FBT001 - Django's
        """Autocommit stays on. Turned off, each statement would still commit, and a rollback would undo nothing."""
        if not autocommit:
            raise NotSupportedError("Use transaction.atomic(): a connection here is always in autocommit.")

    def _commit(self) -> None:
        if self.connection is not None:
            self.command("COMMIT")


def is_usable(connection: Connection[Any]) -> bool:
    """A server that ended the connection has made its socket readable. Only then, a round trip checks it."""
    if connection.closed or connection.pgconn.transaction_status != TransactionStatus.IDLE:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(0):
        return True
    try:
        connection.execute("")
    except Error:
        return False
    return True


def database() -> DatabaseWrapper:
    """This thread's connection, typed as our wrapper."""
    return cast("DatabaseWrapper", connections[DEFAULT_DB_ALIAS])


def refuse_failure(connection: Connection[Any], result: PGresult, *wanted: ExecStatus) -> None:
    """Raises what psycopg's cursors would. A lost connection has no SQLSTATE, so its error class is chosen here."""
    if result.status in wanted:
        return
    if connection.pgconn.status == ConnStatus.BAD:
        raise OperationalError(result.get_error_message())
    raise error_from_result(result)
