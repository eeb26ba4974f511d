"""Attacks on the audit log by who can write to the database, but lacks the key; and what must not look like one."""

import uuid
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import RequestFactory
from django.utils import timezone

from tenants.actor import Actor, actor_of, command_line_actor
from tenants.audit.actions import Action
from tenants.audit.checks import find_faults
from tenants.audit.log import record
from tenants.audit.removal import prune, prune_unchained
from tenants.models import AuditEntry, AuditHead, Tenant
from tests.tampering import without_guard


def act(tenant: Tenant | None, address: str | None = None) -> None:
    with transaction.atomic():
        record(Action.KEY_CREATED, actor=Actor(address=address), tenant_id=tenant.id if tenant else None)


@pytest.fixture
def chain(acme: Tenant, globex: Tenant) -> Tenant:
    for _ in range(5):
        act(acme)
        act(globex)
    act(None)
    assert not list(find_faults())
    return acme


def fault_of(tenant: Tenant) -> str:
    (fault,) = find_faults()
    assert fault.startswith(f"tenant {tenant.id}: "), fault
    return fault


def forge(tenant: Tenant, **fields: object) -> None:
    """A copy of a row, with other fields."""
    entry = AuditEntry.objects.get(tenant_id=tenant.id, number=5)
    entry.id = uuid.uuid4()
    for name, value in fields.items():
        setattr(entry, name, value)
    entry.save(force_insert=True)


def test_a_chain_that_was_wiped_out_is_missed(chain: Tenant) -> None:
    without_guard("DELETE FROM tenants_auditentry WHERE tenant_id = %s", chain.id)
    AuditHead.objects.filter(tenant_id=chain.id).delete()
    assert "head of the chain is missing" in fault_of(chain)


@pytest.mark.parametrize("rows_too", [True, False])
def test_a_head_that_was_removed_does_not_come_back_as_a_good_one(rows_too: bool, chain: Tenant) -> None:
    if rows_too:
        without_guard("DELETE FROM tenants_auditentry WHERE tenant_id = %s", chain.id)
    AuditHead.objects.filter(tenant_id=chain.id).delete()
    for _ in range(2):
        act(chain)  # the work goes on
    assert "head of the chain was changed" in fault_of(chain)


@pytest.mark.parametrize("count", [0, 2, 9])
def test_work_goes_on_under_a_head_with_a_wrong_number(count: int, chain: Tenant) -> None:
    AuditHead.objects.filter(tenant_id=chain.id).update(count=count)
    act(chain)
    assert AuditEntry.objects.filter(tenant_id=chain.id, number=6).exists()
    assert "head of the chain was changed" in fault_of(chain)


@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("number", [None, 0, -1])
def test_a_row_without_a_place_in_the_chain_is_seen(number: int | None, pruned: bool, chain: Tenant) -> None:
    if pruned:
        prune(tenant_id=chain.id, before=timezone.now(), actor=command_line_actor())
        act(chain)
        forge_number = {None: None, 0: 0, -1: 2}[number]
        AuditEntry.objects.bulk_create([AuditEntry(tenant_id=chain.id, number=forge_number, action="key.revoked")])
    else:
        forge(chain, number=number)
    assert "inserted" in fault_of(chain)
    with pytest.raises(ValueError, match="inserted"):
        prune(tenant_id=chain.id, before=timezone.now(), actor=command_line_actor())


UNREADABLE = [
    "at = 'infinity'",
    "at = '20000-01-01'",
    "after = '{\"n\": 1e400}'",
    "after = ('[' || repeat('[', 3000) || repeat(']', 3000) || ']')::jsonb",
    "address = '192.0.2.1/24'",
    "kid = 'no such key'",
    "mac = ''",
    "number = 9223372036854775807",
]


@pytest.mark.parametrize("change", UNREADABLE)
def test_a_row_that_can_not_even_be_read_is_named(change: str, chain: Tenant) -> None:
    without_guard(f"UPDATE tenants_auditentry SET {change} WHERE tenant_id = %s AND number = 3", chain.id)
    assert "row 3 " in fault_of(chain)


@pytest.mark.parametrize("change", [change for change in UNREADABLE if "number" not in change])
def test_so_is_one_of_no_tenant(change: str, chain: Tenant) -> None:
    without_guard(f"UPDATE tenants_auditentry SET {change} WHERE tenant_id IS NULL")
    (fault,) = find_faults()
    assert "without a tenant" in fault


