"""Ends waits for a PostgreSQL that doesn't respond: a frozen one, or one behind a network that drops packets.

Nothing else would. PostgreSQL's own time limits don't run in a frozen server, and its kernel still acknowledges
packets. A thread of the worker looks at all connections twice a second, and shuts down the socket of one that has
waited for too long. Whatever waits there fails as if the server had closed the connection, and the client gets a 503.
"""

import os
import socket
from contextlib import suppress
from contextvars import ContextVar
from math import inf
from threading import Lock, Thread
from time import monotonic, sleep
from typing import Any, Final
from weakref import WeakSet, ref

from psycopg import Connection, Error

STATEMENT_SECONDS: Final = 5  # gunicorn.conf.py sets it as statement_timeout
LONGEST: Final = STATEMENT_SECONDS + 2
INTERVAL: Final = 0.5


unhurried: ContextVar[bool] = ContextVar("unhurried", default=False)  # in a transaction without a time limit


class Deadline:
    """Used as `with`, around each wait on one connection."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = ref(connection)
        self.ends_at = inf
        with lock:
            deadlines.add(self)

    def __enter__(self) -> None:
        self.ends_at = inf if unhurried.get() else monotonic() + LONGEST

    def __exit__(self, *_: object) -> None:
        self.ends_at = inf

    def enforce(self) -> None:
        if self.ends_at > monotonic():
            return
        self.ends_at = inf
        if connection := self.connection():
            with suppress(OSError, Error), socket.socket(fileno=os.dup(connection.pgconn.socket)) as same:
                same.shutdown(socket.SHUT_RDWR)


class TimedConnection(Connection[Any]):
    deadline: Deadline

    def wait(self, *args: Any, **kwargs: Any) -> Any:
        """What cursors wait with."""
        with self.deadline:
            return super().wait(*args, **kwargs)


deadlines: WeakSet[Deadline] = WeakSet()
lock = Lock()  # a set must not grow while it is copied


def watch() -> None:
    """Called once in each worker. Commands have no deadline."""
    Thread(target=enforce_all, name="deadlines", daemon=True).start()


def enforce_all() -> None:
    while True:
        sleep(INTERVAL)
        with lock:
            found = list(deadlines)
        for deadline in found:
            deadline.enforce()
        found.clear()
