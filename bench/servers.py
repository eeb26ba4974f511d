"""The servers that are compared, each a child process with a port of its own, all on one PostgreSQL."""

import os
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Self

import psutil
from django.conf import settings

from memgraph.processes import die_with_parent
from tests.memgraph.processes import free_port

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).with_name("peers")
START_SECONDS = 30
THREADS = 26  # of a worker of Memgraph's


class Server:
    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self.command = [part.format(port=self.port) for part in command]
        self.environment = {**os.environ, **environment, "PORT": str(self.port)}

    def __enter__(self) -> Self:
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
        self.wait_until_it_answers()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(START_SECONDS)
        self.log.close()

    def wait_until_it_answers(self) -> None:
        deadline = monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or monotonic() > deadline:
                self.process.kill()
                self.log.seek(0)
                sys.exit(f"bench: this did not start: {' '.join(self.command)}\n{self.log.read()}")
            sleep(0.05)

    def answers(self) -> bool:
        with suppress(OSError):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/live", timeout=5).close()
            except urllib.error.HTTPError:
                return True  # that it has no such page
            return True
        return False

    def peak_memory(self) -> float:
        """Of its workers, the greatest, in MiB."""
        return max(peak_memory(worker.pid) for worker in psutil.Process(self.process.pid).children())


def peak_memory(pid: int) -> float:
    """In MiB (VmHWM, proc(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def memgraph(data_dir: Path, workers: int) -> Server:
    """As `make run` serves, but on a database that runs already."""
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py"]
    return Server(command, {"MEMGRAPH_DATA_DIR": str(data_dir), "WEB_CONCURRENCY": str(workers)})


def bare(name: str, data_dir: Path, workers: int) -> Server:
    command = [sys.executable, "-m", "gunicorn", "--log-level", "warning"]
    command += ["--worker-class", "memgraph.server.worker.Worker"]
    command += ["--workers", str(workers), "--threads", str(THREADS), "--keep-alive", "65", "--no-control-socket"]
    return Server(
        [*command, "--bind", "127.0.0.1:{port}", f"bench.peers.{name}:application"],
        {"MEMGRAPH_DATA_DIR": str(data_dir)},
    )


def fastapi(name: str, python: Path, sockets: Path, workers: int) -> Server:
    """As its documentation says for several processes; the loop and the parser of `uvicorn[standard]`."""
    command = [str(python), "-m", "uvicorn", "--app-dir", str(PEERS), f"{name}:app", "--port", "{port}"]
    command += ["--workers", str(workers), "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    environment = {"DATABASE_SOCKETS": str(sockets), "JWT_KEY": settings.JWT_SIGNING_KEYS["default"]}
    return Server([*command, "--log-level", "warning"], environment)
