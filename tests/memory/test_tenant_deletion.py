"""The deletion of a tenant leaves no row in any table but one, which is in the audit log and says so."""

import uuid
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.exceptions import NotFound
from rest_framework.test import APIClient

from accounts.models import User
from memory.removal.tenant import delete_tenant
from tenants.actor import command_line_actor
from tenants.audit.checks import find_faults
from tenants.models import AuditEntry, AuditHead, Tenant
from tests.factories import PASSWORD, client_for, key_client, make_tenant
from tests.memory.deletions import rows_with, traces

pytestmark = pytest.mark.django_db(transaction=True)
RIGHT = {"confirm": "Acme", "password": PASSWORD}


def test_no_row_is_left_in_any_table_but_one(boss: User, acme: Tenant, globex: Tenant) -> None:
    ours, theirs = traces(acme), rows_with(*traces(globex))
    tables = rows_with(*ours)
    assert {"memory.Event", "memory.Belief", "memory.Episode", "apikeys.APIKey", "accounts.User"} <= set(tables)
    assert {"accounts.Session", "accounts.ResetToken", "accounts.Invitation", "admin.LogEntry"} <= set(tables)
    assert {"tenants.Tenant", "tenants.AuditEntry", "tenants.AuditHead"} <= set(tables)
    answer = client_for(boss).delete("/v1/tenant", RIGHT)
    assert answer.status_code == 200, answer.content
    assert rows_with(*ours) == {"tenants.AuditEntry": 1}
    assert rows_with(*traces(globex)) == theirs
    assert not list(find_faults())


def test_the_counts_are_answered_and_kept(boss: User, acme: Tenant) -> None:
    rows = AuditEntry.objects.filter(tenant_id=acme.id).count()
    answer = client_for(boss).delete("/v1/tenant", RIGHT).json()
    counts = {"events": 5, "beliefs": 5, "episodes": 5, "api_keys": 5, "users": 6, "sessions": 6}
    counts |= {"reset_tokens": 1, "invitations": 1, "audit_log": rows + 1}  # its suspension
    assert answer == {"id": str(acme.id), "status": "deleted", "deleted": counts}
    entry = AuditEntry.objects.get(action="tenant.deleted")
    assert (entry.tenant_id, entry.target_id, entry.actor_id) == (None, acme.id, boss.id)
    assert counts.items() <= entry.after.items()
    assert (entry.after["chain"], entry.after["head"]["number"]) == ("held", rows + 1)


def test_nobody_gets_in_afterwards_and_the_address_is_free(boss: User, acme: Tenant, anonymous: APIClient) -> None:
    person, program = client_for(boss), key_client(acme)
    assert person.delete("/v1/tenant", RIGHT).status_code == 200
    assert person.get("/v1/auth/me").json()["code"] == "session_ended"
    assert program.get("/v1/stats").json()["code"] == "key_invalid"
    again = {"email": boss.email, "password": PASSWORD, "full_name": "Ada", "cluster_name": "Acme"}
    assert anonymous.post("/v1/auth/onboard", again).status_code == 201


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "confirm", "required"),
        (RIGHT | {"confirm": "acme"}, "confirm", "confirm_wrong"),
        (RIGHT | {"confirm": "Acme "}, "confirm", "confirm_wrong"),
        (RIGHT | {"confirm": "Globex"}, "confirm", "confirm_wrong"),
        ({"confirm": "Acme"}, "password", "required"),
        (RIGHT | {"password": "wrong"}, "password", "password_wrong"),
        (RIGHT | {"password": None}, "password", "null"),
    ],
)
def test_without_name_and_password_nothing_happens(
    body: dict[str, Any], field: str, code: str, boss: User, acme: Tenant
) -> None:
    answer = client_for(boss).delete("/v1/tenant", body)
    faults = [(error["field"], error["code"]) for error in answer.json()["errors"]]
    assert (answer.status_code, (field, code) in faults) == (422, True)
    acme.refresh_from_db()
    assert acme.suspended_at is None
    assert client_for(boss).get("/v1/stats").json()["total_events"] == 5


def test_a_wrong_password_is_a_refused_sign_in(boss: User, acme: Tenant) -> None:
    client_for(boss).delete("/v1/tenant", RIGHT | {"password": "wrong"})
    entry = AuditEntry.objects.get(tenant_id=acme.id, action="session.sign_in_refused")
    assert (entry.target_id, entry.actor_id) == (boss.id, boss.id)


def test_a_broken_audit_chain_is_told_when_it_goes(boss: User, acme: Tenant) -> None:
    AuditHead.objects.filter(tenant_id=acme.id).update(count=2)
    delete_tenant(tenant_id=acme.id, actor=command_line_actor())
    assert AuditEntry.objects.get(action="tenant.deleted").after["chain"] != "held"
    assert not AuditHead.objects.filter(tenant_id=acme.id).exists()


def test_deleted_twice_is_not_there(acme: Tenant) -> None:
    delete_tenant(tenant_id=acme.id, actor=command_line_actor())
    with pytest.raises(NotFound):
        delete_tenant(tenant_id=acme.id, actor=command_line_actor())
    assert AuditEntry.objects.filter(action="tenant.deleted").count() == 1


@pytest.mark.parametrize(
    ("tenant", "name", "sentence"),
    [
        ("acme", "Globex", "not the name"),
        ("nobody", "Acme", "no such tenant"),
        ("x", "Acme", "no such tenant"),
    ],
)
def test_the_command_refuses_what_it_does_not_know(tenant: str, name: str, sentence: str, acme: Tenant) -> None:
    tenant_id = {"acme": str(acme.id), "nobody": str(uuid.uuid4())}.get(tenant, tenant)
    with pytest.raises(CommandError, match=sentence):
        call_command("delete_tenant", tenant_id, "--confirm", name)
    acme.refresh_from_db()
    assert acme.suspended_at is None


def test_an_empty_tenant_is_deleted_too() -> None:
    tenant = make_tenant("Empty")
    deleted = delete_tenant(tenant_id=tenant.id, actor=command_line_actor())
    assert set(deleted.values()) == {0, 1}
    assert not Tenant.objects.filter(id=tenant.id).exists()
