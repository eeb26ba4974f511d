"""Django's DATABASES entry for the embedded PostgreSQL and for a DATABASE_URL."""

import re
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

PORTS: Final = re.compile("[0-9,]*")


def _database(*, options: dict[str, Any], **where: str) -> dict[str, Any]:
    return {
        "ENGINE": "postgres",
        "ATOMIC_REQUESTS": False,
        # Each thread keeps its own connection. A pool would check one out and in for every request.
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            # psycopg prepares statements on the server only with both.
            "server_side_binding": True,
            "prepare_threshold": 2,
            "connect_timeout": 3,
            **options,
        },
        **where,
    }


def embedded_database(socket_directory: Path) -> dict[str, Any]:
    """Sets the port, because libpq would otherwise read PGPORT from the environment."""
    where = {"NAME": "memgraph", "USER": "memgraph", "HOST": str(socket_directory), "PORT": "5432"}
    return _database(options={}, **where)


def parse_database_url(url: str) -> dict[str, Any]:
    """Any libpq URL. Raises ValueError, with a reason that never repeats the URL: it holds the password."""
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except (psycopg.ProgrammingError, UnicodeDecodeError):
        raise ValueError("can't be parsed") from None
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("is not a PostgreSQL URL")
    if any("@" in parts.get(name, "") for name in ("host", "dbname")) or not PORTS.fullmatch(parts.get("port", "")):
        # An unescaped @ or / moves part of the password into these, and error messages show them.
        raise ValueError("can't be parsed: write @ and / in a password as %40 and %2F")
    if not parts.get("dbname"):
        raise ValueError("has no database name")
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    where = {setting: parts.pop(name, "") for name, setting in names.items()}
    return _database(options=parts, **where)
