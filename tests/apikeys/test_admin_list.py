"""Operators find keys in the list of the Django admin, and see no secret there."""

import logging
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apikeys.keys import digest, generate_key
from apikeys.models import APIKey
from apikeys.status import Status
from tenants.models import Tenant
from tests.factories import make_key, make_tenant
from tests.logs import logged
from tests.operators import act, list_url, page_url, shown


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
