"""How PostgreSQL finds the rows, under row-level security: by an index, and not more rows than are asked for."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker
from rest_framework.test import APIClient

from apikeys.models import APIKey
from memory.models import Belief, EndUser, Episode, Event, Tally
from memory.recount import recount
from memory.tally import SLOTS
from memory.transactions import tenant_transaction
from tenants.models import AuditHead, Role, Tenant
from tests.factories import key_client, make_tenant

EVENTS, BELIEFS, EPISODES = 50_000, 20_000, 10_000
OTHERS = 5
BUSY = 5_000  # rows of the busiest user; all others share the rest evenly
PAGE = 51  # a page of 50, and the row that says whether there is more
FILL = """
INSERT INTO memory_event (tenant_id, id, created_at, event_type, content, user_id, agent_id, thread_id, occurred_at)
SELECT %(tenant)s, lpad(to_hex(i), 32, '0')::uuid, now(), 'type ' || i %% 7, '{"n": 1}', user_id, 'agent ' || i %% 5,
    CASE WHEN i %% 2 = 0 THEN 'thread ' || i / 20 END, now() - i * interval '1 min'
FROM (SELECT i, CASE WHEN i <= %(busy)s THEN 'busy' ELSE 'user ' || i %% 500 END AS user_id
    FROM generate_series(1, %(events)s) AS i) AS made;
INSERT INTO memory_belief (tenant_id, id, created_at, updated_at, ended_at, subject_id, key, value, confidence,
    belief_type, domain, status)
SELECT %(tenant)s, lpad(to_hex(i), 32, '0')::uuid, now() + i * interval '1 s', now(),
    CASE WHEN NOT active THEN now() END, user_id, CASE WHEN active THEN 'key ' || i ELSE 'key' END, 'value ' || i,
    0.5, 'fact', 'domain ' || i %% 9,
    CASE WHEN active THEN 'active' ELSE 'superseded' END
FROM (SELECT i, i %% 2 = 0 AS active, CASE WHEN i <= %(busy)s THEN 'busy' ELSE 'user ' || i %% 500 END AS user_id
    FROM generate_series(1, %(beliefs)s) AS i) AS made;
INSERT INTO memory_belief (tenant_id, id, created_at, updated_at, ended_at, subject_id, key, value, confidence,
    belief_type, status)
SELECT %(tenant)s, lpad(to_hex(i), 32, 'a0000000')::uuid, now(), now(), CASE WHEN i > 3 THEN now() END, 'changing',
    CASE WHEN i > 3 THEN 'mood' ELSE 'key ' || i END, 'v', 0.5, 'fact',
    CASE WHEN i > 3 THEN 'superseded' ELSE 'active' END
FROM generate_series(1, %(busy)s) AS i;
INSERT INTO memory_episode (tenant_id, id, created_at, user_id, summary, tags, consolidation_status, started_at,
    event_ids)
SELECT %(tenant)s, lpad(to_hex(i), 32, '0')::uuid, now(), 'user ' || i %% 500, 's', '{}', 'pending',
    now() - i * interval '1 min', '{}' FROM generate_series(1, %(episodes)s) AS i;
