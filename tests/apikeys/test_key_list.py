"""The list of keys: what it shows, and page by page."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apikeys.models import APIKey
from tenants.models import Tenant
from tests.apikeys.test_keys import FIELDS, PATH, faults
from tests.factories import make_key


def test_the_list_is_newest_first_and_hides_revoked_keys_unless_asked(admin: APIClient, acme: Tenant) -> None:
    past = timezone.now() - timedelta(days=1)
    for name in ("first", "second", "third"):
        make_key(acme, name=name)
    APIKey.objects.filter(name="second").update(revoked_at=past)
    APIKey.objects.filter(name="third").update(expires_at=past)
    shown = admin.get(PATH).json()["items"]
    assert [(key["name"], key["status"]) for key in shown] == [("third", "expired"), ("first", "active")]
    assert all(set(key) == FIELDS for key in shown)
    everything = admin.get(f"{PATH}?include_revoked=true").json()["items"]
    assert [(key["name"], key["status"]) for key in everything][1] == ("second", "revoked")
    assert len(everything) == 3


@pytest.mark.parametrize(
    "query", ["include_revoked=maybe", "include_revoked=", "include_revoked=2", "include_revoked=null"]
)
def test_an_odd_include_revoked_is_refused(query: str, admin: APIClient) -> None:
    assert faults(admin.get(f"{PATH}?{query}")) == {("include_revoked", "invalid")}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
def test_pages_show_every_key_once_in_order(limit: int, admin: APIClient, acme: Tenant, globex: Tenant) -> None:
    for _ in range(7):
        make_key(acme)
        make_key(globex)
    pages, query = [], f"?limit={limit}"
    while query:
        page = admin.get(PATH + query).json()
        pages.append([key["id"] for key in page["items"]])
        query = page["next_cursor"] and f"?limit={limit}&cursor={page['next_cursor']}"
    ids = [key_id for page in pages for key_id in page]
    assert ids == [str(key.id) for key in APIKey.objects.for_tenant(acme.id).order_by("-id")]
    assert all(len(page) == limit for page, _ in pairwise(pages))
    assert len(pages) == -(-7 // limit)


def test_a_key_made_meanwhile_disturbs_no_page(admin: APIClient, acme: Tenant) -> None:
    old = [str(make_key(acme)[0].id) for _ in range(4)]
    first = admin.get(f"{PATH}?limit=2").json()
    make_key(acme)
    APIKey.objects.filter(id=first["items"][1]["id"]).update(revoked_at=timezone.now())
    second = admin.get(f"{PATH}?limit=2&cursor={first['next_cursor']}").json()
    assert [key["id"] for key in first["items"] + second["items"]] == old[::-1]
    assert second["next_cursor"] is None
