"""Creates the database cluster, atomically."""

import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path

from memgraph.embedded.accounts import Account, user_name
from memgraph.embedded.errors import EmbeddedDatabaseError
from memgraph.embedded.places import SYSTEM_HOME, Places, make_home, make_system_folder
from memgraph.processes import die_with_parent

MAJOR_VERSION = "18"
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}  # without PGPORT, LD_LIBRARY_PATH and the like
ROLE_AND_DATABASE = """\
CREATE ROLE memgraph LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE
CREATE DATABASE memgraph OWNER memgraph
"""
INITDB_OPTIONS = [
    "--username=postgres",
    "--auth-local=peer",
    "--auth-host=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
]


def prepare(places: Places, programs: Path, account: Account, *, sync: bool) -> None:
    """Creates everything that `postgres` needs to start. The caller holds the database's lock."""
    make_home(places)
    if places.home != places.data_dir:
        _link_home(places)
    if not (places.cluster / "PG_VERSION").exists():
        _make_cluster(places, programs, account, sync=sync)
    _refuse_other_version(places.cluster)
    _make_sockets(places.sockets, account)
    _write_access_files(places.run)


def _link_home(places: Places) -> None:
    link = places.data_dir / "postgres"
    if link.is_symlink():
        return
    if places.cluster.exists():  # it belongs to a deleted data dir with the same path
        places.cluster.rename(places.home / f"postgres.replaced-{time.time():.0f}")
    link.symlink_to(places.cluster)


def _make_cluster(places: Places, programs: Path, account: Account, *, sync: bool) -> None:
    for draft in places.home.glob("postgres.new-*"):
        shutil.rmtree(draft, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=places.home))
    os.chown(draft, account.uid, account.gid)
    initdb = [str(programs / "initdb"), *INITDB_OPTIONS, *([] if sync else ["--no-sync"]), "-D", str(draft)]
    _run(initdb, account)
    single = [str(programs / "postgres"), "--single", "-D", str(draft), "-c", "exit_on_error=on", "postgres"]
    _run(single, account, text=ROLE_AND_DATABASE)
    draft.rename(places.cluster)


def _run(command: list[str], account: Account, text: str = "") -> None:
    done = subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        errors="replace",
        cwd="/",
        env=ENVIRONMENT,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGKILL),
        check=False,
        **account.run_as(),
    )
    if done.returncode != 0:
        reason = next((line for line in done.stderr.splitlines() if "error:" in line or "FATAL:" in line), done.stderr)
        raise EmbeddedDatabaseError(f"The embedded PostgreSQL could not be set up: {reason.strip()}")


def _refuse_other_version(cluster: Path) -> None:
    found = (cluster / "PG_VERSION").read_text().strip()
    if found != MAJOR_VERSION:
        raise EmbeddedDatabaseError(
            f"The database in {cluster} was created by PostgreSQL {found}, but this version runs {MAJOR_VERSION}."
            " Export with the version that created it, and import into an empty MEMGRAPH_DATA_DIR."
        )


def _make_sockets(folder: Path, account: Account) -> None:
    """Creates the socket folder, which only PostgreSQL's account can enter. pg_hba.conf limits connections further."""
    if SYSTEM_HOME in folder.parents:
        make_system_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, account.uid, account.gid)
    except FileExistsError:
        pass
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or stat.S_IMODE(found.st_mode) != 0o700:
        raise EmbeddedDatabaseError(f"{folder} is not private to the database. Remove it and start again.")


def _write_access_files(run: Path) -> None:
    """Admits only the system user that started the database, by peer authentication."""
    name = '"' + user_name().replace('"', '""') + '"'
    _write(run / "pg_hba.conf", "local all all peer map=memgraph\n")
    _write(run / "pg_ident.conf", f"memgraph {name} memgraph\nmemgraph {name} postgres\n")


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(".new")
    draft.write_text(text)
    draft.chmod(0o644)
    draft.replace(path)
