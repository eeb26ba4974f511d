"""The routes and the layers whose CPU `bench/cpu.py` measures. Needs Django to be set up."""

from pathlib import Path

from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import resolve

from accounts.queries import find_session
from accounts.tokens import SessionToken
from apikeys.keys import digest
from apikeys.queries import find_key
from bench.cpu import Act, caller
from bench.installation import SCALES, Installation
from bench.rows import an_event
from memgraph.middleware import RequestMiddleware
from memgraph.wsgi import application
from tenants.models import Tenant
from tests.factories import make_token, make_user


def acts(data_dir: Path) -> dict[str, Act]:
    bench = Installation(data_dir, data_dir, SCALES["small"], 1)
    bench.load({"events", "beliefs", "written"})
    events, beliefs, written = (bench.accounts[name] for name in ("events", "beliefs", "written"))
    token = make_token(make_user(Tenant.objects.get(id=events.tenant_id)))
    key, of_beliefs = {"HTTP_X_API_KEY": events.key}, {"HTTP_X_API_KEY": beliefs.key}
    search = {"query": "which tea, the green one?", "user_id": "few"}
    return {
        "GET /live": caller(application, "/live"),
        "GET /v1/auth/whoami, key": caller(application, "/v1/auth/whoami", **key),
        "GET /v1/auth/whoami, JWT": caller(application, "/v1/auth/whoami", HTTP_AUTHORIZATION=f"Bearer {token}"),
        "GET /v1/stats": caller(application, "/v1/stats", **key),
        "GET /v1/events, 50": caller(application, "/v1/events", **key),
        "GET /v1/beliefs of one subject, 50": caller(application, "/v1/beliefs?subject_id=user%2050", **of_beliefs),
        "POST /v1/events": caller(application, "/v1/events", body=an_event(1), HTTP_X_API_KEY=written.key),
        "POST /v2/context": caller(application, "/v2/context", body=search, **of_beliefs),
        **layers(events.key, token),
    }


def layers(key: str, token: str) -> dict[str, Act]:
    request = RequestFactory().get("/v1/auth/whoami", HTTP_HOST="localhost:8001")
    wrapped = RequestMiddleware(lambda _: HttpResponse())

    def through_middleware() -> None:
        request.resolver_match = None
        wrapped(request)

    session_id = SessionToken.parse(token)["jti"]
    return {
        "layer: RequestMiddleware": through_middleware,
        "layer: resolving a route": lambda: resolve("/v1/auth/whoami"),
        "layer: finding a key": lambda: find_key(digest(key)),
        "layer: verifying a JWT": lambda: SessionToken.parse(token),
        "layer: finding a session": lambda: find_session(session_id),
    }
