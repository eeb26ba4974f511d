"""Long reads and uploads, whose own snapshot or request is old: whether they may go on is asked meanwhile."""

import logging
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from time import monotonic
from typing import TypeVar

from django.db import connection
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied

from tenants.authority import confirmation, refusals
from tenants.limits.places import place
from tenants.principal import Principal

SECONDS = 1.0
T = TypeVar("T")
logger = logging.getLogger("memgraph.authority")


class Watch:
    """Confirms a principal's authority once a second, on a connection of its own."""

    def __init__(self, principal: Principal | None) -> None:
        self.step = confirmation(principal) if principal else None
        self.connection = connection.copy()
        self.looked = monotonic()

    def look(self) -> None:
        """Raises 401 or 403 if the authority is gone. Call it as often as you like."""
        if self.step is None or monotonic() - self.looked < SECONDS:
            return
        statement, values = self.step
        with refusals(), self.connection.cursor() as cursor:
            cursor.execute(statement.source, values)
        self.looked = monotonic()


@contextmanager
def watching(principal: Principal | None) -> Iterator[Watch]:
    watch = Watch(principal)
    try:
        yield watch
    finally:
        watch.connection.close()


def while_allowed(items: Generator[T], watch: Watch) -> Iterator[T]:
    """The same items. Raises between two of them once the authority is gone.

    Closes what makes them, which may have the connection amid a COPY: the exception's traceback would keep it alive,
    and the rollback would wait for it for ever.
    """
    with closing(items):
        for item in items:
            watch.look()
            yield item
            place.get().give_way()


def ending_early(chunks: Iterable[T]) -> Iterator[T]:
    """Ends a download without its footer when its authority ends. The status was sent, so only that can tell."""
    try:
        yield from chunks
    except (AuthenticationFailed, PermissionDenied) as refusal:
        logger.warning("A download was broken off.", extra={"code": refusal.get_codes()})
