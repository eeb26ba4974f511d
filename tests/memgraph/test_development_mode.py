"""Development mode: who brings nothing is an admin of one tenant, on this machine only."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.checks import run_checks
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient
from rest_framework.views import APIView

from accounts.authentication import JWTAuthentication
from accounts.models import User
from apikeys.authentication import APIKeyAuthentication
from apikeys.keys import generate_key
from tenants.authentication import DEVELOPMENT_TENANT_ID, DevelopmentAnonymous
from tenants.models import Tenant
from tenants.views import parts_of
from tests.factories import client_for, key_client, make_event, make_key, make_token

WHOAMI = "/v1/auth/whoami"


@pytest.fixture
def development(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As the settings have it in development mode: DRF reads them when its classes are made."""
    classes = [JWTAuthentication, APIKeyAuthentication, DevelopmentAnonymous]
    monkeypatch.setattr(APIView, "authentication_classes", classes)
    parts_of.cache_clear()
    yield
    parts_of.cache_clear()


pytestmark = pytest.mark.usefixtures("development")


def refusal(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_nobody_is_an_admin_of_the_development_tenant(anonymous: APIClient) -> None:
    for _ in range(2):
        assert anonymous.get(WHOAMI).json() == {
            "kind": "anonymous",
            "tenant_id": str(DEVELOPMENT_TENANT_ID),
            "tenant_name": "development",
            "role": "admin",
            "email": None,
            "key": None,
        }
    assert Tenant.objects.count() == 1


def test_nobody_reads_and_writes_there_and_nowhere_else(anonymous: APIClient, acme: Tenant) -> None:
    theirs = make_event(acme)
    event = {"event_type": "x", "user_id": "ada", "content": {}}
    assert anonymous.post("/v1/events", event).status_code == 201
    assert anonymous.get("/v1/stats").json()["total_events"] == 1
    assert anonymous.get(f"/v1/events/{theirs.id}").status_code == 404
    assert refusal(anonymous.post("/v1/events", event | {"tenant_id": str(acme.id)})) == (403, "tenant_mismatch")


@pytest.mark.parametrize("path", ["/v1/auth/me", "/v1/api-keys"])
def test_nobody_is_no_person(path: str, anonymous: APIClient) -> None:
    assert refusal(anonymous.get(path)) == (403, "user_session_required")


@pytest.mark.parametrize(
    "header", ["FORWARDED", "VIA", "X_FORWARDED_FOR", "X_FORWARDED_HOST", "X_FORWARDED_PROTO", "X_REAL_IP"]
)
@pytest.mark.parametrize("value", ["127.0.0.1", ""])
def test_nobody_comes_through_a_proxy(header: str, value: str, anonymous: APIClient) -> None:
    response = anonymous.get(WHOAMI, **{f"HTTP_{header}": value})
    assert refusal(response) == (401, "not_authenticated")
    assert not Tenant.objects.exists()


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 401), ("same-origin", 200), ("same-site", 200), ("none", 200)]
)
def test_nobody_comes_from_another_sites_page(site: str, status: int, anonymous: APIClient) -> None:
    assert anonymous.get(WHOAMI, HTTP_SEC_FETCH_SITE=site).status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_AUTHORIZATION": "Bearer x"},
        {"HTTP_AUTHORIZATION": "Bearer"},
        {"HTTP_AUTHORIZATION": "bearer\tx"},
        {"HTTP_X_API_KEY": ""},
        {"HTTP_X_API_KEY": "mg_live_x"},
        {"HTTP_X_API_KEY": generate_key()},
        {"HTTP_AUTHORIZATION": "Bearer x", "HTTP_X_API_KEY": "x"},
    ],
    ids=["token", "word alone", "tab", "empty key", "malformed key", "unknown key", "both"],
)
def test_wrong_credentials_are_refused_here_too(headers: dict[str, str], anonymous: APIClient) -> None:
    assert anonymous.get(WHOAMI, **headers).status_code == 401
    assert not Tenant.objects.exists()


def test_ended_credentials_are_refused_here_too(acme_admin: User, anonymous: APIClient) -> None:
    token = make_token(acme_admin)
    key, plaintext = make_key(acme_admin.tenant)
    acme_admin.sessions.update(ended_at=timezone.now())
    type(key).objects.update(revoked_at=timezone.now())
    assert refusal(anonymous.get(WHOAMI, HTTP_AUTHORIZATION=f"Bearer {token}")) == (401, "session_ended")
    assert refusal(anonymous.get(WHOAMI, HTTP_X_API_KEY=plaintext)) == (401, "key_revoked")


def test_good_credentials_count_as_ever(acme_admin: User) -> None:
    for client in (client_for(acme_admin), key_client(acme_admin.tenant)):
        assert client.get(WHOAMI).json()["tenant_name"] == "Acme"


def faults() -> set[str]:
    return {message.id for message in run_checks() if message.id.startswith("memgraph.")}


@pytest.mark.parametrize(
    ("host", "ids"),
    [
        *((host, set()) for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.8.9.1")),
        *(
            (host, {"memgraph.E001"})
            for host in ("0.0.0.0", "::", "192.0.2.1", "example.com", "", "127.0.0.1.evil.example")
        ),
    ],
)
def test_development_mode_stays_on_this_machine(host: str, ids: set[str], settings: Settings) -> None:
    settings.HOST = host
    settings.DEVELOPMENT = True
    assert faults() == ids
    settings.DEVELOPMENT = False
    assert faults() == set()


@pytest.mark.parametrize(
    ("hosts", "ids"),
    [(["*"], {"memgraph.E002"}), (["a.example", "*"], {"memgraph.E002"}), (["a.example"], set()), ([], set())],
)
@pytest.mark.parametrize("development", [False, True])
def test_a_wildcard_host_is_a_mistake(
    hosts: list[str], ids: set[str], *, development: bool, settings: Settings
) -> None:
    """In development mode more than ever: any page could rebind its name to the loopback address and be an admin."""
    settings.ALLOWED_HOSTS, settings.DEVELOPMENT = hosts, development
    assert faults() == ids


@pytest.mark.parametrize(
    ("url", "ids"),
    [
        ("http://memgraph.example.com", {"memgraph.W001"}),
        ("http://192.0.2.1:8001", {"memgraph.W001"}),
        ("http://localhost.evil.example", {"memgraph.W001"}),
        ("https://memgraph.example.com", set()),
        ("http://127.0.0.1:8001", set()),
        ("http://localhost:8001", set()),
        ("http://[::1]:8001", set()),
    ],
)
def test_an_address_in_the_clear_is_warned_of(url: str, ids: set[str], settings: Settings) -> None:
    settings.PUBLIC_URL = url
    settings.HTTPS = url.startswith("https://")
    assert faults() == ids


def test_a_redis_that_is_still_named_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults() == set()
    monkeypatch.setenv("REDIS_URL", "redis://:secret@127.0.0.1/0")
    assert faults() == {"memgraph.W002"}
