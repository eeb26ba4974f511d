"""What a request costs in CPU, in one process without a server: `make bench-cpu`.

It calls the WSGI application directly, and counts the CPU time of this process and of its PostgreSQL backend. The best
of several rounds is repeatable within a few per cent also on a busy machine, so every change can be judged at once.
"""

import argparse
import json
import logging
import sys
from collections.abc import Callable
from io import BytesIO
from time import process_time
from typing import Any, Final, NamedTuple

import psutil

from bench.__main__ import database

ROUNDS: Final = 9
REQUESTS: Final = 400
LINE: Final = "{:<44} {:>8} {:>12}"
Act = Callable[[], object]


class Cost(NamedTuple):
    """Microseconds of CPU."""

    ours: float
    postgres: float


def cost(act: Act, backend: psutil.Process, rounds: int) -> Cost:
    """The cheapest of several rounds. A backend's CPU time has steps of 10 ms, so that it is the mean of all rounds."""
    act()
    best, began = float("inf"), sum(backend.cpu_times()[:2])
    for _ in range(rounds):
        start = process_time()
        for _ in range(REQUESTS):
            act()
        best = min(best, process_time() - start)
    return Cost(best / REQUESTS * 1e6, (sum(backend.cpu_times()[:2]) - began) / REQUESTS / rounds * 1e6)


def caller(application: Any, path: str, *, body: Any = None, **headers: str) -> Act:
    """Calls a route as the worker would, and reads the response to its end."""
    sent = b"" if body is None else json.dumps(body).encode()
    path, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": "GET" if body is None else "POST",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "RAW_URI": f"{path}?{query}" if query else path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8001",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost:8001",
        "HTTP_USER_AGENT": "bench",
        "HTTP_ACCEPT": "*/*",
        "CONTENT_TYPE": "application/json" if sent else "",
        "CONTENT_LENGTH": str(len(sent)),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        **headers,
    }
    statuses: list[str] = []

    def call() -> None:
        statuses.clear()
        response = application(environ | {"wsgi.input": BytesIO(sent)}, lambda status, headers: statuses.append(status))
        for _ in response:
            pass
        response.close()

    call()
    if statuses[0][0] != "2":
        sys.exit(f"bench: {path} answered {statuses[0]}")
    return call


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cpu", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", default="", help="a part of the name of what to measure")
    options = parser.parse_args()
    with database() as data_dir:
        # Here: what it imports reads the settings.
        from django.db import connection

        from bench.layers import acts

        logging.getLogger().handlers[0].setStream(open("/dev/null", "w"))  # type: ignore[attr-defined]  # noqa: SIM115, PTH123
        measured = acts(data_dir)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            backend = psutil.Process(cursor.fetchone()[0])
        print(LINE.format("us of CPU per request", "ours", "PostgreSQL's"))
        for name, act in measured.items():
            if options.only in name:
                spent = cost(act, backend, options.rounds)
                print(LINE.format(name, f"{spent.ours:,.0f}", f"{spent.postgres:,.0f}"), flush=True)


if __name__ == "__main__":
    main()
