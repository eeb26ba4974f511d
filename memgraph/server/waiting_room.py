"""The connections that no thread works on: idle ones, and those whose request has only partly come.

The worker's main loop reads from them without ever waiting for one. Their number, the memory and the disk they take are
bounded. When one of them runs short, the network that uses most of it loses first, so that one client can't push out
the others. Its idle connections go before half-sent requests.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from math import inf
from operator import attrgetter
from selectors import EVENT_READ
from socket import MSG_DONTWAIT
from time import monotonic
from typing import Any, Final

from django.conf import settings
from gunicorn.workers.gthread import TConn

from memgraph.server.arriving import LONGEST_SECONDS, Arrival
from memgraph.server.refusals import NO_ROOM, Refusal, RefusedError
from tenants.network import network_of, normalize_ip

MEMORY_BYTES: Final = 32 * 1024 * 1024  # of half-sent requests
DISK_BYTES: Final = 128 * 1024 * 1024  # of large bodies, until the response is sent
HEAD_BYTES: Final = 8 * 1024  # read at once; most requests are smaller
BODY_BYTES: Final = 64 * 1024
SWEEP_SECONDS: Final = 0.5
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """One client's connection, with the request that arrives on it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.network = str(network_of(normalize_ip(self.client[0]) if isinstance(self.client, tuple) else None))
        self.arrival = Arrival()
        self.on_readable: Callable[[Any], None]
        self.is_watched = False  # whether the poller knows it
        self.started = self.last = 0.0  # when the first and the last bytes of the request came


def of_network(network: str, connections: Iterable[Connection]) -> Iterator[Connection]:
    return (connection for connection in connections if connection.network == network)


