"""The deletion of a tenant is interrupted and started again, or others write meanwhile."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import StringIO
from itertools import count
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from accounts.models import User
from memory.removal import tenant as deletion
from memory.removal.tenant import delete_tenant
from tenants.actor import command_line_actor
from tenants.audit.actions import Action
from tenants.audit.checks import find_faults
from tenants.audit.log import record
from tenants.models import AuditEntry, AuditHead, Tenant
from tests.connections import in_its_own_connection
from tests.factories import client_for, key_client, make_event
from tests.memory.deletions import rows_with, traces

pytestmark = pytest.mark.django_db(transaction=True)


class PowerCutError(Exception):
    pass


class Fuse:
    """Lets this many statements through, and fails every statement after them."""

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
    """A request that was let in before the suspension writes after the sweep, twice."""
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
