"""Authentication costs one query, by either credential; a list costs the same for one row and for many."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from tenants.models import Tenant
from tests.factories import (
    anonymous_client,
    client_for,
    key_client,
    make_belief,
    make_episode,
    make_event,
    make_invitation,
    make_key,
    make_session,
    make_user,
)

LISTS = {
    "/v1/events": make_event,
    "/v1/beliefs": make_belief,
    "/v1/episodes": make_episode,
    "/v1/api-keys": make_key,
    "/v1/users": make_user,
    "/v1/invitations": make_invitation,
    "/v1/auth/sessions": lambda of: make_session(User.objects.get(tenant=of)),
}
CALLERS_OWN = {"/v1/users": 1, "/v1/auth/sessions": 1}


def warm(client: APIClient) -> APIClient:
    """The use of a key or session is noted, at most once a minute."""
    assert client.get("/v1/auth/whoami").status_code == 200
    return client


def test_authentication_by_key_is_one_query(acme: Tenant, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client = warm(key_client(acme))
    with django_assert_num_queries(1):
        client.get("/v1/auth/whoami")


def test_authentication_by_jwt_is_one_query(
    acme_admin: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = warm(client_for(acme_admin))
    with django_assert_num_queries(1):
        client.get("/v1/auth/whoami")


@pytest.mark.parametrize("key", ["", "mg_live_", "mg_live_" + "a" * 36, "sk_live_abc", "x" * 5000])
def test_a_malformed_key_costs_no_query(key: str, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        response = anonymous_client(HTTP_X_API_KEY=key).get("/v1/stats")
    assert (response.status_code, response.json()["code"]) == (401, "key_malformed")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "mg_live_abc"])
def test_a_malformed_token_costs_no_query(token: str, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        response = anonymous_client(HTTP_AUTHORIZATION=f"Bearer {token}").get("/v1/stats")
    assert (response.status_code, response.json()["code"]) == (401, "token_invalid")


@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_a_constant_number(
    path: str, acme: Tenant, acme_admin: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = warm(client_for(acme_admin))
    for rows in range(1, 4):
        fields = {"key": f"key {rows}"} if path == "/v1/beliefs" else {}
        LISTS[path](acme, **fields)
        with django_assert_num_queries(2):
            assert len(client.get(path).json()["items"]) == rows + CALLERS_OWN.get(path, 0)
