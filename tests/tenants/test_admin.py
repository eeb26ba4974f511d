import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from tenants.models import Tenant
from tests.factories import PASSWORD, make_tenant, make_user
from tests.operators import act, list_url, messages_of, operator_client, page_url, shown


@pytest.fixture
def operator() -> Client:
    return operator_client()


def code_of(client: APIClient) -> tuple[int, str | None]:
    response = client.get("/v1/stats")
    return response.status_code, response.json().get("code")


def test_suspension_counts_from_the_next_request_for_people_and_keys(
    operator: Client, acme: Tenant, admin: APIClient, editor_key: APIClient
) -> None:
    assert code_of(admin) == code_of(editor_key) == (200, None)
    assert messages_of(act(operator, "suspend", acme)) == ["1 tenant suspended."]
    assert code_of(admin) == code_of(editor_key) == (403, "tenant_suspended")
    assert messages_of(act(operator, "reactivate", acme)) == ["1 tenant reactivated."]
    assert code_of(admin) == code_of(editor_key) == (200, None)


def test_nobody_signs_in_to_a_suspended_tenant(operator: Client, acme: Tenant, anonymous: APIClient) -> None:
    user = make_user(acme, password=PASSWORD)
    act(operator, "suspend", acme)
    response = anonymous.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}, format="json")
    assert (response.status_code, response.json()["code"]) == (403, "tenant_suspended")


def test_suspension_leaves_other_tenants_alone(operator: Client, admin: APIClient, globex: Tenant) -> None:
    act(operator, "suspend", globex)
    assert code_of(admin) == (200, None)


def test_suspension_asks_first(operator: Client, acme: Tenant) -> None:
    page = act(operator, "suspend", acme, confirmed=False).content.decode()
    acme.refresh_from_db()
    assert "Suspend 1 tenant?" in page
    assert "<li>Acme</li>" in page
    assert acme.suspended_at is None


def test_second_suspension_changes_nothing(operator: Client, acme: Tenant) -> None:
    act(operator, "suspend", acme)
    acme.refresh_from_db()
    first = acme.suspended_at
    assert messages_of(act(operator, "suspend", acme)) == ["Nothing to do: none of these can be suspended."]
    acme.refresh_from_db()
    assert acme.suspended_at == first


def test_what_an_operator_did_is_in_the_history(operator: Client, acme: Tenant) -> None:
    act(operator, "suspend", acme)
    act(operator, "reactivate", acme)
    assert [entry.get_change_message() for entry in LogEntry.objects.all()] == ["Reactivated.", "Suspended."]


@pytest.mark.parametrize(("suspended", "action"), [(False, "suspend"), (True, "reactivate")])
def test_page_offers_what_can_be_done(operator: Client, acme: Tenant, suspended: bool, action: str) -> None:
    if suspended:
        act(operator, "suspend", acme)
    assert [name for name, _ in operator.get(page_url(acme)).context["buttons"]] == [action, "freeze", "cap"]


def test_tenants_are_found_by_name_and_id(operator: Client, acme: Tenant, globex: Tenant) -> None:
    assert shown(operator, Tenant, q="cme") == [acme]
    assert shown(operator, Tenant, q=str(globex.id)) == [globex]
    assert shown(operator, Tenant, q=str(globex.id).upper()) == [globex]
    assert shown(operator, Tenant, q=str(globex.id)[:8]) == [globex, acme]
    assert shown(operator, Tenant, q="nobody's") == []


def test_tenants_are_filtered_by_suspension(operator: Client, acme: Tenant, globex: Tenant) -> None:
    act(operator, "suspend", globex)
    assert shown(operator, Tenant, state="suspended") == [globex]
    assert shown(operator, Tenant, state="open") == [acme]


def test_tenants_are_not_made_edited_or_deleted_here(operator: Client, acme: Tenant) -> None:
    assert operator.get(f"{list_url(Tenant)}add/").status_code == 403
    assert operator.post(page_url(acme), {"name": "Mine"}).status_code == 403
    assert operator.post(page_url(acme).replace("change", "delete"), {"post": "yes"}).status_code == 403
    act(operator, "delete_selected", acme)
    acme.refresh_from_db()
    assert acme.name == "Acme"


def test_markup_in_a_name_is_inert(operator: Client) -> None:
    tenant = make_tenant("<script>alert(1)</script>")
    for response in (
        operator.get(list_url(Tenant)),
        operator.get(page_url(tenant)),
        act(operator, "suspend", tenant, confirmed=False),
        act(operator, "suspend", tenant),
    ):
        assert "<script>alert" not in response.content.decode()


def test_staff_without_the_right_to_change_can_only_look(acme: Tenant) -> None:
    onlooker = User.objects.create(email="onlooker@example.com", is_staff=True)
    onlooker.user_permissions.add(Permission.objects.get(codename="view_tenant"))
    client = operator_client(onlooker)
    assert shown(client, Tenant) == [acme]
    assert not client.get(page_url(acme)).context["buttons"]
    act(client, "suspend", acme)
    acme.refresh_from_db()
    assert acme.suspended_at is None
