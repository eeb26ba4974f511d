"""Load, by `wrk`, over connections that are kept alive."""

import json
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

SCRIPT = Path(__file__).with_name("requests.lua")
THREADS = 2


class Call(NamedTuple):
    method: str
    path: str
    credential: str = ""  # an API key, or "Bearer <JWT>"
    body: str = ""

    @property
    def header(self) -> str:
        return "Authorization" if self.credential.startswith("Bearer ") else "X-API-KEY"


class LoadError(Exception):
    """Some responses were errors. A rate that includes errors means nothing."""


@dataclass(frozen=True)
class Load:
    requests: int
    failed: int
    microseconds: int
    p50: int
    p99: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.microseconds * 1e6


def drive(port: int, calls: Iterable[Call], *, seconds: int, connections: int) -> Load:
    """Sends the calls in turn, over and over; first for a sixth of the time unmeasured, with what was idle so far."""
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.writelines(
            f"{call.method}\t{call.path}\t{call.header}\t{call.credential}\t{call.body}\n" for call in calls
        )
        file.flush()
        run = partial(wrk, port, file.name, connections)
        if seconds >= 6:
            run(seconds // 6)
        return read_load(run(seconds))


def wrk(port: int, file: str, connections: int, seconds: int) -> str:
    """Its output."""
    command = ["wrk", f"-t{THREADS}", f"-c{connections}", f"-d{seconds}", "--timeout=30", f"-s{SCRIPT}"]
    command += [f"http://127.0.0.1:{port}", "--", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def read_load(output: str) -> Load:
    """What the script printed last."""
    lines = [line for line in output.splitlines() if line.startswith('{"requests"')]
    if not lines:
        raise LoadError(f"wrk did not finish: {output.strip()}")
    load = Load(**json.loads(lines[-1]))
    if load.failed or not load.requests:
        raise LoadError(f"{load.failed:,} of {load.requests:,} requests failed")
    return load
