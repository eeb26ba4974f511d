"""A request's place in its worker's thread pool, which `memgraph/server/fair_pool.py` manages."""

from contextvars import ContextVar
from uuid import UUID


class Place:
    """Does nothing. Used by commands and by everything else that runs outside a worker."""

    def hold(self) -> None:
        """Marks the request as waiting, or as bounded by a slot: it no longer counts as busy."""

    def leave(self) -> None:
        """Gives the place up: something else bounds the request, and the caller's next one may begin."""

    def belongs_to(self, tenant_id: UUID | None) -> None:
        """Records which tenant the credential belongs to. None: the credential was refused."""


place: ContextVar[Place] = ContextVar("place", default=Place())  # noqa: B039 - it has no state
