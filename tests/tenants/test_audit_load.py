"""Many who act at once: the chain holds, and nobody waits for another tenant."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction

from tenants.actor import Actor
from tenants.audit.actions import Action
from tenants.audit.checks import find_faults
from tenants.audit.log import record
from tenants.audit.removal import prune
from tenants.models import AuditEntry, AuditHead, Tenant
from tests.connections import in_its_own_connection
from tests.factories import make_tenant

pytestmark = pytest.mark.django_db(transaction=True)
CONNECTIONS = 8


def act(tenant: Tenant, label: str = "somebody") -> None:
    with transaction.atomic():
        record(Action.KEY_CHANGED, actor=Actor(label=label), tenant_id=tenant.id, after={"by": label})


def at_once(acts: list[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(in_its_own_connection, one) for one in acts]:
            done.result()


@pytest.mark.parametrize("each", [100, pytest.param(1250, marks=pytest.mark.soak)])
def test_the_chain_holds_after_many_acts_at_once(
    each: int, acme: Tenant, globex: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    tenants = (acme, acme, globex)

    def act_often(number: int) -> None:
        for turn in range(each):
            act(tenants[turn % 3], f"connection {number}")

    at_once([partial(act_often, number) for number in range(CONNECTIONS)])
    assert AuditEntry.objects.count() == each * CONNECTIONS
    assert sum(AuditHead.objects.values_list("count", flat=True)) == each * CONNECTIONS
    call_command("verify_audit")
    assert "2 chains, every row in its place" in capsys.readouterr().out


def test_the_check_holds_while_many_act_and_rows_are_pruned(acme: Tenant) -> None:
    def check_often() -> None:
        for _ in range(8):
            assert not list(find_faults())

    def prune_often() -> None:
        for _ in range(8):
            oldest = list(AuditEntry.objects.filter(tenant_id=acme.id).order_by("number")[:11])
            prune(tenant_id=acme.id, before=oldest[-1].at, actor=Actor(label="retention"))

    for _ in range(60):
        act(acme)
    at_once([lambda: [act(acme) for _ in range(60)] and None, check_often, prune_often])
    assert not list(find_faults())


@contextmanager
def hasty() -> Iterator[None]:
    """Who waits for a lock for a second gives up."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '1s'")
    yield


def test_who_acts_waits_only_for_its_own_tenant(acme: Tenant, globex: Tenant) -> None:
    newcomer = make_tenant("Newcomer")
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute("SELECT FROM tenants_audithead WHERE tenant_id = %s FOR UPDATE", [acme.id])

        def act_hastily() -> None:
            with hasty():
                for tenant in (globex, newcomer):
                    act(tenant)
                with pytest.raises(OperationalError, match="lock timeout"):
                    act(acme)

        at_once([act_hastily])
        other.rollback()
    act(acme)
    assert dict(AuditHead.objects.values_list("tenant_id", "count")) == {acme.id: 1, globex.id: 1, newcomer.id: 1}


def test_the_check_holds_nobody_up(acme: Tenant) -> None:
    """While the rows are walked, the tenant's acts go through."""
    for _ in range(20):
        act(acme)
    acts = 0

    def act_while_it_walks(execute: Callable[..., object], statement: str, *rest: object) -> object:
        nonlocal acts
        if '"number" <= ' in statement and not acts:  # the walk comes first; what comes later holds the head
            at_once([lambda: act(acme)])
            acts += 1
        return execute(statement, *rest)

    with connection.execute_wrapper(act_while_it_walks):
        assert not list(find_faults())
    assert acts == 1
    assert AuditHead.objects.get().count == 21
