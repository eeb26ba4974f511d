"""A connection that ends before the body does: 400, and nothing of it is kept, however whole it looks."""

import socket
from collections.abc import Callable, Iterator
from functools import partial

import httpx
import pytest

from tests.memgraph.processes import wait_for
from tests.memory.transfers import EVENT, NDJSON, make_file

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MULTIPART = "multipart/form-data; boundary=x"
FIELD = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
BODIES = {
    "form": ("/v1/ingest", FORM, "user_id=ada&text=I+am+not+allergic+to+peanuts.+I+am"),
    "multipart": ("/v1/ingest", MULTIPART, FIELD.format("user_id", "ada") + FIELD.format("text", "I am") + "--x--\r\n"),
    "JSON": ("/v1/events", JSON, '{"event_type": "x", "user_id": "ada", "content": {}}'),
    "import": ("/v1/admin/import", NDJSON, make_file(EVENT).decode()),
}


def half_close(connection: socket.socket) -> bytes:
    connection.shutdown(socket.SHUT_WR)
    return b"".join(iter(lambda: connection.recv(65536), b""))


def close(connection: socket.socket) -> bytes:
    connection.close()
    return b""


@pytest.fixture(scope="module")
def admin(server_url: str) -> Iterator[httpx.Client]:
    account = {"email": "broken@example.com", "password": "a long sentence of mine", "full_name": "B"}
    with httpx.Client(base_url=server_url, timeout=30) as client:
        client.post("/v1/auth/onboard", json=account | {"cluster_name": "Broken"}).raise_for_status()
        login = client.post("/v1/auth/login", data={"username": account["email"], "password": account["password"]})
        client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        yield client


@pytest.mark.parametrize("end", [half_close, close])
@pytest.mark.parametrize("missing", [1, 5000])
@pytest.mark.parametrize("kind", BODIES)
def test_a_body_that_breaks_off_is_refused(
    kind: str, missing: int, end: Callable[[socket.socket], bytes], admin: httpx.Client
) -> None:
    path, content_type, body = BODIES[kind]
    if kind == "import":  # the import of the previous test may still be running
        again = partial(admin.post, f"{path}?dry_run=true", headers={"Content-Type": NDJSON})
        wait_for(lambda: again().status_code != 409, 10, "no import runs")
    before = admin.get("/v1/stats").json()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {admin.headers['Authorization']}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body) + missing}\r\n\r\n"
    )
    with socket.create_connection((admin.base_url.host, admin.base_url.port or 80), timeout=30) as connection:
        connection.sendall((head + body).encode())
        answer = end(connection)
    if end is half_close:
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"The connection closed before the whole body arrived." in answer
    assert admin.get("/v1/stats").json() == before


@pytest.mark.parametrize("kind", BODIES)
def test_the_same_body_is_taken_whole(kind: str, admin: httpx.Client) -> None:
    path, content_type, body = BODIES[kind]
    headers = {"Content-Type": content_type}
    query = "?dry_run=true" if kind == "import" else ""
    assert admin.post(path + query, content=body.encode(), headers=headers).status_code in (200, 201)
