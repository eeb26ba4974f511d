"""Threads that run jobs. `concurrent.futures` takes a future, a work item and four locks for each job; this takes none.

A thread that ends a job takes the next one itself, so that no other thread has to wake up for it. If there is none, it
waits, and the thread that has waited for the shortest time is the first to be woken.

Its methods need a lock, which is the owner's: `fair_pool.py` holds it anyway.
"""

from collections import deque
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any


class Waiter:
    """Where one thread waits for its next job."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self.given = Lock()
        self.given.acquire()

    def give(self, job: "Job | None") -> None:
        self.job = job
        self.given.release()

    def wait(self) -> "Job | None":
        self.given.acquire()
        job, self.job = self.job, None  # or an idle thread would keep the last request's memory
        return job


Job = Callable[[Waiter], Any]  # returns what `take` returned


class Threads:
    """Up to `most` threads. Each starts when a job finds no idle one, because each opens a database connection."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.jobs: deque[Job] = deque()  # that wait for a thread
        self.idle: list[Waiter] = []
        self.started: list[Thread] = []
        self.one_ends = False  # a thread is about to call `take`
        self.is_closed = False

    @property
    def are_all_busy(self) -> bool:
        return not self.idle and len(self.started) == self.most

    def begin(self, job: Job) -> None:
        """The job must not raise. It calls `take` at its end."""
        if self.one_ends and not self.jobs:
            self.jobs.append(job)
        elif self.idle:
            self.idle.pop().give(job)
        elif len(self.started) < self.most:
            waiter = Waiter()
            waiter.give(job)
            thread = Thread(target=self.work, args=[waiter])
            self.started.append(thread)
            thread.start()
        else:
            self.jobs.append(job)

    def take(self, waiter: Waiter) -> Job | None:
        """Returns the next job for the thread that calls this, or None: then it waits."""
        self.one_ends = False
        if self.jobs:
            return self.jobs.popleft()
        if self.is_closed:
            waiter.give(None)
        else:
            self.idle.append(waiter)
        return None

    def work(self, waiter: Waiter) -> None:
        job = waiter.wait()
        while job is not None:
            job = job(waiter)
            if job is None:
                job = waiter.wait()

    def close(self) -> None:
        """Each thread ends after the jobs that have begun."""
        self.is_closed = True
        while self.idle:
            self.idle.pop().give(None)

    def join(self) -> None:
        for thread in self.started:
            thread.join()
