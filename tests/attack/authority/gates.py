"""Gates in the servers' database: where a request waits until a test lets it go on.

Every table has a trigger that waits for a lock of the test's before anything is written to it. The two servers tell by
a setting of their connections which side they are on, so that an action is held and a revocation is not.
"""

import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

import psycopg

OPTION: Final = "attack.side"
INSTALL: Final = f"""
CREATE FUNCTION attack_gate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE side int := nullif(current_setting('{OPTION}', true), '');
BEGIN
    IF side IS NOT NULL THEN
        PERFORM pg_advisory_lock_shared(side, TG_RELID::int);
        PERFORM pg_advisory_unlock_shared(side, TG_RELID::int);
    END IF;
    RETURN NULL;
END $$
"""
INSTALL_ON: Final = """
CREATE TRIGGER attack_gate BEFORE INSERT OR UPDATE OR DELETE ON {} FOR EACH STATEMENT EXECUTE FUNCTION attack_gate()
"""
TABLES: Final = """
SELECT oid::int, relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> ALL (%s)
"""
UNGATED: Final = ["django_session", "django_migrations"]
COUNTERS: Final = "tenants_counter"  # where sign-ins, limits and forms count: a gate of its own, which acts pass
WAITING: Final = "SELECT count(*) FROM pg_locks WHERE NOT granted"
POLL_SECONDS: Final = 0.004
LONGEST_SECONDS: Final = 30


class Side(IntEnum):
    ACTION = 4711
    REVOCATION = 4712

    @property
    def options(self) -> str:
        """For PGOPTIONS of the server whose requests are on this side."""
        return f"-c {OPTION}={self.value}"


class Gates:
    """Of one database. `database` is a connection of PostgreSQL's superuser, in autocommit."""

    def __init__(self, database: psycopg.Connection[Any]) -> None:
        self.database = database
        self.tables: dict[str, int] = {name: oid for oid, name in database.execute(TABLES, [UNGATED])}
        self.closed: list[tuple[Side, str]] = []

    def install(self) -> None:
        self.database.execute(INSTALL)
        for name in self.tables:
            self.database.execute(INSTALL_ON.format(name).encode())

    def close(self, side: Side, *tables: str) -> None:
        """For writes to these tables, or to any but the counters."""
        for table in tables or (self.tables.keys() - {COUNTERS}):
            self.database.execute("SELECT pg_advisory_lock(%s, %s)", [side.value, self.tables[table]])
            self.closed.append((side, table))

    def open(self, side: Side) -> None:
        for closed_side, table in [*self.closed]:
            if closed_side is side:
                self.database.execute("SELECT pg_advisory_unlock(%s, %s)", [side.value, self.tables[table]])
                self.closed.remove((side, table))

    def waiting(self) -> int:
        """How many requests wait for a lock, a gate's or another."""
        return int(self.database.execute(WAITING).fetchone()[0])  # type: ignore[index]

    def until(self, happened: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + LONGEST_SECONDS
        while not happened():
            assert time.monotonic() < deadline, f"never happened: {what}"
            time.sleep(POLL_SECONDS)
