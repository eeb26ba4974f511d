"""Remembers for 50 ms what a credential may do, so that a busy one is not read from the database for every request.

Revocation stays strict: when its response is out, no worker on any host accepts the old authority. A worker counts the
50 ms from before its read began. The act that changes authority commits, and its response waits for a little longer
than 50 ms. By then, whatever was read before the commit is forgotten. This takes no messages between hosts, and no
common clock.

A credential that wasn't found is not remembered, because it may exist a moment later. Expiry and IP allowlists are
checked on every use, and writes confirm their authority in their transaction anyway: see `authority.py`.
"""

from collections.abc import Callable, Hashable
from contextvars import ContextVar
from time import monotonic
from typing import Final, Generic, TypeVar

from django.conf import settings

from tenants.limits.places import place

SECONDS: Final = 0.05
WAIT_SECONDS: Final = 0.06  # with a margin, because the clocks of two hosts don't run equally fast
MOST: Final = 1024  # per worker and kind of credential
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
changed: ContextVar[bool] = ContextVar("changed", default=False)


class Lease(Generic[K, V]):
    def __init__(self, read: Callable[[K], V | None]) -> None:
        self.read = read
        self.held: dict[K, tuple[V, float]] = {}

    def find(self, key: K) -> tuple[V | None, float]:
        """Returns what `read` found, and how many seconds ago at most. Threads may read the same key twice."""
        began = monotonic()
        held = self.held.get(key)
        if held is not None and (age := began - held[1]) < SECONDS:
            return held[0], age
        found = self.read(key)
        if found is not None and settings.AUTHORITY_LEASE:
            if len(self.held) >= MOST:
                self.held.clear()
            self.held[key] = found, began
        return found, 0.0

    def forget(self, key: K) -> None:
        self.held.pop(key, None)


def authority_changes() -> None:
    """Call it in an act that changes what a credential may do. The response to this request then waits."""
    changed.set(True)


def hold_response() -> None:
    """Call it when nothing of the request is left to do: its transactions are over."""
    if changed.get():
        changed.set(False)
        if settings.AUTHORITY_LEASE:
            place.get().hold_response(WAIT_SECONDS)
