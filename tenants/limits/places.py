"""A request's place in its worker's thread pool, which `memgraph/server/fair_pool.py` manages."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import sleep
from uuid import UUID


class Place:
    """Does nothing. Used by commands and by everything else that runs outside a worker."""

    sends_at = 0.0  # when the response is sent, by the monotonic clock; 0: immediately

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The request doesn't count as busy inside this block, so the caller's next one may begin."""
        yield

    def give_way(self) -> None:
        """Called often by a long request. Sleeps half of the time while other tenants are active."""

    def leave(self) -> None:
        """Releases the place. Another limit now applies to this request."""

    def hold_response(self, seconds: float) -> None:
        """Sends the response later. A worker does so without holding a thread."""
        sleep(seconds)

    def belongs_to(self, tenant_id: UUID | None) -> None:
        """Records which tenant the credential belongs to. None: the credential was refused."""


place: ContextVar[Place] = ContextVar("place", default=Place())  # noqa: B039 - it has no state
