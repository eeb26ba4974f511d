"""Operators create and revoke keys in the Django admin."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import OperatorSession
from accounts.operator_sessions import SessionStore
from apikeys.keys import digest
from apikeys.models import APIKey
from tenants.models import Tenant
from tests.factories import anonymous_client, make_key
from tests.logs import logged
from tests.operators import act, list_url, messages_of, page_url

ADD = "/admin/apikeys/apikey/add/"


def form(tenant: Tenant, /, **fields: str) -> dict[str, str]:
    return {"tenant": str(tenant.id), "name": "from the admin", "role": "editor"} | fields


def expiring_at(moment: Any) -> dict[str, str]:
    return {"expires_at_0": f"{moment:%Y-%m-%d}", "expires_at_1": f"{moment:%H:%M:%S}"}


def status_with(plaintext: str) -> int:
    return int(anonymous_client(HTTP_X_API_KEY=plaintext).get("/v1/stats").status_code)


def test_operator_makes_a_key_and_sees_it_once(operator: Client, acme: Tenant) -> None:
    response = operator.post(ADD, form(acme, role="viewer", **expiring_at(timezone.now() + timedelta(days=30))))
    key = APIKey.objects.get()
    plaintext = response.context["key"].plaintext
    assert response.status_code == 200
    assert f'<code id="api-key">{plaintext}</code>' in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert (key.tenant, key.role, key.name, bytes(key.digest)) == (acme, "viewer", "from the admin", digest(plaintext))
    assert status_with(plaintext) == 200
    for url in (page_url(key), list_url(APIKey), "/admin/", ADD):
        assert plaintext not in operator.get(url).content.decode()


@pytest.mark.parametrize(
    ("policy", "ends"), [({"require_key_expiry": True}, {}), ({"max_key_lifetime_days": 1}, {}), ({}, None)]
)
def test_the_tenants_key_policy_binds_operators_too(
    policy: dict[str, Any], ends: dict[str, str] | None, operator: Client, acme: Tenant
) -> None:
    Tenant.objects.update(**policy or {"max_key_lifetime_days": 1})
    ends = expiring_at(timezone.now() + timedelta(days=2)) if ends is None else ends
    response = operator.post(ADD, form(acme, **ends))
    assert "policy of this workspace" in str(response.context["adminform"].form.errors["expires_at"])
    assert not APIKey.objects.exists()


def test_key_keeps_the_operator_as_its_maker(operator: Client, acme: Tenant) -> None:
    operator.post(ADD, form(acme))
    assert APIKey.objects.get().created_by_label == "ops@example.com"


def test_plaintext_is_in_no_cookie_session_history_or_log(
    operator: Client, acme: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with CaptureQueriesContext(connection) as queries:
        response = operator.post(ADD, form(acme))
    secret = response.context["key"].plaintext[12:]
    places = [
        *(morsel.OutputString() for morsel in operator.cookies.values()),
        *(str(SessionStore().decode(session.session_data)) for session in OperatorSession.objects.all()),
        *(f"{entry.object_repr} {entry.change_message}" for entry in LogEntry.objects.all()),
        *(query["sql"] for query in queries),
        logged(caplog),
    ]
    assert len(places) > 4
    assert not [place for place in places if secret in place]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"role": "owner"}, "role"),
        ({"tenant": ""}, "tenant"),
        ({"tenant": "01900000-0000-7000-8000-000000000000"}, "tenant"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"}, "expires_at"),
        ({"expires_at_0": "soon", "expires_at_1": ""}, "expires_at"),
    ],
)
def test_bad_key_is_not_made(operator: Client, acme: Tenant, fields: dict[str, str], fault: str) -> None:
    response = operator.post(ADD, form(acme, **fields))
    assert list(response.context["adminform"].form.errors) == [fault]
    assert not APIKey.objects.exists()


def test_tenant_that_is_no_id_is_refused(operator: Client, acme: Tenant) -> None:
    assert operator.post(ADD, form(acme, tenant="nonsense")).status_code == 400
    assert operator.get(ADD, {"tenant": "nonsense"}).status_code == 400
    assert operator.get(ADD, {"tenant": str(acme.id)}).status_code == 200


def test_form_sets_nothing_but_what_it_shows(operator: Client, acme: Tenant) -> None:
    operator.post(ADD, form(acme, digest="00", prefix="mg_live_mine", last4="mine", revoked_at_0="2020-01-01"))
    key = APIKey.objects.get()
    assert (key.prefix == "mg_live_mine", key.last4 == "mine", key.revoked_at) == (False, False, None)


def test_operator_revokes_keys(operator: Client, acme: Tenant) -> None:
    (first, first_text), (second, second_text) = make_key(acme, name="first"), make_key(acme, name="second")
    _, other_text = make_key(acme)
    assert messages_of(act(operator, "revoke", first, second)) == ["2 API keys revoked."]
    assert [status_with(text) for text in (first_text, second_text, other_text)] == [401, 401, 200]


def test_revocation_asks_first_and_says_which_key(operator: Client, acme: Tenant) -> None:
    key, plaintext = make_key(acme, name="production")
    page = act(operator, "revoke", key, confirmed=False).content.decode()
    assert f"production ({key.prefix}…{key.last4}, Acme)" in page
    assert status_with(plaintext) == 200


def test_revoked_key_can_not_be_revoked_again(operator: Client, acme: Tenant) -> None:
    key, _ = make_key(acme)
    assert [name for name, _ in operator.get(page_url(key)).context["buttons"]] == ["revoke"]
    act(operator, "revoke", key)
    assert operator.get(page_url(key)).context["buttons"] == []
    assert messages_of(act(operator, "revoke", key)) == ["Nothing to do: none of these can be revoked."]


def test_all_of_a_filtered_list_are_revoked_together(operator: Client, acme: Tenant, globex: Tenant) -> None:
    keys = [make_key(acme)[0] for _ in range(3)]
    _, other_text = make_key(globex)
    chosen = {"action": "revoke", "_selected_action": str(keys[0].id), "select_across": "1"}
    asked = operator.post(f"{list_url(APIKey)}?tenant=acme", {**chosen, "index": "0"})
    assert asked.context["title"] == "Revoke 3 API keys?"
    assert asked.context["select_across"] == "1"
    operator.post(f"{list_url(APIKey)}?tenant=acme", {**chosen, "confirmed": "Yes"})
    assert APIKey.objects.for_tenant(acme.id).unrevoked().count() == 0
    assert status_with(other_text) == 200
