"""Thirty seconds of each flood of slow clients, at full size: another client and the probe hardly notice.

The figures that docs/security.md gives are printed: `pytest -m soak -s tests/attack/test_slow_floods.py`.
"""

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from time import perf_counter

import pytest

from tests.memgraph.processes import Server

SECONDS = 30
ATTACKER = ("127.0.0.9", 0)
MOST_MILLISECONDS = 100
LARGEST_RSS = 250 * 1024 * 1024
POST = b"POST /v1/auth/onboard HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
HALF_HEAD = b"GET /live HTTP/1.1\r\nHost: localhost\r\nX-Half: "
HALF_BODY = POST + b"Content-Length: 99\r\n\r\n{"
HALF_IMPORT = HALF_BODY.replace(b"/v1/auth/onboard", b"/v1/admin/import")
# What each connection sends, how many are opened in a second, and how many in all.
FLOODS = {
    "20 half-sent bodies a second": (HALF_BODY, 20, 20 * SECONDS),
    "20 half-sent heads a second": (HALF_HEAD, 20, 20 * SECONDS),
    "20 half-sent imports a second": (HALF_IMPORT, 20, 20 * SECONDS),
    "2,100 idle sockets": (b"", 1000, 2100),
}


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="memgraph-flood-") as folder:
        Path(folder).chmod(0o755)
        with Server(Path(folder, "data"), WEB_CONCURRENCY=2) as server:
            yield server.wait_until_healthy()


def flood(server: Server, kind: str, is_over: Event) -> None:
    content, a_second, in_all = FLOODS[kind]
    held = []
    while not is_over.is_set():
        if len(held) < in_all:
            with suppress(OSError):
                held.append(socket.create_connection(("127.0.0.1", server.port), 5, source_address=ATTACKER))
                held[-1].sendall(content)
        is_over.wait(1 / a_second)
    for connection in held:
        connection.close()


def ask(server: Server, path: str, times: list[float]) -> None:
    started = perf_counter()
    assert server.status(path) == 200
    times.append((perf_counter() - started) * 1000)


def ask_until(server: Server, path: str, times: list[float], is_over: Event) -> None:
    while not is_over.wait(0.05):
        ask(server, path, times)


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def begun(target: Callable[..., None], *arguments: object) -> Thread:
    thread = Thread(target=target, args=arguments)
    thread.start()
    return thread


@pytest.mark.soak
@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_of_slow_clients_slows_nobody_else_down(kind: str, server: Server) -> None:
    is_over = Event()
    times: dict[str, list[float]] = {"/live": [], "/v1/health": []}
    threads = [begun(flood, server, kind, is_over)]
    threads += [begun(ask_until, server, path, found, is_over) for path, found in times.items()]
    is_over.wait(SECONDS)
    largest = max(worker.memory_info().rss for worker in server.gunicorn().children())
    is_over.set()
    for thread in threads:
        thread.join()
    for path, found in times.items():
        median, high = percentile(found, 0.5), percentile(found, 0.99)
        print(f"{kind}, {path}: {len(found)} answers, p50 {median:.0f} ms, p99 {high:.0f} ms")  # noqa: T201 - the figures of docs/security.md
        assert high < MOST_MILLISECONDS
    print(f"{kind}: the largest worker has {largest / 2**20:.0f} MiB")  # noqa: T201
    assert largest < LARGEST_RSS
    assert Event().wait(2) is False
    after: list[float] = []
    for _ in range(20):
        ask(server, "/live", after)
    assert percentile(after, 0.5) < MOST_MILLISECONDS / 5
