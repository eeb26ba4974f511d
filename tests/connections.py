"""For races in one process: each thread on a connection of its own, which it closes."""

from collections.abc import Callable
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


def in_its_own_connection(act: Callable[[], T]) -> T:
    try:
        return act()
    finally:
        connections.close_all()
