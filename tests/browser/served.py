"""The factories at work in the real server's database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection, connections

from memgraph.embedded import socket_directory
from tests.memgraph.processes import Server


def in_database_of(server: Server, call: Callable[[], Any]) -> Any:
    """In a thread of its own: connections belong to threads, and Django refuses one in which Playwright's loop runs."""

    def run() -> Any:
        where = {"NAME": "memgraph", "HOST": str(socket_directory(server.data_dir))}
        theirs = type(connections["default"])(connection.settings_dict | where)
        connections["default"] = theirs
        try:
            return call()
        finally:
            theirs.close()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(run).result()
