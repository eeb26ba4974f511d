from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apikeys.models import APIKey
from apikeys.policy import violating
from tenants.models import Tenant
from tests.factories import anonymous_client, changed_key, make_key

POLICIES = [
    {},
    {"require_key_expiry": True},
    {"max_key_lifetime_days": 30},
    {"require_key_expiry": True, "max_key_lifetime_days": 30},
]
LIFETIMES = [None, 29, 30, 31]
ALLOWED = {0: {None, 29, 30, 31}, 1: {29, 30, 31}, 2: {29, 30}, 3: {29, 30}}


@pytest.mark.parametrize("policy", range(4))
@pytest.mark.parametrize("days", LIFETIMES)
def test_a_key_is_made_within_the_policy(policy: int, days: int | None, acme: Tenant, admin: APIClient) -> None:
    Tenant.objects.update(sector="any", **POLICIES[policy])
    response = admin.post("/v1/api-keys", {"name": "k"} | ({"expires_in_days": days} if days else {}))
    if days in ALLOWED[policy]:
        assert (response.status_code, response.json()["policy_violations"]) == (201, [])
    else:
        (error,) = response.json()["errors"]
        assert (response.status_code, error["field"]) == (422, "expires_at")
        assert error["code"] == ("lifetime_too_long" if days else "no_expiry")
        assert not APIKey.objects.exists()


@pytest.mark.parametrize("policy", range(4))
@pytest.mark.parametrize("days", LIFETIMES)
def test_a_key_from_before_is_shown_to_break_it(policy: int, days: int | None, acme: Tenant, admin: APIClient) -> None:
    now = timezone.now()
    key, plaintext = changed_key(acme, created_at=now, expires_at=now + timedelta(days=days) if days else None)
    admin.patch("/v1/tenant", POLICIES[policy])
    expected = [] if days in ALLOWED[policy] else ["lifetime_too_long" if days else "no_expiry"]
    assert admin.get(f"/v1/api-keys/{key.id}").json()["policy_violations"] == expected
    assert admin.get("/v1/api-keys").json()["items"][0]["policy_violations"] == expected
    assert anonymous_client(HTTP_X_API_KEY=plaintext).get("/v1/stats").status_code == 200  # no outage by policy
    acme.refresh_from_db()
    assert APIKey.objects.filter(violating()).exists() is bool(expected)
    assert admin.get("/v1/api-keys/health").json()["against_policy"]["count"] == len(expected)


@pytest.mark.parametrize("columns", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now()}])
def test_a_key_that_has_ended_breaks_nothing(columns: dict[str, Any], acme: Tenant, admin: APIClient) -> None:
    columns = {"created_at": timezone.now() - timedelta(days=999)} | columns
    key, _ = changed_key(acme, **columns)
    admin.patch("/v1/tenant", {"max_key_lifetime_days": 1})
    assert admin.get(f"/v1/api-keys/{key.id}").json()["policy_violations"] == []


def test_a_policy_binds_its_own_tenant_alone(acme: Tenant, globex: Tenant, admin: APIClient) -> None:
    admin.patch("/v1/tenant", {"require_key_expiry": True})
    assert make_key(globex)[0].expires_at is None


def test_a_name_can_be_changed_on_a_key_that_breaks_the_policy(acme: Tenant, admin: APIClient) -> None:
    key, _ = make_key(acme)
    admin.patch("/v1/tenant", {"require_key_expiry": True})
    assert admin.patch(f"/v1/api-keys/{key.id}", {"name": "legacy"}).json()["name"] == "legacy"
