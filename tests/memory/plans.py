"""How PostgreSQL plans the statements of a request, and how many rows a plan may read."""

import json
import re
from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from memory.transactions import tenant_transaction
from postgres.statements import prepared_on
from tenants.models import Tenant
from tests.memory.crowd import FREQUENT, RARE

PAGE = 51  # a page of 50, and the row that says whether there is more
Plan = dict[str, Any]


def plans_of(client: APIClient, tenant: Tenant, method: str, path: str, body: object = None) -> list[Plan]:
    """The plans of a request's statements on memory tables. Plans of reads have the numbers of rows that were read."""
    with CaptureQueriesContext(connection) as queries:
        response = client.generic(method, path, json.dumps(body) if body else "", content_type="application/json")
    assert response.status_code == 200, response.content
    return [explain(tenant, sql) for sql in (query["sql"] for query in queries) if re.search(r"\bmemory_[a-z]", sql)]


def explain(tenant: Tenant, statement: str) -> Plan:
    options = "ANALYZE, " if statement.lstrip().startswith(("SELECT", "WITH")) else ""
    with tenant_transaction(tenant.id), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({options}FORMAT JSON) {statement}")
        (explained,) = cursor.fetchone()
    [plan] = json.loads(explained) if isinstance(explained, str) else explained
    return plan["Plan"]


def nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def rows_read(plan: Plan) -> int:
    return sum(
        node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        for node in nodes(plan)
        if "Relation Name" in node and "Scan" in node["Node Type"]
    )


def memory_scanned_whole(plan: Plan) -> set[str]:
    """The memory tables that are scanned as a whole. A small table beside them, perhaps of keys, may be scanned."""
    scanned = (node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan")
    return {name for name in scanned if name.startswith("memory_")}


def check(plan: Plan, most: float, *, most_sorted: float | None = None) -> None:
    shown = "\n".join(
        f"{node['Node Type']} {node.get('Index Name', '')} {node.get('Actual Rows')}" for node in nodes(plan)
    )
    kinds = {node["Node Type"] for node in nodes(plan)}
    assert not memory_scanned_whole(plan), shown
    assert kinds & {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}, shown
    if "Actual Rows" not in plan:
        return
    for node in nodes(plan):
        if "Sort" in node["Node Type"]:
            assert node["Plans"][0]["Actual Rows"] <= (most if most_sorted is None else most_sorted), shown
    assert rows_read(plan) <= most, shown


FILTERS = {
    "/v1/events?event_type=": ["type%201", "rare", "never"],
    "/v1/events?agent_id=": ["agent%201", "rare", "never"],
    "/v1/events?written_by_key=": [FREQUENT, RARE],
    "/v1/events?written_by_user=": [FREQUENT, RARE],
    "/v1/beliefs?domain=": ["domain%202", "rare", "never"],
    "/v1/beliefs?belief_type=": ["fact", "tenet", "preference"],
    "/v1/beliefs?written_by_key=": [FREQUENT, RARE],
    "/v1/beliefs?written_by_user=": [FREQUENT, RARE],
    "/v1/episodes?agent_id=": ["agent%201", "rare", "never"],
    "/v1/episodes?outcome=": ["completed", "escalated", "abandoned"],
    "/v1/episodes?consolidation_status=": ["pending", "processing", "consolidated"],
    "/v1/episodes?written_by_key=": [FREQUENT, RARE],
    "/v1/episodes?written_by_user=": [FREQUENT, RARE],
}
FILTERED = [f"{path}{value}" for path, values in FILTERS.items() for value in values]


def forget_prepared_statements() -> None:
    """Earlier tests prepared theirs on the same connection."""
    database = connection.connection
    type(database._prepared).clear(database._prepared)
    prepared_on(database).clear()
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
