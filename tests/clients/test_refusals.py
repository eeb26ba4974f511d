"""How every version of the published client takes refusals: as its own error, told once, with a reason for people."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.clients.methods import FLAVOURS, LAST, drives, every_client
from tests.clients.published import Published, Refused

REFUSALS: dict[str, tuple[str, str, int, str]] = {
    "mistyped": ("I like tea.", "MemgraphAuthError", 401, "key_malformed"),
    "revoked": ("I like tea.", "MemgraphAuthError", 401, "key_revoked"),
    "viewer": ("I like tea.", "MemgraphAuthError", 403, "role_required"),
    "editor": (" \n", "MemgraphValidationError", 422, "invalid"),
}


OF_OTHER_METHODS: list[tuple[str, str, tuple[Any, ...], str, int, str]] = [
    ("mistyped", "get_beliefs", ("ada",), "MemgraphAuthError", 401, "key_malformed"),
    ("revoked", "search", ("tea", "ada"), "MemgraphAuthError", 401, "key_revoked"),
    ("viewer", "remember", ("Text.", "ada"), "MemgraphAuthError", 403, "role_required"),
    ("viewer", "forget_all", ("ada",), "MemgraphAuthError", 403, "role_required"),
    ("editor", "forget", (str(UUID(int=1)),), "MemgraphValidationError", 404, "not_found"),
    ("editor", "forget", ("no-id",), "MemgraphValidationError", 404, "not_found"),
    ("editor", "search", ("x" * 10_001, "ada"), "MemgraphValidationError", 422, "invalid"),
    ("editor", "remember", ("Text.", "ada", "general", "x" * 256), "MemgraphValidationError", 422, "invalid"),
    ("editor", "remember", ("Text.", "ada", "general", None, 1.5), "MemgraphValidationError", 422, "invalid"),
    ("editor", "get_beliefs", ("ada", 0), "MemgraphValidationError", 422, "invalid"),
    ("editor", "get_beliefs", ("ada", 2, "no-cursor"), "MemgraphValidationError", 422, "invalid"),
]
newest = pytest.mark.parametrize("client", [(LAST, flavour) for flavour in FLAVOURS], indirect=True, ids=FLAVOURS)


def refusal(client: Published, *call: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        client.call(*call)
    return refused.value


def check(client: Published, refused: Refused, kind: str, status: int, code: str) -> None:
    """The oldest clients hand on what their HTTP library says."""
    assert refused.status == status
    if client.number >= (0, 3):
        assert (refused.kind, refused.body["code"]) == (kind, code)
        assert refused.body["detail"] in refused.text
        assert len(refused.body["detail"].split()) > 2
    else:
        assert refused.kind in ("HTTPError", "HTTPStatusError")


@every_client
def test_refusals(client: Published, server_keys: dict[str, str], user: str) -> None:
    for key, (text, *expected) in REFUSALS.items():
        refused = refusal(client.using(api_key=server_keys[key]), "add", text, user)
        check(client, refused, *expected)
        assert refused.slept == []


@newest
@pytest.mark.parametrize(("key", "method", "args", "kind", "status", "code"), OF_OTHER_METHODS)
def test_refusals_by_other_methods(
    key: str,
    method: str,
    args: tuple[Any, ...],
    kind: str,
    status: int,
    code: str,
    client: Published,
    server_keys: dict[str, str],
) -> None:
    check(client, refusal(client.using(api_key=server_keys[key]), method, *args), kind, status, code)


@drives("ping")
def test_ping_with_a_bad_key(client: Published, server_keys: dict[str, str]) -> None:
    """Most only ask whether the server is there."""
    revoked = client.using(api_key=server_keys["revoked"])
    if client.flavour == "sync" and client.number >= (0, 8, 1):
        check(client, refusal(revoked, "ping"), "MemgraphAuthError", 401, "key_revoked")
    else:
        assert revoked.ping()["status"] == "healthy"


@every_client
def test_another_tenants_id_is_refused(client: Published, api: httpx.Client, user: str) -> None:
    refused = refusal(client.using(tenant_id=str(uuid4())), "add", "I like tea.", user)
    check(client, refused, "MemgraphAuthError", 403, "tenant_mismatch")
    assert api.get("/v1/events", params={"user_id": user}).json()["items"] == []


@every_client
def test_too_many_requests(client: Published, server_keys: dict[str, str], user: str) -> None:
    """A client that tries again waits as long as it was told, whole seconds, each of its three times."""
    throttled = client.using(api_key=server_keys["throttled"])
    assert throttled.add("I like tea.", user)["status"] == "stored"
    refused: Any = refusal(throttled, "add", "I like tea.", user)
    check(client, refused, "MemgraphRateLimitError", 429, "too_many_requests")
    if client.number >= (0, 3):
        assert refused.slept[-1] == refused.retry_after
        assert len(refused.slept) == 3
        assert all(0 < seconds <= 60 for seconds in refused.slept)
