"""Bounded numbers of requests that hold a thread for long, so that they never starve the rest of a worker.

A worker has `settings.THREADS` threads. All places of all kinds of slots, to run and to wait, are fewer than half of
them. A kind has its own slots, so that nothing long keeps out what must not wait for it: an export that is open for
hours keeps nobody from signing in, and nobody from undoing what a leaked key wrote.
"""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Condition
from typing import Final
from uuid import UUID

from tenants.limits.places import place
from tenants.problems import Unavailable

WAIT_SECONDS: Final = 2.0


class Slots:
    """At most `count` at once in this worker, and `waiters` more wait at most 2 s. Everybody else gets 503 at once.

    One tenant never has the last slot, if there are several, nor the last place: however many requests it sends, a
    second tenant gets in.
    """

    def __init__(self, count: int, *, waiters: int) -> None:
        self.count = count
        self.waiters = waiters
        self.most_running = max(1, count - 1)  # of one tenant
        self.share = max(1, count + waiters - 1)  # of one tenant, with those that wait
        self.running: Counter[Hashable] = Counter()
        self.waiting: list[Hashable] = []  # in the order in which they came
        self.changed = Condition()

    @contextmanager
    def take(self, tenant: Hashable = None) -> Iterator[None]:
        """Of a stranger, whose tenant nobody knows, the network counts."""
        if not self.waiters:
            place.get().leave()
        with self.changed:
            if not self.enter(tenant):
                raise Unavailable()
        try:
            yield
        finally:
            with self.changed:
                self.running -= Counter([tenant])
                self.changed.notify_all()

    def enter(self, tenant: Hashable) -> bool:
        if self.running[tenant] + self.waiting.count(tenant) >= self.share:
            return False
        if not self.may_run(tenant) or any(map(self.may_run, self.waiting)):
            return len(self.waiting) < self.waiters and self.wait_for_turn(tenant)
        self.running[tenant] += 1
        return True

    def may_run(self, tenant: Hashable) -> bool:
        return self.running.total() < self.count and self.running[tenant] < self.most_running

    def wait_for_turn(self, tenant: Hashable) -> bool:
        self.waiting.append(tenant)
        with place.get().waiting():
            came = self.changed.wait_for(lambda: self.is_next(tenant), WAIT_SECONDS)
        self.waiting.remove(tenant)
        if came:
            self.running[tenant] += 1
        self.changed.notify_all()
        return came

    def is_next(self, tenant: Hashable) -> bool:
        """Of those who wait, the one that runs the fewest, and of these the one that came first."""
        return self.may_run(tenant) and tenant == min(self.waiting, key=lambda other: self.running[other])


# Together 12 places of a worker's 26 threads.
PASSWORD_HASHING: Final = Slots(2, waiters=2)  # one hashes, and the other is at its counters meanwhile
TRANSFERS: Final = Slots(1, waiters=0)  # exports and imports, which may last for hours
AUDIT_DOWNLOADS: Final = Slots(1, waiters=0)  # as slow as their readers; a key's export must not keep an admin from one
TAKEBACKS: Final = Slots(1, waiters=1)  # erasing, undoing, deleting
HEAVY_CALLS: Final = Slots(2, waiters=2)  # searches and large batches
LARGE_CALL: Final = 16 * 1024  # bytes; a smaller batch or text costs about as much as one row
EVERY_KIND: Final = (PASSWORD_HASHING, TRANSFERS, AUDIT_DOWNLOADS, TAKEBACKS, HEAVY_CALLS)


def heavy_if_large(tenant_id: UUID, *, size: int) -> AbstractContextManager[None]:
    """A large write holds a slot of heavy calls while it is parsed, checked and written."""
    return HEAVY_CALLS.take(tenant_id) if size > LARGE_CALL else nullcontext()
