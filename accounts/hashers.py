"""Password hashing runs in one low-priority thread per worker, so that other requests get the CPU first."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import get_native_id
from typing import Final, ParamSpec, TypeVar

from django.contrib.auth.hashers import Argon2PasswordHasher

NICENESS: Final = 5
P = ParamSpec("P")
T = TypeVar("T")


def lower_priority() -> None:
    """Linux sets niceness per thread, and it can't be lowered again (setpriority(2)). So this thread only hashes."""
    with suppress(OSError, AttributeError):
        thread = get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)


HASHING: Final = ThreadPoolExecutor(1, thread_name_prefix="hashing", initializer=lower_priority)


def gently(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Argon2 releases the GIL, so the worker's other threads keep running while it hashes."""
    return HASHING.submit(act, *args, **kwargs).result()


class OWASPArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with 19 MiB, 2 passes, 1 lane (OWASP Password Storage Cheat Sheet).

    Django's default of 100 MiB allows only 4 hashes per second per core.
    """

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        return gently(super().encode, password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        return gently(super().verify, password, encoded)
