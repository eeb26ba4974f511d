"""Connections to the database: for races in one process, where each thread closes its own, and ones that break."""

import os
import socket
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
import pytest
from django.db import connection, connections

from tests.memgraph.processes import wait_for

T = TypeVar("T")


def in_its_own_connection(act: Callable[[], T]) -> T:
    try:
        return act()
    finally:
        connections.close_all()


def until_somebody_waits(holder: psycopg.Connection[Any] | None = None) -> None:
    """For a lock of this connection's transaction, or of this thread's own. The test fails when nobody does."""
    holder = holder or own()
    waiting = "SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    wait_for(lambda: holder.execute(waiting).rowcount, 30, "somebody to wait")


def cut() -> None:
    """As a server or a network does that goes without a word."""
    wire = socket.socket(fileno=os.dup(own().fileno()))
    wire.shutdown(socket.SHUT_RDWR)
    wire.close()


def terminate() -> None:
    """As an operator does, or a server that is shut down."""
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [own().info.backend_pid])


def own() -> psycopg.Connection[Any]:
    connection.ensure_connection()
    connected: psycopg.Connection[Any] = connection.connection
    return connected


BREAKS = pytest.mark.parametrize("break_it", [cut, terminate])
