"""The published client from afar: what a test calls here, a process with that version on its path calls there."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.clients.wheels import folder_of, number

DRIVER = Path(__file__).with_name("driver.py")


class Refused(Exception):  # noqa: N818 # what the client raised is its name
    """What the client raised."""

    def __init__(self, slept: list[float], **error: Any) -> None:
        super().__init__(f"{error['kind']}: {error['text']}")
        self.slept = slept
        self.kind: str = error["kind"]
        self.text: str = error["text"]
        self.status: int | None = error["status"]
        self.body: Any = error["body"]
        self.retry_after: int | None = error["retry_after"]


def environment(version: str, home: Path, **variables: str) -> dict[str, str]:
    """Nothing of the developer's own: the client reads variables and files, and writes files."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(folder_of(version)), **variables}


class Drivers:
    """One process a version, started when it is first needed."""

    def __init__(self, stack: ExitStack, home: Path) -> None:
        self.stack = stack
        self.home = home
        self.processes: dict[str, subprocess.Popen[str]] = {}

    def ask(self, version: str, call: dict[str, Any]) -> dict[str, Any]:
        process = self.processes.get(version) or self.start(version)
        process.stdin.write(json.dumps(call) + "\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer

    def start(self, version: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, DRIVER],
            cwd=self.home,
            env=environment(version, self.home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes[version] = self.stack.enter_context(process)
        return process


@dataclass(frozen=True)
class Published:
    """One flavour of one version, with one key. Its methods are the client's own."""

    drivers: Drivers
    version: str
    flavour: str
    settings: dict[str, Any] = field(repr=False)

    @property
    def number(self) -> tuple[int, ...]:
        return number(self.version)

    def using(self, **settings: Any) -> "Published":
        return Published(self.drivers, self.version, self.flavour, self.settings | settings)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(self.call, name)

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        call = {"flavour": self.flavour, "settings": self.settings, "name": name, "args": args, "kwargs": kwargs}
        answer = self.drivers.ask(self.version, call)
        if error := answer.get("error"):
            raise Refused(answer["slept"], **error)
        assert answer["slept"] == [], "a client waits only before it tries again"
        return answer["result"]
