"""The real thing as a child process: `python -m memgraph` with a data directory and a port of its own."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg

from memgraph.embedded import socket_directory

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = (
    "AUTHORITY_LEASE",
    "DATABASE_URL",
    "HOST",
    "MEMGRAPH_DATA_DIR",
    "MEMGRAPH_ENV",
    "PORT",
    "PUBLIC_URL",
    "SECRET_KEY",
)
START_SECONDS = 30
STOP_SECONDS = 5


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return result


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**variables: object) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return ours | {"WEB_CONCURRENCY": "1"} | {name: str(value) for name, value in variables.items()}


def run(*command: str, **variables: object) -> subprocess.CompletedProcess[str]:
    """A command of ours to its end, such as `-m memgraph` or `manage.py check`."""
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment(**variables), capture_output=True, text=True, timeout=60
    )


def refusal(**variables: object) -> str:
    """What a server that must not start says: one line for people."""
    done = run("-m", "memgraph", **variables)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.startswith("memgraph: "), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


class Server:
    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        python: str = sys.executable,
        user: int | None = None,
        **variables: object,
    ) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self.python = python
        self.user = user
        self.environment = environment(MEMGRAPH_DATA_DIR=data_dir, PORT=self.port, **variables)

    def __enter__(self) -> Self:
        self.output = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [self.python, "-m", "memgraph"],
            cwd=ROOT,
            env=self.environment,
            stdout=self.output,
            stderr=self.output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
        )
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.tree():
            with suppress(psutil.NoSuchProcess):
                process.terminate()
        self.process.wait(START_SECONDS)
        self.output.close()

    def text(self) -> str:
        self.output.seek(0)
        return self.output.read()

    def status(self, path: str = "/health") -> int:
        """0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def wait_until_healthy(self, seconds: float = START_SECONDS) -> Self:
        def healthy() -> bool:
            assert self.process.poll() is None, self.text()
            return self.status() == 200

        wait_for(healthy, seconds, "GET /health answers 200")
        return self

    def tree(self) -> list[psutil.Process]:
        """The server and everything below it."""
        try:
            supervisor = psutil.Process(self.process.pid)
            return [supervisor, *supervisor.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def gunicorn(self) -> psutil.Process:
        return next(child for child in self.tree()[0].children() if "gunicorn" in child.cmdline())

    def worker(self) -> psutil.Process:
        return wait_for(self.gunicorn().children, START_SECONDS, "gunicorn has a worker")[0]

    def postmaster(self) -> psutil.Process:
        def find() -> psutil.Process | None:
            return next((child for child in self.tree()[0].children() if child.name() == "postgres"), None)

        return wait_for(find, 5, "PostgreSQL runs")

    def interrupt(self) -> None:
        """Ctrl-C: the whole process group gets it."""
        os.killpg(self.process.pid, signal.SIGINT)

    def assert_ends(self, tree: list[psutil.Process], seconds: float = STOP_SECONDS) -> None:
        self.process.wait(seconds)
        wait_for(lambda: not [process for process in tree if is_alive(process)], seconds, f"the end of {tree}")
        assert "Traceback" not in self.text()


def is_alive(process: psutil.Process) -> bool:
    """A zombie is dead: its new parent, the first process of the machine, may take its time to notice."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def connect(data_dir: Path) -> psycopg.Connection:
    return psycopg.connect(host=str(socket_directory(data_dir)), port=5432, user="memgraph", dbname="memgraph")
