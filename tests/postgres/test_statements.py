"""Statements past cursors: what they answer, how they fail, and that nothing makes a connection forget them."""

import gc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from weakref import ref

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from memory.transactions import tenant_transaction
from postgres.pipeline import in_one_trip
from postgres.statements import Statement, Step
from tenants.models import Tenant
from tests.connections import BREAKS, own, terminate

ECHO = Statement("SELECT %(value)s::text, %(other)s::text || '%%', %(value)s::text")
VALUES: list[tuple[str, Any]] = [
    ("text", "Zoë 🦉 '\"\\"),
    ("text", ""),
    ("uuid", UUID("01900000-0000-7000-8000-000000000001")),
    ("bytea", b"\x00\xff\\x"),
    ("bigint", -(2**63)),
    ("boolean", True),
    ("timestamptz", datetime(2026, 1, 31, 12, 30, 0, 1, tzinfo=UTC)),
    ("timestamptz", datetime(1, 1, 1, tzinfo=UTC)),
    ("interval", timedelta(minutes=30, microseconds=1)),
    ("text[]", ["a", "", '{"\\', "NULL"]),
    ("text", None),
]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=str)
def test_a_value_comes_back_as_it_went(kind: str, value: Any) -> None:
    statement = Statement(f"SELECT %(value)s::{kind}")
    for _ in range(2):
        assert statement.rows(value=value) == [(value,)]


def test_parameters_go_by_name() -> None:
    assert ECHO.rows(other="b", value="a", unused="c") == [("a", "b%", "a")]


def test_what_goes_wrong_is_what_a_cursor_would_raise() -> None:
    with pytest.raises(DataError), transaction.atomic():
        Statement("SELECT %(value)s::int").rows(value="x")
    insert = Statement("INSERT INTO tenants_tenant (id) VALUES (%(id)s) RETURNING id")
    with pytest.raises(IntegrityError), transaction.atomic():
        insert.rows(id=UUID(int=0))


