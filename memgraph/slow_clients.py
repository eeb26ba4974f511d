"""Slow clients. gunicorn waits for a request's bytes for ever, and for two seconds at the end of a connection."""

import socket
from collections import deque
from functools import partial
from selectors import EVENT_READ
from threading import BoundedSemaphore
from time import monotonic
from typing import Any, Final

from django.conf import settings
from gunicorn.http.errors import ParseException
from gunicorn.http.unreader import SocketUnreader

PROMPT_SECONDS: Final = 0.5
BYTES_A_SECOND: Final = 16 * 1024
LONGEST_SECONDS: Final = 600.0
LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 64 * 1024
SLOW: Final = BoundedSemaphore(2)  # of a worker's five threads


class SlowHeadError(ParseException):  # type: ignore[misc]  # gunicorn has no types
    pass


class TimedUnreader(SocketUnreader):  # type: ignore[misc]
    """What a request may keep its thread waiting: `CLIENT_PATIENCE`, a second more for each 16 KiB, ten minutes in all.

    After half a second it is slow, and two threads of a worker at most wait for slow ones. Only the waiting counts, so
    that nobody is refused because we were busy. Too late: 408 in the head, and a TimeoutError for who reads the body.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.begin()

    def begin(self) -> None:
        self.request: Any = None  # until the head is read
        self.waited = 0.0
        self.received = 0
        self.is_slow = False

    def end(self) -> None:
        if self.is_slow:
            SLOW.release()
        self.is_slow = False

    def chunk(self, size_hint: int | None = None) -> bytes:
        if self.sock.gettimeout() is not None:  # gunicorn drains a body that nobody read, with a limit of its own
            return self.receive(size_hint)
        while True:
            if (left := self.left()) > 0:
                try:
                    return self.receive(size_hint, seconds=left)
                except TimeoutError:
                    continue
            if self.is_slow or not SLOW.acquire(blocking=False):
                raise self.too_slow()
            self.is_slow = True

    def left(self) -> float:
        patience = settings.CLIENT_PATIENCE.total_seconds() + self.received / BYTES_A_SECOND
        return min(patience, LONGEST_SECONDS if self.is_slow else PROMPT_SECONDS) - self.waited

    def receive(self, size_hint: int | None, *, seconds: float | None = None) -> bytes:
        started = monotonic()
        try:
            if seconds is not None:
                self.sock.settimeout(seconds)
            data: bytes = super().chunk(size_hint)
        finally:
            if seconds is not None:
                self.sock.settimeout(None)
            self.waited += monotonic() - started
        self.received += len(data)
        return data

    def too_slow(self) -> Exception:
        if self.request is None:
            return SlowHeadError()
        self.request.force_close()
        return TimeoutError("The body came too slowly.")


class Lingering:
    """Ends connections as RFC 9112 has it (9.6): reads what the client still sends, or it might lose the answer.

    gunicorn's main thread would wait for each in turn, and accept nobody meanwhile. Here it never waits.
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

    def finish_late(self) -> None:
        while self.deadlines and self.deadlines[0][0] <= monotonic():
            self.finish(self.deadlines.popleft()[1])
