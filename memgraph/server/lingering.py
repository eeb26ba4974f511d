"""Ends connections without waiting. gunicorn itself waits up to two seconds for each one."""

import socket
from collections import deque
from functools import partial
from selectors import EVENT_READ
from time import monotonic
from typing import Any, Final

LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 64 * 1024


class Lingering:
    """Closes connections by RFC 9112, section 9.6: reads what the client still sends, or it might lose the response.

    gunicorn's main thread would wait for each in turn, and accept no client in the meantime. Here it never waits.
    """

    def __init__(self, worker: Any) -> None:
        self.worker = worker
        self.deadlines: deque[tuple[float, socket.socket]] = deque()
        self.drained: dict[socket.socket, int] = {}

    def close(self, sock: socket.socket) -> None:
        try:
            sock.shutdown(socket.SHUT_WR)
            sock.settimeout(0)
            self.worker.poller.register(sock, EVENT_READ, partial(self.drain, sock))
        except OSError:
            sock.close()
            self.worker.nr_conns -= 1
            return
        self.drained[sock] = 0
        self.deadlines.append((monotonic() + LINGER_SECONDS, sock))

    def drain(self, sock: socket.socket, _: Any = None) -> None:
        if sock not in self.drained:
            return  # it was closed to make room after the poller had reported it
        try:
            data = sock.recv(LINGER_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.drained[sock] += len(data)
        if not data or self.drained[sock] >= LINGER_BYTES:
            self.finish(sock)

    def finish(self, sock: socket.socket) -> None:
        if self.drained.pop(sock, None) is not None:
            self.worker.poller.unregister(sock)
            sock.close()
            self.worker.nr_conns -= 1

    def finish_first(self) -> bool:
        """Returns whether there was one to close."""
        sock = next(iter(self.drained), None)
        if sock is not None:
            self.finish(sock)
        return sock is not None

    def finish_late(self) -> None:
        while self.deadlines and self.deadlines[0][0] <= monotonic():
            self.finish(self.deadlines.popleft()[1])
