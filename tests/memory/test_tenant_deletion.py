"""A tenant goes with everything of it: no row is left in any table, but one of the audit log that says so."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from itertools import count
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection, models, transaction
from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.test import APIClient

from accounts.models import Invitation, ResetToken, User
from memory.removal import tenant as deletion
from memory.removal.tenant import delete_tenant
from tenants.actor import command_line_actor
from tenants.audit.actions import Action
from tenants.audit.checks import find_faults
from tenants.audit.log import record
from tenants.models import AuditEntry, AuditHead, Tenant
from tests.connections import in_its_own_connection
from tests.factories import (
    PASSWORD,
    client_for,
    key_client,
    make_belief,
    make_episode,
    make_event,
    make_key,
    make_session,
    make_tenant,
    make_user,
)

pytestmark = pytest.mark.django_db(transaction=True)
RIGHT = {"confirm": "Acme", "password": PASSWORD}


def furnish(tenant: Tenant, operator: User) -> User:
    """A row in every table that can have one."""
    admin = make_user(tenant, password=PASSWORD, email=f"admin@{tenant.name.lower()}.example")
    for number in range(5):
        make_session(make_user(tenant, role="viewer"))
        event = make_event(tenant)
        make_belief(tenant, value=f"city {number}")
        make_episode(tenant, event_ids=[event.id])
        make_key(tenant)
    ends = {"expires_at": timezone.now() + timedelta(hours=1)}
    ResetToken.objects.create(user=admin, digest=uuid.uuid4().bytes, **ends)
    Invitation.objects.create(tenant=tenant, email="new@example.com", role="viewer", digest=uuid.uuid4().bytes, **ends)
    LogEntry.objects.create(
        user=operator,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(admin.id),
        object_repr=admin.email,
        action_flag=CHANGE,
    )
    return admin


@pytest.fixture
def operator() -> User:
    return User.objects.create_superuser("operator@example.com", PASSWORD)


@pytest.fixture
def boss(acme: Tenant, globex: Tenant, operator: User) -> User:
    furnish(globex, operator)
    return furnish(acme, operator)


def texts(model: type[models.Model]) -> Iterator[str]:
    """Every row of a table as text, past row-level security."""
    table = model._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        if model._meta.app_label == "memory":
            cursor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        cursor.execute(f"SELECT t::text FROM {table} AS t")
        rows = cursor.fetchall()
        if model._meta.app_label == "memory":
            cursor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    yield from (row for (row,) in rows)


def rows_with(*words: str) -> dict[str, int]:
    """How many rows of each table speak of any of these."""
    all_models = apps.get_models(include_auto_created=True)
    found = {model._meta.label: sum(any(word in row for word in words) for row in texts(model)) for model in all_models}
    return {label: count for label, count in found.items() if count}


def traces(tenant: Tenant) -> list[str]:
    people = [str(value) for row in User.objects.filter(tenant=tenant).values_list("id", "email") for value in row]
    keys = [str(key.id) for key in tenant.api_keys.all()]
    return [str(tenant.id), *people, *keys]


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


class PowerCutError(Exception):
    pass


class Fuse:
    """Lets so many statements through, and then the database is gone."""

    def __init__(self, statements: int) -> None:
        self.left = statements

    def __call__(self, execute: Callable[..., Any], *statement: Any) -> Any:
        if not self.left:
            raise PowerCutError
        self.left -= 1
        return execute(*statement)


def test_broken_off_again_and_again_it_is_finished(
    boss: User, acme: Tenant, globex: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "BATCH", 2)
    ours, theirs = traces(acme), rows_with(*traces(globex))
    cuts = 0
    while Tenant.objects.filter(id=acme.id).exists():
        with suppress(PowerCutError), connection.execute_wrapper(Fuse(7 + 3 * cuts)):
            call_command("delete_tenant", str(acme.id), "--confirm", "Acme", stdout=StringIO())
        assert not list(find_faults())
        cuts += 1
    assert cuts > 5
    assert AuditEntry.objects.filter(tenant_id=None, action="tenant.deleted").count() == 1
    assert rows_with(*ours) == {"tenants.AuditEntry": 1}
    assert rows_with(*traces(globex)) == theirs


def test_broken_off_after_its_suspension_nobody_is_let_in(boss: User, acme: Tenant) -> None:
    person, program = client_for(boss), key_client(acme)
    statements = count(1)
    while not Tenant.objects.filter(id=acme.id, suspended_at__isnull=False).exists():
        with suppress(PowerCutError), connection.execute_wrapper(Fuse(next(statements))):
            delete_tenant(tenant_id=acme.id, actor=command_line_actor())
    for client in (person, program):
        answer = client.get("/v1/stats")
        assert (answer.status_code, answer.json()["code"]) == (403, "tenant_suspended")


def test_what_is_written_meanwhile_is_swept_again(boss: User, acme: Tenant) -> None:
    """Somebody who was let in before the suspension writes after the sweep, twice."""
    ours, late = traces(acme), iter(range(2))

    def write_late(execute: Callable[..., Any], statement: str, *rest: Any) -> Any:
        about_to_finish = "tenants_tenant" in statement and statement.endswith("FOR UPDATE")
        if about_to_finish and next(late, None) is not None:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(in_its_own_connection, lambda: make_event(acme)).result()
        return execute(statement, *rest)

    with connection.execute_wrapper(write_late):
        deleted = delete_tenant(tenant_id=acme.id, actor=command_line_actor())
    assert next(late, None) is None
    assert deleted["events"] == 7
    assert rows_with(*ours) == {"tenants.AuditEntry": 1}


def test_who_acts_in_a_tenant_that_is_gone_leaves_no_row(boss: User, acme: Tenant) -> None:
    delete_tenant(tenant_id=acme.id, actor=command_line_actor())
    with pytest.raises(Exception, match="audit_head_of_tenant"), transaction.atomic():
        record(Action.KEY_CHANGED, actor=command_line_actor(), tenant_id=acme.id)
    assert not AuditEntry.objects.filter(tenant_id=acme.id).exists()
    assert not AuditHead.objects.filter(tenant_id=acme.id).exists()


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
