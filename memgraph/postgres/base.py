"""Django's PostgreSQL, for a server whose requests are short: less is asked of it, and times are read in C."""

import select
from typing import Any, Final

from django.db.backends.postgresql import base
from psycopg import Connection, Error, adapters
from psycopg.adapt import AdaptersMap
from psycopg.pq import Format

TRIES: Final = 100  # more than a pool has connections; each try that fails ends one of them
TIMESTAMPTZ: Final = adapters.types["timestamptz"].oid


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        """With psycopg's own reading of times. Django's replaces the zone of each, which is UTC already."""
        params: dict[str, Any] = super().get_connection_params()
        if loader := adapters.get_loader(TIMESTAMPTZ, Format.TEXT):
            params["context"] = AdaptersMap(params["context"].adapters)
            params["context"].register_loader(TIMESTAMPTZ, loader)
        return params

    def create_cursor(self, name: str | None = None) -> Any:
        """As Django's, but for the zone, which no connection here changes."""
        if name:
            return self.connection.cursor(name, scrollable=False, withhold=self.connection.autocommit)
        return self.connection.cursor()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        """Out of the pool, and alive. The pool's own check is a round trip, as long as a query by primary key."""
        for _ in range(TRIES):
            connection: Connection[Any] = super().get_new_connection(conn_params)
            if self.pool is None or is_alive(connection):
                return connection
            connection.close()
            self.pool.putconn(connection)
        return connection


def is_alive(connection: Connection[Any]) -> bool:
    """A server that ended the connection has said so on its socket. Anything that is there to read is looked into."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(0):
        return True
    try:
        connection.execute("")
    except Error:
        return False
    return True
