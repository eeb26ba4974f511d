"""A flood from processes of its own, and the calls of another tenant beside it, which are timed.

As a program, `python -m tests.attack.flooding`, it takes a flood as JSON, and prints how it was answered.
"""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection, HTTPException
from statistics import quantiles
from time import monotonic, sleep
from typing import Any

from tests.memgraph.processes import ROOT


@dataclass(frozen=True, kw_only=True)
class Call:
    method: str = "GET"
    path: str
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, connection: HTTPConnection) -> int:
        connection.request(self.method, self.path, self.body or None, self.headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


class Steady:
    """One call at a fixed rate, whatever the answers take: each is timed from the moment when it was due."""

    def __init__(self, port: int, call: Call, *, rate: float, threads: int = 10) -> None:
        self.port, self.call, self.interval, self.threads = port, call, threads / rate, threads
        self.seconds: list[float] = []
        self.statuses: Counter[int] = Counter()

    def run(self, duration: float) -> "Steady":
        began = monotonic() + 0.1
        callers = [
            threading.Thread(target=self.call_on, args=(began + number * self.interval / self.threads, duration))
            for number in range(self.threads)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        return self

    def call_on(self, due: float, duration: float) -> None:
        """What is not sent when twice the time is over counts as if it were answered then."""
        measure_on_time()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        end = due + duration
        while due < end:
            sleep(max(0.0, due - monotonic()))
            status = self.call.send(connection) if monotonic() < end + duration else 0
            self.statuses[status] += 1
            self.seconds.append(monotonic() - due)
            due += self.interval
        connection.close()

    @property
    def p50(self) -> float:
        return quantiles(self.seconds, n=100)[49]

    @property
    def p99(self) -> float:
        return quantiles(self.seconds, n=100)[98]

    def __str__(self) -> str:
        shown = [f"{name} {seconds * 1000:.1f} ms" for name, seconds in (("p50", self.p50), ("p99", self.p99))]
        return f"{', '.join(shown)}, max {max(self.seconds) * 1000:.1f} ms, {dict(self.statuses)}"


def measure_on_time() -> None:
    """Gives this thread a CPU as soon as it needs one, as if it were on another machine than the flood and the server.

    Otherwise it also measures how long it waits for a CPU itself: 100 ms in each hundredth call, on two cores.
    """
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


@dataclass
class Flooded:
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    def rate(self, status: int) -> float:
        return self.statuses[status] / self.seconds


@contextmanager
def flood(port: int, calls: list[Call], *, connections: int, pause: float = 0.0) -> Iterator[Flooded]:
    """So many connections, each of which calls again when it was answered, after a pause where it was refused."""
    order = {"port": port, "calls": [asdict(call) for call in calls], "connections": connections, "pause": pause}
    command = [sys.executable, "-m", "tests.attack.flooding"]
    flooded, began = Flooded(), monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        process.stdin.write(f"{json.dumps(order)}\n")
        process.stdin.flush()
        try:
            yield flooded
        finally:
            flooded.seconds = monotonic() - began
            output, _ = process.communicate("stop")
            flooded.statuses.update({int(status): count for status, count in json.loads(output).items()})


def main() -> None:
    order: dict[str, Any] = json.loads(sys.stdin.readline())
    calls = [Call(**call) for call in order["calls"]]
    stop = threading.Event()
    statuses: Counter[int] = Counter()

    def go_on(number: int) -> None:
        connection = HTTPConnection("127.0.0.1", order["port"], timeout=60)
        while not stop.is_set():
            status = 0
            with suppress(OSError, HTTPException):
                status = calls[number % len(calls)].send(connection)
            if not status:
                connection.close()
            statuses[status] += 1
            number += 1
            if status >= 400:
                stop.wait(order["pause"])

    for number in range(order["connections"]):
        threading.Thread(target=go_on, args=(number,), daemon=True).start()
    sys.stdin.read()
    stop.set()
    print(json.dumps(statuses))  # noqa: T201 - what a program prints


if __name__ == "__main__":
    main()
