"""Under row-level security, PostgreSQL finds rows by an index and reads few more than a request needs."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from memory.models import Belief, Episode, Event
from memory.recall.ranking import CANDIDATES
from memory.transactions import tenant_transaction
from memory.transactions.changes import SLOTS
from tenants.models import Role, Tenant
from tests.factories import key_client, make_user
from tests.memory.crowd import BELIEFS_OF_ONE, BUSY, EPISODES_OF_ONE, EVENTS_OF_ONE, SMALL
from tests.memory.plans import FILTERED, FILTERS, PAGE, check, forget_prepared_statements, nodes, plans_of
from tests.studio.browsing import browser

WORDS_OF_ONE = 4  # belief: "key 8", "value 8"
ALL_OF_BUSY = 3 * BUSY  # events and beliefs of both kinds


@pytest.fixture
def client(crowd: Tenant) -> APIClient:
    return key_client(crowd, Role.EDITOR)


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
        ("/v1/events?since=2100-01-01", 0),
        ("/v1/events?until=2000-01-01", 0),
        ("/v1/events?until=2100-01-01", PAGE),
        ("/v1/events?user_id=busy&since=2000-01-01&until=2100-01-01", PAGE),
        ("/v1/events?user_id=user%207&event_type=type%201", EVENTS_OF_ONE),
        ("/v1/beliefs", PAGE),
        ("/v1/beliefs?subject_id=busy", PAGE),
        ("/v1/beliefs?subject_id=user%208", PAGE),
        ("/v1/beliefs?subject_id=changing", 3),
        ("/v1/beliefs?subject_id=nobody", 0),
        ("/v1/beliefs?subject_id=busy&domain=domain%201", BUSY),
        ("/v1/beliefs/history/busy/key", BUSY / 2),
        ("/v1/beliefs/history/user%207/key?include_inactive=false", BELIEFS_OF_ONE),
        ("/v1/beliefs/history/user%208/key%208008", 1),
        ("/v1/beliefs/history/busy/key?as_of=2100-01-01T00:00:00Z", BUSY / 2),
        ("/v1/beliefs/history/busy/key?as_of=2000-01-01T00:00:00Z", 0),
        ("/v1/beliefs/timeline/busy", 50),
        ("/v1/beliefs/timeline/busy?limit=200", 200),
        ("/v1/beliefs/timeline/user%207?domain=domain%201", BELIEFS_OF_ONE),
        ("/v1/beliefs/timeline/busy?since=2100-01-01", BUSY),
        ("/v1/beliefs/timeline/busy?domain=nowhere", BUSY),
        ("/v1/episodes", PAGE),
        ("/v1/episodes?user_id=user%207", EPISODES_OF_ONE),
        ("/v1/episodes?user_id=nobody", 0),
        ("/v1/episodes?thread_id=thread%207", PAGE),
        ("/v1/episodes?since=2000-01-01", PAGE),
        ("/v1/episodes?since=2100-01-01", 0),
        ("/v1/episodes?until=2000-01-01", 0),
        ("/v1/episodes?until=2100-01-01", PAGE),
    ],
)
def test_rows_are_found_by_an_index(path: str, most: float, client: APIClient, crowd: Tenant) -> None:
    """Each of its statements: a history asks for the sizes of its versions first."""
    for plan in plans_of(client, crowd, "GET", path):
        check(plan, most)


@pytest.mark.parametrize("path", FILTERED)
def test_a_filter_alone_reads_its_page(path: str, client: APIClient, crowd: Tenant) -> None:
    """Whether many rows have the value, few or none, the statement reads little more than its page."""
    [plan] = plans_of(client, crowd, "GET", path)
    check(plan, PAGE + 5)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/events?",
        "/v1/events?user_id=busy&",
        "/v1/events?since=2000-01-01&",
        "/v1/beliefs?",
        "/v1/beliefs?subject_id=busy&",
        "/v1/episodes?",
        *(f"{path}{values[0]}&" for path, values in FILTERS.items()),
    ],
)
def test_page_far_back_costs_what_the_first_costs(path: str, client: APIClient, crowd: Tenant) -> None:
    cursor = ""
    for _ in range(8):
        following = client.get(f"{path}limit=200&cursor={cursor}").json()["next_cursor"]
        cursor = following or cursor
    [plan] = plans_of(client, crowd, "GET", f"{path}cursor={cursor}")
    check(plan, PAGE + 5)


@pytest.mark.parametrize("user_id", ["busy", "user 8", "nobody", None])
@pytest.mark.parametrize("query", ["value 8008", "the vlaue"])
@pytest.mark.parametrize("path", ["/v1/context", "/v2/context"])
def test_a_search_reads_one_users_beliefs_or_the_newest(
    path: str, query: str, user_id: str | None, client: APIClient, crowd: Tenant
) -> None:
    """And reads each belief once. What it cost is one row even if there are none."""
    beliefs = {"busy": BUSY, "user 8": BELIEFS_OF_ONE, "nobody": 0, None: CANDIDATES}[user_id]
    for plan in plans_of(client, crowd, "POST", path, {"query": query, "user_id": user_id}):
        check(plan, beliefs, most_sorted=WORDS_OF_ONE * max(beliefs, 1))


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/studio/", 1000),
        ("/studio/events", PAGE),
        ("/studio/events?user_id=busy", PAGE),
        ("/studio/events?thread_id=thread%207", PAGE),
        ("/studio/events?since=2100-01-01", 0),
        ("/studio/beliefs", PAGE),
        ("/studio/beliefs?subject_id=busy", PAGE),
        ("/studio/episodes", PAGE),
        ("/studio/episodes?user_id=user%207", EPISODES_OF_ONE),
        ("/studio/users", PAGE),
        ("/studio/users?name=user%207", PAGE),
        ("/studio/user?id=busy", ALL_OF_BUSY),
        ("/studio/user?id=nobody", 0),
        ("/studio/user/erase?id=busy", ALL_OF_BUSY),
        ("/studio/search?query=value+8008", CANDIDATES),
        ("/studio/search?query=value+8008&user_id=user+8", BELIEFS_OF_ONE),
    ],
)
def test_pages_of_the_studio_are_found_by_an_index_too(path: str, most: float, crowd: Tenant) -> None:
    for plan in plans_of(browser(make_user(crowd)), crowd, "GET", path):
        words = WORDS_OF_ONE * most if "search" in path else 0  # a search sorts the words of what it read
        check(plan, most, most_sorted=max(most, words, WORDS_OF_ONE * BELIEFS_OF_ONE))


@pytest.mark.parametrize("path", ["/v1/events", "/v1/beliefs", "/v1/episodes"])
def test_one_row_is_found_by_its_id(path: str, client: APIClient, crowd: Tenant) -> None:
    row = client.get(f"{path}?limit=1").json()["items"][0]
    [plan] = plans_of(client, crowd, "GET", f"{path}/{row['id']}")
    check(plan, 1)


@pytest.mark.parametrize("soft", ["true", "false"])
@pytest.mark.parametrize("subject", ["user%208", "busy", "busy&domain=domain%201"])
def test_forgetting_locks_in_order_what_an_index_finds(
    subject: str, soft: str, client: APIClient, crowd: Tenant
) -> None:
    plan = plans_of(client, crowd, "DELETE", f"/v1/beliefs?subject_id={subject}&soft={soft}")[-1]
    kinds = {node["Node Type"] for node in nodes(plan)}
    assert "Seq Scan" not in kinds
    assert {"LockRows", "ModifyTable"} <= kinds


def test_prepared_plans_know_the_indexes_too(client: APIClient, crowd: Tenant) -> None:
    """After some uses PostgreSQL plans for all values at once. A parameter then matches no partial index."""
    forget_prepared_statements()
    event = {"event_type": "x", "content": {}, "user_id": "user 8"}
    for place in ({}, {"thread_id": "thread 7"}):
        assert client.post("/v1/events", event | place).status_code == 201
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
        "episodes?thread_id=thread%207",
        *(path.removeprefix("/v1/") for path in FILTERED),
    ):
        for _ in range(4):  # in a row, because psycopg forgets a statement when others come between
            client.get(f"/v1/{path}")
    for query in ("value 8008", "the vlaue"):
        for _ in range(6):
            client.post("/v2/context", {"query": query, "user_id": "user 8"})
    used = set()
    with tenant_transaction(crowd.id), connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(
            "SELECT name, cardinality(parameter_types) FROM pg_prepared_statements"
            " WHERE statement ~ '(FROM|UPDATE) \"?memory_'"
        )
        prepared = cursor.fetchall()
        for name, parameters in prepared:
            cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE {name}({', '.join(['NULL'] * parameters)})")
            (explained,) = cursor.fetchone()
            found = list(nodes(explained[0]["Plan"]))
            whole = {node["Relation Name"] for node in found if node["Node Type"] == "Seq Scan"}
            assert whole <= {"memory_unsettledspan"}, name  # which has no rows here
            users = [
                node for node in found if node.get("Relation Name") == "memory_enduser" and "Scan" in node["Node Type"]
            ]
            assert all("name" in node["Index Cond"] for node in users), name  # never all of the tenant's
            used |= {node["Index Name"] for node in found if "Index Name" in node}
    indexes = {index.name for model in (Event, Belief, Episode) for index in model._meta.indexes}
    assert used >= indexes - {"episode_derived_by_stream"}  # no list asks for it


def test_stats_read_the_tally_and_one_event(client: APIClient, crowd: Tenant) -> None:
    """However much there is to count, the statements read only the slots of their days and the newest event."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/v1/stats").json()["total_events"] >= SMALL.events
    statements = [query["sql"] for query in queries if "memory_" in query["sql"] and query["sql"].startswith("SELECT")]
    tables = [set(re.findall("memory_[a-z]+", statement)) for statement in statements]
    assert tables == [{"memory_tally"}, {"memory_event"}]
    with tenant_transaction(crowd.id), connection.cursor() as cursor:
        for statement, most in zip(statements, (SLOTS * 31, 1), strict=True):
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
            (explained,) = cursor.fetchone()
            check(explained[0]["Plan"], most)
