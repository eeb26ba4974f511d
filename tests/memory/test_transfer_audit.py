"""Whoever takes everything along, or brings it, is in the audit log."""

import psycopg
import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import User
from memory.models import Event
from memory.transactions import tenant_transaction
from tenants.models import AuditEntry, Role, Tenant
from tests.factories import anonymous_client, client_for, make_event, make_key

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def exported(acme: Tenant, acme_admin: User) -> bytes:
    make_event(acme)
    return client_for(acme_admin).get("/v1/admin/export").getvalue()


def import_into(client: APIClient, exported: bytes, query: str = "") -> int:
    return client.generic("POST", f"/v1/admin/import{query}", exported, "application/x-ndjson").status_code


def entries(tenant: Tenant, action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(tenant_id=tenant.id, action=action))


def test_an_export_is_noted(exported: bytes, acme: Tenant, acme_admin: User) -> None:
    (entry,) = entries(acme, "memory.exported")
    assert (entry.actor_id, entry.actor_label) == (acme_admin.id, acme_admin.email)


def test_an_export_that_is_refused_is_not(acme: Tenant, admin: APIClient) -> None:
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        name = f"memgraph transfer {acme.id}"
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        assert admin.get("/v1/admin/export").json()["code"] == "transfer_running"
    assert not entries(acme, "memory.exported")
    assert admin.get("/v1/admin/export").getvalue()
    assert len(entries(acme, "memory.exported")) == 1


def test_an_import_is_noted_with_its_counts(exported: bytes, globex: Tenant) -> None:
    key, plaintext = make_key(globex, Role.ADMIN)
    program = anonymous_client(HTTP_X_API_KEY=plaintext)
    assert [import_into(program, exported) for _ in range(2)] == [200, 200]
    first, second = entries(globex, "memory.imported")[::-1]
    assert (first.actor_kind, first.actor_id) == ("api_key", key.id)
    nothing = {"event": 0, "belief": 0, "episode": 0}
    assert first.after == {"on_conflict": "skip", "created": nothing | {"event": 1}, "skipped": nothing}
    assert second.after == {"on_conflict": "skip", "created": nothing, "skipped": nothing | {"event": 1}}


@pytest.mark.parametrize("query", ["?dry_run=true", "?on_conflict=fail"])
def test_what_was_not_imported_is_not_noted(query: str, exported: bytes, acme: Tenant, admin: APIClient) -> None:
    assert import_into(admin, exported, query) == (200 if "dry" in query else 409)
    assert import_into(admin, exported[:-20], query) == 422
    assert not entries(acme, "memory.imported")
    with tenant_transaction(acme.id):
        assert Event.objects.count() == 1