def test_a_row_is_not_moved_between_a_tenant_and_none(chain: Tenant) -> None:
    without_guard("UPDATE tenants_auditentry SET tenant_id = NULL WHERE tenant_id = %s AND number = 5", chain.id)
    faults = list(find_faults())
    assert [("missing" in fault, "without a tenant" in fault) for fault in faults] == [(True, False), (False, True)]


def test_another_tenants_chain_is_no_substitute(chain: Tenant, globex: Tenant) -> None:
    """Rows and head of Globex, under Acme's name."""
    without_guard("DELETE FROM tenants_auditentry WHERE tenant_id = %s", chain.id)
    without_guard("UPDATE tenants_auditentry SET tenant_id = %s WHERE tenant_id = %s", chain.id, globex.id)
    theirs = AuditHead.objects.get(tenant_id=globex.id)
    theirs.tenant_id = chain.id
    theirs.save(force_update=True)
    assert len(list(find_faults())) == 2


def test_one_broken_chain_hides_no_other(chain: Tenant, globex: Tenant) -> None:
    for tenant in (chain, globex):
        without_guard("UPDATE tenants_auditentry SET at = 'infinity' WHERE tenant_id = %s AND number = 2", tenant.id)
    faults = list(find_faults())
    assert len(faults) == 2
    assert all("row 2 " in fault for fault in faults)


# What must not look like an attack


@pytest.mark.parametrize(
    "address",
    ["192.0.2.1", "2001:db8::1", "2001:DB8:0:0::1", "::ffff:192.0.2.1", "::192.0.2.1", "::1", "64:ff9b::192.0.2.33"],
)
def test_an_address_reads_back_as_it_was_signed(address: str, acme: Tenant) -> None:
    act(acme, address)
    act(None, address)
    assert not list(find_faults())


@pytest.mark.parametrize("sent", ["::ffff:192.0.2.1", "fe80::1%eth0", "192.0.2.1%x", "1.2.3.4.5", "%", ""])
def test_whatever_a_socket_calls_its_peer_is_kept(sent: str, acme: Tenant) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=sent)
    request.user = type("Nobody", (), {"is_staff": False})()
    actor = actor_of(request)
    with transaction.atomic():
        record(Action.KEY_CREATED, actor=actor, tenant_id=acme.id)
    assert not list(find_faults())


# Retention


def age(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)


def test_rows_of_no_tenant_are_pruned_by_age(chain: Tenant) -> None:
    moment = timezone.now()
    act(None, "192.0.2.7")
    assert prune_unchained(before=moment, actor=command_line_actor()) == 1
    left = AuditEntry.objects.filter(tenant_id=None).order_by("at").values_list("action", "address")
    assert list(left) == [("key.created", "192.0.2.7"), ("audit.pruned", None)]
    assert not list(find_faults())


def test_a_row_that_was_made_older_is_not_pruned_away(chain: Tenant) -> None:
    without_guard("UPDATE tenants_auditentry SET at = '2001-01-01' WHERE tenant_id IS NULL")
    with pytest.raises(ValueError, match="was changed"):
        prune_unchained(before=age(30), actor=command_line_actor())
    assert AuditEntry.objects.filter(tenant_id=None).count() == 1


def test_the_command_prunes_whatever_holds_and_names_the_rest(chain: Tenant, globex: Tenant) -> None:
    without_guard("UPDATE tenants_auditentry SET at = at - interval '60 days' WHERE tenant_id = %s", chain.id)
    out = StringIO()
    with pytest.raises(CommandError, match=f"tenant {chain.id}: row 1 "):
        call_command("prune_audit", "--older-than", "30", stdout=out)
    assert f"tenant {globex.id}: 0 rows removed" in out.getvalue()
    assert "rows without a tenant: 0 rows removed" in out.getvalue()


@pytest.mark.parametrize("days", ["0", "-1", "99999999", "x"])
def test_a_bad_age_is_refused(days: str) -> None:
    with pytest.raises(CommandError, match="older-than"):
        call_command("prune_audit", "--older-than", days)


def test_rows_of_no_tenant_are_never_all_deleted_at_once(chain: Tenant) -> None:
    with pytest.raises(Exception, match="only old ones"), transaction.atomic():
        without_guard("SELECT delete_audit_entries(NULL, NULL, NULL)")
    assert AuditEntry.objects.filter(tenant_id=None).count() == 1
