"""Reading the audit log: by filters, in pages, as a file that no spreadsheet runs."""

import csv
import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from tenants.actor import Actor, ActorKind
from tenants.audit.actions import Action
from tenants.audit.log import Target, record
from tenants.models import AuditEntry, AuditHead, Tenant
from tests.factories import anonymous_client, client_for, make_tenant, make_token, make_user
from tests.tampering import without_guard

URL = "/v1/admin/audit"


def act(tenant: Tenant | None, label: str, action: Action = Action.KEY_CHANGED, **fields: Any) -> None:
    with transaction.atomic():
        actor = Actor(kind=ActorKind.API_KEY, id=tenant.id if tenant else None, label=label)
        record(action, actor=actor, tenant_id=tenant.id if tenant else None, **fields)


def csv_client(user: User) -> APIClient:
    return anonymous_client(HTTP_AUTHORIZATION=f"Bearer {make_token(user)}", HTTP_ACCEPT="text/csv")


def read_csv(user: User, **filters: str) -> tuple[Any, list[dict[str, str]]]:
    response = csv_client(user).get(URL, filters)
    assert response.status_code == 200
    return response, list(csv.DictReader(io.StringIO(response.getvalue().decode())))


def labels(client: APIClient, **filters: str) -> list[str]:
    answer = client.get(URL, filters)
    assert answer.status_code == 200, answer.content
    return [item["actor_label"] for item in answer.json()["items"]]


def test_entries_are_shown_newest_first(admin: APIClient, acme: Tenant, globex: Tenant) -> None:
    act(acme, "first", target=Target(acme.id, "a key"), before={"name": "a"}, after={"name": "b"})
    act(globex, "of another")
    act(None, "of nobody")
    act(acme, "second")
    items = admin.get(URL).json()["items"]
    assert [item["actor_label"] for item in items] == ["second", "first"]
    row = AuditEntry.objects.get(actor_label="first")
    assert items[1] == {
        "id": str(row.id),
        "number": 1,
        "at": row.at.isoformat().replace("+00:00", "Z"),
        "action": "key.changed",
        "actor_kind": "api_key",
        "actor_id": str(acme.id),
        "actor_label": "first",
        "target_id": str(acme.id),
        "target_label": "a key",
        "before": {"name": "a"},
        "after": {"name": "b"},
        "address": None,
        "agent": "",
        "request_id": "",
    }


