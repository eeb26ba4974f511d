"""Clients that send slowly, or nothing, or never leave: a real server answers everybody else meanwhile."""

import json
import re
import select
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.factories import PASSWORD
from tests.memgraph.prepared import prepared
from tests.memgraph.processes import Server, refusal
from tests.memory.transfers import EVENT, HEADER, NDJSON, ROWS, as_line, make_file

CROWD = 12  # of a worker with five threads
PERSON = {"email": "slow@example.com", "password": PASSWORD, "full_name": "S", "cluster_name": "Slow"}
POST = b"POST /v1/auth/onboard HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
HALF_BODY = POST + b"Content-Length: 99\r\n\r\n{"
HALF_CHUNK = POST + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{"
HALF_HEAD = b"GET /live HTTP/1.1\r\nHost: localhost\r\nX-Half: "
LEAVES_NEVER = b"GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="memgraph-slow-") as folder:
        Path(folder).chmod(0o755)
        with Server(prepared(Path(folder, "data")), CLIENT_PATIENCE="1s") as server:
            yield server.wait_until_healthy()


@pytest.fixture(scope="module")
def admin(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client:
        client.post("/v1/auth/onboard", json=PERSON).raise_for_status()
        form = {"username": PERSON["email"], "password": PASSWORD}
        token = client.post("/v1/auth/login", data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def sent(server: Server, content: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.sendall(content)
    return connection


def answer_of(connection: socket.socket) -> tuple[int, dict[str, str], dict[str, object]]:
    """Status, headers and body of what comes until the server ends the connection."""
    head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines), json.loads(body)


@pytest.mark.parametrize(
    ("half", "code"),
    [(HALF_HEAD, "request_too_slow"), (HALF_BODY, "body_too_slow"), (HALF_CHUNK, "body_too_slow")],
    ids=["head", "body", "chunk"],
)
def test_half_a_request_is_refused_and_its_connection_ends(half: bytes, code: str, server: Server) -> None:
    with sent(server, half) as connection:
        status, headers, problem = answer_of(connection)
    assert (status, problem["status"], problem["code"]) == (408, 408, code)
    assert (headers["content-type"], headers["connection"]) == ("application/problem+json", "close")
    assert "Traceback" not in server.text()


@pytest.mark.parametrize(
    "content", [b"", HALF_HEAD, HALF_BODY, HALF_CHUNK, LEAVES_NEVER], ids=["nothing", "head", "body", "chunk", "stays"]
)
def test_a_crowd_of_slow_clients_keeps_nobody_waiting(content: bytes, server: Server, admin: httpx.Client) -> None:
    with ExitStack() as crowd:
        for _ in range(CROWD):
            crowd.enter_context(sent(server, content))
        assert httpx.get(f"{admin.base_url}/v1/health", timeout=8).status_code == 200


def test_a_trickling_import_is_refused_and_frees_slot_and_lock(server: Server, admin: httpx.Client) -> None:
    """Two bytes at a time: each read finds something, and all of them together take too long."""
    file = make_file(*ROWS)
    before = admin.get("/v1/stats").json()["total_events"]
    head = (
        f"POST /v1/admin/import HTTP/1.1\r\nHost: localhost\r\nContent-Type: {NDJSON}\r\n"
        f"Authorization: {admin.headers['Authorization']}\r\nContent-Length: {len(file)}\r\n\r\n"
    )
    with sent(server, head.encode() + file[: len(as_line(HEADER) + as_line(EVENT))]) as connection:
        connection.settimeout(0.2)
        answer = b""
        rest = iter(file[len(as_line(HEADER) + as_line(EVENT)) :])
        while not answer:
            connection.sendall(bytes([next(rest)]))
            try:
                answer = connection.recv(65536)
            except TimeoutError:
                continue
        connection.settimeout(30)
        answer += b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"body_too_slow"' in answer
    assert admin.get("/v1/stats").json()["total_events"] == before
    assert admin.post("/v1/admin/import", content=file, headers={"Content-Type": NDJSON}).status_code == 200


def test_a_busy_server_takes_no_body_for_slow(server: Server, admin: httpx.Client) -> None:
    """While the server works, the client waits for it, and not the other way round."""
    events = [EVENT | {"id": f"01900000-0000-7000-8000-{number:012}"} for number in range(100, 30_100)]
    body = make_file(*events)
    answer = admin.post("/v1/admin/import", content=body, headers={"Content-Type": NDJSON})
    assert answer.json()["created"]["event"] == len(events)


def test_the_connection_of_a_refused_request_gives_its_thread_back(server: Server, admin: httpx.Client) -> None:
    for _ in range(4):
        with sent(server, HALF_BODY) as connection:
            assert answer_of(connection)[0] == 408
    assert admin.get("/v1/health").status_code == 200


def test_a_large_body_that_nobody_reads_still_gets_its_answer(server: Server) -> None:
    """The client hears why, though it is still sending: the end of the connection waits for it."""
    url = f"http://127.0.0.1:{server.port}/v1/auth/onboard"
    refused = httpx.post(url, content=b" " * 3 * 1024 * 1024, headers={"Content-Type": "application/json"})
    assert refused.status_code == 413


def test_a_large_body_that_nobody_read_leaves_the_connection_open(server: Server) -> None:
    body, headers = b" " * 3 * 1024 * 1024, {"Content-Type": "application/json"}
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.connect()
        connection.auto_open = 0
        for _ in range(3):
            connection.request("POST", "/v1/events/batch", body, headers)
            answer = connection.getresponse()
            assert (answer.status, answer.headers["Connection"]) == (401, "keep-alive")
            answer.read()


def test_patience_must_be_a_duration(tmp_path: Path) -> None:
    assert "CLIENT_PATIENCE" in refusal(MEMGRAPH_DATA_DIR=tmp_path, CLIENT_PATIENCE="never")


@pytest.fixture(scope="module")
def large_list(admin: httpx.Client) -> bytes:
    """A request whose answer is far larger than what the machine keeps between a server and a client."""
    event = {"event_type": "long", "user_id": "ada", "content": {"text": "x" * 60_000}}
    for _ in range(8):
        admin.post("/v1/events/batch", json={"events": [event] * 25}).raise_for_status()
    return (
        "GET /v1/events?event_type=long&limit=200 HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: {admin.headers['Authorization']}\r\n\r\n"
    ).encode()


def unreading(server: Server, request: bytes) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(30)
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(request)
    return connection


def test_a_crowd_that_reads_no_answer_keeps_nobody_waiting(
    large_list: bytes, server: Server, admin: httpx.Client
) -> None:
    with ExitStack() as crowd:
        for _ in range(CROWD):
            crowd.enter_context(unreading(server, large_list))
        for _ in range(5):
            assert httpx.get(f"{admin.base_url}/v1/health", timeout=8).status_code == 200
    assert "Traceback" not in server.text()


def test_an_export_that_nobody_reads_ends_and_frees_slot_and_lock(
    large_list: bytes, server: Server, admin: httpx.Client
) -> None:
    export = large_list.replace(b"/v1/events?event_type=long&limit=200", b"/v1/admin/export")
    with unreading(server, export) as connection:
        assert connection.recv(9) == b"HTTP/1.1 "
        while (answer := admin.get("/v1/admin/export")).status_code != 200:
            assert answer.json()["code"] == "transfer_running"
        rest = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b'{"type":"footer"' not in rest
    assert not rest.endswith(b"\r\n0\r\n\r\n")


def test_who_reads_slowly_but_reads_gets_all_of_it(large_list: bytes, server: Server) -> None:
    """For three times as long as nobody may wait who reads nothing."""
    with unreading(server, large_list.replace(b"limit=200", b"limit=100")) as connection:
        received = slowly_read(connection, seconds=3)
    _, _, body = received.partition(b"\r\n\r\n")
    assert len(json.loads(body)["items"]) == 100


def test_an_export_that_is_read_steadily_is_whole(large_list: bytes, server: Server) -> None:
    """Five times as long as nobody may wait who reads nothing, at a pace that a phone has."""
    export = large_list.replace(b"/v1/events?event_type=long&limit=200", b"/v1/admin/export")
    with unreading(server, export.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")) as connection:
        received = steadily_read(connection, size=1024 * 1024, seconds=5)
        received += b"".join(iter(lambda: connection.recv(65536), b""))
    assert b'{"type":"footer"' in received
    assert received.endswith(b"\r\n0\r\n\r\n")


def steadily_read(connection: socket.socket, *, size: int, seconds: float) -> bytes:
    received, started = b"", monotonic()
    while len(received) < size:
        if (early := started + seconds * len(received) / size - monotonic()) > 0:
            select.select([], [], [], early)
        received += connection.recv(4096)
    return received


def slowly_read(connection: socket.socket, *, seconds: float) -> bytes:
    """All of an answer, paced by its bytes."""
    received, size = bytearray(connection.recv(4096)), 0
    started = monotonic()
    head, _, _ = bytes(received).partition(b"\r\n\r\n")
    size = int(re.search(rb"Content-Length: (\d+)", head)[1]) + len(head) + 4  # type: ignore[index]
    while len(received) < size:
        due = started + seconds * len(received) / size
        if (early := due - monotonic()) > 0:
            select.select([], [], [], early)
        received += connection.recv(65536)
    return bytes(received)
