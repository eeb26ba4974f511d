"""Backups under forced row-level security, made and restored as `docs/operating.md` says."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from memgraph.embedded.binaries import installed
from tests.memgraph.processes import ROOT
from tests.upgrade.restoring import Installation, restored

MEMORY = ("memory_event", "memory_belief", "memory_episode")


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with restored() as installation:
        installation.command("migrate", "--no-input")
        yield installation


@pytest.fixture
def backup_role(installation: Installation) -> Iterator[str]:
    """Made by the statements in the documentation, under a name that no other test has."""
    (statements,) = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "operating.md").read_text(), re.DOTALL)
    name = f"backup_{uuid4().hex}"
    with installation.superuser() as superuser:
        superuser.execute(statements.replace("memgraph_backup", name))
        yield name
        superuser.execute(f"DROP ROLE {name}")


def dump(installation: Installation, target: Path, role: str) -> subprocess.CompletedProcess[str]:
    """The socket lets nobody in but two roles, so the superuser takes on the role."""
    at = ["--host", installation.sockets, "--port", "5432", "--username", "postgres", "--role", role]
    command = [str(installed() / "pg_dump"), *at, "--format=custom", f"--file={target}", installation.name]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_backup_by_the_services_role_fails_aloud(installation: Installation, tmp_path: Path) -> None:
    done = dump(installation, tmp_path / "dump", "memgraph")
    assert done.returncode != 0
    assert "row-level security" in done.stderr


def test_a_backup_by_the_backup_role_holds_every_row(
    installation: Installation, backup_role: str, tmp_path: Path
) -> None:
    done = dump(installation, tmp_path / "dump", backup_role)
    assert done.returncode == 0, done.stderr
    rows = installation.count_rows()
    assert all(rows[table] for table in MEMORY)
    with restored(tmp_path / "dump") as copy:
        assert copy.count_rows() == rows
        for table in MEMORY:
            with installation.superuser() as here, copy.superuser() as there:
                by_tenant = f"SELECT tenant_id, count(*) FROM {table} GROUP BY 1 ORDER BY 1"
                found = there.execute(by_tenant).fetchall()
                assert found == here.execute(by_tenant).fetchall()
                assert len(found) == 2
        assert "every row in its place" in copy.command("verify_audit")
        assert copy.command("recount") == "All counts are right.\n"


def test_the_restored_wall_stands(installation: Installation, backup_role: str, tmp_path: Path) -> None:
    dump(installation, tmp_path / "dump", backup_role)
    with restored(tmp_path / "dump") as copy, copy.superuser() as database:
        database.execute("SET ROLE memgraph")
        assert [database.execute(f"SELECT count(*) FROM {table}").fetchone() for table in MEMORY] == [(0,)] * 3


@pytest.mark.parametrize("statement", ["DELETE FROM memory_event", "UPDATE accounts_user SET is_active = false"])
def test_the_backup_role_writes_nothing(statement: str, installation: Installation, backup_role: str) -> None:
    with installation.superuser() as database:
        database.execute(f"SET ROLE {backup_role}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            database.execute(statement)
