"""Whoever finds a key can end it, and learns nothing by trying."""

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apikeys.keys import generate_key
from apikeys.models import APIKey
from apikeys.services import LEAK_REPORTS
from tenants.audit.checks import find_faults
from tenants.models import AuditEntry, Tenant
from tests.factories import anonymous_client, changed_key, make_key

PATH = "/v1/api-keys/report-leak"
ANSWER = {"status": "received", "detail": "If this was one of our keys, it has been revoked."}
NOT_KEYS = [
    {},
    {"api_key": None},
    {"api_key": ""},
    {"api_key": 7},
    {"api_key": ["mg_live_"]},
    {"api_key": "mg_live_"},
    {"api_key": "mg_live_" + "a" * 36},
    {"api_key": "x" * 16_000},
    {"api_key": "\u00fc\U0001f511"},
    [],
    "text",
]


def report(client: APIClient, body: Any) -> tuple[int, Any]:
    response = client.post(PATH, body, format="json")
    return response.status_code, response.json()


def test_the_whole_key_revokes_it_and_is_audited_in_its_tenant(acme: Tenant, globex: Tenant) -> None:
    key, plaintext = make_key(acme)
    other, _ = make_key(globex)
    assert report(anonymous_client(REMOTE_ADDR="192.0.2.7"), {"api_key": plaintext}) == (200, ANSWER)
    refused = anonymous_client(HTTP_X_API_KEY=plaintext).get("/v1/stats")
    assert (refused.status_code, refused.json()["code"]) == (401, "key_revoked")
    other.refresh_from_db()
    assert other.revoked_at is None
    entry = AuditEntry.objects.get(action="key.leak_reported")
    assert (entry.tenant_id, entry.target_id, entry.actor_kind) == (acme.id, key.id, "anonymous")
    assert entry.address == "192.0.2.7"
    assert not list(find_faults())


@pytest.mark.parametrize("body", NOT_KEYS, ids=lambda body: str(body)[:30])
def test_what_is_no_key_gets_the_same_answer(body: Any, acme: Tenant, anonymous: APIClient) -> None:
    make_key(acme)
    assert report(anonymous, body) == (200, ANSWER)
    assert APIKey.objects.get().revoked_at is None


def test_an_unknown_key_gets_the_same_answer(anonymous: APIClient) -> None:
    assert report(anonymous, {"api_key": generate_key()}) == (200, ANSWER)


def test_parts_of_a_key_revoke_nothing(acme: Tenant, anonymous: APIClient) -> None:
    key, plaintext = make_key(acme)
    for part in (
        key.prefix,
        key.last4,
        plaintext[:-1],
        plaintext + "x",
        plaintext.lower(),
        key.digest.hex(),
        str(key.id),
    ):
        assert report(anonymous, {"api_key": part}) == (200, ANSWER)
    assert APIKey.objects.get().revoked_at is None


def test_space_around_a_key_is_forgiven(acme: Tenant, anonymous: APIClient) -> None:
    _, plaintext = make_key(acme)
    report(anonymous, {"api_key": f" {plaintext}\n"})
    assert APIKey.objects.get().revoked_at is not None


def test_a_key_is_reported_once(acme: Tenant, anonymous: APIClient) -> None:
    _, plaintext = make_key(acme)
    answers = [report(anonymous, {"api_key": plaintext}) for _ in range(3)]
    assert answers == [(200, ANSWER)] * 3
    assert AuditEntry.objects.filter(action="key.leak_reported").count() == 1


def test_a_key_revoked_before_stays_as_it_was(acme: Tenant, anonymous: APIClient) -> None:
    _, plaintext = changed_key(acme, revoked_at="2026-01-01T00:00:00Z")
    assert report(anonymous, {"api_key": plaintext}) == (200, ANSWER)
    assert APIKey.objects.get().revoked_at.year == 2026
    assert not AuditEntry.objects.filter(action="key.leak_reported").exists()


@pytest.mark.parametrize("state", ["suspended_at", "keys_frozen_at"])
def test_a_key_of_a_stopped_tenant_is_revoked_too(state: str, acme: Tenant, anonymous: APIClient) -> None:
    _, plaintext = make_key(acme)
    Tenant.objects.update(**{state: timezone.now()})
    report(anonymous, {"api_key": plaintext})
    assert APIKey.objects.get().revoked_at is not None


def test_a_key_in_the_header_is_not_looked_at(acme: Tenant) -> None:
    _, plaintext = make_key(acme)
    assert report(anonymous_client(HTTP_X_API_KEY=plaintext), {}) == (200, ANSWER)
    assert APIKey.objects.get().revoked_at is None


def test_reports_of_one_address_are_limited_and_others_are_not(acme: Tenant) -> None:
    _, plaintext = make_key(acme)
    noisy = anonymous_client(REMOTE_ADDR="192.0.2.7")
    for _ in range(LEAK_REPORTS.most):
        assert report(noisy, {})[0] == 200
    refused = noisy.post(PATH, {"api_key": plaintext})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert 1 <= int(refused["Retry-After"]) <= LEAK_REPORTS.seconds
    assert APIKey.objects.get().revoked_at is None
    assert report(anonymous_client(REMOTE_ADDR="192.0.2.8"), {"api_key": plaintext}) == (200, ANSWER)
    assert APIKey.objects.get().revoked_at is not None


def test_the_reported_key_is_in_no_row_of_the_log(acme: Tenant, anonymous: APIClient) -> None:
    _, plaintext = make_key(acme)
    report(anonymous, {"api_key": plaintext})
    assert not any(plaintext in str(row) for row in AuditEntry.objects.values())
