"""Half a minute of each flood by one tenant, and what another one and `/live` notice. For a machine that is idle."""

import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.attack.flooding import Call, Steady, flood
from tests.factories import PASSWORD
from tests.memgraph.processes import Server

pytestmark = pytest.mark.soak
SECONDS = 30.0
JSON = {"Content-Type": "application/json"}
SIGN_INS = 50  # people, because one signs in at most 30 times per minute
TEXT = "Prefers the green tea of the garden behind the house. " * 5


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="memgraph-floods-") as folder:
        Path(folder).chmod(0o755)
        with Server(Path(folder, "data"), WEB_CONCURRENCY=2) as server:
            yield server.wait_until_healthy()


def onboard(http: httpx.Client, name: str) -> dict[str, str]:
    """The headers of a new tenant's admin."""
    email = f"{name}@example.com"
    body = {"email": email, "password": PASSWORD, "full_name": "A", "cluster_name": name}
    http.post("/v1/auth/onboard", json=body).raise_for_status()
    token = http.post("/v1/auth/login", json={"email": email, "password": PASSWORD}).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def tenants(server: Server) -> dict[str, dict[str, str]]:
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as http:
        headers = {name: onboard(http, name) for name in ("greedy", "other")}
        for number in range(20):
            keys = [{"subject_id": "ada", "key": f"k {number} {n}", "value": TEXT} for n in range(100)]
            beliefs = [{**key, "confidence": 0.5, "belief_type": "fact"} for key in keys]
            events = [{"event_type": "m", "user_id": f"u{n % 9}", "content": {"text": TEXT}} for n in range(500)]
            http.post("/v1/beliefs/batch", json={"beliefs": beliefs}, headers=headers["greedy"]).raise_for_status()
            http.post("/v1/events/batch", json={"events": events}, headers=headers["greedy"]).raise_for_status()
        for number in range(SIGN_INS):
            onboard(http, f"person {number}".replace(" ", "-"))
    return headers


@pytest.fixture(scope="module")
def keys(server: Server, tenants: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=tenants["greedy"], timeout=60) as http:
        made = [http.post("/v1/api-keys", json={"name": f"key {number}"}).json() for number in range(40)]
    return [{"X-API-KEY": key["api_key"]} for key in made]


def post(path: str, body: Any, headers: dict[str, str]) -> Call:
    return Call(method="POST", path=path, body=json.dumps(body), headers=headers | JSON)


def calls_of(name: str, headers: dict[str, str], keys: list[dict[str, str]]) -> list[Call]:
    event = {"event_type": "m", "user_id": "ada", "content": {"text": TEXT}}
    people = [{"email": f"person-{number}@example.com", "password": PASSWORD} for number in range(SIGN_INS)]
    return {
        "lists": lambda: [Call(path="/v1/events?limit=200", headers=headers)],
        "lists by many keys": lambda: [Call(path="/v1/events?limit=200", headers=key) for key in keys],
        "stats": lambda: [Call(path="/v1/stats", headers=headers)],
        "searches": lambda: [post("/v2/context", {"query": "which green tea of the gardn"}, headers)],
        "batches": lambda: [post("/v1/events/batch", {"events": [event] * 1000}, headers)],
        "exports": lambda: [Call(path="/v1/admin/export", headers=headers)],
        "erasures": lambda: [post("/v1/admin/erase", {"user_id": f"u{n}"}, headers) for n in range(9)],
        "sign-ins": lambda: [post("/v1/auth/login", person, {}) for person in people],
    }[name]()


def cpu_seconds(server: Server) -> float:
    """Of the server's processes with PostgreSQL's."""
    seconds = 0.0
    for process in server.tree():
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system
    return seconds


@pytest.mark.parametrize(
    "name", ["lists", "lists by many keys", "stats", "searches", "batches", "exports", "erasures", "sign-ins"]
)
def test_forty_requests_at_once_leave_another_tenant_in_peace(
    name: str, server: Server, tenants: dict[str, dict[str, str]], keys: list[dict[str, str]]
) -> None:
    call = Call(path="/v1/stats", headers=tenants["other"])
    began = cpu_seconds(server)
    calm = Steady(server.port, call, rate=50).run(SECONDS)
    quiet = cpu_seconds(server) - began
    live = Steady(server.port, Call(path="/live"), rate=10, threads=5)
    watching = threading.Thread(target=live.run, args=(SECONDS,))
    with flood(server.port, calls_of(name, tenants["greedy"], keys), connections=40, pause=1.0) as flooded:
        watching.start()
        hot = Steady(server.port, call, rate=50).run(SECONDS)
        watching.join()
    each = (cpu_seconds(server) - began - 2 * quiet) / sum(flooded.statuses.values()) * 1000
    Steady(server.port, call, rate=50).run(2)
    after = Steady(server.port, call, rate=50).run(5)
    times = 3 if name == "sign-ins" else 5
    answers = f"{dict(flooded.statuses)}, {each:.1f} ms of CPU each"
    figures = {"calm": calm, "then": hot, "live": live, "afterwards": after, "flood": answers}
    shown = "".join(f"\n  {what}: {figure}" for what, figure in figures.items())
    print(f"\n{name}: {hot.p99 / calm.p99:.1f} times, {flooded.seconds:.0f} s{shown}")  # noqa: T201 - for the docs
    assert set(hot.statuses) == set(live.statuses) == {200}
    assert hot.p99 <= times * calm.p99
    assert after.p50 <= 1.5 * calm.p50
    assert live.p99 <= 0.1
    largest = max(worker.memory_info().rss for worker in server.gunicorn().children())
    assert largest < 250 * 2**20
