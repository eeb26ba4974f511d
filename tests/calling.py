from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Any

import httpx
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import User
from tenants.models import Tenant
from tests.factories import make_belief, make_episode, make_event, make_invitation, make_key, make_session, make_user
from tests.routes import ROUTES


class Caller(local):
    """A client of each thread's own: one shared by threads may close a connection that another has just taken."""

    def __init__(self, base_url: str) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        self.client = httpx.Client(base_url=base_url, limits=limits, timeout=30)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def elsewhere(call: Callable[[], Any]) -> Any:
    """In another thread, so with another connection, as another request would be."""

    def run() -> Any:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(run).result()


def call_route(client: APIClient, name: str, method: str, tenant: Tenant) -> tuple[int, str | None]:
    """The status, and the code of a problem. What the address names is made for it."""
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
