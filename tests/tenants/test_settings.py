"""GET and PATCH /v1/tenant. What is refused: `tests/apikeys/test_bad_input.py`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tenants.models import AuditEntry, Role, Tenant
from tests.factories import client_for, key_client, make_user

CHANGES: dict[str, Any] = {
    "name": "Acme Ltd.",
    "sector": "energy",
    "require_key_expiry": True,
    "max_key_lifetime_days": 90,
    "rate_limit_per_minute": 6000,
    "event_retention_days": 365,
}


@pytest.mark.parametrize("role", Role.values)
def test_everybody_in_it_sees_the_tenant(role: str, acme: Tenant, globex: Tenant) -> None:
    expected = {
        "id": str(acme.id),
        "name": "Acme",
        "sector": "",
        "created_at": acme.created_at.isoformat().replace("+00:00", "Z"),
        "require_key_expiry": False,
        "max_key_lifetime_days": None,
        "rate_limit_per_minute": None,
        "rate_limit_cap": None,
        "event_retention_days": None,
        "keys_frozen_at": None,
    }
    for client in (client_for(make_user(acme, role)), key_client(acme, role)):
        assert client.get("/v1/tenant").json() == expected


@pytest.mark.parametrize("field", CHANGES)
def test_each_setting_is_changed_alone_and_audited(field: str, acme: Tenant, globex: Tenant, admin: APIClient) -> None:
    before = admin.get("/v1/tenant").json()
    of_globex = Tenant.objects.values().get(id=globex.id)
    response = admin.patch("/v1/tenant", {field: CHANGES[field]})
    assert response.status_code == 200
    assert response.json() == admin.get("/v1/tenant").json() == before | {field: CHANGES[field]}
    entry = AuditEntry.objects.get(tenant_id=acme.id)
    assert (entry.action, entry.target_id, entry.actor_label) == ("tenant.changed", acme.id, "admin@acme.example")
    assert (entry.before, entry.after) == ({field: before[field]}, {field: CHANGES[field]})
    assert Tenant.objects.values().get(id=globex.id) == of_globex


def test_what_stays_the_same_is_not_audited(acme: Tenant, admin: APIClient) -> None:
    assert admin.patch("/v1/tenant", {"name": "Acme", "require_key_expiry": False}).status_code == 200
    assert admin.patch("/v1/tenant", {}).status_code == 200
    assert not AuditEntry.objects.exists()


def test_a_policy_can_be_lifted(acme: Tenant, admin: APIClient) -> None:
    admin.patch("/v1/tenant", CHANGES)
    lifted = {"require_key_expiry": False, "max_key_lifetime_days": None, "rate_limit_per_minute": None, "sector": ""}
    lifted["event_retention_days"] = None
    assert admin.patch("/v1/tenant", lifted).json() == admin.get("/v1/tenant").json() | lifted


def test_nothing_else_can_be_set(acme: Tenant, admin: APIClient) -> None:
    before = Tenant.objects.values().get()
    smuggled = {
        "id": "01a208d9-5cc5-74e6-887b-8ca0e8a70576",
        "created_at": "2000-01-01T00:00:00Z",
        "suspended_at": "2000-01-01T00:00:00Z",
        "keys_frozen_at": "2000-01-01T00:00:00Z",
    }
    assert admin.patch("/v1/tenant", smuggled).status_code == 200
    assert Tenant.objects.values().get() == before


def test_the_new_name_is_everywhere_from_the_next_request_on(acme: Tenant, admin: APIClient) -> None:
    client = key_client(acme)
    admin.patch("/v1/tenant", {"name": "Acme Ltd."})
    assert client.get("/v1/auth/whoami").json()["tenant_name"] == "Acme Ltd."
