"""Who may do what: every route, every method, every role, both kinds of credential, and none."""

import pytest
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


def call(client: APIClient, name: str, method: str, tenant: Tenant) -> tuple[int, str | None]:
    route = ROUTES.get((name, method)) or next(other for key, other in ROUTES.items() if key[0] == name)
    target = {
        "event": make_event,
        "belief": make_belief,
        "episode": make_episode,
        "api-key": lambda of: make_key(of)[0],
        "rotate-key": lambda of: make_key(of)[0],
        "user": make_user,
        "user-reset-link": make_user,
        "session": lambda of: make_session(User.objects.filter(tenant=of).last() or make_user(of)),  # the caller's own
        "invitation": make_invitation,
        "api-key-undo": lambda of: make_key(of)[0],
    }
    path = route.path.replace("{id}", str(target[name](tenant).id)) if "{id}" in route.path else route.path
    if route.content_type == "application/json":
        response = client.generic(
            method, path, client._encode_json(route.body or {}, "application/json"), "application/json"
        )
    else:
        response = client.generic(method, path, "", route.content_type)
    if response.streaming:
        response.getvalue()
    is_problem = response.headers["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()["code"] if is_problem else None


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
    status, code = call(make_caller(caller, acme), name, method, acme)
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
        assert call(client, name, method, acme) == (405, "method_not_allowed")
