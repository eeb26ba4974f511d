"""Fixtures of the tests of the fair pool."""

from collections.abc import Iterator

import pytest

from memgraph.server.fair_pool import MOST
from tests.attack.pool import Clock, FuturePool


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("memgraph.server.fair_pool.monotonic", clock)
    return clock


@pytest.fixture
def pool(clock: Clock) -> Iterator[FuturePool]:
    with FuturePool(MOST + 3) as pool:
        yield pool
