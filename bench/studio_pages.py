"""How long the Studio's pages take in a large workspace: `python -m bench.studio_pages 1000000`.

Each page of the tests' table that an admin opens is asked for one after the other, on a fresh server with one worker,
and its p50 and p95 are printed beside the limit. The time is that of the whole response over HTTP on this machine.
"""

import logging
import os
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Final

import django
import httpx

from tests.memgraph.processes import Server

ROUNDS: Final = 200
LIMIT_MS: Final = 40
SETTINGS: Final = "memgraph.settings"
SECRET: Final = "only-for-the-benchmark-only-for-the-benchmark"
FILL: Final = """
INSERT INTO memory_event (tenant_id, id, created_at, event_type, content, user_id, agent_id, thread_id, occurred_at)
SELECT %(tenant)s, lpad(to_hex(i), 32, '0')::uuid, now(), 'type ' || i %% 7, '{"text": "The weather is fine."}',
    'user ' || i %% 1000, 'agent ' || i %% 5, 'thread ' || i / 20, now() - i * interval '1 s'
FROM generate_series(1, %(events)s) AS i;
INSERT INTO memory_belief (tenant_id, id, created_at, updated_at, subject_id, key, value, confidence, belief_type,
    status)
SELECT %(tenant)s, lpad(to_hex(i), 32, '0')::uuid, now(), now(), 'user ' || i %% 1000, 'key ' || i, 'value ' || i, 0.5,
    'fact', 'active'
FROM generate_series(1, %(events)s / 10) AS i;
INSERT INTO memory_episode (tenant_id, id, created_at, user_id, summary, tags, consolidation_status, started_at,
    event_ids)
SELECT %(tenant)s, lpad(to_hex(i), 32, '0')::uuid, now(), 'user ' || i %% 1000, 'They spoke.', '{}', 'pending',
    now() - i * interval '1 min', '{}'
FROM generate_series(1, %(events)s / 100) AS i;
"""


def load(events: int) -> tuple[str, list[str]]:
    """A workspace with that many events, a tenth of beliefs, a hundredth of episodes. Its admin's token, its pages."""
    # Not at the top: Django is set up for the folder of this run first.
    from django.db import connection

    from memory.counts.recount import recount
    from memory.transactions import tenant_transaction
    from tenants.models import Role
    from tests.factories import make_tenant, make_token, make_user
    from tests.studio.pages import PROTECTED

    tenant = make_tenant("Bench")
    with tenant_transaction(tenant.id), connection.cursor() as cursor:
        for statement in FILL.split(";\n"):
            cursor.execute(statement.rstrip(";\n"), {"tenant": str(tenant.id), "events": events})
    recount(tenant.id, repair=True)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE memory_event, memory_belief, memory_episode, memory_tally, memory_enduser")
    pages = [page.path_for(tenant) for page in PROTECTED.values() if "GET" in page.methods and not page.is_file]
    return make_token(make_user(tenant, Role.ADMIN)), pages


def milliseconds(http: httpx.Client, path: str) -> list[float]:
    taken = []
    for _ in range(ROUNDS):
        started = perf_counter()
        assert http.get(path).status_code == 200, path
        taken.append(1000 * (perf_counter() - started))
    return taken


def measure(events: int, folder: Path) -> None:
    folder.chmod(0o755)
    os.environ |= {"MEMGRAPH_DATA_DIR": str(folder / "data"), "SECRET_KEY": SECRET, "DJANGO_SETTINGS_MODULE": SETTINGS}
    with Server(folder / "data", SECRET_KEY=SECRET) as server:
        server.wait_until_healthy()
        django.setup()
        logging.getLogger("httpx").setLevel(logging.WARNING)  # a line a request would be measured too
        token, pages = load(events)
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", cookies={"studio": token}) as http:
            for path in pages:
                cuts = statistics.quantiles(milliseconds(http, path), n=20)
                verdict = "" if cuts[18] < LIMIT_MS else f"  over {LIMIT_MS} ms"
                print(f"{cuts[9]:7.1f} {cuts[18]:7.1f}  {path}{verdict}", flush=True)


def main(events: int) -> None:
    print(f"{events:,} events; p50 and p95 in ms, limit of p95: {LIMIT_MS} ms")
    with tempfile.TemporaryDirectory(prefix="memgraph-bench-") as folder:
        measure(events, Path(folder))


if __name__ == "__main__":
    main(int(sys.argv[1]))
