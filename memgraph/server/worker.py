"""gunicorn's threaded worker. Its main loop reads requests, and its threads get whole ones."""

import os
import resource
import signal
import socket
import sys
from collections import deque
from errno import EAGAIN, ECONNABORTED, ECONNRESET, EMFILE, ENFILE, ENOTCONN, EPIPE
from functools import partial
from http import HTTPStatus
from time import monotonic, sleep
from types import FrameType
from typing import Any, Final

from django.conf import settings
from gunicorn.http import errors, wsgi
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from memgraph.processes import die_with_parent
from memgraph.server.callbacks import CallbackQueue
from memgraph.server.callers import LIVE, caller_of
from memgraph.server.fair_pool import FairPool
from memgraph.server.lingering import Lingering
from memgraph.server.refusals import Refusal, refusal_of, status_of
from memgraph.server.requests import environ_of_all, read_plain
from memgraph.server.responses import Response
from memgraph.server.slow_clients import EXPORTS, TimedSocket, TimedUnreader
from memgraph.server.waiting_room import HEAD_BYTES, Connection, WaitingRoom

OTHER_FILES: Final = 256  # that a worker has open beside its connections and the files of their bodies
SOON_SECONDS: Final = 0.1
SWITCH_SECONDS: Final = 0.001  # how long a thread keeps the GIL while others wait for it; Python's default is 5 ms


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    def init_process(self) -> None:
        # A worker without its master would keep the port for seconds. After a kill -9, clients get an error either way.
        die_with_parent(signal.SIGKILL, self.ppid)()
        self.worker_connections: int = allow_connections(self.cfg.worker_connections)
        self.method_queue = CallbackQueue()
        self.lingering = Lingering(self)
        self.room = WaitingRoom(self)
        self.held: deque[tuple[Connection, bool]] = deque()  # responses to send later
        self.base_environ = environ_of_all(self.cfg)
        sys.setswitchinterval(SWITCH_SECONDS)
        super().init_process()

    def init_signals(self) -> None:
        """Ctrl-C reaches the whole process group. Only the master handles it, and tells its workers to end."""
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Exits immediately. gunicorn's handler can deadlock: the interrupted code may hold the thread pool's lock."""
        os._exit(0)

    # The main loop

    def accept(self, listener: Any) -> None:
        """Lets workers with fewer connections go first. Otherwise one may accept a whole burst, and the others idle."""
        if self.nr_conns:
            sleep(min(self.nr_conns, 10) * 20e-6)
        if self.nr_conns >= self.worker_connections - 1:
            self.make_room()
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in (EMFILE, ENFILE):
                self.make_room()
            elif error.errno not in (EAGAIN, ECONNABORTED):
                raise
            return
        self.nr_conns += 1
        connection = Connection(self.cfg, TimedSocket.taking(client), address, listener.getsockname())
        self.room.open(connection)

    def make_room(self) -> None:
        """Closes a connection. gunicorn would accept no client until one leaves, and idle ones may stay long."""
        is_first = len(self.lingering.drained) > self.worker_connections // 2
        (is_first and self.lingering.finish_first()) or self.room.make_room() or self.lingering.finish_first()

    def take_back(self, conn: Connection, keeps: bool, error: BaseException | None) -> None:  # noqa: FBT001
        """Gets a connection from the thread that has responded. `keeps`: whether it stays open."""
        if conn.sock.held:
            self.held.append((conn, keeps))
        elif error or not keeps:
            self.room.end(conn)
        else:
            self.room.forget_body(conn.arrival)
            unread = conn.parser.unreader.take_rest() if conn.initialized else b""
            self.room.welcome(conn, unread + conn.arrival.rest)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        is_idle = self.alive and not self.tpool.lines
        timeout = timeout if is_idle else min(timeout, SOON_SECONDS)
        if self.held:
            timeout = min(timeout, max(0.0, self.held[0][0].sock.sends_at - monotonic()))
        super().wait_for_and_dispatch_events(timeout)

    def send_held(self) -> None:
        now = monotonic()
        while self.held and self.held[0][0].sock.sends_at <= now:
            connection, keeps = self.held.popleft()
            try:
                is_sent = connection.sock.send_held()
            except OSError:
                self.room.end(connection)
                continue
            if is_sent:
                self.take_back(connection, keeps, None)
            else:
                finish = partial(self.method_queue.defer, self.take_back, connection)
                self.tpool.begin(None, partial(self.send_rest, connection, keeps), finish)

    def murder_pending(self) -> None:
        self.send_held()
        self.room.sweep()
        self.lingering.finish_late()
        self.tpool.tick()
        if self.nr_conns >= self.worker_connections:
            self.make_room()

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - as gunicorn calls it
        if force:
            self.room.close()

    def _cap_keepalive(self, deadline: float) -> None:
        self.room.close_by(deadline, STOP_KEEPALIVE_LINGER)

    def refuse(self, sock: socket.socket, refusal: Refusal) -> None:
        self.log.info("Refused a request: %s", refusal.code)
        self.send_now(sock, refusal.as_response())

    def send_now(self, sock: socket.socket, data: bytes) -> None:
        try:
            sock.send(data, socket.MSG_DONTWAIT)
        except OSError:
            self.log.debug("The client of a refused request is gone")

    # The threads

    def get_thread_pool(self) -> FairPool:
        return FairPool(self.cfg.threads)

    def enqueue_req(self, conn: Connection) -> None:
        """Like gunicorn's, but queues the request for its caller."""
        head = bytes(conn.arrival.kept[:HEAD_BYTES])
        finish = partial(self.method_queue.defer, self.take_back, conn)
        if self.tpool.threads.are_all_busy and LIVE.match(head):
            # Otherwise an orchestrator would kill a process that only waits.
            finish(self.handle(conn), None)
        else:
            caller = caller_of(head, conn.network, settings.TRUSTED_PROXIES)
            self.tpool.begin(caller, partial(self.handle, conn), finish)

    def handle(self, conn: Connection) -> bool:
        """Responds to a request, and returns whether the connection stays. It never has TLS or HTTP/2."""
        conn.sock.patience.begin()
        try:
            if request := read_plain(conn.arrival, conn.client, conn.server, self.base_environ):
                return self.handle_request(request, conn)
            return self.handle_unusual(conn)
        except (errors.NoMoreData, StopIteration):
            self.log.debug("The client left before its request was whole")
        except OSError as error:
            if error.errno not in (EPIPE, ECONNRESET, ENOTCONN):
                self.log.exception("Error on a connection")
        except Exception as error:
            self.refuse_broken(conn, error)
        finally:
            conn.sock.patience.end()
        return False

    def handle_unusual(self, conn: Connection) -> bool:
        """Reads the request with gunicorn's parser."""
        if not conn.initialized:
            conn.init()
            conn.parser.unreader = TimedUnreader(conn.sock)
        unreader = conn.parser.unreader
        unreader.begin(conn.arrival)
        try:
            unreader.request = request = next(conn.parser)
            if request.version >= (1, 1) and "HOST" not in dict(request.headers):
                raise errors.InvalidHeader("HOST")  # RFC 9112, section 3.2
            if not unreader.is_streamed:  # the main loop has sent it, or the body came without it
                request._expected_100_continue = False
            request.environ = wsgi.create(request, conn.sock, conn.client, conn.server, self.cfg, Response)[1]
            request.environ["wsgi.multithread"] = True
            return self.handle_request(request, conn) and unreader.drain(conn.parser)
        finally:
            unreader.end()

    def send_rest(self, connection: Connection, keeps: bool) -> bool:  # noqa: FBT001
        """Waits for a client that reads a held response slowly, with the same patience as for any other response."""
        connection.sock.patience.begin()
        try:
            connection.sock.send_rest()
        finally:
            connection.sock.patience.end()
        return keeps

    def handle_request(self, req: Any, conn: Connection) -> bool:
        conn.sock.patience.has_slot = req.path in EXPORTS
        response = Response(req, conn.sock)
        if not self.alive:
            response.force_close()
        chunks = self.wsgi(req.environ, response.start_response)
        try:
            for chunk in chunks:
                response.write(chunk)
            response.close()
        except OSError:
            raise
        except Exception:
            if not response.has_begun:
                raise
            self.log.exception("Error handling a request")  # a second response can't follow the start of the first
            return False
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        return not response.should_close()

    def refuse_broken(self, conn: Connection, exc: Exception) -> None:
        """Responds to requests that never reached Django. Never quotes the request, which may contain a key."""
        status = status_of(exc)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.error("Error handling a request", exc_info=exc)
        else:
            self.log.info("Refused a request: %s", type(exc).__name__)
        self.send_now(conn.sock, refusal_of(status).as_response())


def allow_connections(wanted: int) -> int:
    """How many connections the limit of open files allows; each may have a file for its body."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * wanted + OTHER_FILES
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(16, min(wanted, (soft - OTHER_FILES) // 2))
