"""Who may do what: every route, every method, every role, both kinds of credential, and none."""

import pytest
from rest_framework.test import APIClient

from tenants.models import Tenant
from tests.calling import call_route
from tests.factories import anonymous_client, client_for, key_client, make_user
from tests.routes import LEVELS, PUBLIC, ROUTES, Route, routes_of_the_resolver

ALL_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
CALLERS = ["nobody", *(f"{role} by {kind}" for kind in ("jwt", "key") for role in LEVELS)]
PROTECTED = [key for key, route in ROUTES.items() if route.who != PUBLIC]
# Let in, and what was sent is refused.
REFUSED_AFTER = {
    ("import", "POST"): "import_invalid",
    ("password", "POST"): "invalid",
    ("tenant", "DELETE"): "invalid",
}
# The export takes a snapshot, which needs a transaction of its own.
pytestmark = pytest.mark.django_db(transaction=True)


def test_the_table_is_the_resolvers() -> None:
    assert sorted(routes_of_the_resolver()) == sorted(ROUTES)


def make_caller(caller: str, tenant: Tenant) -> APIClient:
    if caller == "nobody":
        return anonymous_client()
    role, _, kind = caller.split()
    return client_for(make_user(tenant, role)) if kind == "jwt" else key_client(tenant, role)


def expected(route: Route, caller: str) -> tuple[int, str | None] | None:
    """None: let in."""
    if caller == "nobody":
        return 401, "not_authenticated"
    role, _, kind = caller.split()
    if route.jwt_only and kind == "key":
        return 403, "user_session_required"
    if LEVELS[role] < LEVELS[route.who]:
        return 403, "role_required"
    return None


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("name", "method"), PROTECTED, ids=lambda part: part)
def test_access(name: str, method: str, caller: str, acme: Tenant) -> None:
    status, code = call_route(make_caller(caller, acme), name, method, acme)
    refusal = expected(ROUTES[name, method], caller)
    if refusal:
        assert (status, code) == refusal
    elif (name, method) in REFUSED_AFTER:
        assert (status, code) == (422, REFUSED_AFTER[name, method])
    else:
        assert status in (200, 201)


@pytest.mark.parametrize("name", sorted({name for name, _ in PROTECTED}))
def test_methods_that_a_route_has_not_are_405_with_allow(name: str, acme: Tenant) -> None:
    known = {method for route_name, method in ROUTES if route_name == name}
    client = client_for(make_user(acme))
    for method in ALL_METHODS - known:
        assert call_route(client, name, method, acme) == (405, "method_not_allowed")
