"""gunicorn's threaded worker, with its own error answers in our form and without its traps at Ctrl-C."""

import json
import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from http import HTTPStatus
from time import sleep
from types import FrameType
from typing import Any, Final

from django.conf import settings
from gunicorn import util
from gunicorn.http import errors, wsgi
from gunicorn.workers.gthread import _DEFER, ThreadWorker

from memgraph.fair_pool import FairPool, caller_of
from memgraph.processes import die_with_parent
from memgraph.slow_clients import Lingering, SlowHeadError, TimedSocket, TimedUnreader

HEAD_BYTES: Final = 8192
STATUSES: dict[type[Exception], HTTPStatus] = {
    errors.InvalidResponseHeader: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidResponseHeaderName: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    SlowHeadError: HTTPStatus.REQUEST_TIMEOUT,
    errors.ParseException: HTTPStatus.BAD_REQUEST,
}


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    def init_process(self) -> None:
        # Without its master a worker would keep the port for seconds; the clients of a kill -9 get an error either way.
        die_with_parent(signal.SIGKILL, self.ppid)()
        self.lingering = Lingering(self)
        super().init_process()

    def init_signals(self) -> None:
        """Ctrl-C reaches the whole process group. The master alone answers it, and tells its workers to end."""
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """At once. gunicorn's way takes the thread pool's lock, which the interrupted code may hold: it hangs."""
        os._exit(0)

    def accept(self, listener: Any) -> None:
        """Lets workers with fewer connections go first. Else one may take all of a crowd, and the others idle."""
        if self.nr_conns:
            sleep(min(self.nr_conns, 10) * 20e-6)
        super().accept(listener)

    def get_thread_pool(self) -> FairPool:
        return FairPool(self.cfg.threads)

    def enqueue_req(self, conn: Any) -> None:
        """As gunicorn's, but for whose request it is."""
        caller = caller_of(peek(conn.sock), str(conn.client[0]), settings.TRUSTED_PROXIES)
        future = self.tpool.submit_for(caller, partial(self.handle, conn))
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))

    def handle(self, conn: Any) -> Any:
        """A thread takes a connection when there is something to read, and doesn't wait for ever for its client."""
        if not conn.initialized:
            if not conn.wait_for_data(0):
                return _DEFER
            conn.sock = TimedSocket.taking(conn.sock)
            conn.init()
            conn.parser.unreader = TimedUnreader(conn.sock)
        unreader, patience = conn.parser.unreader, conn.sock.patience
        unreader.begin()
        patience.begin()
        try:
            return super().handle(conn)
        finally:
            unreader.end()
            patience.end()

    def handle_request(self, req: Any, conn: Any) -> bool:
        conn.parser.unreader.request = req
        return bool(super().handle_request(req, conn))

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:
        if fs.cancelled() or fs.exception() or fs.result():
            super().finish_request(conn, fs)
        else:
            self.lingering.close(conn.sock)

    def murder_pending(self) -> None:
        super().murder_pending()
        self.lingering.finish_late()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """The answer to what never reached Django. Neither it nor the log repeats the request: it may hold a key."""
        status = next((STATUSES[kind] for kind in STATUSES if isinstance(exc, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.error("Error handling a request", exc_info=exc)
        else:
            self.log.info("Refused a request: %s", type(exc).__name__)
        try:
            util.write_nonblock(client, problem(status))
        except OSError:
            self.log.debug("The client of a refused request is gone")


def peek(sock: socket.socket) -> bytes:
    """The head of the next request, as far as it has come, and without taking it."""
    try:
        return sock.recv(HEAD_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return b""


def problem(status: HTTPStatus) -> bytes:
    """A whole HTTP response with a problem of RFC 9457."""
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        code, detail = "unexpected_error", "Something went wrong here. It has been logged."
    elif status == HTTPStatus.REQUEST_TIMEOUT:
        code, detail = "request_too_slow", "The request's headers came too slowly."
    else:
        code, detail = "malformed", "The request's first line or a header is malformed, too long or not supported."
    content = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        "code": code,
        "request_id": None,
    }
    body = json.dumps(content).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Connection: close",
        "Content-Type: application/problem+json",
        "X-Content-Type-Options: nosniff",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*head, "", "")).encode() + body


def _without_server_header(default_headers: Callable[[Any], list[str]]) -> Callable[[Any], list[str]]:
    return lambda response: [line for line in default_headers(response) if not line.startswith("Server:")]


# No setting of gunicorn's leaves the header out.
wsgi.Response.default_headers = _without_server_header(wsgi.Response.default_headers)
