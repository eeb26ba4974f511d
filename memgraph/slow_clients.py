"""Slow clients. gunicorn waits for ever to read and to write, and for two seconds at the end of a connection."""

import socket
from collections import deque
from collections.abc import Callable
from errno import EPIPE
from functools import partial
from math import inf
from selectors import EVENT_READ
from threading import BoundedSemaphore
from time import monotonic
from typing import Any, ClassVar, Final, TypeVar

from django.conf import settings
from gunicorn.http.errors import ParseException
from gunicorn.http.unreader import SocketUnreader

PROMPT_SECONDS: Final = 0.5
BYTES_A_SECOND: Final = 16 * 1024
LONGEST_SECONDS: Final = 600.0
LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 64 * 1024
T = TypeVar("T")


class SlowHeadError(ParseException):  # type: ignore[misc]  # gunicorn has no types
    pass


class Patience:
    """One side of a request: the client may fall `CLIENT_PATIENCE` behind a pace of 16 KiB a second, and no more.

    After half a second it is slow, and of the slow ones a worker's threads wait for `slots` at once. Only the waiting
    counts, so that nobody is refused because we were busy.
    """

    def __init__(self, slots: BoundedSemaphore, longest: float) -> None:
        self.slots = slots
        self.longest = longest
        self.begin()

    def begin(self) -> None:
        self.waited = 0.0
        self.behind = 0.0
        self.is_slow = False

    def end(self) -> None:
        if self.is_slow:
            self.slots.release()
        self.is_slow = False

    def wait(self, sock: socket.socket, act: Callable[[], T]) -> T:
        """Does something with the socket that may have to wait for the client; or it raises a TimeoutError."""
        while True:
            if (left := self.left()) > 0:
                try:
                    return self.timed(sock, left, act)
                except TimeoutError:
                    continue
            if self.is_slow or not self.slots.acquire(blocking=False):
                raise TimeoutError
            self.is_slow = True

    def left(self) -> float:
        patience = settings.CLIENT_PATIENCE.total_seconds() - self.behind
        return float(min(patience, (self.longest if self.is_slow else PROMPT_SECONDS) - self.waited))

    def timed(self, sock: socket.socket, seconds: float, act: Callable[[], T]) -> T:
        started = monotonic()
        sock.settimeout(seconds)
        try:
            return act()
        finally:
            sock.settimeout(None)
            took = monotonic() - started
            self.waited += took
            self.behind += took

    def moved(self, size: int) -> None:
        self.behind = max(0.0, self.behind - size / BYTES_A_SECOND)


class TimedUnreader(SocketUnreader):  # type: ignore[misc]
    """Of a request, ten minutes in all. Too late: 408 in the head, and a TimeoutError for who reads the body."""

    slow: ClassVar = BoundedSemaphore(2)  # of a worker's five threads

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.patience = Patience(self.slow, LONGEST_SECONDS)
        self.begin()

    def begin(self) -> None:
        self.request: Any = None  # until the head is read
        self.patience.begin()

    def end(self) -> None:
        self.patience.end()

    def chunk(self, size_hint: int | None = None) -> bytes:
        receive = partial(super().chunk, size_hint)
        if self.sock.gettimeout() is not None:  # gunicorn drains a body that nobody read, with a limit of its own
            return bytes(receive())
        try:
            data = self.patience.wait(self.sock, receive)
        except TimeoutError:
            raise self.too_slow() from None
        if not data and self.request is not None:  # gunicorn would take the half that came for the whole
            raise ConnectionResetError("The connection ended before the body did.")
        self.patience.moved(len(data))
        return bytes(data)

    def too_slow(self) -> Exception:
        if self.request is None:
            return SlowHeadError()
        self.request.force_close()
        return TimeoutError("The body came too slowly.")


class TimedSocket(socket.socket):
    """Of an answer, for as long as its client keeps reading. Whoever doesn't is cut off, as if they had gone."""

    slow: ClassVar = BoundedSemaphore(2)

    @classmethod
    def taking(cls, sock: socket.socket) -> "TimedSocket":
        timeout = sock.gettimeout()
        taken = cls(sock.family, sock.type, sock.proto, fileno=sock.detach())
        taken.settimeout(timeout)
        taken.patience = Patience(cls.slow, inf)
        return taken

    patience: Patience

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        if self.gettimeout() is not None:  # what gunicorn says itself, in a moment or not at all
            return super().sendall(data, flags)
        rest = memoryview(data)
        while rest:
            rest = rest[self.send_some(rest, flags) :]
        return None

    def send_some(self, data: memoryview, flags: int) -> int:
        try:
            sent = self.send(data, flags | socket.MSG_DONTWAIT)
        except BlockingIOError:
            try:
                sent = self.patience.wait(self, partial(self.send, data, flags))
            except TimeoutError:
                raise BrokenPipeError(EPIPE, "The answer was read too slowly.") from None
        self.patience.moved(sent)
        return sent


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
