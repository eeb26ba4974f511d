"""Confirms authority again and again during long downloads and uploads, which outlast the check at their start."""

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
    """Confirms a principal's authority at most once a second, on a connection of its own."""

    def __init__(self, principal: Principal | None) -> None:
        self.step = confirmation(principal) if principal else None
        self.connection = connection.copy()
        self.checked_at = monotonic()

    def check(self) -> None:
        """Raises 401 or 403 if the authority is gone. Cheap enough to call for each item."""
        if self.step is None or monotonic() - self.checked_at < SECONDS:
            return
        statement, values = self.step
        with refusals(), self.connection.cursor() as cursor:
            cursor.execute(statement.source, values)
        self.checked_at = monotonic()


@contextmanager
def watching(principal: Principal | None) -> Iterator[Watch]:
    watch = Watch(principal)
    try:
        yield watch
    finally:
        watch.connection.close()


def while_allowed(items: Generator[T], watch: Watch) -> Iterator[T]:
    """Yields the items. Raises 401 or 403 between two of them once the authority is gone.

    Then closes the generator, which may be in the middle of a COPY. Otherwise the exception's traceback would keep it
    alive, and the rollback would wait for it forever.
    """
    with closing(items):
        for item in items:
            watch.check()
            yield item
            place.get().give_way()


def ending_early(chunks: Iterable[T]) -> Iterator[T]:
    """Ends a download without its footer once the authority is gone. The status was sent, so no error can follow."""
    try:
        yield from chunks
    except (AuthenticationFailed, PermissionDenied) as refusal:
        logger.warning("A download was ended early.", extra={"code": refusal.get_codes()})
