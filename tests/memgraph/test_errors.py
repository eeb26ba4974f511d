"""Every error, of whatever origin, is a problem of RFC 9457 that gives nothing away."""

import io
import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import RequestFactory
from rest_framework.test import APIClient

from memgraph.wsgi import application
from tenants.models import Tenant
from tests.factories import key_client

MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}
TELLTALES = re.compile(
    r"Traceback|File \"|\.py|SELECT|INSERT|psycopg|django|rest_framework|orjson|gunicorn|python|postgres|\d+\.\d+\.\d+",
    re.IGNORECASE,
)


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = json.loads(response.content)
    assert (response.status_code, problem["code"]) == (status, code)
    assert response["Content-Type"] == "application/problem+json"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert MEMBERS <= set(problem) <= {*MEMBERS, "errors"}
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    assert isinstance(problem["detail"], str)
    assert problem["detail"]
    assert problem["request_id"] == response["X-Request-ID"]
    assert not TELLTALES.search(response.content.decode())
    assert "Server" not in response
    return problem


@pytest.fixture
def editor(acme: Tenant) -> APIClient:
    """A program that gets what a caller gets: an answer, not an exception."""
    client = key_client(acme)
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/nope", "/v2", "/v2/nope", "/v1/stats/", "/v1/%00", "/v1/%ff", "/v1/..", "/health/x"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_404(path: str, method: str, anonymous: APIClient) -> None:
    assert_problem(anonymous.generic(method, path), 404, "not_found")


def test_no_path_is_redirected(anonymous: APIClient) -> None:
    for path in ("/v1/stats/", "/v1/auth/login/", "//v1/stats", "/v1//stats"):
        assert anonymous.post(path, {}).status_code == 404


def test_elsewhere_an_error_is_a_page(anonymous: APIClient) -> None:
    response = anonymous.get("/<script>alert(1)</script>")
    assert (response.status_code, response["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert b"<script>" not in response.content


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/v1/events", "GET, POST"),
        ("PUT", "/v1/events", "GET, POST"),
        ("OPTIONS", "/v1/events", "GET, POST"),
        ("TRACE", "/v1/stats", "GET"),
        ("BREW", "/v1/stats", "GET"),
        ("GET", "/v1/auth/login", "POST"),
        ("HEAD", "/v1/auth/onboard", "POST"),
        ("POST", "/health", "GET"),
        ("POST", "/metrics", "GET"),
    ],
)
def test_a_method_that_a_route_has_not_is_405_with_allow(method: str, path: str, allow: str, editor: APIClient) -> None:
    response = editor.generic(method, path)
    assert response.status_code == 405
    assert (
        set(allow.split(", "))
        <= set(response["Allow"].replace("HEAD", "GET").split(", "))
        <= {*allow.split(", "), "OPTIONS"}
    )
    if method != "HEAD":
        assert_problem(response, 405, "method_not_allowed")


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "application/problem+json", "x", ";", "/", "text/*;q=0.5"]
)
def test_what_can_not_be_offered_is_406(accept: str, editor: APIClient) -> None:
    assert_problem(editor.get("/v1/stats", HTTP_ACCEPT=accept), 406, "not_acceptable")


@pytest.mark.parametrize("accept", ["*/*", "application/json; charset=utf-8", "text/html, */*;q=0.1", "application/*"])
def test_json_is_offered_to_who_takes_it(accept: str, editor: APIClient) -> None:
    assert editor.get("/v1/stats", HTTP_ACCEPT=accept)["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "json",
        ";",
        "application/jsonx",
    ],
)
def test_another_type_of_body_is_415(content_type: str, editor: APIClient) -> None:
    assert_problem(editor.generic("POST", "/v1/events", b'{"a":1}', content_type), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("path", "most"),
    [("/v1/auth/login", 16 * 1024), ("/v1/auth/onboard", 16 * 1024), ("/v1/events", 2 * 1024 * 1024)],
)
def test_a_body_over_the_limit_is_413(path: str, most: int, editor: APIClient) -> None:
    for size, status in ((most, 400), (most + 1, 413)):
        response = editor.generic("POST", path, b"[" * size, "application/json")
        assert_problem(response, status, {400: "malformed", 413: "payload_too_large"}[status])
    form = editor.generic("POST", "/v1/auth/login", b"a=" + b"b" * 16_383, "application/x-www-form-urlencoded")
    assert_problem(form, 413, "payload_too_large")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "a b", "", "127.0.0.1:x", "[::1", "127.0.0.1\x00", "é", "127.0.0.1,evil.example", "x" * 5000],
)
def test_a_foreign_host_is_400(host: str, anonymous: APIClient) -> None:
    assert_problem(anonymous.get("/v1/stats", HTTP_HOST=host), 400, "host_not_allowed")
    for probe in ("/health", "/v1/health", "/live", "/metrics"):
        assert anonymous.get(probe, HTTP_HOST=host).status_code == 200