def test_they_are_counted(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        ECHO.rows(value="a", other="b")


def test_dropped_tables_and_rollbacks_make_nobody_forget(acme: Tenant) -> None:
    ECHO.rows(value="a", other="b")
    with connection.cursor() as cursor:
        for _ in range(5):  # so that psycopg has prepared statements to forget
            cursor.execute("SELECT %s::int", [1])
        with transaction.atomic():
            cursor.execute("CREATE TEMPORARY TABLE short_lived ()")
            transaction.set_rollback(True)
        cursor.execute("CREATE TEMPORARY TABLE short_lived ()")
        cursor.execute("DROP TABLE short_lived")
        cursor.execute("SELECT 1")
    assert ECHO.rows(value="a", other="b")


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ended_is_replaced(acme: Tenant) -> None:
    ECHO.rows(value="a", other="b")
    ended = own()
    terminate()
    connection.close_if_unusable_or_obsolete()  # as at the beginning of a request
    assert ECHO.rows(value="a", other="b") == [("a", "b%", "a")]
    assert connection.connection is not ended


@pytest.mark.django_db(transaction=True)
def test_commands_before_a_transaction_that_fails_are_not_left_to_the_next(acme: Tenant, globex: Tenant) -> None:
    """Nor is the transaction that they were to begin."""
    connection.ensure_connection()
    broken = connection.connection
    broken.close()
    with pytest.raises(OperationalError), tenant_transaction(acme.id):
        raise AssertionError("It must not begin.")
    connection.close()
    setting = Statement("SELECT current_setting('memgraph.tenant_id', true)")
    with transaction.atomic():
        assert setting.rows() in ([(None,)], [("",)])
    with tenant_transaction(globex.id):
        assert setting.rows() == [(str(globex.id),)]
    assert setting.rows() == [("",)]


KEEP = Statement("INSERT INTO kept VALUES (%(number)s) RETURNING number")
DIVIDE = Statement("SELECT 12 / %(number)s::int")


@pytest.fixture
def kept(transactional_db: None) -> Iterator[Callable[[], list[int]]]:
    """What a table holds that only this connection has."""

    def numbers() -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT number FROM kept ORDER BY number")
            return [number for (number,) in cursor.fetchall()]

    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE kept (number int)")
    yield numbers
    connection.close()


def test_one_trip_answers_what_its_last_statement_does(
    kept: Callable[[], list[int]], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(2):
        with django_assert_num_queries(2):
            assert in_one_trip((KEEP, {"number": 3}), (DIVIDE, {"number": 3}))[-1] == [(4,)]
    assert kept() == [3, 3]


@pytest.mark.parametrize(
    "steps",
    [
        [(KEEP, {"number": 1}), (DIVIDE, {"number": 0})],
        [(KEEP, {"number": 1}), (DIVIDE, {"number": 0}), (KEEP, {"number": 2})],
        [(DIVIDE, {"number": 0}), (KEEP, {"number": 2})],
    ],
    ids=["last", "between", "first"],
)
def test_of_a_trip_with_an_error_nothing_happened(steps: list[Step], kept: Callable[[], list[int]]) -> None:
    """And what it raises is the error, not what became of the statements after it."""
    for _ in range(2):
        with pytest.raises(DataError, match="division by zero"):
            in_one_trip(*steps)
        assert kept() == []
    assert in_one_trip((KEEP, {"number": 5})) == [[(5,)]]


def test_within_a_transaction_a_trip_is_a_part_of_it(kept: Callable[[], list[int]]) -> None:
    with transaction.atomic():
        in_one_trip((KEEP, {"number": 1}), (KEEP, {"number": 2}))
        assert kept() == [1, 2]
        transaction.set_rollback(True)
    assert kept() == []


def test_a_trip_of_a_statement_that_somebody_deallocated_is_made_again(kept: Callable[[], list[int]]) -> None:
    for _ in range(2):
        in_one_trip((KEEP, {"number": 1}), (DIVIDE, {"number": 1}))
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")
    in_one_trip((KEEP, {"number": 1}), (DIVIDE, {"number": 1}))
    assert kept() == [1, 1, 1]


@pytest.fixture
def other_connection(transactional_db: None) -> Iterator[None]:
    """For a test that spoils its own."""
    yield
    connection.close()


def use_a_statement(tenant: Tenant, break_it: Callable[[], None]) -> None:
    ECHO.rows(value="a", other="b")
    break_it()
    ECHO.rows(value="a", other="b")


def make_a_trip(tenant: Tenant, break_it: Callable[[], None]) -> None:
    in_one_trip((DIVIDE, {"number": 1}), (DIVIDE, {"number": 2}))
    break_it()
    in_one_trip((DIVIDE, {"number": 1}), (DIVIDE, {"number": 2}))


def prepare_a_statement(tenant: Tenant, break_it: Callable[[], None]) -> None:
    break_it()
    Statement("SELECT 1").rows()


def begin(tenant: Tenant, break_it: Callable[[], None]) -> None:
    break_it()
    with tenant_transaction(tenant.id):
        raise AssertionError("It must not begin.")


def commit(tenant: Tenant, break_it: Callable[[], None]) -> None:
    with tenant_transaction(tenant.id):
        break_it()


@BREAKS
@pytest.mark.parametrize("act", [use_a_statement, make_a_trip, prepare_a_statement, begin, commit])
def test_a_lost_connection_is_what_a_cursor_would_raise(
    act: Callable[..., None], break_it: Callable[[], None], acme: Tenant, other_connection: None
) -> None:
    with pytest.raises(OperationalError):
        act(acme, break_it)


def test_a_column_of_another_type_is_read_by_a_statement_prepared_anew(other_connection: None) -> None:
    """PostgreSQL keeps to what it told of a prepared statement's columns."""
    statement = Statement("SELECT value FROM widening")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE widening (value int)")
        cursor.execute("INSERT INTO widening VALUES (1)")
        assert statement.rows() == [(1,)]
        cursor.execute("ALTER TABLE widening ALTER value TYPE text")
        assert statement.rows() == [("1",)]
        cursor.execute("ALTER TABLE widening ALTER value TYPE bigint USING value::bigint")
        with pytest.raises(Exception, match="cached plan"), transaction.atomic():
            statement.rows()
        with transaction.atomic():
            assert statement.rows() == [(1,)]


def test_a_statement_that_somebody_deallocated_is_prepared_anew(other_connection: None) -> None:
    ECHO.rows(value="a", other="b")
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    assert ECHO.rows(value="a", other="b") == [("a", "b%", "a")]


def test_prepared_statements_keep_no_closed_connection(other_connection: None) -> None:
    ECHO.rows(value="a", other="b")
    closed = ref(own())
    connection.close()
    gc.collect()
    assert closed() is None
