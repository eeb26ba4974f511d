from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apikeys.models import APIKey
from tenants.audit.checks import find_faults
from tenants.models import AuditEntry, Tenant
from tests.factories import anonymous_client, changed_key, make_key

KEPT = ("name", "role", "allowed_ips", "rate_limit_per_minute", "tenant_id")


def rotate(admin: APIClient, key: APIKey, **body: Any) -> Any:
    response = admin.post(f"/v1/api-keys/{key.id}/rotate", body)
    assert response.status_code == 201, response.content
    return response.json()


def whoami(plaintext: str) -> Any:
    return anonymous_client(HTTP_X_API_KEY=plaintext).get("/v1/auth/whoami")


def seconds_until(moment: str | datetime) -> float:
    moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return (moment - timezone.now()).total_seconds()


def test_the_new_key_has_the_settings_of_the_old_one(acme: Tenant, admin: APIClient) -> None:
    old, _ = make_key(acme, "viewer", name="reader", allowed_ips=["127.0.0.0/8"], rate_limit_per_minute=77)
    made = rotate(admin, old)
    new = APIKey.objects.get(id=made["id"])
    assert {name: getattr(new, name) for name in KEPT} == {name: getattr(old, name) for name in KEPT}
    assert made["api_key"].startswith(new.prefix)
    assert new.digest != old.digest
    assert (made["status"], made["last_used_at"]) == ("active", None)
    assert new.created_by_label == "admin@acme.example"


def test_the_answer_holds_the_new_key_once_and_is_not_stored(acme: Tenant, admin: APIClient) -> None:
    response = admin.post(f"/v1/api-keys/{make_key(acme)[0].id}/rotate", {})
    assert response["Cache-Control"] == "no-store"
    plaintext = response.json()["api_key"]
    assert whoami(plaintext).status_code == 200
    assert plaintext not in admin.get("/v1/api-keys").content.decode()
    assert not any(plaintext in str(row) for row in AuditEntry.objects.values())


def test_the_grace_is_a_day_unless_sent(acme: Tenant, admin: APIClient) -> None:
    old, _ = make_key(acme)
    made = rotate(admin, old)
    assert made["old"]["id"] == str(old.id)
    assert 86_390 < seconds_until(made["old"]["ends_at"]) <= 86_400


@pytest.mark.parametrize("grace", [1, 60, 604_800])
def test_the_old_key_ends_after_the_grace(grace: int, acme: Tenant, admin: APIClient) -> None:
    old, _ = make_key(acme)
    ends_at = rotate(admin, old, grace_seconds=grace)["old"]["ends_at"]
    assert grace - 10 < seconds_until(ends_at) <= grace
    old.refresh_from_db()
    assert old.expires_at == datetime.fromisoformat(ends_at)


def test_without_grace_the_old_key_is_refused_at_once(acme: Tenant, admin: APIClient) -> None:
    old, plaintext = make_key(acme)
    made = rotate(admin, old, grace_seconds=0)
    refused = whoami(plaintext)
    assert (refused.status_code, refused.json()["code"]) == (401, "key_expired")
    assert "This API key was replaced" in refused.json()["detail"]
    assert whoami(made["api_key"]).status_code == 200


def test_the_grace_never_outlasts_the_old_keys_own_end(acme: Tenant, admin: APIClient) -> None:
    old, _ = make_key(acme, expires_at=timezone.now() + timedelta(hours=1))
    made = rotate(admin, old, grace_seconds=86_400)
    assert datetime.fromisoformat(made["old"]["ends_at"]) == old.expires_at


def test_the_new_key_lives_as_long_as_the_old_one_was_made_for(acme: Tenant, admin: APIClient) -> None:
    now = timezone.now()
    old, _ = changed_key(acme, created_at=now - timedelta(days=50), expires_at=now + timedelta(days=10))
    made = rotate(admin, old)
    lifetime = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert lifetime == timedelta(days=60)


def test_a_key_without_end_begets_one_without_end(acme: Tenant, admin: APIClient) -> None:
    assert rotate(admin, make_key(acme)[0])["expires_at"] is None


@pytest.mark.parametrize(
    ("policy", "days"),
    [
        ({"require_key_expiry": True}, 90),
        ({"max_key_lifetime_days": 7}, 7),
        ({"require_key_expiry": True, "max_key_lifetime_days": 365}, 365),
    ],
)
def test_the_new_key_keeps_a_policy_that_the_old_one_breaks(
    policy: dict[str, Any], days: int, acme: Tenant, admin: APIClient
) -> None:
    old, _ = make_key(acme)
    admin.patch("/v1/tenant", policy)
    assert admin.get(f"/v1/api-keys/{old.id}").json()["policy_violations"] == ["no_expiry"]
    made = rotate(admin, old)
    assert datetime.fromisoformat(made["expires_at"]) == datetime.fromisoformat(made["created_at"]) + timedelta(days)
    assert made["policy_violations"] == []
    assert admin.get(f"/v1/api-keys/{old.id}").json()["policy_violations"] == []  # it ends, as somebody chose


def test_a_lifetime_over_the_maximum_is_cut(acme: Tenant, admin: APIClient) -> None:
    old, _ = make_key(acme, expires_at=timezone.now() + timedelta(days=300))
    admin.patch("/v1/tenant", {"max_key_lifetime_days": 30})
    made = rotate(admin, old)
    assert datetime.fromisoformat(made["expires_at"]) == datetime.fromisoformat(made["created_at"]) + timedelta(30)


def test_a_rotated_key_is_named_so_and_names_its_successor(acme: Tenant, admin: APIClient) -> None:
    old, _ = make_key(acme)
    new = rotate(admin, old)
    shown = admin.get(f"/v1/api-keys/{old.id}").json()
    assert (shown["status"], shown["replaced_by_id"]) == ("rotated", new["id"])
    APIKey.objects.filter(id=old.id).update(expires_at=timezone.now())
    assert admin.get(f"/v1/api-keys/{old.id}").json()["status"] == "rotated"


def test_a_key_is_rotated_once_and_its_successor_again(acme: Tenant, admin: APIClient) -> None:
    old, _ = make_key(acme)
    new = rotate(admin, old)
    again = admin.post(f"/v1/api-keys/{old.id}/rotate", {})
    assert (again.status_code, again.json()["code"]) == (409, "already_rotated")
    assert rotate(admin, APIKey.objects.get(id=new["id"]))["id"]


def test_an_old_key_can_be_revoked_before_its_grace_is_over(acme: Tenant, admin: APIClient) -> None:
    old, plaintext = make_key(acme)
    new = rotate(admin, old)
    assert admin.delete(f"/v1/api-keys/{old.id}").json()["status"] == "revoked"
    assert whoami(plaintext).json()["code"] == "key_revoked"
    assert whoami(new["api_key"]).status_code == 200


def test_both_keys_are_in_the_audit_log(acme: Tenant, admin: APIClient) -> None:
    old, _ = make_key(acme)
    made = rotate(admin, old, grace_seconds=60)
    *_, created, rotated = AuditEntry.objects.filter(tenant_id=acme.id).order_by("number")
    assert (created.action, str(created.target_id)) == ("key.created", made["id"])
    assert (rotated.action, rotated.target_id, rotated.actor_label) == ("key.rotated", old.id, "admin@acme.example")
    assert rotated.before == {"expires_at": None}
    assert rotated.after["replaced_by_id"] == made["id"]
    assert datetime.fromisoformat(rotated.after["expires_at"]) == datetime.fromisoformat(made["old"]["ends_at"])
    assert not list(find_faults())
