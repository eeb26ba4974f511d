"""Limits slow clients. gunicorn itself waits for ever to read and to write."""

import socket
from collections.abc import Callable
from contextlib import suppress
from errno import EPIPE
from functools import partial
from math import inf
from threading import BoundedSemaphore, get_ident, main_thread
from time import monotonic
from typing import Any, ClassVar, Final, TypeVar, cast

from django.conf import settings
from gunicorn.http.errors import LimitRequestHeaders, ParseException
from gunicorn.http.unreader import SocketUnreader

from memgraph.server.arriving import BYTES_A_SECOND, LONGEST_SECONDS, Arrival
from memgraph.server.lingering import LINGER_BYTES
from tenants.limits.places import place

PROMPT_SECONDS: Final = 0.5
# Their views hold a slot while the client reads.
EXPORTS: Final = ("/v1/admin/export", "/studio/settings/export/file", "/v1/admin/audit", "/studio/audit.csv")
UNSENT_BYTES: Final = 64 * 1024
T = TypeVar("T")


class Patience:
    """Reading or writing for a client, which may fall at most `CLIENT_PATIENCE` behind a pace of 16 KiB a second.

    A client is slow after half a second of waiting. `slots` bounds how many threads of a worker wait for slow clients;
    a view with a slot of its own is exempt. Only waiting counts, so that no client is refused because we were busy.
    """

    def __init__(self, slots: BoundedSemaphore, longest: float) -> None:
        self.slots = slots
        self.longest = longest
        self.begin()

    def begin(self) -> None:
        self.waited = 0.0
        self.behind = 0.0
        self.is_slow = False
        self.has_slot = False

    def end(self) -> None:
        if self.is_slow and not self.has_slot:
            self.slots.release()
        self.is_slow = False

    def wait(self, sock: socket.socket, act: Callable[[], T]) -> T:
        """Calls `act`, which may have to wait for the client. Raises a TimeoutError if that takes too long."""
        while True:
            if (left := self.left()) > 0:
                try:
                    return self.timed(sock, left, act)
                except TimeoutError:
                    continue
            if self.is_slow or not (self.has_slot or self.slots.acquire(blocking=False)):
                raise TimeoutError
            self.is_slow = True
            place.get().leave()

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
    """Gives gunicorn's parser the bytes of one request.

    They are here already, in memory or in a file, and reading never waits. Only the body of a streamed request comes
    from the socket, within ten minutes in all. Raises a TimeoutError when it is too slow.
    """

    slow: ClassVar = BoundedSemaphore(2)  # per worker

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.patience = Patience(self.slow, LONGEST_SECONDS)

    def begin(self, arrival: Arrival) -> None:
        self.request: Any = None  # until the head is read
        self.arrival = arrival
        self.data: bytes | bytearray | memoryview = arrival.kept
        if len(self.data) > self.mxchunk:
            self.data = memoryview(self.data)  # cut without copying the rest
        self.file = arrival.file
        self.is_streamed = self.may_wait = arrival.is_streamed
        self.patience.begin()
        if self.file:
            self.file.seek(0)

    def end(self) -> None:
        self.patience.end()

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Returns no more than gunicorn would receive at once: its parser copies the rest for each small chunk."""
        size = min(max(self.mxchunk, size_hint or 0), self.max_body_chunk)
        if self.data:
            data, self.data = self.data[:size], self.data[size:]
            return bytes(data)
        if self.file and (data := self.file.read(size)):
            return data
        if not self.is_streamed or self.request is None:
            raise self.broken()
        return self.receive(size) if self.may_wait else bytes(self.sock.recv(size, socket.MSG_DONTWAIT))

    def receive(self, size: int) -> bytes:
        try:
            data = self.patience.wait(self.sock, partial(self.sock.recv, size))
        except TimeoutError:
            self.request.force_close()
            raise TimeoutError("The body arrived too slowly.") from None
        if not data:  # gunicorn would accept the partial body as complete
            raise self.broken()
        self.patience.moved(len(data))
        return bytes(data)

    def broken(self) -> Exception:
        if self.request is None:
            return cast("Exception", LimitRequestHeaders("The head is too long."))
        return ConnectionResetError("The connection ended before the body did.")

    def drain(self, parser: Any) -> bool:
        """Skips the rest of the body without waiting for the client. Returns whether it found the end.

        It skips all of a body that has arrived, however large: the response promised to keep the connection open.
        """
        self.may_wait = False
        most = LINGER_BYTES if self.is_streamed else None
        try:
            return bool(parser.finish_body(max_bytes=most)) and (self.is_streamed or self.is_used_up())
        except (OSError, ParseException):
            return False

    def take_rest(self) -> bytes:
        """The bytes of the next request that arrived with a streamed body."""
        rest, self.data = bytes(self.data), b""
        return bytes(self.take_buffered()) + rest

    def is_used_up(self) -> bool:
        """If False, the parser found another end of the request than we did, and what follows can't be trusted."""
        if self.file and self.file.tell() < self.arrival.on_disk:
            return False
        return not self.data and not self.buf.getvalue()


class TimedSocket(socket.socket):
    """Sends a response for as long as the client keeps reading. If it stops, it counts as disconnected."""

    slow: ClassVar = BoundedSemaphore(2)

    @classmethod
    def taking(cls, sock: socket.socket) -> "TimedSocket":
        timeout = sock.gettimeout()
        taken = cls(sock.family, sock.type, sock.proto, fileno=sock.detach())
        taken.settimeout(timeout)
        # By default the kernel buffers megabytes of a response, and takes more only after a third of them was read.
        # In the meantime, a steady reader looks like one that has stopped.
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        taken.patience = Patience(cls.slow, inf)
        taken.held, taken.sends_at = b"", 0.0
        return taken

    patience: Patience
    held: bytes  # a response that the main loop sends at `sends_at`, so that no thread waits until then
    sends_at: float

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        if sends_at := place.get().sends_at:
            self.held, self.sends_at = self.held + bytes(data), sends_at
            return
        rest = memoryview(data)
        while rest:
            rest = rest[self.send_some(rest, flags) :]

    def close(self) -> None:
        """Only the main loop closes a socket: its poller would take the next one with this file descriptor for it."""
        if get_ident() == main_thread().ident:
            super().close()
        else:
            with suppress(OSError):
                self.shutdown(socket.SHUT_RDWR)

    def send_held(self) -> bool:
        """Sends as much of the held response as the socket's buffer takes. Returns whether that was all."""
        with suppress(BlockingIOError):
            self.held = self.held[self.send(self.held, socket.MSG_DONTWAIT) :]
        return not self.held

    def send_rest(self) -> None:
        rest, self.held = self.held, b""
        self.sendall(rest)

    def send_some(self, data: memoryview, flags: int) -> int:
        try:
            sent = self.send(data, flags | socket.MSG_DONTWAIT)
        except BlockingIOError:
            if get_ident() == main_thread().ident:  # which never waits
                raise BrokenPipeError(EPIPE, "The response to a probe was not read.") from None
            try:
                sent = self.patience.wait(self, partial(self.send, data, flags))
            except TimeoutError:
                raise BrokenPipeError(EPIPE, "The response was read too slowly.") from None
        self.patience.moved(sent)
        return sent
