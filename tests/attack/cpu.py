"""How much of a processor a call takes: that of its thread, so that nothing else on the machine counts."""

from collections.abc import Callable
from time import thread_time
from typing import TypeVar

T = TypeVar("T")
ROUNDS = 3


def cpu_seconds(call: Callable[[], T], *, enough: float) -> tuple[float, T]:
    """The least of a few rounds, or the first that is little enough; and what the last one returned."""
    least = float("inf")
    for _ in range(ROUNDS):
        started = thread_time()
        answer = call()
        least = min(least, thread_time() - started)
        if least < enough:
            break
    return least, answer
