"""Statements and trips are seen by what watches Django's: execute wrappers and captured queries."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DataError, connection, transaction
from django.test.utils import CaptureQueriesContext

from postgres.base import database
from postgres.pipeline import in_one_trip, transaction_in_one_trip
from postgres.statements import Statement

ECHO = Statement("SELECT %(value)s::text, %(other)s::text || '%%'")
DIVIDE = Statement("SELECT 12 / %(number)s::int")
COMMAND = "SET LOCAL memgraph.tenant_id = 'here'"


class Watch:
    """An execute wrapper that notes what it sees."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []
        self.errors: list[Exception] = []

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        assert not many
        assert context["connection"] is context["cursor"].db is database()
        self.seen.append((sql, params))
        try:
            return execute(sql, params, many, context)
        except Exception as error:
            self.errors.append(error)
            raise


def test_a_statement_is_seen() -> None:
    watch = Watch()
    with connection.execute_wrapper(watch):
        assert ECHO.rows(other="b", value="a", unused="c") == [("a", "b%")]
    assert watch.seen == [("SELECT $1::text, $2::text || '%'", ["a", "b"])]
    ECHO.rows(value="a", other="b")
    assert len(watch.seen) == 1


@pytest.mark.parametrize("trip", [in_one_trip, lambda *steps: transaction_in_one_trip(COMMAND, *steps)])
def test_a_trip_is_seen_once_with_all_its_statements(trip: Callable[..., Any]) -> None:
    watch, steps = Watch(), [(ECHO, {"value": "a", "other": "b"}), (DIVIDE, {"number": 3})]
    with connection.execute_wrapper(watch):
        assert trip(*steps) == [[("a", "b%")], [(4,)]]
    assert watch.seen == [("SELECT $1::text, $2::text || '%'; SELECT 12 / $1::int", ["a", "b", 3])]


@pytest.mark.parametrize("act", [DIVIDE.rows, lambda **values: in_one_trip((DIVIDE, values))])
def test_an_error_is_seen_as_django_raises_it(act: Callable[..., Any]) -> None:
    watch = Watch()
    with pytest.raises(DataError) as raised, connection.execute_wrapper(watch), transaction.atomic():
        act(number=0)
    assert raised.value in watch.errors


def test_the_last_wrapper_is_the_innermost() -> None:
    order = []

    def noting(name: str) -> Callable[..., Any]:
        def wrapper(execute: Callable[..., Any], *arguments: Any) -> Any:
            order.append(name)
            return execute(*arguments)

        return wrapper

    with connection.execute_wrapper(noting("first")), connection.execute_wrapper(noting("last")):
        DIVIDE.rows(number=1)
    assert order == ["first", "last"]


def test_a_wrapper_may_refuse() -> None:
    def refuse(*_: Any) -> Any:
        raise PermissionError("No queries here.")

    with connection.execute_wrapper(refuse), pytest.raises(PermissionError):
        DIVIDE.rows(number=1)


def test_each_statement_of_a_trip_is_captured() -> None:
    with CaptureQueriesContext(connection) as queries:
        DIVIDE.rows(number=1)
        transaction_in_one_trip(COMMAND, (ECHO, {"value": "a", "other": "b"}), (DIVIDE, {"number": 3}))
    captured = [query["sql"] for query in queries.captured_queries]
    assert captured == ["SELECT 12 / 1::int", "SELECT 'a'::text, 'b'::text || '%'", "SELECT 12 / 3::int"]
