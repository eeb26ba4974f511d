"""Peak memory of a worker that imports and exports a tenant: `python -m bench.transfer_memory 10000 200000`.

For each number of events: a fresh server with one worker, one import and one export over HTTP, and the worker's peak
resident memory (VmHWM) before, after the import and after the export.
"""

import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from tests.memgraph.processes import Server

PERSON = {"email": "bench@example.com", "password": "seventeen green herons", "full_name": "B", "cluster_name": "Bench"}


def export_lines(events: int) -> Iterator[bytes]:
    checksum = hashlib.sha256()
    header = {"type": "header", "format": "memgraph-export", "version": 1}
    for number in range(-1, events):
        line = json.dumps(header if number < 0 else event(number)).encode() + b"\n"
        checksum.update(line)
        yield line
    counts = {"event": events, "belief": 0, "episode": 0, "user": 0}
    yield json.dumps({"type": "footer", "counts": counts, "sha256": checksum.hexdigest()}).encode() + b"\n"


def event(number: int) -> dict[str, object]:
    moment = "2026-01-01T00:00:00.000000Z"
    return {
        "type": "event",
        "id": f"01900000-0000-7000-8000-{number:012x}",
        "event_type": "user_message",
        "content": {"text": "The quick brown fox jumps over the lazy dog. " * 4, "number": number},
        "user_id": f"user-{number % 1000}",
        "agent_id": "bench",
        "thread_id": f"thread-{number % 5000}",
        "occurred_at": moment,
        "created_at": moment,
    }


def peak_mib(process: psutil.Process) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(events: int) -> None:
    with tempfile.TemporaryDirectory(prefix="memgraph-bench-") as folder:
        Path(folder).chmod(0o755)
        with Server(Path(folder, "data")) as server:
            server.wait_until_healthy()
            base = f"http://127.0.0.1:{server.port}"
            with httpx.Client(base_url=base, timeout=600) as http:
                http.post("/v1/auth/onboard", json=PERSON).raise_for_status()
                form = {"username": PERSON["email"], "password": PERSON["password"]}
                token = http.post("/v1/auth/login", data=form).json()["access_token"]
                http.headers["Authorization"] = f"Bearer {token}"
                report(http, server, events)


def report(http: httpx.Client, server: Server, events: int) -> None:
    worker = server.worker()
    before = peak_mib(worker)
    started = time.perf_counter()
    ndjson = {"Content-Type": "application/x-ndjson"}
    http.post("/v1/admin/import", content=export_lines(events), headers=ndjson).raise_for_status()
    imported, import_seconds = peak_mib(worker), time.perf_counter() - started
    started = time.perf_counter()
    with http.stream("GET", "/v1/admin/export") as answer:
        size = sum(len(chunk) for chunk in answer.iter_raw())
    exported, export_seconds = peak_mib(worker), time.perf_counter() - started
    print(
        f"{events:>9,} events, {size / 1e6:>6.1f} MB: peak {before:.0f} MiB idle, {imported:.0f} after import,"
        f" {exported:.0f} after export; {events / import_seconds:,.0f} rows/s in, {events / export_seconds:,.0f} out"
    )


if __name__ == "__main__":
    for argument in sys.argv[1:] or ["10000", "200000"]:
        measure(int(argument))
