"""Requests per minute, for a key and for all keys of a tenant. Under parallel load: see `test_races.py`."""

import re

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from tenants.models import Counter, Role, Tenant
from tests.factories import anonymous_client, key_client, make_key

LEFT = re.compile(r'"(key|tenant)";r=([0-9]+);t=([0-9]+)')


def test_a_limit_lets_so_many_through_and_says_how_many_are_left(acme: Tenant) -> None:
    client = key_client(acme, rate_limit_per_minute=3)
    for left in (2, 1, 0):
        response = client.get("/v1/stats")
        assert response.status_code == 200
        assert response["RateLimit-Policy"] == '"key";q=3;w=60'
        name, remaining, seconds = LEFT.fullmatch(response["RateLimit"]).groups()
        assert (name, int(remaining)) == ("key", left)
        assert 0 < int(seconds) <= 60
    refused = client.get("/v1/stats")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert "3 requests per minute" in refused.json()["detail"]
    assert refused["RateLimit-Policy"] == '"key";q=3;w=60'
    name, remaining, seconds = LEFT.fullmatch(refused["RateLimit"]).groups()
    assert (int(remaining), seconds) == (0, refused["Retry-After"])


def test_a_minute_later_it_begins_anew(acme: Tenant) -> None:
    client = key_client(acme, rate_limit_per_minute=1)
    assert [client.get("/v1/stats").status_code for _ in range(2)] == [200, 429]
    Counter.objects.update(ends_at="2026-01-01T00:00:00Z")
    assert [client.get("/v1/stats").status_code for _ in range(2)] == [200, 429]


def test_each_key_has_its_own_count(acme: Tenant) -> None:
    first, second = (key_client(acme, rate_limit_per_minute=1) for _ in range(2))
    assert [first.get("/v1/stats").status_code for _ in range(2)] == [200, 429]
    assert second.get("/v1/stats").status_code == 200


def test_a_tenants_limit_counts_all_its_keys_and_no_person(acme: Tenant, globex: Tenant, admin: APIClient) -> None:
    assert admin.patch("/v1/tenant", {"rate_limit_per_minute": 3}).status_code == 200
    clients = [key_client(acme) for _ in range(4)]
    assert [client.get("/v1/stats").status_code for client in clients] == [200, 200, 200, 429]
    assert clients[0].get("/v1/stats")["RateLimit-Policy"] == '"tenant";q=3;w=60'
    person = admin.get("/v1/stats")
    assert (person.status_code, "RateLimit" in person) == (200, False)
    assert key_client(globex).get("/v1/stats").status_code == 200


def test_both_limits_bind_and_both_are_told(acme: Tenant) -> None:
    Tenant.objects.update(rate_limit_per_minute=3)
    client, other = key_client(acme, rate_limit_per_minute=2), key_client(acme)
    response = client.get("/v1/stats")
    assert response["RateLimit-Policy"] == '"key";q=2;w=60, "tenant";q=3;w=60'
    assert [(name, left) for name, left, _ in LEFT.findall(response["RateLimit"])] == [("key", "1"), ("tenant", "2")]
    assert [client.get("/v1/stats").status_code for _ in range(3)] == [200, 429, 429]
    assert [other.get("/v1/stats").status_code for _ in range(2)] == [
        200,
        429,
    ]  # what the key was refused isn't counted


def test_what_is_not_permitted_counts_too(acme: Tenant) -> None:
    client = key_client(acme, Role.VIEWER, rate_limit_per_minute=2)
    assert [client.post("/v1/events", {}).status_code for _ in range(3)] == [403, 403, 429]


def test_a_changed_limit_counts_from_the_next_request_on(acme: Tenant, admin: APIClient) -> None:
    key, plaintext = make_key(acme, rate_limit_per_minute=1)
    client = anonymous_client(HTTP_X_API_KEY=plaintext)
    assert [client.get("/v1/stats").status_code for _ in range(2)] == [200, 429]
    admin.patch(f"/v1/api-keys/{key.id}", {"rate_limit_per_minute": 10})
    assert client.get("/v1/stats").status_code == 200
    admin.patch(f"/v1/api-keys/{key.id}", {"rate_limit_per_minute": None})
    response = client.get("/v1/stats")
    assert (response.status_code, "RateLimit" in response) == (200, False)


@pytest.mark.parametrize(
    ("key_limit", "tenant_limit", "queries"), [(None, None, 1), (9, None, 2), (None, 9, 2), (9, 9, 3)]
)
def test_a_limit_costs_a_statement_and_none_costs_nothing(
    key_limit: int | None,
    tenant_limit: int | None,
    queries: int,
    acme: Tenant,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    Tenant.objects.update(rate_limit_per_minute=tenant_limit)
    client = key_client(acme, rate_limit_per_minute=key_limit, allowed_ips=["127.0.0.0/8"])
    client.get("/v1/auth/whoami")
    with django_assert_num_queries(queries):
        response = client.get("/v1/auth/whoami")
    assert ("RateLimit" in response) is (queries > 1)


def test_no_counter_tells_a_key(acme: Tenant) -> None:
    key, plaintext = make_key(acme, rate_limit_per_minute=1)
    anonymous_client(HTTP_X_API_KEY=plaintext).get("/v1/stats")
    (row,) = Counter.objects.values_list("name", flat=True)
    assert len(row) == 32
    assert bytes(row) != bytes(key.digest)
