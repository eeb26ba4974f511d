import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import PollableMethodQueue


class CallbackQueue(PollableMethodQueue):  # type: ignore[misc]
    """Wakes the main loop once for all callbacks that wait. gunicorn's wakes it for each, with two system calls."""

    is_woken = False

    def defer(self, callback: Callable[..., object], *args: Any) -> None:
        self._queue.put(partial(callback, *args))
        if not self.is_woken:
            self.is_woken = True
            with suppress(OSError):  # the worker ends, and has closed the pipe
                os.write(self._write_fd, b"\0")

    def run_callbacks(self, _: object, max_callbacks: int = 0) -> None:
        os.read(self._read_fd, 64)
        self.is_woken = False  # before the queue is emptied: what comes later wakes the loop again
        while not self._queue.empty():
            self._queue.get_nowait()()
