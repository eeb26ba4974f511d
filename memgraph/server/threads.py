"""Threads that run jobs. `concurrent.futures` takes a future, a work item and four locks for each job; this takes none.

Its methods need a lock, which is the owner's: `fair_pool.py` holds it anyway.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

Job = Callable[[], object]


class Threads:
    """Up to `most` threads. Each starts when a job finds no idle one, because each opens a database connection."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()
        self.started: list[Thread] = []
        self.idle = 0  # less the jobs that wait for a thread

    def begin(self, job: Job) -> None:
        """The job must not raise. Its owner calls `end` when it is over."""
        self.jobs.put(job)
        self.idle -= 1
        if self.idle < 0 and len(self.started) < self.most:
            thread = Thread(target=self.work)
            self.started.append(thread)
            self.idle += 1
            thread.start()

    def end(self) -> None:
        self.idle += 1

    def work(self) -> None:
        while job := self.jobs.get():
            job()
            del job  # or an idle thread would keep the last request's memory

    def shutdown(self) -> None:
        """Each thread ends after the jobs that have begun."""
        for _ in self.started:
            self.jobs.put(None)

    def join(self) -> None:
        for thread in self.started:
            thread.join()