def test_a_forwarded_host_is_not_read(anonymous: APIClient) -> None:
    assert_problem(anonymous.get("/v1/stats", HTTP_X_FORWARDED_HOST="evil.example"), 401, "not_authenticated")


def test_a_problem_is_json_whatever_answer_was_asked_for(anonymous: APIClient) -> None:
    response = anonymous.get("/v1/admin/export", HTTP_ACCEPT="application/x-ndjson")
    assert_problem(response, 401, "not_authenticated")


def test_an_error_of_a_page_is_a_page() -> None:
    client = APIClient(enforce_csrf_checks=True)
    for response in (client.post("/docs"), client.get("/docs", HTTP_ACCEPT="application/json")):
        assert response["Content-Type"] == "text/html; charset=utf-8"
        assert b"<!doctype html>" in response.content
    assert_problem(client.post("/metrics"), 405, "method_not_allowed")


@pytest.mark.parametrize("sent", ["a", "A-z_0.9", "x" * 64])
def test_a_good_request_id_is_kept(sent: str, anonymous: APIClient) -> None:
    for path in ("/v1/stats", "/v1/nope", "/health"):
        assert anonymous.get(path, HTTP_X_REQUEST_ID=sent)["X-Request-ID"] == sent


@pytest.mark.parametrize("sent", ["", "x" * 65, "a b", "a,b", "a\n", "é", "٣", "<b>", "a/b", "%0a", "\x00"])
def test_a_bad_request_id_is_replaced(sent: str, anonymous: APIClient) -> None:
    made = [anonymous.get("/v1/stats", HTTP_X_REQUEST_ID=sent)["X-Request-ID"] for _ in range(2)]
    assert all(re.fullmatch("[0-9a-f]{32}", request_id) for request_id in made)
    assert made[0] != made[1]


def test_an_unexpected_error_is_500_without_its_reason(editor: APIClient, anonymous: APIClient) -> None:
    anonymous.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_user RENAME COLUMN password TO secret_name")
        cursor.execute("ALTER TABLE tenants_tenant RENAME TO secret_table")
    sign_in = anonymous.post("/v1/auth/login", {"username": "a@b.example", "password": "wrong horse"})
    for response in (sign_in, editor.get("/v1/stats")):
        problem = assert_problem(response, 500, "unexpected_error")
        assert "secret" not in response.content.decode()
        assert problem["detail"].startswith("Something went wrong on our side.")


def test_an_error_of_a_view_is_logged_under_its_request_id(editor: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tenants_tenant RENAME TO away")
    editor.get("/v1/stats", HTTP_X_REQUEST_ID="find-me")
    line = next(record for record in caplog.records if record.name == "memgraph.request")
    assert (line.request_id, line.status) == ("find-me", 500)
    assert any(record.exc_info for record in caplog.records)


def through_wsgi(path: str, content_type: str, method: str = "POST", body: bytes = b"{}") -> tuple[int, dict[str, Any]]:
    """The real entry: the test client makes its requests past it."""
    bare, _, query = path.partition("?")
    environ = RequestFactory()._base_environ(
        PATH_INFO=bare, QUERY_STRING=query, REQUEST_METHOD=method, CONTENT_TYPE=content_type, HTTP_HOST="127.0.0.1"
    )
    environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    seen: list[str] = []
    answer = b"".join(application(environ, lambda status, headers: seen.append(status)))
    return int(seen[0].split()[0]), json.loads(answer)


@pytest.mark.parametrize(
    "charset", ["rot13", "base64", "undefined", "idna", "utf-16", "unicode_escape", "nope", "", '"']
)
def test_a_charset_of_a_body_is_not_followed(charset: str) -> None:
    content_type = f"application/json; charset={charset}"
    for query, expected in (
        ("", (422, "invalid")),
        ("?x=%ff", (400, "malformed")),
        ("?" + "a&" * 1100, (400, "malformed")),
    ):
        status, problem = through_wsgi(f"/v1/auth/login{query}", content_type)
        assert (status, problem["code"]) == expected


def test_a_content_type_that_can_not_be_parsed_is_415() -> None:
    assert through_wsgi("/v1/auth/login", "application/json; x*=bogus''%41")[0] == 415
