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
from apikeys.keys import digest, generate_key
from apikeys.models import APIKey
from apikeys.status import Status
from tenants.models import Tenant
from tests.factories import anonymous_client, make_key, make_tenant
from tests.logs import logged
from tests.operators import act, list_url, messages_of, operator_client, page_url, shown

ADD = "/admin/apikeys/apikey/add/"


@pytest.fixture
def operator() -> Client:
    return operator_client()


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


def test_keys_are_found_by_prefix_last_four_and_name(operator: Client, acme: Tenant) -> None:
    key, _ = make_key(acme, name="production")
    make_key(acme, name="staging")
    for term in (key.prefix, key.last4, f"{key.prefix}…{key.last4}", "PRODUCTION"):
        assert shown(operator, APIKey, q=term) == [key]
    assert shown(operator, APIKey, q=key.last4[:3]) == []
    assert shown(operator, APIKey, q=f"{key.prefix} nope") == []


def test_whole_key_in_the_search_is_cut_before_anything_sees_it(
    operator: Client, acme: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    key, plaintext = make_key(acme)
    caplog.set_level(logging.DEBUG)
    with CaptureQueriesContext(connection) as queries:
        response = operator.get(list_url(APIKey), {"q": plaintext, "status": "active"})
        page = operator.get(response["Location"])
    assert response["Location"] == f"{list_url(APIKey)}?q={key.prefix}&status=active"
    assert list(page.context["cl"].result_list) == [key]
    seen = [page.content.decode(), logged(caplog), *(query["sql"] for query in queries)]
    assert not [text for text in seen if plaintext[12:] in text]


@pytest.mark.parametrize("text", ["X-API-KEY: {}", "{}x", "'{}'", "{}\n", "a {} b"])
def test_key_is_cut_with_what_was_pasted_around_it(operator: Client, text: str) -> None:
    plaintext = generate_key()
    location = operator.get(list_url(APIKey), {"q": text.format(plaintext)})["Location"]
    assert plaintext[:12] in location
    assert plaintext[12:16] not in location


def test_keys_are_filtered_by_status(operator: Client, acme: Tenant) -> None:
    now = timezone.now()
    active, _ = make_key(acme)
    expiring, _ = make_key(acme, expires_at=now + timedelta(days=1))
    expired, _ = make_key(acme, expires_at=now - timedelta(seconds=1))
    revoked, _ = make_key(acme, expires_at=now - timedelta(seconds=1))
    act(operator, "revoke", revoked)
    rotated, _ = make_key(acme)
    APIKey.objects.filter(id=rotated.id).update(replaced_by_id=active.id)
    found = {status: shown(operator, APIKey, status=status) for status in Status.values}
    assert found == {
        "active": [active],
        "expiring": [expiring],
        "expired": [expired],
        "rotated": [rotated],
        "revoked": [revoked],
        "frozen": [],
    }
    Tenant.objects.update(keys_frozen_at=now)
    assert shown(operator, APIKey, status="frozen") == [rotated, expiring, active]
    assert all(key.status == status for status, keys in found.items() for key in keys)


def test_keys_are_filtered_by_role_and_tenant(operator: Client, acme: Tenant, globex: Tenant) -> None:
    viewing, _ = make_key(acme, "viewer")
    editing, _ = make_key(acme, "editor")
    foreign, _ = make_key(globex, "editor")
    assert shown(operator, APIKey, role="viewer") == [viewing]
    assert shown(operator, APIKey, tenant="glob") == [foreign]
    assert shown(operator, APIKey, tenant=str(globex.id)) == [foreign]
    assert shown(operator, APIKey, role="editor", tenant="acme") == [editing]
    assert shown(operator, APIKey, role="owner", tenant=" ", status="\0") == [foreign, editing, viewing]


def test_list_shows_how_a_key_begins_and_ends(operator: Client, acme: Tenant) -> None:
    _, plaintext = make_key(acme, name="production")
    page = operator.get(list_url(APIKey)).content.decode()
    assert f"{plaintext[:12]}…{plaintext[-4:]}" in page
    assert plaintext not in page


def test_digest_is_never_shown_or_searched(operator: Client, acme: Tenant) -> None:
    key, plaintext = make_key(acme)
    hexadecimal = digest(plaintext).hex()
    for url in (page_url(key), list_url(APIKey)):
        assert hexadecimal not in operator.get(url).content.decode()
    assert operator.get(list_url(APIKey), {"digest": hexadecimal}).status_code == 400
    assert operator.get(list_url(APIKey), {"prefix__startswith": "mg"}).status_code == 400


def test_keys_are_not_edited_or_deleted(operator: Client, acme: Tenant) -> None:
    key, _ = make_key(acme)
    assert operator.post(page_url(key), {"name": "mine", "role": "admin"}).status_code == 403
    assert operator.post(page_url(key).replace("change", "delete"), {"post": "yes"}).status_code == 403
    act(operator, "delete_selected", key)
    key.refresh_from_db()
    assert (key.name, key.role) == ("a key", "editor")


def test_list_costs_the_same_for_many(operator: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            shown(operator, APIKey)
        return len(queries)

    make_key(make_tenant())
    few = cost()
    for _ in range(10):
        make_key(make_tenant())
    assert cost() == few
