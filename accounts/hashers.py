"""Password hashing, in one thread of each worker, with a lower priority than the requests that don't wait for it."""

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


def give_way() -> None:
    """On Linux this is the thread's own (setpriority(2)). It can't be taken back, so the thread does nothing else."""
    with suppress(OSError, AttributeError):
        thread = get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)


HASHING: Final = ThreadPoolExecutor(1, thread_name_prefix="hashing", initializer=give_way)


def gently(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Argon2 lets go of Python's lock, so that the worker's threads go on meanwhile, and get the core first."""
    return HASHING.submit(act, *args, **kwargs).result()


class OWASPArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with 19 MiB, 2 passes, 1 lane (OWASP Password Storage Cheat Sheet). Django's 100 MiB do 4/s a core."""

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        return gently(super().encode, password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        return gently(super().verify, password, encoded)
