"""Bounded numbers of requests that hold a thread for long, so that they never starve the rest of a worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Final

from tenants.problems import Unavailable

WAIT_SECONDS: Final = 2


class Slots:
    """At most `count` at once in this worker. One waits at most 2 s for a slot, then answers 503."""

    def __init__(self, count: int) -> None:
        self.semaphore = BoundedSemaphore(count)

    @contextmanager
    def take(self) -> Iterator[None]:
        if not self.semaphore.acquire(timeout=WAIT_SECONDS):
            raise Unavailable()
        try:
            yield
        finally:
            self.semaphore.release()


# One of each in a worker of five threads: three threads always answer everything else.
PASSWORD_HASHING = Slots(1)
TRANSFERS = Slots(1)
