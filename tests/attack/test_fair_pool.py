"""One caller never has all threads of a worker, and nobody stands behind another's line."""

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from memgraph.fair_pool import SHARE, FairPool, caller_of
from tests.memgraph.processes import wait_for

HEAD = b"GET /v1/stats HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def pool() -> Iterator[FairPool]:
    with FairPool(8) as pool:
        yield pool


def test_one_caller_has_its_share_and_another_is_served_meanwhile(pool: FairPool) -> None:
    hold, running = threading.Event(), []

    def work() -> None:
        running.append(1)
        hold.wait(30)

    held = [pool.submit_for("greedy", work) for _ in range(40)]
    wait_for(lambda: len(running) == SHARE, 5, "its share runs")
    assert pool.submit_for("other", lambda: "served").result(5) == "served"
    assert len(running) == SHARE
    hold.set()
    for future in held:
        future.result(5)
    wait_for(lambda: not pool.running, 5, "nothing runs")
    assert not pool.lines


def test_who_comes_later_is_not_behind_the_line(pool: FairPool) -> None:
    """With one thread: after the greedy one's share, the other, and only then the rest of the line."""
    order: list[str] = []
    with FairPool(1) as one:
        begin = threading.Event()
        one.submit(begin.wait, 30)
        futures = [one.submit_for("greedy", lambda: order.append("greedy")) for _ in range(10)]
        futures.append(one.submit_for("other", lambda: order.append("other")))
        begin.set()
        for future in futures:
            future.result(5)
    assert order.index("other") == SHARE
    assert Counter(order) == {"greedy": 10, "other": 1}


def test_what_fails_goes_to_who_asked_and_the_line_goes_on(pool: FairPool) -> None:
    futures = [pool.submit_for("one", lambda: 1 // 0) for _ in range(10)]
    assert all(isinstance(future.exception(5), ZeroDivisionError) for future in futures)
    assert pool.submit_for("one", lambda: "fine").result(5) == "fine"


def test_probes_have_no_line(pool: FairPool) -> None:
    hold = threading.Event()
    futures = [pool.submit_for(None, lambda: hold.wait(30)) for _ in range(7)]
    assert pool.submit_for(None, lambda: "served").result(5) == "served"
    hold.set()
    for future in futures:
        future.result(5)


@pytest.mark.parametrize("path", [b"/live", b"/health", b"/v1/health", b"/metrics", b"/live?x=1"])
def test_a_probe_is_nobodys(path: bytes) -> None:
    assert caller_of(b"GET " + path + b" HTTP/1.1\r\nX-API-KEY: k\r\n\r\n", "192.0.2.1", 0) is None
    assert caller_of(b"GET /x" + path + b" HTTP/1.1\r\nX-API-KEY: k\r\n\r\n", "192.0.2.1", 0) is not None


def test_a_credential_is_one_caller_wherever_it_comes_from() -> None:
    key = caller_of(HEAD + b"X-API-KEY: mg_live_1\r\n\r\n", "192.0.2.1", 0)
    assert key == caller_of(HEAD + b"x-api-key:mg_live_1\r\n\r\n", "192.0.2.2", 0)
    assert key != caller_of(HEAD + b"X-API-KEY: mg_live_2\r\n\r\n", "192.0.2.1", 0)
    assert key != b"mg_live_1"


@pytest.mark.parametrize(
    ("sent", "proxies", "caller"),
    [
        (b"", 0, "192.0.2.1"),
        (b"X-Forwarded-For: 1.1.1.1\r\n", 0, "192.0.2.1"),
        (b"X-Forwarded-For: 9.9.9.9, 1.1.1.1\r\n", 1, b"1.1.1.1"),
        (b"X-Forwarded-For: 9.9.9.9, 1.1.1.1\r\n", 2, b"9.9.9.9"),
        (b"X-Forwarded-For: 1.1.1.1\r\n", 2, "192.0.2.1"),
        (b"", 1, "192.0.2.1"),
    ],
)
def test_without_a_credential_the_address_calls(sent: bytes, proxies: int, caller: object) -> None:
    assert caller_of(HEAD + sent + b"\r\n", "192.0.2.1", proxies) == caller


@pytest.mark.parametrize("head", [b"", b"\r\n\r\n", b"\xff" * 100, b"GET"])
def test_what_is_no_head_is_the_addresss(head: bytes) -> None:
    assert caller_of(head, "192.0.2.1", 0) == "192.0.2.1"
