"""Restores a dump beside the tests' own database: that of this folder, or another."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg
from django.conf import settings
from psycopg import sql

from memgraph.embedded import socket_directory
from memgraph.embedded.binaries import installed
from tests.memgraph.processes import run
from tests.upgrade.make_dump import DUMP, FACTS

TABLES: Final = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"


class Installation:
    """The restored database, and how to reach it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.facts: dict[str, Any] = json.loads(FACTS.read_text())
        self.sockets = str(socket_directory(settings.DATA_DIR))
        self.variables = {
            "DATABASE_URL": f"postgresql://memgraph@/{name}?host={self.sockets}&port=5432",
            "SECRET_KEY": self.facts["secret_key"],
        }

    def superuser(self, name: str = "") -> psycopg.Connection[tuple[Any, ...]]:
        where = {"host": self.sockets, "port": 5432, "user": "postgres", "dbname": name or self.name}
        return psycopg.connect(**where, autocommit=True)

    def count_rows(self) -> dict[str, int]:
        with self.superuser() as database:
            tables = [name for (name,) in database.execute(TABLES)]
            counts = sql.SQL(" UNION ALL ").join(
                sql.SQL("SELECT {}, count(*) FROM {}").format(sql.Literal(name), sql.Identifier(name))
                for name in tables
            )
            return dict(database.execute(counts).fetchall())

    def command(self, *arguments: str) -> str:
        """What a command of manage.py says; fails when it does."""
        done = run("manage.py", *arguments, **self.variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def restored(dump: Path = DUMP) -> Iterator[Installation]:
    installation = Installation(f"upgraded_{uuid4().hex}")  # each worker of pytest-xdist has its own
    quoted = sql.Identifier(installation.name)
    with installation.superuser("postgres") as server:
        server.execute(sql.SQL("CREATE DATABASE {} OWNER memgraph TEMPLATE template0").format(quoted))
        try:
            restore(installation, dump)
            yield installation
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(quoted))


def restore(installation: Installation, dump: Path) -> None:
    at = ["--host", installation.sockets, "--port", "5432", "--username", "postgres", "--dbname", installation.name]
    command = [str(installed() / "pg_restore"), *at, "--exit-on-error", str(dump)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
