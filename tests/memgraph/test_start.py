"""How the server starts, and what keeps it from starting. The processes are real."""

import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from memgraph.embedded.binaries import INSTALLATION, LIBRARIES, PACKAGE, installed
from memgraph.embedded.places import SYSTEM_HOME, digest, is_reachable
from memgraph.startup import StartError, check_database
from tests.memgraph.processes import ROOT, Server, connect, environment, free_port, refusal, run

NOBODY = 65534
LONG_KEY = "k" * 48
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can do this")


@pytest.mark.parametrize("name", ["plain", "with spaces and 'quotes\"", "/".join(["deep" * 10] * 8)])
def test_first_start_needs_nothing_but_a_folder(folder: Path, name: str) -> None:
    with Server(folder / name) as server:
        server.wait_until_healthy()
        assert f"http://127.0.0.1:{server.port}" in server.text()
        assert "Warning" not in server.text()
        assert stat.S_IMODE((folder / name / "postgres").stat().st_mode) == 0o700
        tree = server.tree()
        server.interrupt()
        server.assert_ends(tree)


def test_second_start_beside_the_first_says_so(real_server: Server) -> None:
    sentence = refusal(MEMGRAPH_DATA_DIR=real_server.data_dir, PORT=free_port())
    assert f"already running here (pid {real_server.process.pid}, http://127.0.0.1:{real_server.port})" in sentence
    assert real_server.status() == 200


def test_taken_port_is_named(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"Port {port} is taken" in refusal(MEMGRAPH_DATA_DIR=folder / "taken", PORT=port)


def test_data_dir_that_is_a_file_is_named(folder: Path) -> None:
    (folder / "file").touch()
    assert "Set MEMGRAPH_DATA_DIR to a folder" in refusal(MEMGRAPH_DATA_DIR=folder / "file")


def test_command_starts_the_database_and_stops_it(data_dir: Path) -> None:
    done = run("manage.py", "migrate", "--check", MEMGRAPH_DATA_DIR=data_dir)
    assert done.returncode == 0, done.stderr
    with pytest.raises(psycopg.OperationalError):
        connect(data_dir)


def test_command_joins_the_running_server(real_server: Server) -> None:
    done = run("manage.py", "migrate", "--check", MEMGRAPH_DATA_DIR=real_server.data_dir)
    assert done.returncode == 0, done.stderr
    assert real_server.status() == 200


def test_command_waits_for_the_one_that_joined_it_and_keeps_a_server_out(data_dir: Path) -> None:
    with using_command(data_dir) as first, using_command(data_dir) as second:
        assert "A command is using the database" in refusal(MEMGRAPH_DATA_DIR=data_dir, PORT=free_port())
        let_end(first)
        with pytest.raises(subprocess.TimeoutExpired):
            first.wait(0.5)
        let_end(second)
        assert second.wait(10) == 0, "the database went away under it"
        assert first.wait(10) == 0


@contextmanager
def using_command(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """Starts a command that uses the database, reads a line, and uses the database again."""
    use = "from django.db import connection; connection.cursor().execute('SELECT 1')"
    command = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", f"{use}; print('ready', flush=True); input(); {use}"],
        cwd=ROOT,
        env=environment(MEMGRAPH_DATA_DIR=data_dir),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with command:
        assert command.stdout
        assert command.stdout.readline() == "ready\n"
        yield command
        command.kill()


def let_end(command: subprocess.Popen[str]) -> None:
    assert command.stdin
    command.stdin.write("\n")
    command.stdin.flush()


@pytest.mark.parametrize("key", ["", "short"])
def test_secret_key_is_asked_for_with_a_database_url(folder: Path, key: str) -> None:
    url = f"postgresql://someone@127.0.0.1:{free_port()}/there"
    assert "SECRET_KEY" in refusal(MEMGRAPH_DATA_DIR=folder / "key", DATABASE_URL=url, SECRET_KEY=key)


def test_unreachable_database_is_named_without_its_password(folder: Path) -> None:
    where = f"127.0.0.1:{free_port()}/there"
    url = f"postgresql://someone:hunter2@{where}"
    sentence = refusal(MEMGRAPH_DATA_DIR=folder / "far", DATABASE_URL=url, SECRET_KEY=LONG_KEY, PORT=free_port())
    assert where in sentence
    assert "refused" in sentence
    assert "hunter2" not in sentence


@pytest.mark.django_db
def test_an_unknown_search_language_is_named_with_those_there_are(settings: Any) -> None:
    settings.SEARCH_LANGUAGE = "klingon"
    with pytest.raises(StartError, match=r"SEARCH_LANGUAGE=klingon .* english, .* simple,"):
        check_database()


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon here mg_live_secret\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: nonsense\r\n\r\n", 501),
    ],
)
def test_what_is_not_http_gets_a_problem(real_server: Server, request_head: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", real_server.port)) as client:
        client.sendall(request_head)
        answer = b"".join(iter(lambda: client.recv(4096), b"")).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert "Content-Type: application/problem+json" in answer
    assert "X-Content-Type-Options: nosniff" in answer
    assert '"code": "malformed"' in answer
    assert "Server:" not in answer
    assert "mg_live_secret" not in answer + real_server.text()


@as_root
def test_root_starts_it_in_a_private_home(folder: Path) -> None:
    home = folder / "home"
    packages = home / "site-packages"  # the programs, as a virtual environment in that home would have them
    home.mkdir(mode=0o700)
    source = installed().parents[2]
    shutil.copytree(source / INSTALLATION, packages / INSTALLATION)
    shutil.copytree(source / LIBRARIES, packages / LIBRARIES)
    (packages / PACKAGE / "__init__.py").touch()
    known = set(SYSTEM_HOME.glob("postgresql-*"))
    with Server(home / "data", PYTHONPATH=packages) as server:
        server.wait_until_healthy()
        assert server.postmaster().cmdline()[0].startswith(f"{SYSTEM_HOME}/postgresql-")
        assert server.postmaster().uids().real != 0
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    for copy in set(SYSTEM_HOME.glob("postgresql-*")) - known:
        shutil.rmtree(copy)
    assert (home / "data" / "postgres").readlink() == SYSTEM_HOME / digest(home / "data") / "postgres"


@as_root
def test_ordinary_user_starts_it(folder: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = (Path(sys.executable).resolve(), Path("/usr/bin", version))
    python = next((path for path in candidates if path.exists() and is_reachable(path)), None)
    packages = installed().parents[2]
    if python is None or not is_reachable(packages) or not is_reachable(ROOT):
        pytest.skip("only root can enter the folders of this Python, its packages or the project")
    home = folder / "of nobody"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY, NOBODY)
    with Server(home / "data", python=str(python), user=NOBODY, PYTHONPATH=packages) as server:
        server.wait_until_healthy()
        assert server.postmaster().uids().real == NOBODY
        tree = server.tree()
        server.interrupt()
        server.assert_ends(tree)
