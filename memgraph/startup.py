"""Checks before the server starts, and migrations. Each failure is a message that says what to do."""

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
import psycopg
from django.conf import settings
from django.core import checks
from django.db import connection

from memgraph.checks import CHECKS_OF_SETTINGS

OLDEST_POSTGRESQL = 15
EXEMPT_ROLE = "SELECT rolname FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)"
LANGUAGES = "SELECT cfgname FROM pg_ts_config WHERE pg_ts_config_is_visible(oid) ORDER BY cfgname"
DJANGOS_APPS = ("admin", "auth", "contenttypes", "sessions")  # that have tables
MIGRATION_LOCK = 0x6D656D67  # "memg": one number for all hosts of an installation


class StartError(Exception):
    """A message for the user, of one line or several."""


def check_port(host: str, port: int, *, patience: float) -> None:
    """Checks that the port is free. Waits up to `patience` seconds for a killed server to release it."""
    deadline = time.monotonic() + patience
    while (error := _bind_error(host, port)) and error.errno == errno.EADDRINUSE and time.monotonic() < deadline:
        time.sleep(0.1)
    if error is None:
        return
    if error.errno == errno.EADDRINUSE:
        raise StartError(f"Port {port} is taken by another program. Stop that, or set PORT=... to use another.")
    if error.errno == errno.EACCES:
        raise StartError(f"Port {port} needs more rights than this user has. Set PORT=... to 1024 or more.")
    raise StartError(f"HOST={host} is not an IP address of this machine ({error.strerror}). Set HOST=127.0.0.1.")


def check_settings() -> None:
    """Prints warnings, and refuses to start on errors. Django's own checks are for developers: see `make lint`."""
    found = [message for check in CHECKS_OF_SETTINGS for message in check()]
    lines = [f"{message.msg} {message.hint or ''}".strip() for message in found if message.is_serious()]
    for message in found:
        if message.level == checks.WARNING:
            print(f"memgraph: warning: {message.msg} {message.hint or ''}".strip(), flush=True)
    if lines:
        raise StartError("\n".join(lines))


def check_database() -> None:
    """Connects without Django, to check the server and to report why it can't be reached."""
    parameters = connection.get_connection_params()
    where = f"{parameters.get('host', 'localhost')}:{parameters.get('port', 5432)}/{parameters['dbname']}"
    try:
        with psycopg.connect(**parameters) as found:
            version = found.info.server_version // 10000
            role = found.execute(EXEMPT_ROLE).fetchone()
            languages = [name for (name,) in found.execute(LANGUAGES)]
    except psycopg.Error as error:
        raise StartError(f"The database at {where} can't be reached: {_reason(error)}. Check DATABASE_URL.") from error
    if version < OLDEST_POSTGRESQL:
        raise StartError(f"The database at {where} is PostgreSQL {version}; {OLDEST_POSTGRESQL} or newer is needed.")
    if role is not None:
        raise StartError(
            f"The role {role[0]!r} of DATABASE_URL is a superuser or has BYPASSRLS, so row-level security, the wall"
            " between tenants, doesn't bind it. Create one that has neither: CREATE ROLE memgraph LOGIN PASSWORD '...'"
        )
    if settings.SEARCH_LANGUAGE not in languages:
        raise StartError(
            f"SEARCH_LANGUAGE={settings.SEARCH_LANGUAGE} is not a text search configuration of this PostgreSQL."
            f" It has {', '.join(languages)}."
        )


def _reason(error: psycopg.Error) -> str:
    """The end of libpq's message: `Connection refused`, `password authentication failed for user "x"`."""
    lines = str(error).strip().splitlines()
    line = next((line for line in lines if "failed: " in line), lines[0])
    return line.rpartition("failed: ")[2].removeprefix("FATAL:").strip()


def migrate() -> None:
    """Several hosts may start at once: one migrates, the others wait and find nothing to do."""
    try:
        with psycopg.connect(**connection.get_connection_params()) as database:  # Django's own warns before its setup
            is_migrated = migrations_on_disk() <= migrations_in_database(database)
        if not is_migrated:
            print("Preparing the database ...", flush=True)
            django.setup()
            from django.core.management import call_command

            with _migration_lock():
                call_command("migrate", interactive=False, verbosity=0)
    finally:
        connection.close()  # the workers open their own


def migrations_on_disk() -> set[tuple[str, str]]:
    """The app and name of each migration. Loading Django's apps and the migrations takes half a second more."""
    contrib = Path(django.__file__).parent / "contrib"
    folders = [*settings.BASE_DIR.glob("*/migrations"), *(contrib / app / "migrations" for app in DJANGOS_APPS)]
    return {(folder.parent.name, path.stem) for folder in folders for path in folder.glob("[0-9]*.py")}


def migrations_in_database(database: psycopg.Connection[Any]) -> set[tuple[str, str]]:
    if database.execute("SELECT to_regclass('django_migrations')").fetchone() == (None,):
        return set()
    return set(database.execute("SELECT app, name FROM django_migrations").fetchall())


@contextmanager
def _migration_lock() -> Iterator[None]:
    """An advisory lock. Its own connection and transaction make it work behind a transaction-mode pooler, too."""
    with psycopg.connect(**connection.get_connection_params()) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
        yield


def _bind_error(host: str, port: int) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        return error
    return None


def announcement() -> str:
    url = settings.PUBLIC_URL
    anyone = "\n  Development mode: a request without credentials acts as an admin.\n" if settings.DEVELOPMENT else ""
    return f"""
Memgraph is starting on {url} (Ctrl-C stops it)
{anyone}
  Studio     {url}/studio/
  API        {url}/docs
  Operators  {url}/admin/ (make operator)

Create an account, a tenant and its first key in the Studio, or with:

  curl -X POST {url}/v1/auth/onboard -H 'Content-Type: application/json' \\
    -d '{{"email": "you@example.com", "password": "correct horse battery", "full_name": "You", "cluster_name": "Mine"}}'
"""
