"""The main loop sends the response to a revocation later, so that no thread waits."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from memgraph.server.callers import Caller
from memgraph.server.slow_clients import TimedSocket
from tenants.limits.places import Place, place
from tests.attack.pool import FuturePool


class Held(Place):
    sends_at = 1.0


class Peers:
    def __init__(self) -> None:
        server, self.client = socket.socketpair()
        self.client.setblocking(False)
        self.server = TimedSocket.taking(server)

    def respond(self) -> None:
        place.set(Held())
        self.server.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        self.server.sendall(b"{}")


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peers]:
    monkeypatch.setattr(TimedSocket, "setsockopt", lambda *_: None)  # these are no TCP sockets
    peers = Peers()
    copy_context().run(peers.respond)
    yield peers
    peers.client.close()
    peers.server.close()


def test_a_held_response_is_sent_whole_and_once(peers: Peers) -> None:
    with pytest.raises(BlockingIOError):
        peers.client.recv(100)
    assert peers.server.sends_at == 1.0
    assert peers.server.send_held()
    assert peers.client.recv(100) == b"HTTP/1.1 200 OK\r\n\r\n{}"
    assert not peers.server.held


def test_the_next_response_is_not_held(peers: Peers) -> None:
    assert peers.server.send_held()
    peers.server.sendall(b"next")
    assert peers.client.recv(100).endswith(b"next")


def test_a_client_that_left_is_noticed(peers: Peers) -> None:
    peers.client.close()
    with pytest.raises(BrokenPipeError):
        peers.server.send_held()


def test_a_response_that_exceeds_the_sockets_buffer_is_sent_whole(peers: Peers) -> None:
    """Such as a page with a new key. The main loop never waits: a thread sends the rest."""
    peers.server.held = whole = bytes(range(256)) * 20_000
    assert not peers.server.send_held()
    peers.server.setblocking(True)
    peers.client.setblocking(True)
    with ThreadPoolExecutor(1) as thread:
        sending = thread.submit(peers.server.send_rest)
        received = peers.client.recv(len(whole), socket.MSG_WAITALL)
        sending.result()
    assert received == whole
    assert not peers.server.held


def test_a_held_response_keeps_no_thread() -> None:
    """The worker's only thread is free again, although the response is due in an hour."""
    pool = FuturePool(1)
    caller = Caller(None, "192.0.2.1")
    for _ in range(2):
        pool.submit_for(caller, lambda: place.get().hold_response(3600)).result()
    pool.shutdown()
