"""The benchmark's own parts. Nothing is timed here."""

import pytest
from django.db import connection

from bench.comparing import Comparison, compare
from bench.installation import SCALES
from bench.loading import TABLES, fill, indexes_afterwards
from bench.rows import shape
from bench.run import ROWS, read_rows
from bench.wrk import LoadError, read_load
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.factories import make_key

OUTPUT = 'Running 1s test\n\n{"requests": 200, "failed": %d, "microseconds": 2000000, "p50": 100, "p99": 900}\n'


def comparison(ours: list[float], theirs: list[float], **limit: float) -> Comparison:
    """Of values that are measured in this order."""
    return Comparison(what="w", unit="/s", ours=iter(ours).__next__, theirs=iter(theirs).__next__, **limit)


def test_a_rate_is_read_from_wrk() -> None:
    assert read_load(OUTPUT % 0).rate == 100


@pytest.mark.parametrize("output", [OUTPUT % 3, "unable to connect to 127.0.0.1:1"])
def test_failures_are_no_rate(output: str) -> None:
    with pytest.raises(LoadError):
        read_load(output)


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [
        ({"at_least": 2}, "met"),
        ({"at_least": 2.1}, "MISSED"),
        ({"at_most": 2}, "met"),
        ({"at_most": 1.9}, "MISSED"),
        ({}, ""),
    ],
)
def test_the_median_of_the_rounds_is_held_against_the_limit(limit: dict[str, float], verdict: str) -> None:
    result = compare(comparison([20, 30, 90], [10, 20, 30], **limit), rounds=3)
    assert result.ratios == [2, 1.5, 3]
    assert result.verdict == verdict
    assert "2.00 (1.50-3.00)" in result.line("R4")


def test_each_round_has_the_other_order_than_the_one_before() -> None:
    order: list[str] = []

    def measured(name: str) -> float:
        order.append(name)
        return 1

    both = Comparison(what="w", unit="/s", ours=lambda: measured("ours"), theirs=lambda: measured("theirs"))
    compare(both, rounds=3)
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]


def test_a_row_that_fails_says_so_and_leaves_the_others_be() -> None:
    def fail() -> float:
        raise LoadError("3 of 200 requests failed")

    result = compare(Comparison(what="w", unit="/s", ours=fail, theirs=fail, at_least=1), rounds=3)
    assert result.line("W1").endswith("FAILED: 3 of 200 requests failed")


def test_peers_must_answer_the_same_names_and_as_many_items() -> None:
    answer = {"items": [{"id": "1", "content": {"a": 1}, "agent_id": None}], "next_cursor": "x"}
    assert shape(answer) == shape({"items": [{"id": "2", "content": {}, "agent_id": None}], "next_cursor": "y"})
    for other in ({**answer, "items": []}, {**answer, "next_cursor": None}, {"items": answer["items"]}):
        assert shape(answer) != shape(other)


def test_rows_are_chosen_by_name() -> None:
    assert read_rows("") == list(ROWS)
    assert read_rows("w1, R4") == ["W1", "R4"]
    with pytest.raises(SystemExit, match="no row X9"):
        read_rows("X9")


@pytest.mark.parametrize("scale", SCALES)
def test_every_tenant_that_a_row_needs_is_made(scale: str) -> None:
    assert {tenant for row in ROWS.values() for tenant in row.tenants} == set(SCALES[scale].contents())


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = ANY(%s)", [list(TABLES)])
        return {definition for (definition,) in cursor.fetchall()}


def test_many_rows_are_loaded_and_every_index_is_back(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    before = indexes()
    key, _ = make_key(acme)
    with indexes_afterwards(rows=10_000_000):
        assert len(indexes()) < len(before)
        monkeypatch.setattr("bench.loading.AT_ONCE", 400)
        fill(acme.id, key.id, events=1_000, beliefs=2_100)
        connection.check_constraints()  # as a commit would
    assert indexes() == before
    with tenant_transaction(acme.id), connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT user_id) FROM memory_event")
        assert cursor.fetchone() == (1_000, 11)
        cursor.execute("SELECT subject_id, count(*) FROM memory_belief GROUP BY 1 ORDER BY 2 DESC LIMIT 2")
        assert cursor.fetchall() == [("many", 2_000), ("few", 50)]
