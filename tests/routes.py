"""Every route of the API and who may call it: the one table that the cross-cutting tests walk.

A route or method that the resolver knows and this table doesn't fails `test_access.py`: nothing is forgotten.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver

PUBLIC = "public"
VIEWER, EDITOR, ADMIN = "viewer", "editor", "admin"
LEVELS = {VIEWER: 1, EDITOR: 2, ADMIN: 3}


@dataclass(frozen=True)
class Route:
    path: str
    who: str
    jwt_only: bool = False
    body: Any = None
    content_type: str = "application/json"


ROUTES: dict[tuple[str, str], Route] = {
    ("health", "GET"): Route("/health", PUBLIC),
    ("health-v1", "GET"): Route("/v1/health", PUBLIC),
    ("live", "GET"): Route("/live", PUBLIC),
    ("metrics", "GET"): Route("/metrics", PUBLIC),
    ("schema", "GET"): Route("/v1/schema", PUBLIC),
    ("docs", "GET"): Route("/docs", PUBLIC),
    ("to-studio", "GET"): Route("/studio", PUBLIC),
    ("root", "GET"): Route("/", PUBLIC),
    ("to-admin", "GET"): Route("/admin", PUBLIC),
    ("onboard", "POST"): Route("/v1/auth/onboard", PUBLIC),
    ("login", "POST"): Route("/v1/auth/login", PUBLIC),
    ("logout", "POST"): Route("/v1/auth/logout", VIEWER, jwt_only=True),
    ("me", "GET"): Route("/v1/auth/me", VIEWER, jwt_only=True),
    ("me", "PATCH"): Route("/v1/auth/me", VIEWER, jwt_only=True, body={"full_name": "Ada King"}),
    ("whoami", "GET"): Route("/v1/auth/whoami", VIEWER),
    ("sessions", "GET"): Route("/v1/auth/sessions", VIEWER, jwt_only=True),
    ("session", "DELETE"): Route("/v1/auth/sessions/{id}", VIEWER, jwt_only=True),
    ("password", "POST"): Route("/v1/auth/password", VIEWER, jwt_only=True),
    ("password-reset", "POST"): Route("/v1/auth/password-reset", PUBLIC),
    ("password-reset-confirm", "POST"): Route("/v1/auth/password-reset/confirm", PUBLIC),
    ("accept-invitation", "POST"): Route("/v1/auth/invitations/accept", PUBLIC),
    ("users", "GET"): Route("/v1/users", ADMIN, jwt_only=True),
    ("user", "GET"): Route("/v1/users/{id}", ADMIN, jwt_only=True),
    ("user", "PATCH"): Route("/v1/users/{id}", ADMIN, jwt_only=True, body={"role": "viewer"}),
    ("user", "DELETE"): Route("/v1/users/{id}", ADMIN, jwt_only=True),
    ("user-reset-link", "POST"): Route("/v1/users/{id}/reset-link", ADMIN, jwt_only=True),
    ("invitations", "GET"): Route("/v1/invitations", ADMIN, jwt_only=True),
    ("invitations", "POST"): Route(
        "/v1/invitations", ADMIN, jwt_only=True, body={"email": "new@acme.example", "role": "viewer"}
    ),
    ("invitation", "DELETE"): Route("/v1/invitations/{id}", ADMIN, jwt_only=True),
    ("api-keys", "GET"): Route("/v1/api-keys", ADMIN, jwt_only=True),
    ("api-keys", "POST"): Route("/v1/api-keys", ADMIN, jwt_only=True, body={"name": "k"}),
    ("api-key", "GET"): Route("/v1/api-keys/{id}", ADMIN, jwt_only=True),
    ("api-key", "DELETE"): Route("/v1/api-keys/{id}", ADMIN, jwt_only=True),
    ("api-key", "PATCH"): Route("/v1/api-keys/{id}", ADMIN, jwt_only=True, body={"name": "l"}),
    ("rotate-key", "POST"): Route("/v1/api-keys/{id}/rotate", ADMIN, jwt_only=True),
    ("key-health", "GET"): Route("/v1/api-keys/health", ADMIN, jwt_only=True),
    ("report-leak", "POST"): Route("/v1/api-keys/report-leak", PUBLIC, body={"api_key": "mg_live_"}),
    ("tenant", "GET"): Route("/v1/tenant", VIEWER),
    ("tenant", "PATCH"): Route("/v1/tenant", ADMIN, jwt_only=True, body={"sector": "energy"}),
    ("freeze-keys", "POST"): Route("/v1/tenant/freeze-keys", ADMIN, jwt_only=True),
    ("unfreeze-keys", "POST"): Route("/v1/tenant/unfreeze-keys", ADMIN, jwt_only=True),
    ("events", "GET"): Route("/v1/events", VIEWER),
    ("events", "POST"): Route("/v1/events", EDITOR, body={"event_type": "x", "content": {}, "user_id": "ada"}),
    ("event-batch", "POST"): Route(
        "/v1/events/batch", EDITOR, body={"events": [{"event_type": "x", "content": {}, "user_id": "ada"}]}
    ),
    ("belief-batch", "POST"): Route(
        "/v1/beliefs/batch", EDITOR, body={"beliefs": [{"subject_id": "ada", "key": "k", "value": "v"}]}
    ),
    ("event", "GET"): Route("/v1/events/{id}", VIEWER),
    ("beliefs", "GET"): Route("/v1/beliefs", VIEWER),
    ("beliefs", "POST"): Route("/v1/beliefs", EDITOR, body={"subject_id": "ada", "key": "k", "value": "v"}),
    ("beliefs", "DELETE"): Route("/v1/beliefs?subject_id=ada", EDITOR),
    ("belief", "GET"): Route("/v1/beliefs/{id}", VIEWER),
    ("belief", "PATCH"): Route("/v1/beliefs/{id}", EDITOR, body={"confidence": 0.4}),
    ("belief", "DELETE"): Route("/v1/beliefs/{id}", EDITOR),
    ("belief-history", "GET"): Route("/v1/beliefs/history/ada/city", VIEWER),
    ("belief-timeline", "GET"): Route("/v1/beliefs/timeline/ada", VIEWER),
    ("episodes", "GET"): Route("/v1/episodes", VIEWER),
    ("episodes", "POST"): Route("/v1/episodes", EDITOR, body={"user_id": "ada", "summary": "s"}),
    ("episode", "GET"): Route("/v1/episodes/{id}", VIEWER),
    ("episode", "PATCH"): Route("/v1/episodes/{id}", EDITOR, body={"summary": "t"}),
    ("ingest", "POST"): Route("/v1/ingest", EDITOR, body={"user_id": "ada", "text": "Ada likes tea."}),
    ("context", "POST"): Route("/v1/context", VIEWER, body={"user_id": "ada", "task": "tea"}),
    ("graph-context", "POST"): Route("/v2/context", VIEWER, body={"user_id": "ada", "query": "tea"}),
    ("stats", "GET"): Route("/v1/stats", VIEWER),
    ("export", "GET"): Route("/v1/admin/export", ADMIN),
    ("import", "POST"): Route("/v1/admin/import", ADMIN, content_type="application/x-ndjson"),
    ("audit", "GET"): Route("/v1/admin/audit", ADMIN, jwt_only=True),
    ("erase", "POST"): Route("/v1/admin/erase", ADMIN, jwt_only=True, body={"user_id": "ada"}),
    ("tenant", "DELETE"): Route(
        "/v1/tenant", ADMIN, jwt_only=True, body={"confirm": "Acme", "password": "seventeen green herons"}
    ),
    ("api-key-undo", "POST"): Route(
        "/v1/api-keys/{id}/undo", ADMIN, jwt_only=True, body={"since": "2026-01-01T00:00:00Z"}
    ),
}


def url_patterns(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    """All but the operators' admin, which has its own sign-in and tests, and the Studio, which has its own table."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLPattern):
            yield pattern
        elif pattern.namespace not in ("admin", "studio"):
            yield from url_patterns(pattern)


def methods_of(pattern: URLPattern) -> list[str]:
    view = pattern.callback
    actions = getattr(view, "actions", None)
    view_class = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if actions:
        names = list(actions)
    elif view_class:
        allowed = view.view_initkwargs.get("http_method_names", view_class.http_method_names)
        names = [name for name in allowed if hasattr(view_class, name)]
    else:
        names = ["get"]
    return [name.upper() for name in names if name not in ("head", "options")]


def routes_of_the_resolver() -> list[tuple[str, str]]:
    return [(pattern.name or "unnamed", method) for pattern in url_patterns() for method in methods_of(pattern)]
