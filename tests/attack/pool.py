"""What the tests of the fair pool share: a clock that they set, two callers, and a flood of requests."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Self

from memgraph.server.callers import Caller
from memgraph.server.fair_pool import FairPool
from tenants.limits.places import Place, place
from tests.memgraph.processes import wait_for

GREEDY, OTHER = Caller(None, "192.0.2.1"), Caller(None, "192.0.2.2")


class FuturePool(FairPool):
    """What runs in it can be waited for."""

    def submit_for(self, caller: Caller | None, act: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()

        def finish(result: Any, error: BaseException | None) -> None:
            future.set_exception(error) if error else future.set_result(result)

        self.begin(caller, act, finish)
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Flood:
    """Many requests of one caller, which run until `end` is called."""

    def __init__(self, pool: FuturePool, caller: Caller, count: int = 40) -> None:
        self.pool = pool
        self.running: list[Place] = []
        self.hold = threading.Event()
        self.futures = [pool.submit_for(caller, self.work) for _ in range(count)]

    def work(self) -> None:
        self.running.append(place.get())
        self.hold.wait(30)

    def wait_until_running(self, count: int) -> None:
        wait_for(lambda: len(self.running) == count, 5, f"{count} run")
        assert self.pool.submit_for(None, lambda: "a probe").result(5)
        assert len(self.running) == count

    def end(self) -> None:
        self.hold.set()
        for future in self.futures:
            future.result(5)
        wait_for(lambda: not self.pool.running, 5, "nothing runs")
        assert not self.pool.lines


def call(pool: FuturePool, caller: Caller) -> None:
    assert pool.submit_for(caller, lambda: "served").result(5) == "served"
