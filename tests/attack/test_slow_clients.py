"""Many clients that send half a request, or nothing: the others are answered, and the slow ones too when they go on.

A real server with one worker, which holds 200 connections here. The attackers come from 127.0.0.9, the others do not.
"""

import re
import socket
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.factories import PASSWORD
from tests.memgraph.prepared import prepared
from tests.memgraph.processes import Server, wait_for
from tests.memory.transfers import ROWS, make_file

CONNECTIONS = 200
MEBIBYTE = 1024 * 1024
LARGEST_RSS = 250 * MEBIBYTE
PERSON = {"email": "calm@example.com", "password": PASSWORD, "full_name": "C", "cluster_name": "Calm"}
LIVE = b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /v1/auth/onboard HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
IMPORT = b"POST /v1/admin/import HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
# What comes at first, what comes later, and the answer to all of it.
HALVES = {
    "nothing": (b"", LIVE, 200),
    "head": (LIVE[:25], LIVE[25:], 200),
    "body": (POST + b"Content-Length: 2\r\n\r\n{", b"}", 422),
    "chunk": (POST + CHUNKED + b"2\r\n{", b"}\r\n0\r\n\r\n", 422),
    "trailers": (POST + CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-Sum: 1\r\n\r\n", 422),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="memgraph-attack-") as folder:
        Path(folder).chmod(0o755)
        arguments = f"--worker-connections={CONNECTIONS}"
        with Server(prepared(Path(folder, "data")), CLIENT_PATIENCE="60s", GUNICORN_CMD_ARGS=arguments) as server:
            yield server.wait_until_healthy()


@pytest.fixture(autouse=True)
def the_crowd_has_gone(request: pytest.FixtureRequest) -> Iterator[None]:
    """Waits until the worker has noticed the closed connections. Until then it drops the next test's to make room."""
    yield
    if "server" in request.fixturenames:
        server = request.getfixturevalue("server")
        wait_for(lambda: not connections_from(server, "127.0.0.9"), 30, "the attackers' connections are closed")


def connections_from(server: Server, ip: str) -> list[int]:
    """The client ports of all accepted connections from this IP address."""
    found = [each for worker in server.gunicorn().children() for each in worker.net_connections("tcp")]
    return [each.raddr.port for each in found if each.raddr and each.raddr.ip == ip]


@pytest.fixture(scope="module")
def session(server: Server) -> bytes:
    """The header of a signed-in admin."""
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client:
        client.post("/v1/auth/onboard", json=PERSON).raise_for_status()
        form = {"username": PERSON["email"], "password": PASSWORD}
        return f"Authorization: Bearer {client.post('/v1/auth/login', data=form).json()['access_token']}\r\n".encode()


def connected(server: Server, content: bytes = b"", *, host: str = "127.0.0.1") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30, source_address=(host, 0))
    connection.sendall(content)
    return connection


def attacker(server: Server, content: bytes = b"") -> socket.socket:
    return connected(server, content, host="127.0.0.9")


def next_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of one answer, read to its end and no further."""
    with connection.makefile("rb", buffering=0) as stream:
        status = int(stream.readline().split()[1])
        head = b"".join(iter(stream.readline, b"\r\n"))
        size = int((re.search(rb"(?i)content-length: (\d+)", head) or [b"", b"0"])[1])
        body = b""
        while len(body) < size:
            body += stream.read(size - len(body)) or b""
    return status, body


def ask(server: Server) -> int:
    with connected(server, LIVE) as connection:
        return next_answer(connection)[0]


def statuses(connections: list[socket.socket]) -> Counter[int]:
    """0 where the connection was closed without an answer."""
    found: Counter[int] = Counter()
    for connection in connections:
        try:
            found[next_answer(connection)[0]] += 1
        except (OSError, IndexError):
            found[0] += 1
    return found


@pytest.mark.parametrize("kind", HALVES)
def test_many_slow_clients_are_waited_for_and_keep_nobody_waiting(kind: str, server: Server) -> None:
    first, later, status = HALVES[kind]
    with ExitStack() as crowd:
        slow = [crowd.enter_context(attacker(server, first)) for _ in range(100)]
        assert [ask(server) for _ in range(20)] == [200] * 20
        for connection in slow:
            connection.sendall(later)
        assert statuses(slow) == {status: len(slow)}


def test_imports_that_nobody_may_make_hold_no_thread(server: Server) -> None:
    with ExitStack() as crowd:
        slow = [crowd.enter_context(attacker(server, IMPORT + b"Content-Length: 9\r\n\r\n{")) for _ in range(50)]
        assert [ask(server) for _ in range(20)] == [200] * 20
        assert statuses(slow) == {401: len(slow)}


@pytest.mark.parametrize("content", [half for half, *_ in HALVES.values()], ids=list(HALVES))
def test_more_clients_than_a_worker_holds_shut_nobody_out(content: bytes, server: Server) -> None:
    """The oldest connections of the network that has most of them give way, and nobody else's."""
    with ExitStack() as crowd:
        kept, half_sent = (crowd.enter_context(connected(server, part)) for part in (LIVE, HALVES["body"][0]))
        assert next_answer(kept)[0] == 200
        for _ in range(2 * CONNECTIONS):
            crowd.enter_context(attacker(server, content))
            ask(server)
        for connection, rest, status in ((kept, LIVE, 200), (half_sent, HALVES["body"][1], 422)):
            connection.sendall(rest)
            assert next_answer(connection)[0] == status
    assert "Traceback" not in server.text()


def test_large_bodies_that_never_end_take_no_room_from_others(server: Server) -> None:
    """Twelve of 16 MiB, each a byte short; 128 MiB of them are kept, on the disk and not in memory."""
    size = 16 * MEBIBYTE
    head = POST + b"Content-Length: %d\r\n\r\n"
    with ExitStack() as crowd:
        honest = crowd.enter_context(connected(server, head % MEBIBYTE + b" " * (MEBIBYTE - 2)))
        large = [crowd.enter_context(attacker(server, head % size + b" " * (size - 1))) for _ in range(12)]
        assert server.worker().memory_info().rss < LARGEST_RSS
        honest.sendall(b"{}")
        assert next_answer(honest)[0] == 413, "it was kept, and is too large for this route"
        for connection in large[-2:]:
            connection.sendall(b" ")
        found = statuses(large[-2:])
        assert found == {413: 2}, "so was what came last"
        refused = [connection for connection in large[:-2] if is_readable(connection)]
        assert len(refused) >= 4
        assert statuses(refused) == {503: len(refused)}
    assert "Traceback" not in server.text()


def is_readable(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(30)


def test_requests_that_come_together_are_answered_in_turn(server: Server, session: bytes) -> None:
    file = make_file(*ROWS)
    brought_in = IMPORT + session + b"Content-Length: %d\r\n\r\n" % len(file)
    requests = [
        (LIVE, 200),
        (POST + b"Content-Length: 2\r\n\r\n{}", 422),
        (POST + CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", 422),
        (LIVE, 200),
        (brought_in + file, 200),
        (LIVE, 200),
    ]
    content = b"".join(request for request, _ in requests)
    for cut in (0, 10, len(LIVE) + 3, len(content) - len(LIVE) - 5, len(content) - 3):
        with connected(server, content[:cut]) as connection:
            connection.sendall(content[cut:])
            assert [next_answer(connection)[0] for _ in requests] == [status for _, status in requests]


@pytest.mark.parametrize("path", ["onboard", "import"])
def test_a_client_is_told_once_to_go_on(path: str, server: Server, session: bytes) -> None:
    file = make_file(*ROWS)
    head, body, status = (POST, b"{}", 422) if path == "onboard" else (IMPORT + session, file, 200)
    with connected(server, head + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)) as connection:
        assert next_answer(connection)[0] == 100
        connection.sendall(body)
        assert next_answer(connection)[0] == status
        connection.sendall(LIVE)
        assert next_answer(connection)[0] == 200


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (POST + b"Expect: 100-continue\r\nContent-Length: 16777217\r\n\r\n", 413),
        (POST + b"Expect: wonders\r\nContent-Length: 2\r\n\r\n", 417),
        (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n", 400),
        (POST + b"Content-Length: 2\r\n" + CHUNKED + b"0\r\n\r\n", 400),
        (POST + CHUNKED + b"1\r\n{\r\n" * 5000, 400),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 12_000, 431),
        (b"GET /" + b"a" * 9000, 414),
        (b"GET / HTTP/1.1\nHost: localhost\n", 400),
    ],
)
def test_what_is_never_taken_is_refused_before_it_is_whole(content: bytes, status: int, server: Server) -> None:
    with connected(server, content) as connection:
        found, body = next_answer(connection)
    assert (found, b'"code": ' in body) == (status, True)


def test_termination_drops_half_a_request_and_answers_a_whole_one() -> None:
    with tempfile.TemporaryDirectory(prefix="memgraph-end-") as folder:
        Path(folder).chmod(0o755)
        with Server(prepared(Path(folder, "data"))) as server, ExitStack() as crowd:
            server.wait_until_healthy()
            slow = [crowd.enter_context(connected(server, half)) for half, *_ in HALVES.values()]
            whole = crowd.enter_context(connected(server, LIVE))
            tree = server.tree()
            port = whole.getsockname()[1]
            wait_for(lambda: port in connections_from(server, "127.0.0.1"), 10, "a worker has accepted it")
            server.process.terminate()
            assert next_answer(whole)[0] == 200
            server.assert_ends(tree, 20)
            assert statuses(slow) == {0: len(slow)}
