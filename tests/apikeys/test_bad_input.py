"""What is wrong is named by its field, or ignored; and nothing is changed either way."""

from datetime import timedelta
from typing import Any

import pytest
from django.forms.models import model_to_dict
from django.utils import timezone
from rest_framework.test import APIClient

from apikeys.models import APIKey
from tenants.models import AuditEntry, Tenant
from tests.factories import changed_key, make_key

WRONG_SETTINGS = [
    ("name", ""),
    ("name", None),
    ("name", "x" * 101),
    ("name", "two\nlines"),
    ("name", ["list"]),
    ("allowed_ips", None),
    ("allowed_ips", "192.0.2.0/24"),
    ("allowed_ips", {"a": 1}),
    ("allowed_ips", [""]),
    ("allowed_ips", [None]),
    ("allowed_ips", [1]),
    ("allowed_ips", [True]),
    ("allowed_ips", [["192.0.2.1"]]),
    ("allowed_ips", ["192.0.2.1/24"]),
    ("allowed_ips", ["192.0.2.0/33"]),
    ("allowed_ips", ["192.0.2.0/255.255.255.0"]),
    ("allowed_ips", ["192.0.2.0/-1"]),
    ("allowed_ips", ["192.0.2"]),
    ("allowed_ips", ["192.0.2.256"]),
    ("allowed_ips", ["192.000.002.001"]),
    ("allowed_ips", ["2001:db8::1/64"]),
    ("allowed_ips", ["2001:db8::/129"]),
    ("allowed_ips", ["fe80::1%eth0"]),
    ("allowed_ips", ["example.com"]),
    ("allowed_ips", ["١٩٢.0.2.1"]),
    ("allowed_ips", ["192.0.2.1", "nonsense"]),
    ("allowed_ips", [f"192.0.2.{number}" for number in range(51)]),
    ("rate_limit_per_minute", 0),
    ("rate_limit_per_minute", -1),
    ("rate_limit_per_minute", 1_000_001),
    ("rate_limit_per_minute", 1.5),
    ("rate_limit_per_minute", True),
    ("rate_limit_per_minute", "many"),
]
WRONG_LIFETIMES = [
    ("expires_at", "2020-01-01T00:00:00Z"),
    ("expires_at", "tomorrow"),
    ("expires_at", 0),
    ("expires_at", "9999-12-31T23:59:59-12:00"),
    ("expires_in_days", 0),
    ("expires_in_days", 3651),
    ("expires_in_days", "soon"),
    ("role", "owner"),
    ("role", None),
]
WRONG_GRACES = [-1, 604_801, 10**18, "a day", None, True, [], 0.5]
SMUGGLED = {
    "id": "01a208d9-5cc5-74e6-887b-8ca0e8a70576",
    "tenant": "01a208d9-5cc5-74e6-887b-8ca0e8a70576",
    "role": "admin",
    "digest": "00",
    "key_hash": "00",
    "prefix": "mg_live_zzzz",
    "last4": "zzzz",
    "created_at": "2000-01-01T00:00:00Z",
    "created_by": "somebody",
    "expires_at": "2034-01-01T00:00:00Z",
    "last_used_at": "2000-01-01T00:00:00Z",
    "revoked_at": "2000-01-01T00:00:00Z",
    "replaced_by_id": "01a208d9-5cc5-74e6-887b-8ca0e8a70576",
    "is_staff": True,
    "status": "active",
    "policy_violations": [],
}


def faults(response: Any) -> set[str]:
    assert response.status_code == 422, response.content
    assert response.json()["code"] == "invalid"
    return {error["field"].partition(".")[0] for error in response.json()["errors"]}


@pytest.mark.parametrize(("field", "value"), WRONG_SETTINGS + WRONG_LIFETIMES)
def test_a_key_is_not_made_from(field: str, value: Any, admin: APIClient) -> None:
    assert faults(admin.post("/v1/api-keys", {"name": "k"} | {field: value})) == {field}
    assert not APIKey.objects.exists()


@pytest.mark.parametrize(("field", "value"), WRONG_SETTINGS)
def test_a_key_is_not_changed_to(field: str, value: Any, acme: Tenant, admin: APIClient) -> None:
    key, _ = make_key(acme)
    assert faults(admin.patch(f"/v1/api-keys/{key.id}", {"name": "other"} | {field: value})) == {field}
    assert model_to_dict(APIKey.objects.get()) == model_to_dict(key)
    assert not AuditEntry.objects.filter(action="key.changed").exists()


