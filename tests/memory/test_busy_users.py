"""Users that others enter or remove all the time: a write tries five times to hold them, then it is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from memory.events import writing
from memory.models import Belief, Event
from memory.transactions import changes, tenant_transaction
from postgres.statements import Statement
from tenants.models import Tenant
from tests.memgraph.test_errors import assert_problem

pytestmark = pytest.mark.django_db(transaction=True)
EVENT = {"event_type": "x", "content": {}, "user_id": "ada"}
BELIEF = {"subject_id": "ada", "key": "city", "value": "Kyoto"}


@pytest.mark.parametrize("thread", [{}, {"thread_id": "t"}], ids=["of no thread", "of a thread"])
def test_an_event_whose_user_is_never_held_is_refused(
    thread: dict[str, str], acme: Tenant, editor_key: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Statement("SELECT true WHERE false")
    with monkeypatch.context() as patch, CaptureQueriesContext(connection) as queries:
        patch.setattr(writing, "WITH_THREAD", nothing)
        patch.setattr(writing, "WITHOUT_THREAD", nothing)
        response = editor_key.post("/v1/events", EVENT | thread)
    assert_problem(response, 503, "database_busy")
    assert response["Retry-After"] == "1"
    assert tries(queries, nothing.sql) == 5
    assert editor_key.post("/v1/events", EVENT | thread).status_code == 201
    with tenant_transaction(acme.id):
        assert Event.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "body", "rows"),
    [("/v1/beliefs", BELIEF, Belief.objects.count), ("/v1/events/batch", {"events": [EVENT]}, Event.objects.count)],
)
def test_a_write_whose_users_are_never_held_is_refused_and_undone(
    path: str,
    body: Any,
    rows: Callable[[], int],
    acme: Tenant,
    editor_key: APIClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch, CaptureQueriesContext(connection) as queries:
        patch.setattr(changes, "WRITE", "SELECT 0 AS made, 1 AS missed")
        response = editor_key.post(path, body)
    assert_problem(response, 503, "database_busy")
    assert tries(queries, "SELECT 0 AS made, 1 AS missed") == 5
    with tenant_transaction(acme.id):
        assert rows() == 0


def tries(queries: CaptureQueriesContext, sql: str) -> int:
    return [query["sql"] for query in queries.captured_queries].count(sql)
