"""A PostgreSQL that is frozen (SIGSTOP) looks like one behind a network that drops packets: nothing is refused."""

import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from tests.factories import PASSWORD
from tests.memgraph.prepared import prepared
from tests.memgraph.processes import Server, wait_for

EVENT = {"event_type": "message", "user_id": "ada", "content": {}}
PATIENCE = 30  # far longer than the deadline, and finite, as in any client
TENANTS, CALLS_OF_ONE, THREADS = 10, 4, 26  # a key gets three threads


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="memgraph-frozen-") as folder:
        Path(folder).chmod(0o755)
        with Server(prepared(Path(folder, "data")), WEB_CONCURRENCY=1) as server:
            yield server.wait_until_healthy()


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=PATIENCE) as http:
        yield http


@pytest.fixture
def keys(http: httpx.Client) -> list[dict[str, str]]:
    """Of enough tenants to keep all threads busy."""
    made = []
    for number in range(TENANTS):
        new = {"email": f"ada{number}@example.com", "password": PASSWORD, "full_name": "Ada", "cluster_name": "Acme"}
        made.append({"X-API-KEY": http.post("/v1/auth/onboard", json=new).json()["api_key"]})
        assert http.post("/v1/events", json=EVENT, headers=made[-1]).status_code == 201
    return made


def database_processes(server: Server) -> list[psutil.Process]:
    postmaster = server.postmaster()
    return [postmaster, *postmaster.children(recursive=True)]


def test_a_frozen_database_is_503_and_the_process_stays_alive(
    server: Server, http: httpx.Client, keys: list[dict[str, str]]
) -> None:
    """And when it goes on, everything works again, without help."""
    frozen = database_processes(server)
    for process in frozen:
        process.suspend()
    try:
        with ThreadPoolExecutor(TENANTS * CALLS_OF_ONE) as threads:
            calls = [
                call
                for key in keys * (CALLS_OF_ONE // 2)
                for call in (
                    threads.submit(http.get, "/v1/stats", headers=key),
                    threads.submit(http.post, "/v1/events", json=EVENT, headers=key),
                )
            ]
            wait_for(lambda: server.worker().num_threads() > THREADS, 5, "all threads have started")
            assert http.get("/live").status_code == 200
            assert not any(call.done() for call in calls)  # no thread had become free
            while not all(call.done() for call in calls):
                assert http.get("/live").status_code == 200
            answers = {(call.result().status_code, call.result().json()["code"]) for call in calls}
    finally:
        for process in frozen:
            process.send_signal(signal.SIGCONT)
    assert {status for status, _ in answers} == {503}
    assert "database_unavailable" in {code for _, code in answers}
    wait_for(lambda: http.get("/health").status_code == 200, 10, "the database is found again")
    wait_for(lambda: http.post("/v1/events", json=EVENT, headers=keys[0]).status_code == 201, 10, "writes work again")
    assert server.worker().is_running()
