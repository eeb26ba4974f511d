"""What the tests of people share: signing in over HTTP, and what the audit log says."""

from typing import Any
from urllib.parse import urlencode

from rest_framework.test import APIClient

from accounts.hashers import OWASPArgon2PasswordHasher
from tenants.models import AuditEntry, Tenant
from tests.factories import PASSWORD, anonymous_client

FORM = "application/x-www-form-urlencoded"
NEW_PASSWORD = "twelve purple walruses"


class CheapHasher(OWASPArgon2PasswordHasher):
    """Argon2id with the least work that it allows."""

    memory_cost = 8
    time_cost = 1


def sign_in(email: str, password: str = PASSWORD, ip: str = "192.0.2.1") -> Any:
    form = urlencode({"username": email, "password": password})
    return anonymous_client().post("/v1/auth/login", form, content_type=FORM, REMOTE_ADDR=ip)


def signed_in(email: str, password: str = PASSWORD, ip: str = "192.0.2.1") -> APIClient:
    answer = sign_in(email, password, ip)
    assert answer.status_code == 200, answer.content
    return anonymous_client(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access_token']}", REMOTE_ADDR=ip)


def audited(tenant: Tenant | None) -> list[str]:
    """The actions in the tenant's log, oldest first."""
    rows = AuditEntry.objects.filter(tenant_id=tenant.id if tenant else None)
    return list(rows.order_by("id").values_list("action", flat=True))


def last_entry(tenant: Tenant | None) -> AuditEntry:
    return AuditEntry.objects.filter(tenant_id=tenant.id if tenant else None).latest("id")


def faults_of(answer: Any) -> set[tuple[str, str]]:
    return {(error["field"], error["code"]) for error in answer.json()["errors"]}
