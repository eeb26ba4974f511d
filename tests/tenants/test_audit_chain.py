"""Who can write to the database, but lacks the key, can't tamper with the audit log unseen."""

import uuid
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from tenants.actor import Actor, command_line_actor
from tenants.audit.actions import Action
from tenants.audit.checks import find_faults
from tenants.audit.log import record
from tenants.audit.removal import prune
from tenants.models import AuditEntry, AuditHead, Tenant
from tests.tampering import without_guard


def act(tenant: Tenant | None, label: str = "somebody") -> None:
    with transaction.atomic():
        actor = Actor(label=label, address="192.0.2.1", agent="curl", request_id="r1")
        tenant_id = tenant.id if tenant else None
        record(Action.KEY_CREATED, actor=actor, tenant_id=tenant_id, before={"a": 1.5}, after={"b": ["ä", None]})


@pytest.fixture
def chain(acme: Tenant, globex: Tenant) -> Tenant:
    for number in range(5):
        act(acme, f"actor {number}")
        act(globex)
    act(None)
    assert not list(find_faults())
    return acme


@pytest.fixture
def tamper() -> Callable[..., None]:
    return without_guard


COLUMNS = ("at = now()", "action = 'key.revoked'", "actor_label = 'x'", "address = '192.0.2.2'", "after = '{}'")


@pytest.mark.parametrize("change", COLUMNS)
def test_a_changed_row_is_named(change: str, chain: Tenant, tamper: Callable[..., None]) -> None:
    tamper(f"UPDATE tenants_auditentry SET {change} WHERE tenant_id = %s AND number = 3", chain.id)
    (fault,) = find_faults()
    assert fault.startswith(f"tenant {chain.id}: row 3 ")


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_removed_row_is_named(number: int, chain: Tenant, tamper: Callable[..., None]) -> None:
    tamper("DELETE FROM tenants_auditentry WHERE tenant_id = %s AND number = %s", chain.id, number)
    (fault,) = find_faults()
    assert f"row {number}" in fault or f"rows {number}" in fault


def test_an_inserted_row_is_named(chain: Tenant) -> None:
    entry = AuditEntry.objects.get(tenant_id=chain.id, number=5)
    entry.id, entry.number = uuid.uuid4(), 6
    entry.save(force_insert=True)
    (fault,) = find_faults()
    assert "row 6" in fault


def test_swapped_rows_are_named(chain: Tenant, tamper: Callable[..., None]) -> None:
    for old, new in ((2, 99), (4, 2), (99, 4)):
        tamper("UPDATE tenants_auditentry SET number = %s WHERE tenant_id = %s AND number = %s", new, chain.id, old)
    (fault,) = find_faults()
    assert "row 2" in fault


def test_rows_moved_to_another_tenant_are_named(chain: Tenant, globex: Tenant, tamper: Callable[..., None]) -> None:
    tamper("DELETE FROM tenants_auditentry WHERE tenant_id = %s", globex.id)
    tamper("UPDATE tenants_auditentry SET tenant_id = %s WHERE tenant_id = %s", globex.id, chain.id)
    assert len(list(find_faults())) == 2


def test_a_cut_tail_is_seen_though_the_head_was_set_back(chain: Tenant, tamper: Callable[..., None]) -> None:
    tamper("DELETE FROM tenants_auditentry WHERE tenant_id = %s AND number > 3", chain.id)
    last = AuditEntry.objects.get(tenant_id=chain.id, number=3)
    AuditHead.objects.filter(tenant_id=chain.id).update(count=3, last_mac=last.mac)
    assert list(find_faults()) == [f"tenant {chain.id}: the head of the chain was changed"]
    act(chain)  # goes on working, and does not sign the tampering
    assert list(find_faults()) == [f"tenant {chain.id}: the head of the chain was changed"]


def test_a_removed_head_is_seen(chain: Tenant) -> None:
    AuditHead.objects.filter(tenant_id=chain.id).delete()
    assert list(find_faults()) == [f"tenant {chain.id}: the head of the chain is missing"]


def test_a_changed_row_of_no_tenant_is_named(chain: Tenant, tamper: Callable[..., None]) -> None:
    tamper("UPDATE tenants_auditentry SET actor_label = 'x' WHERE tenant_id IS NULL")
    (fault,) = find_faults()
    assert "without a tenant" in fault


@pytest.mark.parametrize("statement", ["UPDATE tenants_auditentry SET agent = 'x'", "DELETE FROM tenants_auditentry"])
def test_the_database_itself_refuses_changes(statement: str, chain: Tenant) -> None:
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.filter(tenant_id=chain.id).count() == 5


def test_no_setting_opens_the_log(chain: Tenant) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL memgraph.audit_deletion = 'on'")
        with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
            cursor.execute("DELETE FROM tenants_auditentry")


def test_the_database_itself_refuses_to_truncate(chain: Tenant) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tenants_auditentry ENABLE TRIGGER audit_no_truncate")
        with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
            cursor.execute("TRUNCATE tenants_auditentry")
        cursor.execute("ALTER TABLE tenants_auditentry DISABLE TRIGGER audit_no_truncate")


def test_pruning_leaves_a_checkpoint_from_which_the_chain_holds(chain: Tenant, tamper: Callable[..., None]) -> None:
    middle = AuditEntry.objects.get(tenant_id=chain.id, number=4).at
    assert prune(tenant_id=chain.id, before=middle, actor=command_line_actor()) == 3
    assert not list(find_faults())
    assert AuditEntry.objects.get(tenant_id=chain.id, number=6).action == Action.AUDIT_PRUNED
    tamper("DELETE FROM tenants_auditentry WHERE tenant_id = %s AND number = 4", chain.id)
    (fault,) = find_faults()
    assert "row 4 is missing" in fault


def test_a_broken_chain_is_not_pruned(chain: Tenant, tamper: Callable[..., None]) -> None:
    tamper("UPDATE tenants_auditentry SET agent = 'x' WHERE tenant_id = %s AND number = 2", chain.id)
    with pytest.raises(ValueError, match="row 2"):
        prune(tenant_id=chain.id, before=timezone.now(), actor=command_line_actor())


def test_the_command_passes_and_fails(chain: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_audit")
    assert "every row in its place" in capsys.readouterr().out
    AuditHead.objects.filter(tenant_id=chain.id).update(count=7)
    with pytest.raises(CommandError, match=str(chain.id)):
        call_command("verify_audit")


def test_a_row_needs_the_transaction_of_its_act(acme: Tenant, transactional_db: None) -> None:
    with pytest.raises(RuntimeError):
        record(Action.KEY_CREATED, actor=Actor(), tenant_id=acme.id)


def test_a_replaced_key_still_verifies_old_rows(chain: Tenant, settings: object) -> None:
    settings.AUDIT_KEYS = {"new": "n" * 32, **settings.AUDIT_KEYS}  # type: ignore[attr-defined]
    act(chain)
    assert AuditEntry.objects.get(tenant_id=chain.id, number=6).kid == "new"
    assert not list(find_faults())
