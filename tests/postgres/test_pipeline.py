"""A whole transaction in one round trip: all of it happens or none, and the connection comes back idle."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import DataError, IntegrityError, OperationalError, ProgrammingError, transaction
from psycopg.pq import TransactionStatus
from pytest_django import DjangoAssertNumQueries

from postgres.base import database
from postgres.pipeline import in_one_trip, transaction_in_one_trip
from postgres.statements import Statement, Step
from tests.connections import BREAKS, in_its_own_connection, own, until_somebody_waits

COMMAND = "SET LOCAL memgraph.tenant_id = 'here'"
KEEP = Statement("INSERT INTO kept VALUES (%(number)s) RETURNING number")
DIVIDE = Statement("SELECT 12 / %(number)s::int")
SETTING = Statement("SELECT current_setting('memgraph.tenant_id', true)")
WAIT = Statement("SELECT pg_advisory_xact_lock(%(number)s)")
NUMBERS = Statement("SELECT number FROM kept ORDER BY number")


@pytest.fixture
def kept(transactional_db: None) -> Iterator[Callable[[], list[int]]]:
    """What a table holds that only this connection has. At a commit, no number may be there twice."""
    with database().cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE kept (number int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    yield lambda: [number for (number,) in NUMBERS.rows()]
    database().close()


def is_idle() -> bool:
    return own().pgconn.transaction_status == TransactionStatus.IDLE


def test_it_is_committed_and_its_command_ends_with_it(
    kept: Callable[[], list[int]], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):
        assert transaction_in_one_trip(COMMAND, (KEEP, {"number": 3}), (SETTING, {})) == [[(3,)], [("here",)]]
    assert is_idle()
    assert SETTING.rows() == [("",)]
    assert kept() == [3]


@pytest.mark.parametrize(
    "steps",
    [
        [(DIVIDE, {"number": 0}), (KEEP, {"number": 2})],
        [(KEEP, {"number": 1}), (DIVIDE, {"number": 0}), (DIVIDE, {"number": "x"})],
        [(KEEP, {"number": 1}), (KEEP, {"number": 2}), (DIVIDE, {"number": 0})],
    ],
    ids=["first", "between", "last"],
)
def test_the_first_error_is_raised_and_nothing_happened(steps: list[Step], kept: Callable[[], list[int]]) -> None:
    for _ in range(2):
        with pytest.raises(DataError, match="division by zero"):
            transaction_in_one_trip(COMMAND, *steps)
        assert is_idle()
        assert kept() == []
    assert transaction_in_one_trip(COMMAND, (KEEP, {"number": 5})) == [[(5,)]]
    assert kept() == [5]


def test_an_error_of_the_command_is_raised(kept: Callable[[], list[int]]) -> None:
    with pytest.raises(ProgrammingError, match="syntax error"):
        transaction_in_one_trip("SET LOCAL nonsense", (KEEP, {"number": 1}))
    assert is_idle()
    assert kept() == []


def test_an_error_of_the_commit_is_raised(kept: Callable[[], list[int]]) -> None:
    with pytest.raises(IntegrityError, match="unique"):
        transaction_in_one_trip(COMMAND, (KEEP, {"number": 1}), (KEEP, {"number": 1}))
    assert is_idle()
    assert kept() == []


def test_an_open_transaction_gets_it_as_a_part(kept: Callable[[], list[int]]) -> None:
    with transaction.atomic():
        assert transaction_in_one_trip(COMMAND, (KEEP, {"number": 1})) == [[(1,)]]
        assert SETTING.rows() == [("here",)]
        transaction.set_rollback(True)
    assert kept() == []
    with pytest.raises(DataError), transaction.atomic():
        transaction_in_one_trip(COMMAND, (DIVIDE, {"number": 0}))
    assert is_idle()


def test_it_is_made_again_when_somebody_deallocated_its_statements(kept: Callable[[], list[int]]) -> None:
    for number in range(2):
        transaction_in_one_trip(COMMAND, (KEEP, {"number": number}), (DIVIDE, {"number": 1}))
        with database().cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")
    transaction_in_one_trip(COMMAND, (KEEP, {"number": 2}), (DIVIDE, {"number": 1}))
    assert kept() == [0, 1, 2]


@BREAKS
def test_a_lost_connection_is_an_operational_error(break_it: Callable[[], None], transactional_db: None) -> None:
    transaction_in_one_trip(COMMAND, (DIVIDE, {"number": 1}))
    lost = own()
    break_it()
    with pytest.raises(OperationalError):
        transaction_in_one_trip(COMMAND, (DIVIDE, {"number": 1}))
    database().close_if_unusable_or_obsolete()
    assert transaction_in_one_trip(COMMAND, (DIVIDE, {"number": 1})) == [[(12,)]]
    assert own() is not lost
    database().close()


@pytest.mark.parametrize("send", [in_one_trip, partial(transaction_in_one_trip, COMMAND)], ids=["trip", "transaction"])
@pytest.mark.parametrize("end", ["pg_terminate_backend", "pg_cancel_backend"])
def test_ended_while_it_waits_it_is_an_operational_error(
    end: str, send: Callable[..., object], transactional_db: None
) -> None:
    trip = partial(send, (WAIT, {"number": 7}), (DIVIDE, {"number": 1}))
    with ThreadPoolExecutor(1) as pool, transaction.atomic(), database().cursor() as cursor:
        WAIT.rows(number=7)
        waiting = pool.submit(in_its_own_connection, trip)
        until_somebody_waits()
        cursor.execute(f"SELECT {end}(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        with pytest.raises(OperationalError):
            waiting.result(10)


def test_a_connection_that_ends_in_between_is_an_operational_error(transactional_db: None) -> None:
    end = Statement("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(OperationalError):
        transaction_in_one_trip(COMMAND, (DIVIDE, {"number": 1}), (end, {}), (DIVIDE, {"number": 0}))
    database().close()