@pytest.mark.parametrize("grace", WRONG_GRACES)
def test_a_key_is_not_rotated_with_a_grace_of(grace: Any, acme: Tenant, admin: APIClient) -> None:
    key, _ = make_key(acme)
    assert faults(admin.post(f"/v1/api-keys/{key.id}/rotate", {"grace_seconds": grace})) == {"grace_seconds"}
    assert APIKey.objects.get().replaced_by_id is None


@pytest.mark.parametrize("body", [[], [1], "text", 7])
@pytest.mark.parametrize("route", ["make", "change", "rotate"])
def test_a_body_that_is_no_object_is_refused(route: str, body: Any, acme: Tenant, admin: APIClient) -> None:
    key, _ = make_key(acme)
    path = {"make": "/v1/api-keys", "change": f"/v1/api-keys/{key.id}", "rotate": f"/v1/api-keys/{key.id}/rotate"}
    call = admin.patch if route == "change" else admin.post
    assert call(path[route], body, format="json").status_code == 422
    assert APIKey.objects.get().replaced_by_id is None


def test_nothing_but_the_settings_can_be_changed(acme: Tenant, admin: APIClient) -> None:
    key, _ = make_key(acme)
    before = APIKey.objects.values().get()
    response = admin.patch(f"/v1/api-keys/{key.id}", SMUGGLED)
    assert response.status_code == 200
    assert APIKey.objects.values().get() == before
    assert not AuditEntry.objects.filter(action="key.changed").exists()


def test_a_new_key_takes_no_column_from_the_body(acme: Tenant, admin: APIClient) -> None:
    made = admin.post("/v1/api-keys", SMUGGLED | {"name": "k", "role": "viewer"}).json()
    key = APIKey.objects.get()
    assert (key.tenant_id, key.role, str(key.id)) == (acme.id, "viewer", made["id"])
    assert made["id"] != SMUGGLED["id"]
    assert timezone.now() - key.created_at < timedelta(minutes=1)
    assert (key.prefix, key.last4) == (made["api_key"][:12], made["api_key"][-4:])
    assert (key.last_used_at, key.revoked_at, key.replaced_by_id) == (None, None, None)
    assert key.created_by_label == "admin@acme.example"


def test_a_rotation_takes_nothing_but_the_grace_from_the_body(acme: Tenant, admin: APIClient) -> None:
    old, _ = make_key(acme, "viewer")
    made = admin.post(f"/v1/api-keys/{old.id}/rotate", SMUGGLED | {"grace_seconds": 60}).json()
    new = APIKey.objects.get(id=made["id"])
    assert (new.tenant_id, new.role, new.expires_at, new.name) == (acme.id, "viewer", None, old.name)


PASTS = {
    "revoked": ({"revoked_at": timezone.now()}, "key_revoked"),
    "expired": ({"expires_at": timezone.now()}, "key_expired"),
    "rotated": ({"replaced_by_id": "01a208d9-5cc5-74e6-887b-8ca0e8a70576"}, "already_rotated"),
}


@pytest.mark.parametrize("past", PASTS)
def test_a_key_that_had_its_time_is_not_rotated(past: str, acme: Tenant, admin: APIClient) -> None:
    columns, code = PASTS[past]
    key, _ = changed_key(acme, **columns)
    response = admin.post(f"/v1/api-keys/{key.id}/rotate", {})
    assert (response.status_code, response.json()["code"]) == (409, code)
    assert APIKey.objects.count() == 1


def test_a_revoked_key_is_not_changed(acme: Tenant, admin: APIClient) -> None:
    key, _ = changed_key(acme, revoked_at=timezone.now())
    response = admin.patch(f"/v1/api-keys/{key.id}", {"name": "risen"})
    assert (response.status_code, response.json()["code"]) == (409, "key_revoked")
    assert APIKey.objects.get().name == "a key"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", None),
        ("name", "x" * 101),
        ("name", "a\x1bb"),
        ("sector", None),
        ("sector", "x" * 65),
        ("require_key_expiry", None),
        ("require_key_expiry", "perhaps"),
        ("max_key_lifetime_days", 0),
        ("max_key_lifetime_days", 3651),
        ("max_key_lifetime_days", "a year"),
        ("rate_limit_per_minute", 0),
        ("rate_limit_per_minute", 1_000_001),
    ],
)
def test_a_tenant_is_not_changed_to(field: str, value: Any, acme: Tenant, admin: APIClient) -> None:
    before = Tenant.objects.values().get()
    assert faults(admin.patch("/v1/tenant", {"name": "Other"} | {field: value})) == {field}
    assert Tenant.objects.values().get() == before
    assert not AuditEntry.objects.exists()
