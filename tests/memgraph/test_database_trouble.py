"""A database that is away, busy or in trouble: 503, made in the database itself."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from apikeys.keys import generate_key
from memory.episodes import building
from memory.events import views
from memory.models import Event
from memory.transactions import tenant_transaction
from tenants.models import Tenant
from tests.connections import BREAKS
from tests.factories import anonymous_client
from tests.memgraph.test_errors import assert_problem

ONBOARDING = {
    "email": "a@b.example",
    "password": "a quite long one",
    "full_name": "A",
    "cluster_name": "B",
}


@pytest.fixture
def database_away(transactional_db: None) -> Any:
    """Nobody listens on port 1."""
    kept = connection.settings_dict.copy()
    connection.close()
    connection.settings_dict |= {"HOST": "127.0.0.1", "PORT": "1"}
    yield
    connection.close()
    connection.settings_dict |= kept


def test_without_a_database_the_api_is_503_and_nobody_is_anonymous(database_away: None) -> None:
    client = anonymous_client()
    for response in (
        client.post("/v1/auth/login", {"username": "a@b.example", "password": "wrong horse"}),
        client.post("/v1/auth/onboard", ONBOARDING),
        client.get("/v1/stats", HTTP_X_API_KEY=generate_key()),
    ):
        problem = assert_problem(response, 503, "database_unavailable")
        assert response["Retry-After"] == "1"
        assert "WWW-Authenticate" not in response
        assert "127.0.0.1" not in problem["detail"]
    assert_problem(client.get("/v1/stats"), 401, "not_authenticated")


def test_without_a_database_health_says_so_and_no_more(database_away: None) -> None:
    client = anonymous_client()
    for path in ("/health", "/v1/health"):
        response = client.get(path)
        assert (response.status_code, response.json()) == (503, {"status": "unhealthy", "database": "disconnected"})
        assert response["Content-Type"] == "application/json"
    assert client.get("/live").json() == {"status": "alive"}
    assert client.get("/metrics").status_code == 200


def test_health_is_the_documented_answer(anonymous: APIClient) -> None:
    for path in ("/health", "/v1/health"):
        assert anonymous.get(path).json() == {"status": "healthy", "database": "connected"}


@pytest.mark.parametrize("limit", ["lock_timeout", "statement_timeout"])
def test_who_waits_too_long_for_a_table_gets_503_busy(limit: str, anonymous: APIClient) -> None:
    with psycopg.connect(**connection.get_connection_params()) as other, connection.cursor() as cursor:
        other.execute("LOCK TABLE accounts_user IN ACCESS EXCLUSIVE MODE")
        cursor.execute(f"SET LOCAL {limit} = '20ms'")
        response = anonymous.post("/v1/auth/login", {"username": "a@b.example", "password": "wrong horse"})
        other.rollback()
    assert_problem(response, 503, "database_busy")
    assert response["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("sqlstate", "code"),
    [
        ("40001", "database_busy"),  # serialization_failure
        ("40P01", "database_busy"),  # deadlock_detected
        ("53300", "database_busy"),  # too_many_connections
        ("53100", "database_unavailable"),  # disk_full
        ("57P01", "database_unavailable"),  # admin_shutdown
    ],
)
def test_trouble_of_the_database_is_503(sqlstate: str, code: str, anonymous: APIClient) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'secret' USING ERRCODE = '{sqlstate}'; END $$"
        )
        cursor.execute("CREATE TRIGGER trouble BEFORE INSERT ON tenants_tenant EXECUTE FUNCTION trouble()")
    assert_problem(anonymous.post("/v1/auth/onboard", ONBOARDING), 503, code)
    assert not Tenant.objects.exists()


EVENT = {"event_type": "x", "content": {}, "user_id": "ada"}


def breaking(act: Callable[..., Any], break_it: Callable[[], None]) -> Callable[..., Any]:
    def broken(*arguments: Any, **named: Any) -> Any:
        break_it()
        return act(*arguments, **named)

    return broken


@BREAKS
@pytest.mark.django_db(transaction=True)
def test_a_connection_lost_amid_a_request_is_503(
    break_it: Callable[[], None], editor_key: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "read_simple_event", breaking(views.read_simple_event, break_it))
    response = editor_key.post("/v1/events", EVENT)
    connection.close()
    assert_problem(response, 503, "database_unavailable")


@BREAKS
@pytest.mark.django_db(transaction=True)
def test_an_event_that_is_stored_is_answered_so_whatever_becomes_of_its_episode(
    break_it: Callable[[], None], acme: Tenant, editor_key: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a client would send it again."""
    monkeypatch.setattr(building, "build", breaking(building.build, break_it))
    long_ago = timezone.now() - timedelta(days=1)
    response = editor_key.post("/v1/events", EVENT | {"occurred_at": long_ago.isoformat()})
    connection.close()
    assert response.status_code == 201
    with tenant_transaction(acme.id):
        assert Event.objects.count() == 1
