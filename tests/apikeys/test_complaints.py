"""What users of such systems complain of most, and why nobody here can: one test for each complaint about keys."""

from datetime import timedelta
from time import perf_counter

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from apikeys.models import APIKey
from tenants.models import Role, Tenant
from tests.factories import anonymous_client, changed_key, key_client, make_key


def status_of(plaintext: str) -> int:
    return anonymous_client(HTTP_X_API_KEY=plaintext).get("/v1/auth/whoami").status_code


def test_a_key_is_not_checked_by_a_password_hasher(acme: Tenant) -> None:
    client = key_client(acme)
    client.get("/v1/auth/whoami")
    started = perf_counter()
    for _ in range(20):
        client.get("/v1/auth/whoami")
    assert (perf_counter() - started) / 20 < 0.05  # a hasher alone takes 0.1 s


def test_the_cost_of_a_key_does_not_grow_with_the_keys(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(20):
        make_key(acme)
    client = key_client(acme)
    client.get("/v1/auth/whoami")
    with django_assert_num_queries(1) as queries:
        client.get("/v1/auth/whoami")
    assert "WHERE k.digest = " in queries[0]["sql"]


def test_a_read_only_key_cannot_write(acme: Tenant, admin: APIClient) -> None:
    made = admin.post("/v1/api-keys", {"name": "reader", "role": "viewer"}).json()
    client = anonymous_client(HTTP_X_API_KEY=made["api_key"])
    event = {"event_type": "user_message", "content": {}, "user_id": "ada"}
    assert client.get("/v1/events").status_code == 200
    refused = client.post("/v1/events", event)
    assert (refused.status_code, refused.json()["code"]) == (403, "role_required")
    assert client.get("/v1/events").json()["items"] == []


def test_rotation_without_an_outage(admin: APIClient) -> None:
    old = admin.post("/v1/api-keys", {"name": "production"}).json()
    new = admin.post(f"/v1/api-keys/{old['id']}/rotate", {"grace_seconds": 3600}).json()
    assert status_of(old["api_key"]) == status_of(new["api_key"]) == 200
    assert admin.get(f"/v1/api-keys/{old['id']}").json()["last_used_at"] is not None  # so one knows who still has it
    APIKey.objects.filter(id=old["id"]).update(expires_at=timezone.now())  # the hour passes
    assert (status_of(old["api_key"]), status_of(new["api_key"])) == (401, 200)


def test_last_used_moves(acme: Tenant, admin: APIClient) -> None:
    key, plaintext = make_key(acme)
    assert admin.get(f"/v1/api-keys/{key.id}").json()["last_used_at"] is None
    program = {"HTTP_X_API_KEY": plaintext, "REMOTE_ADDR": "192.0.2.7"}
    anonymous_client(**program, HTTP_USER_AGENT="first/1.0").get("/v1/stats")
    first = admin.get(f"/v1/api-keys/{key.id}").json()
    assert (first["last_used_ip"], first["last_used_agent"]) == ("192.0.2.7", "first/1.0")
    APIKey.objects.filter(id=key.id).update(last_used_at=timezone.now() - timedelta(seconds=61))
    anonymous_client(**program, HTTP_USER_AGENT="second/2.0").get("/v1/stats")
    second = admin.get(f"/v1/api-keys/{key.id}").json()
    assert second["last_used_at"] > first["last_used_at"]
    assert second["last_used_agent"] == "second/2.0"


def test_a_maximum_lifetime_is_enforced(admin: APIClient) -> None:
    assert admin.patch("/v1/tenant", {"max_key_lifetime_days": 30}).status_code == 200
    for lifetime in ({}, {"expires_in_days": 31}, {"expires_at": "2999-01-01T00:00:00Z"}):
        refused = admin.post("/v1/api-keys", {"name": "k"} | lifetime)
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == ["expires_at"]
    assert admin.post("/v1/api-keys", {"name": "k", "expires_in_days": 30}).status_code == 201
    assert APIKey.objects.count() == 1


def test_a_key_warns_before_it_expires(acme: Tenant, admin: APIClient) -> None:
    key, plaintext = changed_key(acme, expires_at=timezone.now() + timedelta(days=29))
    response = anonymous_client(HTTP_X_API_KEY=plaintext).get("/v1/stats")
    assert 28 * 86400 < int(response["X-Memgraph-Key-Expires-In"]) <= 29 * 86400
    assert admin.get(f"/v1/api-keys/{key.id}").json()["status"] == "expiring"
    ends_soon = admin.get("/v1/api-keys/health").json()["ends_soon"]
    assert [item["id"] for item in ends_soon["items"]] == [str(key.id)]


@pytest.mark.parametrize("role", Role.values)
def test_a_key_cannot_lift_its_own_limits(role: str, acme: Tenant) -> None:
    key, plaintext = make_key(acme, role, allowed_ips=["127.0.0.1/32"], rate_limit_per_minute=9)
    client = anonymous_client(HTTP_X_API_KEY=plaintext)
    tries = [
        client.patch(f"/v1/api-keys/{key.id}", {"allowed_ips": [], "rate_limit_per_minute": None}),
        client.post(f"/v1/api-keys/{key.id}/rotate", {}),
        client.post("/v1/api-keys", {"name": "stronger", "role": "admin"}),
        client.patch("/v1/tenant", {"rate_limit_per_minute": None}),
        client.post("/v1/tenant/unfreeze-keys"),
    ]
    assert [(response.status_code, response.json()["code"]) for response in tries] == [
        (403, "user_session_required")
    ] * len(tries)
    same = APIKey.objects.get()
    assert (same.allowed_ips, same.rate_limit_per_minute, same.role) == (["127.0.0.1/32"], 9, role)


@pytest.mark.parametrize("role", Role.values)
def test_a_key_cannot_list_keys(role: str, acme: Tenant) -> None:
    stronger, _ = make_key(acme, Role.ADMIN)
    client = key_client(acme, role)
    for path in ("/v1/api-keys", f"/v1/api-keys/{stronger.id}", "/v1/api-keys/health"):
        assert client.get(path).json()["code"] == "user_session_required"


def test_a_deleted_key_is_refused_at_once(acme: Tenant, admin: APIClient) -> None:
    key, plaintext = make_key(acme)
    assert status_of(plaintext) == 200
    admin.delete(f"/v1/api-keys/{key.id}")
    assert status_of(plaintext) == 401


def test_a_key_outlives_the_person_who_made_it(acme_admin: User, admin: APIClient) -> None:
    made = admin.post("/v1/api-keys", {"name": "orphan"}).json()
    acme_admin.delete()
    assert status_of(made["api_key"]) == 200
    key = APIKey.objects.get(id=made["id"])
    assert key.created_by_label == "admin@acme.example"


def test_a_tenant_in_the_body_is_never_believed(acme: Tenant, globex: Tenant, admin: APIClient) -> None:
    response = admin.post("/v1/api-keys", {"name": "k", "tenant_id": str(globex.id)})
    assert (response.status_code, response.json()["code"]) == (403, "tenant_mismatch")
    made = admin.post("/v1/api-keys", {"name": "k", "tenant": str(globex.id)}).json()
    assert APIKey.objects.get(id=made["id"]).tenant_id == acme.id
