"""A request's place among the threads of its worker, which `memgraph/server/fair_pool.py` gives out."""

from contextvars import ContextVar
from uuid import UUID


class Place:
    """This one does nothing: it is that of commands, and of whatever runs in no worker."""

    def hold(self) -> None:
        """The request waits, or has a slot: it doesn't count as one that uses the processor now."""

    def leave(self) -> None:
        """The request is bounded by something else, for as long as it lasts. Its caller's next one may begin."""

    def belongs_to(self, tenant_id: UUID | None) -> None:
        """Whose credential the request has. None: nobody's, it was refused."""


place: ContextVar[Place] = ContextVar("place", default=Place())  # noqa: B039 - it has no state
