"""What an operator allows a tenant's keys a minute. Its admins can set less, and no more."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from tenants.models import AuditEntry, Role, Tenant
from tests.factories import client_for, key_client, make_user
from tests.operators import act, list_url, messages_of, operator_client, page_url
from tests.studio.browsing import browser, submit

# The installation's cap, the tenant's cap, the limit that its admin set: what binds.
BOUNDS = [
    (None, None, None, None),
    (None, None, 5, 5),
    (None, 3, None, 3),
    (None, 3, 5, 3),
    (None, 3, 2, 2),
    (4, None, None, 4),
    (4, None, 5, 4),
    (4, None, 2, 2),
    (4, 3, None, 3),
    (3, 4, None, 4),
    (3, 4, 5, 4),
    (4, 3, 2, 2),
]


@pytest.fixture
def operator() -> Client:
    return operator_client()


def cap(operator: Client, tenant: Tenant, number: Any) -> Any:
    form = {"action": "cap", "_selected_action": [str(tenant.pk)], "confirmed": "Yes", "cap": number}
    return operator.post(list_url(Tenant), form, follow=True)


@pytest.mark.parametrize(("installation", "tenants", "own", "bound"), BOUNDS)
def test_the_tenants_own_cap_comes_before_the_installations_and_its_admin_can_lower_it(
    installation: int | None,
    tenants: int | None,
    own: int | None,
    bound: int | None,
    acme: Tenant,
    settings: Any,
) -> None:
    settings.TENANT_RATE_LIMIT = installation
    Tenant.objects.update(rate_limit_cap=tenants, rate_limit_per_minute=own)
    response = key_client(acme).get("/v1/stats")
    assert response.status_code == 200
    assert response.get("RateLimit-Policy") == (f'"tenant";q={bound};w=60' if bound else None)
    for _ in range((bound or 1) - 1):
        assert key_client(acme).get("/v1/stats").status_code == 200
    assert key_client(acme).get("/v1/stats").status_code == (429 if bound else 200)


def test_people_are_not_counted(acme: Tenant, admin: APIClient, settings: Any) -> None:
    settings.TENANT_RATE_LIMIT = 1
    Tenant.objects.update(rate_limit_cap=1)
    answers = [admin.get("/v1/stats") for _ in range(3)]
    assert [(answer.status_code, "RateLimit" in answer) for answer in answers] == [(200, False)] * 3


def test_each_tenant_is_counted_alone(acme: Tenant, globex: Tenant, settings: Any) -> None:
    settings.TENANT_RATE_LIMIT = 1
    assert [key_client(acme).get("/v1/stats").status_code for _ in range(2)] == [200, 429]
    assert key_client(globex).get("/v1/stats").status_code == 200


def test_a_key_is_still_found_by_one_query(
    acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries, settings: Any
) -> None:
    client = key_client(acme)
    client.get("/v1/auth/whoami")
    with django_assert_num_queries(1):
        client.get("/v1/auth/whoami")
    settings.TENANT_RATE_LIMIT = 100
    with django_assert_num_queries(2):  # and the count
        client.get("/v1/auth/whoami")


@pytest.mark.parametrize(("installation", "tenants", "shown"), [(None, None, None), (9, None, 9), (9, 7, 7), (7, 9, 9)])
@pytest.mark.parametrize("role", Role.values)
def test_the_cap_is_shown_to_everybody_in_the_tenant(
    role: str, installation: int | None, tenants: int | None, shown: int | None, acme: Tenant, settings: Any
) -> None:
    settings.TENANT_RATE_LIMIT = installation
    Tenant.objects.update(rate_limit_cap=tenants)
    for client in (client_for(make_user(acme, role)), key_client(acme, role)):
        assert client.get("/v1/tenant").json()["rate_limit_cap"] == shown


@pytest.mark.parametrize(("wanted", "status"), [(601, 422), (1_000_000, 422), (600, 200), (1, 200), (None, 200)])
@pytest.mark.parametrize("place", ["installation", "tenant"])
def test_an_admin_asks_for_no_more_than_the_cap(
    place: str, wanted: int | None, status: int, acme: Tenant, admin: APIClient, settings: Any
) -> None:
    Tenant.objects.update(rate_limit_per_minute=50, rate_limit_cap=600 if place == "tenant" else None)
    settings.TENANT_RATE_LIMIT = 600 if place == "installation" else None
    response = admin.patch("/v1/tenant", {"rate_limit_per_minute": wanted, "sector": "energy"})
    assert response.status_code == status
    acme.refresh_from_db()
    if status == 200:
        assert (acme.rate_limit_per_minute, acme.sector) == (wanted, "energy")
        return
    (fault,) = response.json()["errors"]
    assert (fault["field"], fault["code"]) == ("rate_limit_per_minute", "over_cap")
    assert fault["detail"] == "The operator allows this workspace at most 600 requests per minute."
    assert (acme.rate_limit_per_minute, acme.sector) == (50, "")
    assert not AuditEntry.objects.exists()


def test_a_limit_from_before_the_cap_hinders_no_other_change(acme: Tenant, admin: APIClient) -> None:
    Tenant.objects.update(rate_limit_per_minute=5000, rate_limit_cap=600)
    changed = admin.patch("/v1/tenant", {"rate_limit_per_minute": 5000, "sector": "energy"})
    assert (changed.status_code, changed.json()["rate_limit_per_minute"]) == (200, 5000)


def test_an_admin_sets_no_cap(acme: Tenant, admin: APIClient) -> None:
    Tenant.objects.update(rate_limit_cap=600)
    admin.patch("/v1/tenant", {"rate_limit_cap": 6000})
    assert admin.get("/v1/tenant").json()["rate_limit_cap"] == 600


# The operator


def test_an_operator_sets_lowers_and_lifts_a_cap(operator: Client, acme: Tenant, globex: Tenant) -> None:
    said = [messages_of(cap(operator, acme, number)) for number in (600, 60, "")]
    assert said == [["1 tenant capped."], ["1 tenant capped."], ["1 tenant uncapped."]]
    rows = AuditEntry.objects.filter(tenant_id=acme.id, action="tenant.changed").order_by("number")
    assert [(row.actor_kind, row.before, row.after) for row in rows] == [
        ("operator", {"rate_limit_cap": None}, {"rate_limit_cap": 600}),
        ("operator", {"rate_limit_cap": 600}, {"rate_limit_cap": 60}),
        ("operator", {"rate_limit_cap": 60}, {"rate_limit_cap": None}),
    ]
    assert not AuditEntry.objects.filter(tenant_id=globex.id).exists()


def test_the_cap_counts_from_the_next_request(operator: Client, acme: Tenant) -> None:
    client = key_client(acme)
    assert [client.get("/v1/stats").status_code for _ in range(3)] == [200] * 3
    cap(operator, acme, 1)
    assert [client.get("/v1/stats").status_code for _ in range(2)] == [200, 429]


def test_the_tenants_page_shows_its_cap_and_leads_to_the_form(operator: Client, acme: Tenant) -> None:
    Tenant.objects.update(rate_limit_cap=600)
    page = operator.get(page_url(acme)).content.decode()
    assert "Cap the requests of" in page
    assert "600" in page
    form = act(operator, "cap", acme, confirmed=False).content.decode()
    assert '<input type="number" name="cap" value="600"' in form
    acme.refresh_from_db()
    assert acme.rate_limit_cap == 600


@pytest.mark.parametrize("number", ["0", "-1", "1000001", "x", "1.5", "\0", "9" * 400])
def test_a_bad_number_caps_nothing(number: str, operator: Client, acme: Tenant) -> None:
    response = cap(operator, acme, number)
    assert response.context["form"].errors["cap"]
    acme.refresh_from_db()
    assert acme.rate_limit_cap is None


def test_a_person_of_the_tenant_caps_nothing(acme: Tenant, acme_admin: User) -> None:
    client = Client()
    client.force_login(acme_admin)
    cap(client, acme, 5)
    acme.refresh_from_db()
    assert acme.rate_limit_cap is None


# The Studio


@pytest.mark.django_db(transaction=True)
def test_the_studio_says_the_cap_and_refuses_more(acme: Tenant, acme_admin: User) -> None:
    client = browser(acme_admin)
    assert "Leave empty for no limit." in client.get("/studio/settings").content.decode()
    Tenant.objects.update(rate_limit_cap=6000)
    assert "The operator allows at most 6,000" in client.get("/studio/settings").content.decode()
    typed = {"name": "Acme", "sector": "", "max_key_lifetime_days": "", "event_retention_days": ""}
    refused = submit(client, "/studio/settings", rate_limit_per_minute="6001", **typed)
    assert "The operator allows this workspace at most 6,000 requests per minute." in refused.content.decode()
    acme.refresh_from_db()
    assert acme.rate_limit_per_minute is None
    submit(client, "/studio/settings", rate_limit_per_minute="5999", **typed)
    acme.refresh_from_db()
    assert acme.rate_limit_per_minute == 5999
