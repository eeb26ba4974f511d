"""What operators see and do besides: invitations, frozen keys, the audit log."""

import pytest
from django.test import Client

from accounts.models import Invitation, User
from tenants.audit.actions import Action
from tenants.models import AuditEntry, Tenant
from tests.factories import key_client, make_invitation
from tests.operators import act, list_url, messages_of, operator_client, page_url, shown


@pytest.fixture
def operator() -> Client:
    return operator_client()


def test_an_invitation_is_taken_back(operator: Client, acme: Tenant) -> None:
    invitation = make_invitation(acme)
    assert shown(operator, Invitation, state="open") == [invitation]
    assert messages_of(act(operator, "revoke", invitation)) == ["1 invitation revoked."]
    assert shown(operator, Invitation, state="open") == []
    assert AuditEntry.objects.get(action=Action.INVITATION_REVOKED).actor_kind == "operator"


def test_frozen_keys_are_refused_until_unfrozen(operator: Client, acme: Tenant) -> None:
    program = key_client(acme)
    assert messages_of(act(operator, "freeze", acme)) == ["1 tenant frozen."]
    assert program.get("/v1/stats").json()["code"] == "keys_frozen"
    acme.refresh_from_db()
    assert messages_of(act(operator, "unfreeze", acme)) == ["1 tenant unfrozen."]
    assert program.get("/v1/stats").status_code == 200


def test_the_audit_log_is_read_and_filtered(operator: Client, acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        act(operator, "suspend", tenant)
    assert len(shown(operator, AuditEntry, action=Action.TENANT_SUSPENDED)) == 2
    assert len(shown(operator, AuditEntry, action=Action.TENANT_SUSPENDED, tenant="Acme")) == 1
    assert len(shown(operator, AuditEntry, tenant=str(globex.id))) == 1
    assert shown(operator, AuditEntry, action=Action.TENANT_SUSPENDED, actor_kind="anonymous") == []


def test_the_audit_log_names_actions_by_their_labels(operator: Client, acme: Tenant) -> None:
    act(operator, "suspend", acme)
    entry = AuditEntry.objects.get(action=Action.TENANT_SUSPENDED)
    listed = operator.get(list_url(AuditEntry), {"o": "2"}).content.decode()  # sorted by action
    assert '<td class="field-action_label">Tenant Suspended</td>' in listed
    assert '<div class="readonly">Tenant Suspended</div>' in operator.get(page_url(entry)).content.decode()


@pytest.mark.parametrize("method", ["add", "delete"])
def test_the_audit_log_is_only_read(method: str, operator: Client, acme: Tenant) -> None:
    act(operator, "suspend", acme)
    entry = AuditEntry.objects.get(action=Action.TENANT_SUSPENDED)
    assert operator.get(page_url(entry)).status_code == 200
    path = f"{list_url(AuditEntry)}add/" if method == "add" else page_url(entry).replace("change", "delete")
    assert operator.post(path, {"post": "yes"}).status_code == 403
    assert operator.post(page_url(entry), {"action": "x"}).status_code == 403
    assert AuditEntry.objects.filter(id=entry.id).exists()


def test_tenants_people_see_nothing_of_it(acme_admin: User) -> None:
    client = Client()
    client.force_login(acme_admin)
    assert client.get(list_url(AuditEntry)).status_code == 302
