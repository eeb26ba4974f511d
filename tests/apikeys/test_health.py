from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from apikeys.attention import MOST_SHOWN
from apikeys.models import APIKey
from tenants.models import Tenant
from tests.factories import changed_key, make_key

NOW = timezone.now()
DAY = timedelta(days=1)
FINE = {"last_used_at": NOW, "expires_at": NOW + 31 * DAY}
CONCERNS = ("ends_soon", "idle", "never_used", "without_expiry", "against_policy")


def concerns_of(admin: APIClient) -> set[str]:
    health = admin.get("/v1/api-keys/health").json()
    return {name for name in CONCERNS if health[name]["count"]}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (FINE, set()),
        (FINE | {"expires_at": NOW + 29 * DAY}, {"ends_soon"}),
        (FINE | {"last_used_at": NOW - 89 * DAY}, set()),
        (FINE | {"last_used_at": NOW - 91 * DAY}, {"idle"}),
        (FINE | {"last_used_at": None}, {"never_used"}),
        (FINE | {"expires_at": None}, {"without_expiry", "against_policy"}),
        (FINE | {"expires_at": NOW + 366 * DAY}, {"against_policy"}),
        (FINE | {"expires_at": NOW}, set()),
        (FINE | {"expires_at": NOW + DAY, "revoked_at": NOW}, set()),
        (FINE | {"expires_at": NOW + DAY, "replaced_by_id": "01a208d9-5cc5-74e6-887b-8ca0e8a70576"}, set()),
    ],
)
def test_a_key_is_where_it_belongs(columns: dict[str, Any], expected: set[str], acme: Tenant, admin: APIClient) -> None:
    changed_key(acme, **columns)
    Tenant.objects.update(max_key_lifetime_days=365)
    assert concerns_of(admin) == expected


def test_each_key_is_shown_as_in_the_list(acme: Tenant, admin: APIClient) -> None:
    make_key(acme)
    health = admin.get("/v1/api-keys/health").json()
    assert health["keys_in_service"] == 1
    assert health["never_used"] == {"count": 1, "items": admin.get("/v1/api-keys").json()["items"]}


def test_another_tenants_keys_are_not_in_it(acme: Tenant, globex: Tenant, admin: APIClient) -> None:
    make_key(globex)
    assert concerns_of(admin) == set()
    assert admin.get("/v1/api-keys/health").json()["keys_in_service"] == 0


def test_its_size_and_cost_are_bounded(
    acme: Tenant, admin: APIClient, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    key, _ = make_key(acme)
    many = range(MOST_SHOWN + 5)
    APIKey.objects.bulk_create(
        APIKey(tenant=acme, name=f"k{number}", digest=number.to_bytes(32, "big"), prefix="p", last4="l")
        for number in many
    )
    with django_assert_max_num_queries(8):
        health = admin.get("/v1/api-keys/health").json()
    assert (health["never_used"]["count"], len(health["never_used"]["items"])) == (len(many) + 1, MOST_SHOWN)
    assert health["never_used"]["items"][0]["id"] == str(key.id)
