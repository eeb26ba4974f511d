"""Which failures of PostgreSQL are 503, by the class of their SQLSTATE (PostgreSQL's manual, appendix A)."""

import psycopg
import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError, IntegrityError, InternalError, OperationalError, ProgrammingError
from psycopg import errors
from rest_framework.exceptions import APIException
from rest_framework.test import APIClient

from memgraph.errors import as_api_exception
from tenants.models import Tenant
from tests.memgraph.test_errors import assert_problem

EVENT = {"event_type": "message", "user_id": "ada", "content": {}}


def code_of(outer: type[Exception], cause: Exception | None) -> str | None:
    error = outer("failed")
    error.__cause__ = cause
    found = as_api_exception(error)
    return str(found.get_codes()) if isinstance(found, APIException) else None


@pytest.mark.parametrize(
    ("outer", "cause"),
    [
        (OperationalError, errors.ConnectionFailure()),  # 08006
        (InternalError, errors.ReadOnlySqlTransaction()),  # 25006
        (OperationalError, errors.DiskFull()),  # 53100
        (OperationalError, errors.OutOfMemory()),  # 53200
        (OperationalError, errors.AdminShutdown()),  # 57P01
        (OperationalError, errors.CannotConnectNow()),  # 57P03
        (OperationalError, errors.IoError()),  # 58030
        (InternalError, errors.DataCorrupted()),  # XX001
        (OperationalError, psycopg.OperationalError("server closed the connection unexpectedly")),
        (DatabaseError, psycopg.DatabaseError("no SQLSTATE: lost")),
        (OperationalError, None),
    ],
)
def test_a_server_that_cannot_serve_is_503(outer: type[Exception], cause: Exception | None, db: None) -> None:
    assert code_of(outer, cause) == "database_unavailable"


@pytest.mark.parametrize(
    ("outer", "cause"),
    [
        (IntegrityError, errors.UniqueViolation()),
        (ProgrammingError, errors.UndefinedTable()),
        (ProgrammingError, errors.InsufficientPrivilege()),
        (DatabaseError, errors.DivisionByZero()),
        (InternalError, errors.InFailedSqlTransaction()),
        (transaction.TransactionManagementError, None),
    ],
)
def test_an_error_of_ours_stays_one(outer: type[Exception], cause: Exception | None, db: None) -> None:
    assert code_of(outer, cause) is None


@pytest.mark.django_db(transaction=True)
def test_writes_work_again_after_a_failover(editor_key: APIClient, acme: Tenant) -> None:
    """A connection to a server that has become read-only is dropped, and the next request connects anew."""
    assert editor_key.post("/v1/events", EVENT).status_code == 201
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    assert_problem(editor_key.post("/v1/events", EVENT), 503, "database_unavailable")
    assert editor_key.post("/v1/events", EVENT).status_code == 201
