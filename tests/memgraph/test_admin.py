import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import Invitation, Session, User
from apikeys.models import APIKey
from memgraph.installation import first_id_at
from tenants.audit.actions import Action
from tenants.models import AuditEntry, Tenant
from tests.factories import changed_key, make_key, make_session, make_tenant, make_user
from tests.operators import act, list_url, operator_client, page_url

INLINE = re.compile(r"""<style|<script(?![^>]*\ssrc=)[^>]*>|\sstyle=|\son[a-z]+=["']|javascript:""", re.IGNORECASE)


@pytest.fixture
def operator() -> Client:
    return operator_client()


def test_operators_see_accounts_keys_and_tenants_and_nothing_else() -> None:
    assert set(admin.site._registry) == {User, Session, Invitation, APIKey, Tenant, AuditEntry}
    assert Group not in admin.site._registry
    assert not set(apps.get_app_config("memory").get_models()) & set(admin.site._registry)


def test_site_has_its_name(operator: Client) -> None:
    assert "<title>Installation | Memgraph operators</title>" in operator.get("/admin/").content.decode()


def test_index_counts_what_an_operator_looks_for(
    operator: Client, anonymous: APIClient, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    now = timezone.now()
    open_one, _ = make_tenant(), make_tenant(suspended_at=now)
    changed_key(open_one, expires_at=now + timedelta(days=3))
    changed_key(open_one, expires_at=now - timedelta(days=3))
    changed_key(open_one, expires_at=now - timedelta(days=3), revoked_at=now)
    anonymous.post("/v1/auth/login", {"username": "a@b.example", "password": "wrong horse"})
    act_long_ago(Action.SIGN_IN_REFUSED)
    with django_assert_max_num_queries(6):  # the session, the operator, three counts, recent actions
        index = operator.get("/admin/")
    counts = {figure.label: figure.number for figure in index.context["counts"]}
    assert counts == {
        "Tenants": 2,
        "Suspended": 1,
        "Sign-ins refused in 24 hours": 1,
        "Locked out in 24 hours": 0,
        "Keys expiring within 30 days": 1,
        "Expired keys without a replacement": 1,
    }
    for figure in index.context["counts"]:
        shown = operator.get(figure.address)
        assert shown.status_code == 200
        if "24 hours" not in figure.label:
            assert shown.context["cl"].result_count == figure.number


def act_long_ago(action: Action) -> None:
    """A row of two days ago; its id says so."""
    AuditEntry.objects.create(id=first_id_at(timezone.now() - timedelta(days=2)), action=action)


def test_pages_hold_nothing_that_the_content_security_policy_refuses(operator: Client) -> None:
    user = make_user()
    key, _ = make_key(user.tenant)
    models = [User, Session, APIKey, Tenant]
    urls = ["/admin/", "/admin/password_change/", "/admin/apikeys/apikey/add/", *map(list_url, models)]
    pages = [Client().get("/admin/login/"), act(operator, "revoke", key, confirmed=False)]
    pages += [operator.get(url) for url in urls]
    pages += [operator.get(page_url(thing)) for thing in (user, make_session(user), key, user.tenant)]
    pages.append(operator.post(urls[2], {"tenant": user.tenant_id, "name": "a", "role": "viewer"}))
    for page in pages:
        assert page.status_code == 200
        assert "default-src 'self'" in page["Content-Security-Policy"]
        assert not INLINE.findall(page.content.decode())


@pytest.mark.parametrize("model", [User, Session, APIKey, Tenant])
@pytest.mark.parametrize(
    "query",
    [
        *("q=%00", "q=%27%22%5C", "q=%ED%A0%80", "p=-1", "p=x", "o=9.9", "o=password", "all=", "_facets=True"),
        *("tenant=%00", "role=%00", "status=%00", "state=%00", "kind=%00", "active=%00", "e=1", "_popup=1"),
        *("id__exact=%00", "_to_field=digest", "pk=1", "_connector=OR", "tenant__id__exact=x", "password=x"),
    ],
)
def test_odd_queries_are_no_errors_of_ours(operator: Client, model: type[User], query: str) -> None:
    assert operator.get(f"{list_url(model)}?{query}").status_code in (200, 302, 400)


@pytest.mark.parametrize("query", ["", "app_label=apikeys&model_name=apikey&field_name=tenant&term=%00"])
def test_tenants_are_offered_to_operators_alone(operator: Client, acme_admin: User, query: str) -> None:
    url = f"/admin/autocomplete/?{query}"
    stranger = Client()
    stranger.force_login(acme_admin)
    assert stranger.get(url).status_code == 302
    assert operator.get(url).status_code in (200, 403)


@pytest.mark.parametrize("id", ["nonsense", "0", "01900000-0000-7000-8000-000000000000", "%00", "_5Fx", "'\"<"])
@pytest.mark.parametrize("model", [User, Session, APIKey, Tenant])
def test_page_of_nothing_leads_back(operator: Client, model: type[User], id: str) -> None:
    assert operator.get(f"{list_url(model)}{id}/change/")["Location"] == "/admin/"


@pytest.mark.parametrize("ids", [["nonsense"], ["\0"], ["01900000-0000-7000-8000-000000000000"], []])
@pytest.mark.parametrize(("model", "action"), [(User, "deactivate"), (Session, "end"), (APIKey, "revoke")])
def test_action_on_nothing_does_nothing(operator: Client, model: type[User], action: str, ids: list[str]) -> None:
    form = {"action": action, "_selected_action": ids, "confirmed": "Yes", "index": "0"}
    assert operator.post(list_url(model), form).status_code in (200, 302, 400)


def test_forms_need_their_token(acme: Tenant) -> None:
    client = operator_client()
    client.handler.enforce_csrf_checks = True
    assert act(client, "suspend", acme).status_code == 403
    assert client.post("/admin/apikeys/apikey/add/", {"tenant": acme.id, "name": "a"}).status_code == 403
