"""Django's PostgreSQL, for servers whose requests are short: nothing is asked of it twice."""

import select
from typing import Any, Final

from django.db.backends.postgresql import base
from psycopg import Connection, Error

TRIES: Final = 100  # more than a pool has connections; each try that fails ends one of them


class DatabaseWrapper(base.DatabaseWrapper):
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
