from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apikeys.models import APIKey
from apikeys.status import Status, status_at, status_of
from tenants.models import AuditEntry, Role, Tenant
from tests.factories import anonymous_client, changed_key, client_for, key_client, make_key, make_user

NOW = timezone.now()
SOME_ID = "01a208d9-5cc5-74e6-887b-8ca0e8a70576"
ENDED, REVOKED, REPLACED = {"expires_at": NOW}, {"revoked_at": NOW}, {"replaced_by_id": SOME_ID}
SOON, LATER = {"expires_at": NOW + timedelta(days=29)}, {"expires_at": NOW + timedelta(days=31)}


@pytest.mark.parametrize(
    ("columns", "status", "when_frozen"),
    [
        ({}, "active", "frozen"),
        (LATER, "active", "frozen"),
        (SOON, "expiring", "frozen"),
        (SOON | REPLACED, "rotated", "frozen"),
        (ENDED, "expired", "expired"),
        (ENDED | REPLACED, "rotated", "rotated"),
        (REVOKED, "revoked", "revoked"),
        (ENDED | REVOKED | REPLACED, "revoked", "revoked"),
    ],
)
def test_status(columns: dict[str, Any], status: str, when_frozen: str, acme: Tenant, admin: APIClient) -> None:
    key, _ = changed_key(acme, **columns)
    assert admin.get(f"/v1/api-keys/{key.id}").json()["status"] == status
    admin.post("/v1/tenant/freeze-keys")
    assert admin.get(f"/v1/api-keys/{key.id}").json()["status"] == when_frozen
    (listed,) = admin.get("/v1/api-keys?include_revoked=true").json()["items"]
    assert listed["status"] == when_frozen
    for name in Status:
        assert APIKey.objects.in_status(name).exists() is (name == when_frozen)
    admin.post("/v1/tenant/unfreeze-keys")
    for name in Status:
        assert APIKey.objects.in_status(name).exists() is (name == status)


def test_one_key_and_a_query_say_the_same(acme: Tenant, globex: Tenant) -> None:
    Tenant.objects.filter(id=globex.id).update(keys_frozen_at=NOW)
    ends = [{}, ENDED, SOON, LATER, {"expires_at": NOW + timedelta(days=30)}]
    for tenant, revoked, end, replaced in product([acme, globex], [{}, REVOKED], ends, [{}, REPLACED]):
        changed_key(tenant, **revoked, **end, **replaced)
    keys = APIKey.objects.select_related("tenant").annotate(said=status_at(NOW))
    assert {(key.said, key.id) for key in keys} == {(status_of(key, NOW), key.id) for key in keys}
    assert {key.said for key in keys} == set(Status)


@pytest.mark.parametrize(("columns", "is_told"), [(SOON, True), (LATER, False), ({}, False), (SOON | REPLACED, True)])
def test_a_program_is_told_when_its_key_ends_within_30_days(
    columns: dict[str, Any], is_told: bool, acme: Tenant
) -> None:
    _, plaintext = changed_key(acme, Role.VIEWER, **columns)
    client = anonymous_client(HTTP_X_API_KEY=plaintext)
    for response in (client.get("/v1/stats"), client.get("/v1/events/nothing"), client.post("/v1/events", {})):
        assert ("X-Memgraph-Key-Expires-In" in response) is is_told
    assert client.post("/v1/events", {}).status_code == 403
    if is_told:
        assert 28 * 86_400 < int(response["X-Memgraph-Key-Expires-In"]) <= 29 * 86_400


def test_a_person_is_not_told_when_the_session_ends(admin: APIClient) -> None:
    assert "X-Memgraph-Key-Expires-In" not in admin.get("/v1/stats")


def test_frozen_keys_are_refused_and_people_are_not(acme: Tenant, admin: APIClient) -> None:
    keys = [key_client(acme, role) for role in Role.values]
    frozen = admin.post("/v1/tenant/freeze-keys")
    assert (frozen.status_code, frozen.json()["status"]) == (200, "frozen")
    for client in keys:
        refused = client.get("/v1/stats")
        assert (refused.status_code, refused.json()["code"]) == (401, "keys_frozen")
    assert admin.get("/v1/stats").status_code == 200
    assert admin.get("/v1/tenant").json()["keys_frozen_at"] == frozen.json()["frozen_at"]
    assert admin.post("/v1/tenant/unfreeze-keys").json() == {"status": "unfrozen", "frozen_at": None}
    assert {client.get("/v1/stats").status_code for client in keys} == {200}


def test_freezing_stops_at_the_tenant(acme: Tenant, globex: Tenant, admin: APIClient) -> None:
    admin.post("/v1/tenant/freeze-keys")
    assert key_client(globex).get("/v1/stats").status_code == 200


def test_freezing_twice_is_freezing_once(acme: Tenant, admin: APIClient) -> None:
    first, second = (admin.post("/v1/tenant/freeze-keys").json() for _ in range(2))
    assert first == second
    for _ in range(2):
        assert admin.post("/v1/tenant/unfreeze-keys").json()["status"] == "unfrozen"
    actions = AuditEntry.objects.filter(tenant_id=acme.id).order_by("number").values_list("action", flat=True)
    assert list(actions) == ["keys.frozen", "keys.unfrozen"]


def test_a_key_made_while_frozen_is_frozen_too(acme: Tenant, admin: APIClient) -> None:
    admin.post("/v1/tenant/freeze-keys")
    made = admin.post("/v1/api-keys", {"name": "k"}).json()
    assert made["status"] == "frozen"
    assert anonymous_client(HTTP_X_API_KEY=made["api_key"]).get("/v1/stats").status_code == 401


@pytest.mark.parametrize("path", ["/v1/tenant/freeze-keys", "/v1/tenant/unfreeze-keys"])
def test_an_editor_does_not_freeze(path: str, acme: Tenant) -> None:
    assert client_for(make_user(acme, Role.EDITOR)).post(path).json()["code"] == "role_required"
    assert key_client(acme, Role.ADMIN).post(path).json()["code"] == "user_session_required"


def test_a_suspended_tenants_key_is_told_so(acme: Tenant) -> None:
    _, plaintext = make_key(acme)
    Tenant.objects.update(suspended_at=NOW)
    assert anonymous_client(HTTP_X_API_KEY=plaintext).get("/v1/stats").json()["code"] == "tenant_suspended"
