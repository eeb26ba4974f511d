"""What we use of Django and psycopg that they don't promise. Fails when one is raised, and says what to look at."""

import inspect
from importlib.metadata import version
from typing import Any, Final

import pytest
from django.contrib.sessions.backends.base import SessionBase
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.base import DatabaseWrapper as DjangosWrapper
from django.db.models.manager import BaseManager
from django.db.transaction import Atomic
from django.http.response import ResponseHeaders
from django.test import TransactionTestCase
from psycopg import Cursor, errors
from psycopg._preparing import PrepareManager
from psycopg.adapt import Transformer

from tests.connections import own

PINNED: Final = {
    "django": ("5.2.19", "each row of DJANGO here and of postgres/README.md, then run tests/postgres"),
    "psycopg": ("3.3.9", "each row of PSYCOPG here and of postgres/README.md, then run tests/postgres"),
    "psycopg-binary": ("3.3.9", "psycopg, which has the same version"),
}
# A name, the function of theirs that has to use it, and what to look at if it no longer does.
DJANGO: Final[list[tuple[str, Any, str]]] = [
    ("_start_transaction_under_autocommit", BaseDatabaseWrapper.set_autocommit, "how a transaction of ours begins"),
    ("force_begin_transaction_with_broken_autocommit=True", Atomic.__enter__, "how a transaction of ours begins"),
    ("_set_autocommit", BaseDatabaseWrapper.set_autocommit, "that switching autocommit off raises"),
    ("set_autocommit(True)", Atomic.__exit__, "that a connection is in autocommit after a transaction"),
    ("_commit", BaseDatabaseWrapper.commit, "how a transaction of ours is committed"),
    ("self.connection.rollback()", BaseDatabaseWrapper._rollback, "that psycopg rolls our transaction back"),
    ("create_cursor", BaseDatabaseWrapper._cursor, "that cursors leave the zone alone"),
    ("get_new_connection", BaseDatabaseWrapper.connect, "that connections are in autocommit and keep statements"),
    ('"context"', DjangosWrapper.get_connection_params, "which adapters read times"),
    ("is_usable", BaseDatabaseWrapper.close_if_health_check_failed, "that a request's connection is looked at"),
    ("execute_wrappers", BaseDatabaseWrapper.execute_wrapper, "that execute wrappers see our statements"),
    ("self._store[key.lower()] = (key, value)", ResponseHeaders.__setitem__, "the headers in memgraph/middleware.py"),
    ("_session_key", SessionBase, "accounts/operator_sessions.py"),
    ("_db", BaseManager, "the manager in accounts/models.py"),
    ("_fixture_teardown", TransactionTestCase, "tests/conftest.py"),
]
PSYCOPG: Final[list[tuple[str, Any, str]]] = [
    ("self.clear()", PrepareManager._should_discard, "that a rollback doesn't deallocate our statements"),
    ("_prepared", Cursor._maybe_prepare_gen, "that a rollback doesn't deallocate our statements"),
    ("error_field", errors.error_from_result, "which class an error of our statements has"),
]
TRANSFORMER: Final = ("dump_sequence", "set_pgresult", "load_rows")
WRAPPER: Final = ("close_if_health_check_failed", "ensure_connection", "wrap_database_errors", "queries_logged")


@pytest.mark.parametrize("package", PINNED)
def test_a_version_is_the_one_that_was_looked_into(package: str) -> None:
    pinned, look_at = PINNED[package]
    assert version(package) == pinned, f"{package} was raised: look at {look_at}. Then write its version here."


@pytest.mark.parametrize(("name", "place", "look_at"), DJANGO + PSYCOPG)
def test_a_name_is_used_where_we_rely_on_it(name: str, place: Any, look_at: str) -> None:
    assert name in inspect.getsource(place), f"{place.__qualname__} no longer has {name}: look at {look_at}."


@pytest.mark.parametrize(("owner", "names"), [(Transformer, TRANSFORMER), (BaseDatabaseWrapper, WRAPPER)])
def test_what_statements_call_is_there(owner: Any, names: tuple[str, ...]) -> None:
    missing = [name for name in names if not hasattr(owner, name)]
    assert not missing, f"{owner.__name__} lacks {missing}: look at postgres/statements.py."


def test_a_connection_keeps_what_is_prepared() -> None:
    prepared = own()._prepared
    assert isinstance(prepared, PrepareManager)
    assert prepared.clear() is False, "A rollback would deallocate our statements: look at postgres/base.py."
