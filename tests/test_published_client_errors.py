"""How the published client takes refusals: each is a typed error of its own, by the sync client and the async one."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from memgraph_sdk import AsyncMemgraphClient, MemgraphClient
from memgraph_sdk.exceptions import MemgraphAuthError, MemgraphRateLimitError, MemgraphValidationError
from rest_framework.exceptions import Throttled

from memgraph.errors import CONTENT_TYPE, headers_of, problem_of

REFUSALS: list[tuple[str, str, tuple[Any, ...], type[Exception], int, str]] = [
    ("mistyped", "get_beliefs", ("ada",), MemgraphAuthError, 401, "key_malformed"),
    ("revoked", "get_beliefs", ("ada",), MemgraphAuthError, 401, "key_revoked"),
    ("viewer", "remember", ("Text.", "ada"), MemgraphAuthError, 403, "role_required"),
    ("viewer", "forget_all", ("ada",), MemgraphAuthError, 403, "role_required"),
    ("editor", "forget", (str(uuid4()),), MemgraphValidationError, 404, "not_found"),
    ("editor", "forget", ("no-id",), MemgraphValidationError, 404, "not_found"),
    ("editor", "remember", ("Text.", "ada", "general", "x" * 256), MemgraphValidationError, 422, "invalid"),
    ("editor", "remember", ("Text.", "ada", "general", None, 1.5), MemgraphValidationError, 422, "invalid"),
    ("editor", "get_beliefs", ("ada", 0), MemgraphValidationError, 422, "invalid"),
    ("editor", "get_beliefs", ("ada", 2, "no-cursor"), MemgraphValidationError, 422, "invalid"),
]


async def called(url: str, key: str, call: Callable[[AsyncMemgraphClient], Awaitable[Any]]) -> Any:
    async with AsyncMemgraphClient(key, base_url=url, max_retries=1) as client:
        return await call(client)


def check(error: Any, status: int, code: str) -> None:
    assert error.status_code == status
    assert error.response_body["code"] == code
    assert error.response_body["detail"] in str(error)
    assert len(error.response_body["detail"].split()) > 2


@pytest.mark.parametrize(("key", "method", "args", "kind", "status", "code"), REFUSALS)
def test_refusal_is_the_clients_own_error(
    key: str,
    method: str,
    args: tuple[Any, ...],
    kind: type[Exception],
    status: int,
    code: str,
    server_url: str,
    server_keys: dict[str, str],
) -> None:
    with MemgraphClient(server_keys[key], base_url=server_url, max_retries=1) as client, pytest.raises(kind) as refused:
        getattr(client, method)(*args)
    check(refused.value, status, code)
    with pytest.raises(kind) as refused:
        asyncio.run(called(server_url, server_keys[key], lambda client: getattr(client, method)(*args)))
    check(refused.value, status, code)


@pytest.mark.parametrize("key", ["mistyped", "revoked"])
def test_ping_with_a_bad_key_is_refused(key: str, server_url: str, server_keys: dict[str, str]) -> None:
    with MemgraphClient(server_keys[key], base_url=server_url) as client, pytest.raises(MemgraphAuthError):
        client.ping()


@contextmanager
def throttling_server() -> Iterator[str]:
    """Answers everything as the API answers too many requests: no route of it does so yet."""
    problem = Throttled(wait=1)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(429)
            for name, value in {"Content-Type": CONTENT_TYPE, **headers_of(problem)}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(problem_of(problem, request_id="r")).encode())

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_too_many_requests_is_the_clients_own_error(server_keys: dict[str, str]) -> None:
    with throttling_server() as url:
        with MemgraphClient(server_keys["editor"], base_url=url, max_retries=1) as client:
            with pytest.raises(MemgraphRateLimitError) as refused:
                client.get_beliefs("ada")
            check(refused.value, 429, "too_many_requests")
            assert refused.value.retry_after == 1
        with pytest.raises(MemgraphRateLimitError) as refused:
            asyncio.run(called(url, server_keys["editor"], lambda client: client.get_beliefs("ada")))
        check(refused.value, 429, "too_many_requests")
