"""Shares a worker's threads out by tenant. A tenant gets a few of them; its other requests wait in their own queue.

Without this, 40 requests of one tenant delay everybody else's: they are ahead in the queue, and compete for the GIL. A
queued request holds no thread.

A caller is the tenant to which the credential belonged when it was last accepted, or else the IP address. So neither
more keys nor made-up keys get a caller more threads.
"""

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock
from time import monotonic, sleep, thread_time
from typing import Any, Final
from uuid import UUID

from memgraph.server.callers import Caller
from memgraph.server.threads import Job, Threads, Waiter
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


@dataclass
class Usage:
    """CPU seconds of a caller, of which half are forgotten every `HALF_LIFE`."""

    seconds: float = 0.0
    since: float = 0.0

    def at(self, now: float) -> float:
        return float(self.seconds * 0.5 ** ((now - self.since) / HALF_LIFE))

    def add(self, now: float, seconds: float) -> None:
        self.seconds, self.since = self.at(now) + seconds, now


Finish = Callable[[Any, BaseException | None], None]  # takes what a request returned, or raised


@dataclass(eq=False)
class Turn(Place):
    """One request, from its arrival to its end."""

    pool: "FairPool"
    by: Caller
    act: Callable[[], Any]
    finish: Finish
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


class FairPool:
    def __init__(self, threads: int) -> None:
        self.threads = Threads(threads)
        self.lock = Lock()
        self.running: defaultdict[Hashable, list[Turn]] = defaultdict(list)
        self.lines: defaultdict[Hashable, dict[int | None, deque[Turn]]] = defaultdict(dict)  # by caller, credential
        self.used: defaultdict[Hashable, Usage] = defaultdict(Usage)
        self.used_by_all = Usage()
        self.forget_idle_at = 0.0
        self.tenants: OrderedDict[int, UUID] = OrderedDict()
        self.latest: Hashable = None  # the last caller
        self.others_until = 0.0

    def begin(self, caller: Caller | None, act: Callable[[], Any], finish: Finish) -> None:
        """Runs `act` in a thread, and then `finish`. A caller of None has no limit."""
        with self.lock:
            if caller is None:
                self.threads.begin(partial(self.run_freely, act, finish))
                return
            turn = Turn(self, caller, act, finish)
            known = self.tenants.get(caller.credential) if caller.credential is not None else None
            turn.whose = whose = known or caller.address
            if self.latest not in (None, whose):
                self.others_until = monotonic() + OTHERS_SECONDS
            self.latest = whose
            if whose not in self.running and whose not in self.lines:
                self.start(turn)
            else:
                self.lines[whose].setdefault(caller.credential, deque()).append(turn)
                self.start_next(whose)

    def go_on(self, whose: Hashable) -> None:
        with self.lock:
            self.start_next(whose)

    def start_next(self, whose: Hashable) -> None:
        """Starts as many of a caller's queued requests as may run. They go to the end of the threads' queue."""
        while whose in self.lines and self.may_begin(whose) and (turn := self.take_next(whose)):
            self.start(turn)

    def start(self, turn: Turn) -> None:
        turn.since = turn.resumed = monotonic()
        self.running[turn.whose].append(turn)
        self.threads.begin(partial(self.run, turn))

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
        now = monotonic()
        self.used[whose].add(now, seconds)
        self.used_by_all.add(now, seconds)

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

    def run(self, turn: Turn, waiter: Waiter) -> Job | None:
        token, began = place.set(turn), thread_time()
        result, error = outcome(turn.act)
        place.reset(token)
        with self.lock:
            self.charge(turn.whose, thread_time() - began)
            self.threads.one_ends = True
            self.take_away(turn)
            following = self.threads.take(waiter)
        turn.finish(result, error)
        return following

    def run_freely(self, act: Callable[[], Any], finish: Finish, waiter: Waiter) -> Job | None:
        result, error = outcome(act)
        with self.lock:
            following = self.threads.take(waiter)
        finish(result, error)
        return following

    def remember(self, credential: int | None, tenant_id: UUID | None) -> None:
        if credential is None or self.tenants.get(credential) == tenant_id:
            return
        with self.lock:
            self.tenants.pop(credential, None)
            if tenant_id is not None:
                self.tenants[credential] = tenant_id
            if len(self.tenants) > CREDENTIALS:
                self.tenants.popitem(last=False)

    def end(self, turn: Turn) -> None:
        with self.lock:
            self.take_away(turn)

    def take_away(self, turn: Turn) -> None:
        """Frees the place. May be called twice: `leave` frees it before the request ends."""
        running = self.running.get(turn.whose, [])
        if turn in running:
            running.remove(turn)
        if not running:
            self.running.pop(turn.whose, None)
        self.start_next(turn.whose)

    def tick(self) -> None:
        """Called often: requests become long, and other callers become inactive, without any event."""
        if (now := monotonic()) >= self.forget_idle_at:
            self.forget_idle_at = now + HALF_LIFE
            with self.lock:
                for whose in [each for each, usage in self.used.items() if usage.at(now) <= IDLE]:
                    del self.used[whose]
        for whose in list(self.lines):
            self.go_on(whose)

    def shutdown(self, wait: bool = True) -> None:  # noqa: FBT001, FBT002 - as gunicorn calls it
        with self.lock:
            self.threads.close()
        if wait:
            self.threads.join()


def outcome(act: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return act(), None
    except BaseException as error:
        return None, error