"""
YEARS = """
INSERT INTO memory_tally (tenant_id, day, slot, events, beliefs, episodes, users)
SELECT %(tenant)s, current_date - age, slot, 0, 0, 0, 0
FROM generate_series(0, 3650) AS age CROSS JOIN generate_series(0, %(slots)s - 1) AS slot
ON CONFLICT DO NOTHING
"""


def fill(tenant: Tenant, share: int) -> None:
    counts = {"events": EVENTS, "beliefs": BELIEFS, "episodes": EPISODES, "busy": BUSY}
    params = {"tenant": str(tenant.id)} | {name: count // share for name, count in counts.items()}
    with tenant_transaction(tenant.id), connection.cursor() as cursor:
        for statement in FILL.split(";\n")[:-1]:
            cursor.execute(statement, params)


def age(tenant: Tenant) -> None:
    """Counts of ten years, in all slots."""
    with tenant_transaction(tenant.id), connection.cursor() as cursor:
        cursor.execute(YEARS, {"tenant": str(tenant.id), "slots": SLOTS})


@pytest.fixture(scope="module")
def crowd(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Tenant]:
    """One large tenant beside smaller ones, committed, for all tests here."""
    tables = [model._meta.db_table for model in (Event, Belief, Episode, EndUser, Tally)]
    with django_db_blocker.unblock():
        tenants = [make_tenant(f"Tenant {number}") for number in range(OTHERS + 1)]
        for tenant in tenants:
            fill(tenant, 1 if tenant is tenants[0] else 20)
            recount(tenant.id, repair=True)
        age(tenants[0])
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join(tables)}")
        yield tenants[0]
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(tables)}")
        APIKey.objects.all().delete()
        AuditHead.objects.all().delete()
        Tenant.objects.all().delete()


@pytest.fixture
def client(crowd: Tenant) -> APIClient:
    return key_client(crowd, Role.EDITOR)


def plan_of(client: APIClient, tenant: Tenant, method: str, path: str) -> dict[str, Any]:
    """The plan of the last statement on a memory table that a request sends; of a SELECT with the rows it read."""
    with CaptureQueriesContext(connection) as queries:
        response = client.generic(method, path)
    assert response.status_code == 200, response.content
    statement = [query["sql"] for query in queries if '"memory_' in query["sql"]][-1]
    options = "ANALYZE, " if statement.startswith("SELECT") else ""
    with tenant_transaction(tenant.id), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({options}FORMAT JSON) {statement}")
        (explained,) = cursor.fetchone()
    [plan] = json.loads(explained) if isinstance(explained, str) else explained
    return plan["Plan"]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def rows_read(plan: dict[str, Any]) -> int:
    return sum(
        node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        for node in nodes(plan)
        if "Scan" in node["Node Type"] and node["Node Type"] != "Bitmap Index Scan"
    )


def check(plan: dict[str, Any], most: float) -> None:
    shown = "\n".join(f"{node['Node Type']} {node.get('Index Name', '')} {node['Actual Rows']}" for node in nodes(plan))
    kinds = {node["Node Type"] for node in nodes(plan)}
    assert "Seq Scan" not in kinds, shown
    assert kinds & {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}, shown
    for node in nodes(plan):
        if "Sort" in node["Node Type"]:
            assert node["Plans"][0]["Actual Rows"] <= min(most, BUSY), shown
    assert rows_read(plan) <= most, shown


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/v1/events", PAGE),
        ("/v1/events?limit=200", 201),
        ("/v1/events?user_id=busy", PAGE),
        ("/v1/events?user_id=user%207", PAGE),
        ("/v1/events?user_id=nobody", 0),
        ("/v1/events?thread_id=thread%207", PAGE),
        ("/v1/events?since=2000-01-01", PAGE),
        ("/v1/events?until=2000-01-01", 0),
        ("/v1/events?user_id=busy&since=2000-01-01&until=2100-01-01", PAGE),
        ("/v1/events?user_id=user%207&event_type=type%201", EVENTS // 500),
        ("/v1/events?event_type=type%201", 8 * PAGE),
        ("/v1/events?agent_id=agent%201", 6 * PAGE),
        ("/v1/beliefs", PAGE),
        ("/v1/beliefs?subject_id=busy", PAGE),
        ("/v1/beliefs?subject_id=user%208", PAGE),
        ("/v1/beliefs?subject_id=changing", 3),
        ("/v1/beliefs?subject_id=nobody", 0),
        ("/v1/beliefs?subject_id=busy&domain=domain%201", 10 * PAGE),
        ("/v1/beliefs?domain=domain%201", 10 * PAGE),
        ("/v1/beliefs?belief_type=fact", PAGE),
        ("/v1/beliefs/history/busy/key", BUSY / 2),
        ("/v1/beliefs/history/user%207/key?include_inactive=false", BELIEFS // 500),
        ("/v1/beliefs/history/user%208/key%208008", 1),
        ("/v1/beliefs/history/busy/key?as_of=2100-01-01T00:00:00Z", BUSY / 2),
        ("/v1/beliefs/history/busy/key?as_of=2000-01-01T00:00:00Z", 0),
        ("/v1/beliefs/timeline/busy", 50),
        ("/v1/beliefs/timeline/busy?limit=200", 200),
        ("/v1/beliefs/timeline/user%207?domain=domain%201", BELIEFS // 500),
        ("/v1/beliefs/timeline/busy?since=2100-01-01", BUSY),
        ("/v1/episodes", PAGE),
        ("/v1/episodes?user_id=user%207", EPISODES // 500),
        ("/v1/episodes?user_id=nobody", 0),
        ("/v1/episodes?until=2000-01-01", 0),
        ("/v1/episodes?consolidation_status=pending", PAGE),
    ],
)
def test_rows_are_found_by_an_index(path: str, most: float, client: APIClient, crowd: Tenant) -> None:
    check(plan_of(client, crowd, "GET", path), most)


@pytest.mark.parametrize(
    "path", ["/v1/events?", "/v1/events?user_id=busy&", "/v1/beliefs?", "/v1/beliefs?subject_id=busy&", "/v1/episodes?"]
)
def test_page_far_back_costs_what_the_first_costs(path: str, client: APIClient, crowd: Tenant) -> None:
    cursor = ""
    for _ in range(8):
        cursor = client.get(f"{path}limit=200&cursor={cursor}").json()["next_cursor"]
    check(plan_of(client, crowd, "GET", f"{path}cursor={cursor}"), PAGE)


@pytest.mark.parametrize("path", ["/v1/events", "/v1/beliefs", "/v1/episodes"])
def test_one_row_is_found_by_its_id(path: str, client: APIClient, crowd: Tenant) -> None:
    row = client.get(f"{path}?limit=1").json()["items"][0]
    check(plan_of(client, crowd, "GET", f"{path}/{row['id']}"), 1)


@pytest.mark.parametrize("soft", ["true", "false"])
@pytest.mark.parametrize("subject", ["user%208", "busy", "busy&domain=domain%201"])
def test_forgetting_locks_in_order_what_an_index_finds(
    subject: str, soft: str, client: APIClient, crowd: Tenant
) -> None:
    plan = plan_of(client, crowd, "DELETE", f"/v1/beliefs?subject_id={subject}&soft={soft}")
    kinds = {node["Node Type"] for node in nodes(plan)}
    assert "Seq Scan" not in kinds
    assert {"LockRows", "ModifyTable"} <= kinds


def test_prepared_plans_know_the_indexes_too(client: APIClient, crowd: Tenant) -> None:
    """After some uses PostgreSQL plans for all values at once: then a parameter finds no partial index."""
    belief = {"subject_id": "changing", "key": "mood"}
    for number in range(4):
        client.post("/v1/beliefs", belief | {"value": f"{number}"})
        client.patch(f"/v1/beliefs/{client.post('/v1/beliefs', belief | {'value': 'x'}).json()['id']}", {"domain": "d"})
        for path in (
            "events",
            "events?thread_id=thread%207",
            "events?user_id=busy",
            "beliefs",
            "beliefs?subject_id=changing",
            "beliefs/history/changing/mood",
            "beliefs/timeline/changing",
            "episodes",
            "episodes?user_id=busy",
        ):
            client.get(f"/v1/{path}")
    used = set()
    with tenant_transaction(crowd.id), connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(
            "SELECT name, cardinality(parameter_types) FROM pg_prepared_statements"
            " WHERE statement ~ '(FROM|UPDATE) \"memory_'"
        )
        prepared = cursor.fetchall()
        for name, parameters in prepared:
            cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE {name}({', '.join(['NULL'] * parameters)})")
            (explained,) = cursor.fetchone()
            found = list(nodes(explained[0]["Plan"]))
            assert "Seq Scan" not in {node["Node Type"] for node in found}, found
            used |= {node["Index Name"] for node in found if "Index Name" in node}
    assert used >= {
        "belief_one_active",
        "belief_active",
        "belief_active_by_subject",
        "belief_by_subject",
        "belief_history",
    }
    assert used >= {"event_by_time", "event_by_user", "event_by_thread", "episode_by_time", "episode_by_user"}


def test_stats_read_the_tally_and_one_event(client: APIClient, crowd: Tenant) -> None:
    """Whatever there is to count: no statement reads more than the slots of its days and the newest event."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/v1/stats").json()["total_events"] == EVENTS
    statements = [query["sql"] for query in queries if "memory_" in query["sql"] and query["sql"].startswith("SELECT")]
    tables = [set(re.findall("memory_[a-z]+", statement)) for statement in statements]
    assert tables == [{"memory_tally"}, {"memory_event"}]
    with tenant_transaction(crowd.id), connection.cursor() as cursor:
        for statement, most in zip(statements, (SLOTS * 31, 1), strict=True):
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
            (explained,) = cursor.fetchone()
            check(explained[0]["Plan"], most)
