"""Locks for the database of a data directory. One server and any number of commands may use it together.

The kernel releases a lock when the process that holds it ends, however it ends.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from memgraph.embedded.errors import EmbeddedDatabaseError
from memgraph.embedded.places import Places, find_places, make_home
from memgraph.embedded.server import START_SECONDS, EmbeddedPostgres

SERVER_PATIENCE = 2.0  # for a command that is about to end


@contextmanager
def only_server(data_dir: Path, url: str) -> Iterator[bool]:
    """Allows one server per data directory. Yields whether the last one crashed."""
    with _lock_file(find_places(data_dir), "server.lock") as lock:
        if not _try_exclusive(lock):
            who = os.pread(lock, 1000, 0).decode() or "starting"
            raise EmbeddedDatabaseError(
                f"Memgraph is already running here ({who})."
                " Stop it first, or set PORT and MEMGRAPH_DATA_DIR to run another."
            )
        crashed = os.fstat(lock).st_size > 0
        _write(lock, f"pid {os.getpid()}, {url}")
        yield crashed
        _write(lock, "")


@contextmanager
def database_for_server(database: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    with _lock_file(database.places, "database.lock") as lock:
        deadline = time.monotonic() + SERVER_PATIENCE
        while not _try_exclusive(lock):
            if time.monotonic() > deadline:
                raise EmbeddedDatabaseError(
                    f"A command is using the database in {database.places.data_dir}. Start again when it has ended."
                )
            time.sleep(0.05)
        with database:
            fcntl.flock(lock, fcntl.LOCK_SH)  # commands may join now
            yield database


@contextmanager
def database_for_command(database: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """Uses the running database. If there is none, starts one, and stops it after the last command that joined."""
    with _lock_file(database.places, "database.lock") as lock:
        if not _start_or_join(database, lock):
            yield database
            return
        try:
            yield database
        finally:
            _wait_for_others(lock)
            database.stop()


def _wait_for_others(lock: int) -> None:
    if not _try_exclusive(lock):
        with suppress(KeyboardInterrupt):
            fcntl.flock(lock, fcntl.LOCK_EX)


def _start_or_join(database: EmbeddedPostgres, lock: int) -> bool:
    """Returns whether we started it."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if _try_exclusive(lock):
            database.start()
            fcntl.flock(lock, fcntl.LOCK_SH)
            return True
        fcntl.flock(lock, fcntl.LOCK_SH)  # waits while another process starts or stops it
        if database.running():
            return False
        fcntl.flock(lock, fcntl.LOCK_UN)
        time.sleep(0.05)
    raise EmbeddedDatabaseError(f"The database in {database.places.data_dir} is running, but not ready. Try again.")


@contextmanager
def _lock_file(places: Places, name: str) -> Iterator[int]:
    path = places.run / name
    try:
        make_home(places)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise EmbeddedDatabaseError(
            f"{path} can't be used ({error.strerror})."
            " Run as the user who created it, or set MEMGRAPH_DATA_DIR to a folder that you own."
        ) from error
    try:
        yield lock
    finally:
        os.close(lock)


def _try_exclusive(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(lock: int, text: str) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, text.encode(), 0)
