"""Bounds the requests that hold a thread for long, so that they never starve the rest of a worker.

A worker has `settings.THREADS` threads. Running and waiting requests of all kinds of slots together take fewer than
half of them. Each kind has its own slots, so that it can't block a more urgent kind: an export that is open for hours
doesn't keep anyone from signing in, or from undoing what a leaked key wrote.
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
    """At most `count` requests run at once in this worker, and `waiters` more wait up to 2 s. Others get 503.

    Where there are several slots or places, one tenant never takes the last one. So a second tenant gets in, however
    many requests the first one sends.
    """

    def __init__(self, count: int, *, waiters: int) -> None:
        self.count = count
        self.waiters = waiters
        self.most_running = max(1, count - 1)  # of one tenant
        self.share = max(1, count + waiters - 1)  # of one tenant, running and waiting
        self.running: Counter[Hashable] = Counter()
        self.waiting: list[Hashable] = []  # in order of arrival
        self.changed = Condition()

    @contextmanager
    def take(self, tenant: Hashable = None) -> Iterator[None]:
        """Pass the caller's network as `tenant` if the tenant is unknown, as it is before a sign-in."""
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
            may_run = self.changed.wait_for(lambda: self.is_next(tenant), WAIT_SECONDS)
        self.waiting.remove(tenant)
        if may_run:
            self.running[tenant] += 1
        self.changed.notify_all()
        return may_run

    def is_next(self, tenant: Hashable) -> bool:
        """The next to run is the waiting tenant with the fewest running requests.

        Ties go to the one that has waited longest.
        """
        return self.may_run(tenant) and tenant == min(self.waiting, key=lambda other: self.running[other])


# Together 12 places of a worker's 26 threads.
PASSWORD_HASHING: Final = Slots(2, waiters=2)  # while one hashes, the other updates its counters
TRANSFERS: Final = Slots(1, waiters=0)  # exports and imports, which may last for hours
AUDIT_DOWNLOADS: Final = Slots(1, waiters=0)  # as slow as their readers; a key's export must not block them
TAKEBACKS: Final = Slots(1, waiters=1)  # erasing, undoing, deleting
HEAVY_CALLS: Final = Slots(2, waiters=2)  # searches and large batches
LARGE_CALL: Final = 16 * 1024  # bytes; a smaller batch or text costs about as much as a single row
EVERY_KIND: Final = (PASSWORD_HASHING, TRANSFERS, AUDIT_DOWNLOADS, TAKEBACKS, HEAVY_CALLS)


def heavy_if_large(tenant_id: UUID, *, size: int) -> AbstractContextManager[None]:
    """Holds a slot of HEAVY_CALLS while a large write is parsed, checked and written. `size`: bytes."""
    return HEAVY_CALLS.take(tenant_id) if size > LARGE_CALL else nullcontext()