class WaitingRoom:
    def __init__(self, worker: Any) -> None:
        self.worker = worker
        self.idle: dict[Connection, None] = {}  # the longest idle first
        self.half_sent: dict[Connection, None] = {}
        self.networks: Counter[str] = Counter()
        self.memory = 0
        self.disk = 0
        self.next_sweep = 0.0
        self.idle_seconds = float(worker.cfg.keepalive)
        self.closes_at = inf

    # Coming and going

    def open(self, connection: Connection) -> None:
        self.networks[connection.network] += 1
        connection.on_readable = partial(self.read, connection)
        self.welcome(connection)
        self.read(connection)

    def welcome(self, connection: Connection, data: bytes = b"") -> None:
        """A new connection, or one whose response was sent; `data` came after that request."""
        self.idle[connection] = None
        connection.arrival = Arrival()
        connection.timeout = monotonic() + self.idle_seconds
        if not connection.is_watched:
            self.worker.poller.register(connection.sock, EVENT_READ, connection.on_readable)
            connection.is_watched = True
        if data:
            self.take(connection, data)

    def leave(self, connection: Connection) -> None:
        """A thread takes the connection, or it closes.

        The poller keeps watching it: few clients send more before they have the response, and each change of what it
        watches is a system call.
        """
        if connection in self.idle:
            del self.idle[connection]
        else:
            del self.half_sent[connection]
            self.memory -= len(connection.arrival.kept)

    def unwatch(self, connection: Connection) -> None:
        if connection.is_watched:
            self.worker.poller.unregister(connection.sock)
            connection.is_watched = False

    def drop(self, connection: Connection) -> None:
        self.leave(connection)
        self.forget(connection)
        self.unwatch(connection)
        connection.close()
        self.worker.nr_conns -= 1

    def refuse(self, connection: Connection, refusal: Refusal) -> None:
        self.leave(connection)
        self.worker.refuse(connection.sock, refusal)
        self.end(connection)

    def end(self, connection: Connection) -> None:
        """Closes a connection after a response that the client may still be reading."""
        self.forget(connection)
        self.unwatch(connection)
        self.worker.lingering.close(connection.sock)

    def forget(self, connection: Connection) -> None:
        self.forget_body(connection.arrival)
        self.networks[connection.network] -= 1
        if not self.networks[connection.network]:
            del self.networks[connection.network]

    def forget_body(self, arrival: Arrival) -> None:
        if arrival.file:
            self.disk -= arrival.on_disk
            arrival.file.close()

    # Reading

    def read(self, connection: Connection, _: Any = None) -> None:
        if connection not in self.idle and connection not in self.half_sent:
            self.unwatch(connection)  # a thread has it, and the client sent more, or left; or it was closed meanwhile
            return
        try:
            data = connection.sock.recv(BODY_BYTES if connection in self.half_sent else HEAD_BYTES, MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            self.drop(connection)
            return
        if data:
            self.take(connection, data)
        elif connection.arrival.body < 0:
            self.drop(connection)
        else:
            self.hand_over(connection)  # half a body: its view responds with 400

    def take(self, connection: Connection, data: bytes) -> None:
        arrival, refusal, is_ready = connection.arrival, None, False
        memory, disk = len(arrival.kept), arrival.on_disk
        try:
            is_ready = arrival.feed(data)
        except RefusedError as error:
            refusal = error.refusal
        except OSError:
            self.worker.log.exception("There is no room on the disk for a request's body")
            refusal = NO_ROOM
        self.disk += arrival.on_disk - disk
        if connection in self.half_sent:
            self.memory += len(arrival.kept) - memory
        if refusal:
            self.refuse(connection, refusal)
        elif is_ready:
            self.hand_over(connection)
        else:
            self.keep_waiting(connection, len(data))

    def hand_over(self, connection: Connection) -> None:
        self.leave(connection)
        self.worker.enqueue_req(connection)

    def keep_waiting(self, connection: Connection, size: int) -> None:
        arrival, now = connection.arrival, monotonic()
        if connection in self.idle:
            del self.idle[connection]
            self.half_sent[connection] = None
            self.memory += len(arrival.kept)
            connection.started = connection.last = now
        arrival.update_pace(size, now - connection.last)
        connection.last = now
        if arrival.awaits_continue:
            arrival.awaits_continue = False
            self.worker.send_now(connection.sock, CONTINUE)
        self.make_room_for_bytes()

    # Room

    def make_room_for_bytes(self) -> None:
        while self.memory > MEMORY_BYTES and self.half_sent:
            self.refuse_largest(lambda connection: len(connection.arrival.kept))
        while self.disk > DISK_BYTES and any(connection.arrival.on_disk for connection in self.half_sent):
            self.refuse_largest(attrgetter("arrival.on_disk"))

    def refuse_largest(self, size: Callable[[Connection], int]) -> None:
        totals: Counter[str] = Counter()
        for connection in self.half_sent:
            totals[connection.network] += size(connection)
        largest = max(totals, key=totals.__getitem__)
        self.refuse(max(of_network(largest, self.half_sent), key=size), NO_ROOM)

    def make_room(self) -> bool:
        """Closes a connection. Returns whether there was one to close."""
        largest = max(self.networks, key=self.networks.__getitem__, default="")
        of_largest = (of_network(largest, self.idle), of_network(largest, self.half_sent))
        connection = next(chain(*of_largest, self.idle, self.half_sent), None)  # others, if threads have all of these
        if connection is not None:
            self.drop(connection)
        return connection is not None

    # Time

    def sweep(self) -> None:
        """Closes connections that took too long. Called often, but does its work twice a second."""
        now = monotonic()
        if now < self.next_sweep:
            return
        self.next_sweep = now + SWEEP_SECONDS
        for connection in list(self.idle):
            if connection.timeout > now:
                break
            self.drop(connection)
        for connection in list(self.half_sent):
            if self.closes_at <= now:
                self.drop(connection)
            elif self.is_late(connection, now):
                self.refuse_unless_read(connection)

    def is_late(self, connection: Connection, now: float) -> bool:
        behind = connection.arrival.behind + now - connection.last
        is_too_long = now - connection.started > LONGEST_SECONDS
        return is_too_long or behind > settings.CLIENT_PATIENCE.total_seconds()

    def refuse_unless_read(self, connection: Connection) -> None:
        """What has come counts, even if we were too busy to read it."""
        last = connection.last
        self.read(connection)
        if connection in self.half_sent and connection.last == last:
            self.refuse(connection, connection.arrival.too_slow)

    def close_by(self, deadline: float, seconds: float) -> None:
        """The worker ends: what is idle or half-sent at the deadline is dropped."""
        self.idle_seconds = min(self.idle_seconds, seconds)
        self.closes_at = deadline
        for connection in self.idle:
            connection.timeout = min(connection.timeout, deadline)

    def close(self) -> None:
        for connection in [*self.idle, *self.half_sent]:
            self.drop(connection)
