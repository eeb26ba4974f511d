"""Shares a worker's threads out by tenant. A tenant gets a few of them; its other requests wait in their own queue.

Without this, 40 requests of one tenant delay everybody else's: they are ahead in the queue, and compete for the GIL. A
queued request holds no thread.

The caller is read from the head of the request, before anything is checked: the tenant to which the credential belonged
when it was last accepted, or else the IP address. So neither more keys nor made-up keys get a caller more threads.
"""

import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from time import monotonic, sleep, thread_time
from typing import Any, Final, NamedTuple
from uuid import UUID

from tenants.limits.places import Place, place

MOST: Final = 8  # threads of one caller
MOST_BY_ONE_CREDENTIAL: Final = 3  # equals the places that one tenant has for searches and batches
BUSY_BESIDE_OTHERS: Final = 3  # while other callers are active
BUSY_IF_HEAVY: Final = 1  # of a caller that uses more CPU than the average: with the GIL, more threads are no faster
IDLE: Final = 0.0001  # CPU seconds; a caller that has used less lately doesn't count
HALF_LIFE: Final = 0.25  # seconds in which half of the CPU that a caller has used is forgotten
OTHERS_SECONDS: Final = 1.0  # how long a caller counts as active
LONG_SECONDS: Final = 0.25  # a request that takes longer, times the number running, is assumed to wait for something
PACE_SECONDS: Final = 0.005  # a long request works this long before it sleeps for as long
LONGEST_PAUSE: Final = 0.02  # seconds; a slow client's time is not work
CREDENTIALS: Final = 10_000  # whose tenant is remembered
CREDENTIAL: Final = re.compile(rb"\r\n(?:x-api-key|authorization|cookie)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
FORWARDED: Final = re.compile(rb"\r\nx-forwarded-for[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
PROBE: Final = re.compile(rb"(?:GET|HEAD) /(?:live|health|v1/health|metrics)[? ]")


class Caller(NamedTuple):
    credential: int | None
    address: Hashable


@dataclass
class Usage:
    """CPU seconds of a caller, of which half are forgotten every `HALF_LIFE`."""

    seconds: float = 0.0
    since: float = 0.0

    def at(self, now: float) -> float:
        return float(self.seconds * 0.5 ** ((now - self.since) / HALF_LIFE))

    def add(self, now: float, seconds: float) -> None:
        self.seconds, self.since = self.at(now) + seconds, now


@dataclass(eq=False)
class Turn(Place):
    """One request, from its arrival to its end."""

    pool: "FairPool"
    by: Caller
    act: Callable[[], Any]
    future: Future[Any] = field(default_factory=Future)
    whose: Hashable = None  # whose queue it is in: a tenant id or an IP address
    since: float = 0.0
    resumed: float = 0.0
    is_busy: bool = True
    sends_at: float = 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        self.is_busy = False
        self.pool.go_on(self.whose)
        try:
            yield
        finally:
            self.since = monotonic()
            self.is_busy = True

    def give_way(self) -> None:
        worked = monotonic() - self.resumed
        if worked < PACE_SECONDS:
            return
        if self.pool.others_call():
            sleep(min(worked, LONGEST_PAUSE))
        self.resumed = monotonic()

    def leave(self) -> None:
        self.pool.end(self)

    def hold_response(self, seconds: float) -> None:
        self.sends_at = monotonic() + seconds

    def belongs_to(self, tenant_id: UUID | None) -> None:
        self.pool.remember(self.by.credential, tenant_id)


class FairPool(ThreadPoolExecutor):
    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.lock = Lock()
        self.running: defaultdict[Hashable, list[Turn]] = defaultdict(list)
        self.lines: defaultdict[Hashable, dict[int | None, deque[Turn]]] = defaultdict(dict)  # by caller, credential
        self.used: defaultdict[Hashable, Usage] = defaultdict(Usage)
        self.used_by_all = Usage()
        self.forget_idle_at = 0.0
        self.tenants: OrderedDict[int, UUID] = OrderedDict()
        self.latest: Hashable = None  # the last caller
        self.others_until = 0.0

    def submit_for(self, caller: Caller | None, act: Callable[[], Any]) -> Future[Any]:
        """Runs `act` in a thread. A caller of None has no limit."""
        if caller is None:
            return self.submit(act)
        turn = Turn(self, caller, act)
        with self.lock:
            known = self.tenants.get(caller.credential) if caller.credential is not None else None
            turn.whose = known or caller.address
            if self.latest not in (None, turn.whose):
                self.others_until = monotonic() + OTHERS_SECONDS
            self.latest = turn.whose
            self.lines[turn.whose].setdefault(caller.credential, deque()).append(turn)
        self.go_on(turn.whose)
        return turn.future

    def go_on(self, whose: Hashable) -> None:
        """Starts as many of a caller's queued requests as may run. They go to the end of the pool's queue."""
        with self.lock:
            while self.may_begin(whose) and (turn := self.take_next(whose)):
                turn.since = turn.resumed = monotonic()
                self.running[whose].append(turn)
                try:
                    self.submit(self.run, turn)
                except RuntimeError:  # the worker ends
                    turn.future.cancel()

    def may_begin(self, whose: Hashable) -> bool:
        """The limit of a long request grows with their number. Otherwise each one slows the others until all are long.

        Measured with a flood by 40 keys: the p99 of another tenant was 330 ms with a fixed limit.
        """
        now, running = monotonic(), self.running.get(whose, [])
        long = LONG_SECONDS * len(running)
        busy = sum(turn.is_busy and now - turn.since < long for turn in running)
        if len(running) >= MOST or not self.others_call():
            return len(running) < MOST
        return busy < (BUSY_IF_HEAVY if self.is_heavy(whose) else BUSY_BESIDE_OTHERS)

    def is_heavy(self, whose: Hashable) -> bool:
        """Whether it has lately used more CPU than the average of the active callers.

        One limit for everybody is wrong: a light caller's requests would wait for each other, and when the machine is
        busy its queue would never be empty. Measured with a flood of lists: its p99 was 15 ms or 950 ms, by chance.
        """
        now, used = monotonic(), self.used.get(whose)
        return used is not None and used.at(now) * max(2, len(self.used)) > self.used_by_all.at(now)

    def charge(self, whose: Hashable, seconds: float) -> None:
        with self.lock:
            for usage in (self.used[whose], self.used_by_all):
                usage.add(monotonic(), seconds)

    def others_call(self) -> bool:
        return monotonic() < self.others_until

    def take_next(self, whose: Hashable) -> Turn | None:
        """Takes the next request of a caller's queue. Its credentials take turns."""
        lines = self.lines.get(whose, {})
        running = Counter(turn.by.credential for turn in self.running.get(whose, ()))
        found = next((each for each in lines.items() if running[each[0]] < MOST_BY_ONE_CREDENTIAL), None)
        if found is None:
            return None
        credential, line = found
        turn = line.popleft()
        del lines[credential]
        if line:
            lines[credential] = line  # behind the others
        elif not lines:
            del self.lines[whose]
        return turn

    def run(self, turn: Turn) -> None:
        token, began = place.set(turn), thread_time()
        done: Callable[[], None]
        try:
            done = partial(turn.future.set_result, turn.act())
        except BaseException as error:
            done = partial(turn.future.set_exception, error)
        place.reset(token)
        self.charge(turn.whose, thread_time() - began)
        done()
        self.end(turn)

    def remember(self, credential: int | None, tenant_id: UUID | None) -> None:
        if credential is None:
            return
        with self.lock:
            self.tenants.pop(credential, None)
            if tenant_id is not None:
                self.tenants[credential] = tenant_id
            if len(self.tenants) > CREDENTIALS:
                self.tenants.popitem(last=False)

    def end(self, turn: Turn) -> None:
        """Frees the place. May be called twice: `leave` frees it before the request ends."""
        with self.lock:
            running = self.running.get(turn.whose, [])
            if turn in running:
                running.remove(turn)
            if not running:
                self.running.pop(turn.whose, None)
        self.go_on(turn.whose)

    def tick(self) -> None:
        """Called often: requests become long, and other callers become inactive, without any event."""
        if (now := monotonic()) >= self.forget_idle_at:
            self.forget_idle_at = now + HALF_LIFE
            with self.lock:
                for whose in [each for each, usage in self.used.items() if usage.at(now) <= IDLE]:
                    del self.used[whose]
        for whose in list(self.lines):
            self.go_on(whose)


def caller_of(head: bytes, address: str, proxies: int) -> Caller | None:
    """The credential's hash, and the client's IP address as the outermost trusted proxy saw it."""
    if PROBE.match(head):
        return None
    found = CREDENTIAL.search(head)
    credential = hash(found[1]) if found else None  # a hash, because the credential is a secret
    if proxies and (forwarded := FORWARDED.search(head)):
        chain = forwarded[1].split(b",")
        if len(chain) >= proxies:
            return Caller(credential, chain[-proxies].strip())
    return Caller(credential, address)
