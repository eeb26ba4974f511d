"""Two servers on one database: an action goes to one of them, the revocation to the other."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections
from pytest_django import DjangoDbBlocker

from memgraph.embedded import socket_directory
from tests.attack.authority.gates import Gates, Side
from tests.attack.authority.racing import Ring
from tests.attack.authority.seeing import Sight
from tests.memgraph.prepared import prepared
from tests.memgraph.processes import Server

PATIENT_SECONDS = 120  # beside other tests
FAST_AND_FORGETFUL = ("fsync", "synchronous_commit", "full_page_writes")


@pytest.fixture(autouse=True)
def database() -> None:
    """None of the tests' own: all is done in the servers'. See `Ring.within`."""


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[Server, Server]]:
    folder = Path(tempfile.mkdtemp(prefix="memgraph-attack-"))
    folder.chmod(0o755)
    secret = {"SECRET_KEY": settings.SECRET_KEY}  # what the factories sign is good there
    with Server(prepared(folder / "one"), PGOPTIONS=Side.ACTION.options, **secret) as one:
        one.wait_until_healthy(PATIENT_SECONDS)
        url = f"postgresql://memgraph@/memgraph?host={socket_directory(one.data_dir)}&port=5432"
        with Server(folder / "two", DATABASE_URL=url, PGOPTIONS=Side.REVOCATION.options, **secret) as two:
            yield one, two.wait_until_healthy(PATIENT_SECONDS)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def superuser(servers: tuple[Server, Server]) -> Iterator[psycopg.Connection[Any]]:
    sockets = str(socket_directory(servers[0].data_dir))
    with psycopg.connect(host=sockets, port=5432, user="postgres", dbname="memgraph", autocommit=True) as connected:
        for name in FAST_AND_FORGETFUL:
            connected.execute(f"ALTER SYSTEM SET {name} = off".encode())
        connected.execute("SELECT pg_reload_conf()")
        yield connected


@pytest.fixture(scope="session")
def within(
    servers: tuple[Server, Server], django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Calls something with the ORM on the servers' database, in a thread whose connection is one to it."""
    sockets = str(socket_directory(servers[0].data_dir))

    def connect() -> None:
        connections["default"] = type(connections["default"])(
            connection.settings_dict | {"NAME": "memgraph", "HOST": sockets}
        )

    with ThreadPoolExecutor(1, initializer=connect) as thread:

        def call(something: Callable[[], Any]) -> Any:
            with django_db_blocker.unblock():
                return thread.submit(something).result()

        yield call
        call(connections.close_all)


@pytest.fixture(scope="session")
def session_ring(
    servers: tuple[Server, Server], superuser: psycopg.Connection[Any], within: Callable[[Callable[[], Any]], Any]
) -> Iterator[Ring]:
    with psycopg.connect(superuser.info.dsn, autocommit=True) as keeper, ThreadPoolExecutor(16) as threads:
        gates = Gates(keeper)
        gates.install()
        yield Ring(servers[0].port, servers[1].port, gates, Sight(superuser), within, threads)


@pytest.fixture
def ring(session_ring: Ring) -> Ring:
    """Nobody is there, and every gate is open."""
    session_ring.sight.clear()
    return session_ring