def test_the_filters_choose(admin: APIClient, acme: Tenant) -> None:
    act(acme, "ada@example.com", Action.KEY_CREATED)
    middle = timezone.now().isoformat()
    act(acme, "grace@example.com", Action.KEY_REVOKED)
    assert labels(admin, actor="ada@example.com") == ["ada@example.com"]
    assert labels(admin, actor=str(acme.id)) == ["grace@example.com", "ada@example.com"]
    assert labels(admin, action="key.revoked") == ["grace@example.com"]
    assert labels(admin, since=middle) == ["grace@example.com"]
    assert labels(admin, until=middle) == ["ada@example.com"]
    assert labels(admin, since=middle, actor="ada@example.com") == []


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"action": "key.stolen"}, "action"),
        ({"since": "yesterday"}, "since"),
        ({"until": "x"}, "until"),
        ({"actor": ""}, "actor"),
        ({"actor": "x\0"}, "actor"),
        ({"limit": "0"}, "limit"),
        ({"cursor": "x"}, "cursor"),
    ],
)
def test_a_bad_filter_is_refused(filters: dict[str, str], field: str, admin: APIClient) -> None:
    answer = admin.get(URL, filters)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_pages_hold_every_entry_once(admin: APIClient, acme: Tenant) -> None:
    for number in range(7):
        act(acme, str(number))
    seen, cursor = [], ""
    while cursor is not None:
        page = admin.get(URL, {"limit": "3", **({"cursor": cursor} if cursor else {})}).json()
        seen += [item["actor_label"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


def test_json_carries_the_head(admin: APIClient, acme: Tenant) -> None:
    assert admin.get(URL).json()["head"] == {"number": 0, "mac": ""}
    for number in range(3):
        act(acme, str(number))
    head = AuditHead.objects.get(tenant_id=acme.id)
    assert admin.get(URL, {"limit": "1"}).json()["head"] == {"number": 3, "mac": bytes(head.last_mac).hex()}
    assert not AuditEntry.objects.filter(action="audit.exported").exists()


def test_csv_holds_every_entry_oldest_first_and_the_head(acme: Tenant, globex: Tenant, acme_admin: User) -> None:
    act(globex, "of another")
    for number in range(450):
        act(acme, f"actor {number}")
    response, rows = read_csv(acme_admin)
    assert [row["actor_label"] for row in rows[:450]] == [f"actor {number}" for number in range(450)]
    exported, head = rows[450:]
    assert (exported["action"], exported["actor_label"]) == ("audit.exported", acme_admin.email)
    assert (head["action"], head["number"], head["mac"]) == ("head", "451", exported["mac"])
    assert response["X-Memgraph-Audit-Head"] == f"451:{head['mac']}"
    assert response["Content-Type"].startswith("text/csv")
    assert (
        response["Content-Disposition"] == f'attachment; filename="memgraph-audit-acme-{timezone.now():%Y-%m-%d}.csv"'
    )


def test_csv_is_filtered_too_and_says_so_in_the_log(acme: Tenant, acme_admin: User) -> None:
    act(acme, "ada", Action.KEY_CREATED)
    act(acme, "grace", Action.KEY_REVOKED)
    _, rows = read_csv(acme_admin, action="key.revoked")
    assert [row["action"] for row in rows] == ["key.revoked", "head"]
    assert AuditEntry.objects.get(action="audit.exported").after == {"filters": {"action": "key.revoked"}}


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", '=HYPERLINK("https://evil.example";"x")']


@pytest.mark.parametrize("label", FORMULAS)
def test_no_cell_is_a_formula(label: str, acme: Tenant, acme_admin: User) -> None:
    act(acme, label, target=Target(None, label), after={label: label})
    response = csv_client(acme_admin).get(URL)
    text = response.getvalue().decode()
    row = next(csv.DictReader(io.StringIO(text, newline="")))
    assert (row["actor_label"], row["target_label"]) == (f"'{label}", f"'{label}")
    for cells in csv.reader(io.StringIO(text, newline="")):
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]


@pytest.mark.parametrize("label", ["a,b", 'say "hi"', "two\nlines", "ä ✓", "a=b", "'quoted'"])
def test_what_is_no_formula_comes_as_it_is(label: str, acme: Tenant, acme_admin: User) -> None:
    act(acme, label)
    response = csv_client(acme_admin).get(URL)
    row = next(csv.DictReader(io.StringIO(response.getvalue().decode(), newline="")))
    assert row["actor_label"] == label


@pytest.mark.parametrize("name", ['x"; filename="evil.exe', "../../etc", "Ünï ✓", "a\\b", "%0d%0aX: y"])
def test_the_file_name_is_safe(name: str) -> None:
    boss = make_user(make_tenant(name))
    response, _ = read_csv(boss)
    disposition = response["Content-Disposition"]
    file_name = disposition.removeprefix('attachment; filename="memgraph-audit-').removesuffix('.csv"')
    assert file_name.replace("-", "").replace("_", "").isalnum()
    assert file_name.isascii()


def test_a_problem_is_json_whatever_is_accepted(acme: Tenant, acme_viewer: User, acme_admin: User) -> None:
    refused = csv_client(acme_viewer).get(URL)
    assert (refused.status_code, refused.json()["code"]) == (403, "role_required")
    assert csv_client(acme_admin).get(URL, {"action": "x"}).json()["code"] == "invalid"
    assert not AuditEntry.objects.filter(action="audit.exported").exists()


def test_an_export_is_refused_as_json_too(acme_viewer: User) -> None:
    client = anonymous_client(
        HTTP_AUTHORIZATION=f"Bearer {make_token(acme_viewer)}", HTTP_ACCEPT="application/x-ndjson"
    )
    answer = client.get("/v1/admin/export")
    assert (answer.status_code, answer.json()["code"]) == (403, "role_required")


def test_a_head_that_was_kept_is_compared(admin: APIClient, acme: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        act(acme, str(number))
    kept = "{number}:{mac}".format(**admin.get(URL).json()["head"])
    for more in ([], ["--tenant", str(acme.id)]):
        act(acme, "later")
        call_command("verify_audit", "--head", kept, *more)
    assert "every row in its place" in capsys.readouterr().out


@pytest.mark.parametrize("whose", ["any tenant", "acme's"])
def test_an_old_state_that_was_put_back_shows_against_a_kept_head(
    whose: str, admin: APIClient, acme: Tenant, globex: Tenant
) -> None:
    act(acme, "first")
    old = AuditHead.objects.get(tenant_id=acme.id)
    act(acme, "second")
    act(globex, "other")
    kept = "{number}:{mac}".format(**admin.get(URL).json()["head"])
    with transaction.atomic():
        without_guard("DELETE FROM tenants_auditentry WHERE tenant_id = %s AND number > 1", acme.id)
        old.save(force_update=True)
    act(acme, "another second")
    call_command("verify_audit")  # alone it can't be seen
    more = ["--tenant", str(acme.id)] if whose == "acme's" else []
    with pytest.raises(CommandError, match="row 2"):
        call_command("verify_audit", "--head", kept, *more)


@pytest.mark.parametrize("head", ["", "3", "3:abc", "x:" + "0" * 64, "3:" + "g" * 64])
def test_what_is_no_head_is_refused(head: str) -> None:
    with pytest.raises(CommandError, match="--head"):
        call_command("verify_audit", "--head", head)


def test_a_client_that_is_signed_in_elsewhere_sees_its_own(acme: Tenant, globex_admin: User) -> None:
    act(acme, "of acme")
    assert labels(client_for(globex_admin)) == []
