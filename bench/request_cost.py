"""What serving one small request costs a worker in CPU, without an application: `python -m bench.request_cost`.

A bare WSGI function answers, so what is measured is the worker: reading, parsing, handing over to a thread, the answer.
CPU time of the worker process, not time on the clock, so that a busy machine changes little.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from typing import Any

import psutil

ROUNDS = 5
REQUESTS = 4_000
KINDS = {
    "GET": b"GET /live HTTP/1.1\r\nHost: localhost\r\nUser-Agent: cost\r\nAccept: */*\r\n\r\n",
    "POST": b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nUser-Agent: cost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 300\r\n\r\n" + b" " * 300,
}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]


def main() -> None:
    with tempfile.TemporaryDirectory() as data_dir, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        settings = {"MEMGRAPH_DATA_DIR": data_dir, "PORT": str(port), "WEB_CONCURRENCY": "1"}
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "bench.request_cost:application"]
        with subprocess.Popen(
            command, env=os.environ | {"DJANGO_SETTINGS_MODULE": "memgraph.settings"} | settings
        ) as server:
            try:
                connect(port).close()
                worker = psutil.Process(server.pid).children()[0]
                for kind, request in KINDS.items():
                    costs = sorted(cost(worker, port, request) for _ in range(ROUNDS))
                    print(f"{kind}: {costs[len(costs) // 2]:.0f} us a request, of {costs[0]:.0f} to {costs[-1]:.0f}")
            finally:
                server.terminate()


def connect(port: int) -> socket.socket:
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except OSError:
            time.sleep(0.1)
    raise TimeoutError


def cost(worker: psutil.Process, port: int, request: bytes) -> float:
    with connect(port) as connection:
        ask(connection, request, 200)
        before = sum(worker.cpu_times()[:2])
        ask(connection, request, REQUESTS)
        return (sum(worker.cpu_times()[:2]) - before) / REQUESTS * 1e6


def ask(connection: socket.socket, request: bytes, times: int) -> None:
    for _ in range(times):
        connection.sendall(request)
        answer = b""
        while not answer.endswith(b"{}"):
            answer += connection.recv(65536)


if __name__ == "__main__":
    main()
