"""The rows that are held against a fixed limit instead of a peer: key lookup, sign-ins, start and memory."""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random
from time import perf_counter, sleep
from typing import Any, Final
from urllib.request import urlopen

import psutil
import psycopg
from django.contrib.auth.hashers import make_password

from accounts.models import User
from apikeys.queries import FIND
from bench.comparing import Comparison
from bench.installation import WORKERS, Installation
from bench.loading import fill_keys
from bench.rows import an_event
from bench.servers import ROOT, Server, memgraph
from bench.wrk import Call, drive
from tenants.models import Role
from tests.attack.flooding import Call as SteadyCall
from tests.attack.flooding import Flooded, Steady, flood
from tests.factories import PASSWORD, make_tenant
from tests.memgraph.processes import free_port

LOOKUPS: Final = 2_000
FEW_KEYS: Final = 1_000
SIGN_INS_BY_CORE: Final = 25
START_SECONDS: Final = 2.5
WORKER_MIB: Final = 120


def key_lookups(bench: Installation) -> Iterator[Comparison]:
    """Runs the statement that finds a key, on the table of keys and on a small copy of it."""
    with bench.superuser() as database:
        database.execute("CREATE TABLE few_keys (LIKE apikeys_apikey INCLUDING ALL)")
        database.execute(
            "INSERT INTO few_keys SELECT * FROM apikeys_apikey WHERE name LIKE 'key %%' LIMIT %s", [FEW_KEYS]
        )
        fill_keys(make_tenant("many keys").id, bench.scale.keys + 1, bench.scale.many_keys)
        database.execute("VACUUM (ANALYZE) apikeys_apikey, few_keys")
        few = [digest for (digest,) in database.execute("SELECT digest FROM few_keys")]
        keys = range(1, bench.scale.many_keys + 1)
        yield Comparison(
            what=f"key lookup among {len(keys):,}, among {FEW_KEYS:,}",
            unit="us",
            ours=lambda: lookup(database, "apikeys_apikey", [digest_of(n) for n in Random().choices(keys, k=LOOKUPS)]),
            theirs=lambda: lookup(database, "few_keys", Random().choices(few, k=LOOKUPS)),
            at_most=1.25,
        )


def digest_of(number: int) -> bytes:
    """The digest of a key that `fill_keys` has made."""
    return sha256(f"no key {number}".encode()).digest()


def lookup(database: psycopg.Connection[Any], table: str, digests: list[bytes]) -> float:
    """Returns microseconds per lookup."""
    sql = FIND.source.replace("apikeys_apikey", table)
    started = perf_counter()
    for digest in digests:
        row = database.execute(sql, {"digest": digest, "default_cap": None}, prepare=True).fetchone()
        assert row is not None
    return (perf_counter() - started) / len(digests) * 1e6


def sign_ins(bench: Installation) -> Iterator[Comparison]:
    """Many people sign in with the right password, while a program sends 50 requests a second."""
    tenant = make_tenant("people")
    hashed = make_password(PASSWORD)
    people = [
        User(tenant=tenant, role=Role.VIEWER, email=f"bench{n}@example.com", full_name="Bench", password=hashed)
        for n in range(bench.scale.people)
    ]
    User.objects.bulk_create(people)
    calls = [
        SteadyCall(
            method="POST",
            path="/v1/auth/login",
            body=json.dumps({"email": person.email, "password": PASSWORD}),
            headers={"Content-Type": "application/json"},
        )
        for person in people
    ]
    server, key = bench.memgraph(), bench.new_keys(1)[0]
    other = SteadyCall(path="/v1/stats", headers={"X-API-KEY": key})
    flooded: list[Flooded] = []

    def beside() -> float:
        with flood(server.port, calls, connections=40, pause=0.5) as found:
            flooded.append(found)
            return Steady(server.port, other, rate=50).run(bench.seconds).p99 * 1000

    yield Comparison(
        what="p99 of 50 requests/s beside sign-ins, without them",
        unit="ms",
        ours=beside,
        theirs=lambda: Steady(server.port, other, rate=50).run(bench.seconds).p99 * 1000,
        at_most=3,
    )
    yield Comparison(
        what=f"sign-ins meanwhile, {SIGN_INS_BY_CORE} for each core",
        unit="/s",
        ours=lambda: flooded.pop().rate(200),
        theirs=lambda: float(SIGN_INS_BY_CORE * WORKERS),
        at_least=1,
        most_rounds=len(flooded) or None,
    )


def start(bench: Installation) -> Iterator[Comparison]:
    with tempfile.TemporaryDirectory(prefix="memgraph-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711 if os.geteuid() == 0 else 0o700)
        start_seconds(Path(folder, "data"))  # the first start makes the database
        yield Comparison(
            what="warm make run to the first 200 of /health",
            unit="s",
            ours=lambda: start_seconds(Path(folder, "data")),
            theirs=lambda: START_SECONDS,
            at_most=1,
        )


def start_seconds(data_dir: Path) -> float:
    port = free_port()
    environment = {**os.environ, "MEMGRAPH_DATA_DIR": str(data_dir), "PORT": str(port)}
    environment.pop("SECRET_KEY", None)
    began = perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = ["make", "run"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True, **quiet) as process:
        try:
            while not is_healthy(port):
                assert process.poll() is None, "make run ended"
                sleep(0.01)
            return perf_counter() - began
        finally:
            os.killpg(process.pid, signal.SIGINT)


def is_healthy(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def memory(bench: Installation) -> Iterator[Comparison]:
    """The resident memory of the largest worker: after mixed requests, and whether it still grows then."""
    key = bench.accounts["written"].key
    with memgraph(bench.data_dir, WORKERS) as server:
        half, whole = (serve(server, mixed(key), bench) for _ in range(2))
        yield Comparison(
            what=f"a worker after {bench.scale.mixed:,} mixed requests, the limit",
            unit="MiB",
            ours=lambda: whole,
            theirs=lambda: WORKER_MIB,
            at_most=1,
            most_rounds=1,
        )
        yield Comparison(
            what="the same, after half of them",
            unit="MiB",
            ours=lambda: whole,
            theirs=lambda: half,
            at_most=1.05,
            most_rounds=1,
        )


def mixed(key: str) -> list[Call]:
    reads = [Call("GET", path, key) for path in ("/v1/auth/whoami", "/v1/events", "/v1/stats", "/v1/beliefs", "/live")]
    return [
        call for number in range(50) for call in (*reads, Call("POST", "/v1/events", key, json.dumps(an_event(number))))
    ]


def serve(server: Server, calls: list[Call], bench: Installation) -> float:
    """Sends half of the mixed requests. Returns the resident memory of the largest worker (VmRSS), in MiB."""
    sent = 0
    while sent < bench.scale.mixed // 2:
        sent += drive(server.port, calls, seconds=bench.seconds, connections=bench.scale.connections).requests
    workers = psutil.Process(server.process.pid).children()
    return max(worker.memory_info().rss for worker in workers) / 2**20
