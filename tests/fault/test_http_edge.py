"""What probes, proxies and careless clients send at the edge of HTTP."""

import gzip
import json
import re
import socket

import pytest
from rest_framework.test import APIClient

from tests.factories import anonymous_client
from tests.memgraph.processes import Server
from tests.memgraph.test_errors import assert_problem

EVENT = {"event_type": "message", "user_id": "ada", "content": {"text": "hello"}}
HEX = re.compile(r"[0-9a-f]{32}")


def exchange(server: Server, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(request)
        return b"".join(iter(lambda: client.recv(65536), b""))


@pytest.mark.parametrize("accept", ["text/plain", "text/html", "application/xml;q=0.9", "image/*", ""])
@pytest.mark.parametrize("path", ["/health", "/v1/health", "/live"])
def test_a_probe_may_accept_anything(path: str, accept: str, db: None) -> None:
    response = anonymous_client().get(path, HTTP_ACCEPT=accept)
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("path", ["/live", "/health", "/v1/auth/whoami"])
def test_http_1_1_without_a_host_is_refused(path: str, real_server: Server) -> None:
    """RFC 9112, section 3.2."""
    answer = exchange(real_server, f"GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code": "malformed"' in answer


def test_http_1_0_needs_no_host(real_server: Server) -> None:
    assert exchange(real_server, b"GET /live HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 200 ")


def test_options_is_not_offered_where_it_is_refused(editor_key: APIClient) -> None:
    response = editor_key.options("/v1/events")
    assert response.status_code == 405
    assert response["Allow"] == "GET, POST, HEAD"


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "x-none", "gzip, identity"])
@pytest.mark.parametrize(("path", "body"), [("/v1/events", EVENT), ("/v2/context", {"query": "tea", "user_id": "ada"})])
def test_a_packed_body_is_415_with_the_codings_that_are_accepted(
    path: str, body: object, encoding: str, editor_key: APIClient
) -> None:
    for content in (gzip.compress(json.dumps(body).encode()), json.dumps(body).encode()):
        response = editor_key.generic("POST", path, content, "application/json", headers={"Content-Encoding": encoding})
        assert_problem(response, 415, "unsupported_encoding")
        assert response["Accept-Encoding"] == "identity"


def test_identity_is_no_coding(editor_key: APIClient) -> None:
    assert editor_key.post("/v1/events", EVENT, headers={"Content-Encoding": "Identity"}).status_code == 201


def test_an_import_may_be_packed_with_gzip_only(admin_key: APIClient) -> None:
    response = admin_key.generic(
        "POST", "/v1/admin/import", b"{}", "application/x-ndjson", headers={"Content-Encoding": "br"}
    )
    assert_problem(response, 415, "unsupported_encoding")
    assert response["Accept-Encoding"] == "gzip, identity"


@pytest.mark.parametrize(
    "sent",
    [
        "mg_live_0123456789abcdefghijklmnopqrstuvwxyz",
        "request-mg_live_0123456789",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
        "with space",
        "a" * 65,
    ],
)
def test_a_request_id_that_may_be_a_secret_is_replaced(sent: str) -> None:
    assert HEX.fullmatch(anonymous_client().get("/live", headers={"X-Request-ID": sent})["X-Request-ID"])


@pytest.mark.parametrize("sent", ["req-1.2_3", "4bf92f3577b34da6a3ce929d0e0e4736"])
def test_any_other_request_id_is_kept(sent: str) -> None:
    assert anonymous_client().get("/live", headers={"X-Request-ID": sent})["X-Request-ID"] == sent
