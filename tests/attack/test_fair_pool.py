"""One caller never has all threads of a worker, and nobody stands behind another's line."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from uuid import uuid4

import pytest

from memgraph.server.fair_pool import (
    LONG_SECONDS,
    MOST,
    MOST_BY_ONE_CREDENTIAL,
    OTHERS_SECONDS,
    Caller,
    FairPool,
    caller_of,
)
from tenants.limits.places import Place, place
from tenants.limits.slots import Slots
from tests.memgraph.processes import wait_for

SOME_ID = uuid4()
HEAD = b"GET /v1/stats HTTP/1.1\r\nHost: x\r\n"


GREEDY, OTHER = Caller(None, "192.0.2.1"), Caller(None, "192.0.2.2")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("memgraph.server.fair_pool.monotonic", clock)
    return clock


@pytest.fixture
def pool(clock: Clock) -> Iterator[FairPool]:
    with FairPool(MOST + 3) as pool:
        yield pool


class Flood:
    """Many requests of one caller, which run until they are let go."""

    def __init__(self, pool: FairPool, caller: Caller, count: int = 40) -> None:
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


def call(pool: FairPool, caller: Caller) -> None:
    assert pool.submit_for(caller, lambda: "served").result(5) == "served"


def test_one_caller_has_its_share_and_another_is_served_meanwhile(pool: FairPool) -> None:
    flood = Flood(pool, GREEDY)
    flood.wait_until_running(MOST_BY_ONE_CREDENTIAL)
    call(pool, OTHER)
    flood.wait_until_running(MOST_BY_ONE_CREDENTIAL)
    flood.end()


def test_beside_others_one_of_a_callers_requests_works(pool: FairPool, clock: Clock) -> None:
    call(pool, OTHER)
    flood = Flood(pool, GREEDY)
    flood.wait_until_running(1)
    clock.now += OTHERS_SECONDS
    pool.tick()
    flood.wait_until_running(MOST_BY_ONE_CREDENTIAL)
    flood.end()


def test_a_waiting_request_lets_the_next_one_work(pool: FairPool) -> None:
    call(pool, OTHER)
    flood = Flood(pool, GREEDY)
    with ExitStack() as stack:
        for count in range(1, MOST_BY_ONE_CREDENTIAL + 1):
            flood.wait_until_running(count)
            stack.enter_context(flood.running[-1].waiting())
        flood.wait_until_running(MOST_BY_ONE_CREDENTIAL)
    flood.end()


def test_a_request_that_has_waited_counts_as_busy_again(pool: FairPool) -> None:
    call(pool, OTHER)
    flood = Flood(pool, GREEDY)
    flood.wait_until_running(1)
    with flood.running[0].waiting():
        flood.wait_until_running(2)
    flood.running[1].leave()
    flood.wait_until_running(2)
    flood.end()


def test_a_long_request_lets_the_next_one_work_the_later_the_more_there_are(pool: FairPool, clock: Clock) -> None:
    call(pool, OTHER)
    flood = Flood(pool, GREEDY)
    for count in range(1, MOST_BY_ONE_CREDENTIAL + 1):
        clock.now += 0.9 * LONG_SECONDS * count
        call(pool, OTHER)
        pool.tick()
        flood.wait_until_running(count)
        clock.now += 0.1 * LONG_SECONDS * count
        call(pool, OTHER)
        pool.tick()
    flood.wait_until_running(MOST_BY_ONE_CREDENTIAL)
    flood.end()


@pytest.mark.parametrize(("others_call", "slept"), [(True, [0.006, 0.02]), (False, [])])
def test_a_long_request_gives_way_only_while_others_call(
    others_call: bool, slept: list[float], pool: FairPool, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sleeps as long as it has worked, but not for the time that a slow client took."""
    pauses: list[float] = []
    monkeypatch.setattr("memgraph.server.fair_pool.sleep", pauses.append)

    def work() -> None:
        for worked in (0.001, 0.005, 30):
            if others_call:
                pool.others_until = clock.now + 60
            clock.now += worked
            place.get().give_way()

    pool.submit_for(GREEDY, work).result(5)
    assert pauses == pytest.approx(slept)


def test_who_leaves_counts_no_more(pool: FairPool) -> None:
    """An export that is read for hours, or a slow client: something else bounds these."""
    flood = Flood(pool, GREEDY)
    flood.wait_until_running(MOST_BY_ONE_CREDENTIAL)
    flood.running[0].leave()
    flood.wait_until_running(MOST_BY_ONE_CREDENTIAL + 1)
    flood.running[0].leave()
    flood.wait_until_running(MOST_BY_ONE_CREDENTIAL + 1)
    flood.end()


def test_only_a_slot_that_has_no_waiters_frees_the_place(pool: FairPool) -> None:
    """Such a request may last for hours."""

    def within(kind: Slots) -> list[bool]:
        with kind.take(None):
            return [turn.is_busy for turn in pool.running.get(GREEDY.address, [])]

    assert pool.submit_for(GREEDY, lambda: within(Slots(1, waiters=1))).result(5) == [True]
    assert pool.submit_for(GREEDY, lambda: within(Slots(1, waiters=0))).result(5) == []


def test_a_request_that_waits_for_a_slot_is_not_busy(pool: FairPool, clock: Clock) -> None:
    call(pool, OTHER)
    slots, end = Slots(1, waiters=1), threading.Event()

    def within() -> None:
        with slots.take(uuid4()):
            end.wait(30)

    first = pool.submit_for(None, within)
    wait_for(lambda: slots.running.total() == 1, 5, "the slot is taken")
    second = pool.submit_for(GREEDY, within)
    wait_for(lambda: bool(slots.waiting), 5, "one waits")
    assert pool.submit_for(GREEDY, lambda: [turn.is_busy for turn in pool.running[GREEDY.address]]).result(5) == [
        False,
        True,
    ]
    end.set()
    first.result(5)
    second.result(5)


def test_who_comes_later_is_not_behind_the_line(pool: FairPool) -> None:
    """With one thread: after the greedy one's share, the other, and only then the rest of the line."""
    order: list[str] = []
    with FairPool(1) as one:
        begin = threading.Event()
        one.submit(begin.wait, 30)
        futures = [one.submit_for(GREEDY, lambda: order.append("greedy")) for _ in range(10)]
        futures.append(one.submit_for(OTHER, lambda: order.append("other")))
        begin.set()
        for future in futures:
            future.result(5)
    assert order.index("other") == MOST_BY_ONE_CREDENTIAL
    assert Counter(order) == {"greedy": 10, "other": 1}


def test_keys_of_one_tenant_have_one_line(pool: FairPool, clock: Clock) -> None:
    acme = uuid4()
    for key in range(20):
        pool.submit_for(Caller(key, "192.0.2.1"), lambda: place.get().belongs_to(acme)).result(5)
    call(pool, Caller(0, "192.0.2.1"))
    clock.now += OTHERS_SECONDS
    flood = Flood(pool, Caller(0, "192.0.2.1"), 20)
    flood.wait_until_running(MOST_BY_ONE_CREDENTIAL)
    flood.futures += [pool.submit_for(Caller(key, "192.0.2.9"), flood.work) for key in range(1, 20)]
    flood.wait_until_running(MOST)
    flood.end()


def test_keys_of_one_tenant_take_turns(pool: FairPool) -> None:
    """One key with many requests doesn't keep the tenant's other keys waiting."""
    order: list[int] = []
    with FairPool(1) as one:
        for key in range(4):
            one.remember(key, SOME_ID)
        begin = threading.Event()
        one.submit(begin.wait, 30)
        futures = [one.submit_for(Caller(0, ""), partial(order.append, 0)) for _ in range(20)]
        futures += [one.submit_for(Caller(key, ""), partial(order.append, key)) for key in range(1, 4)]
        begin.set()
        for future in futures:
            future.result(5)
    assert max(order.index(key) for key in range(1, 4)) < 10


def test_keys_that_are_made_up_are_their_addresss(pool: FairPool) -> None:
    flood = Flood(pool, Caller(0, "192.0.2.1"), 1)
    flood.futures += [pool.submit_for(Caller(key, "192.0.2.1"), flood.work) for key in range(1, 20)]
    flood.wait_until_running(MOST)
    flood.end()


def test_a_key_that_is_refused_is_its_tenants_no_more(pool: FairPool) -> None:
    caller = Caller(1, "192.0.2.1")
    pool.submit_for(caller, lambda: place.get().belongs_to(uuid4())).result(5)
    assert pool.tenants
    pool.submit_for(caller, lambda: place.get().belongs_to(None)).result(5)
    assert not pool.tenants


def test_the_tenants_of_so_many_keys_are_remembered(pool: FairPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memgraph.server.fair_pool.CREDENTIALS", 5)
    for key in range(20):
        pool.remember(key, uuid4())
    assert list(pool.tenants) == [15, 16, 17, 18, 19]


def test_what_fails_goes_to_who_asked_and_the_line_goes_on(pool: FairPool) -> None:
    futures = [pool.submit_for(GREEDY, lambda: 1 // 0) for _ in range(10)]
    assert all(isinstance(future.exception(5), ZeroDivisionError) for future in futures)
    assert pool.submit_for(GREEDY, lambda: "fine").result(5) == "fine"


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
    key = credential_of(HEAD + b"X-API-KEY: mg_live_1\r\n\r\n")
    assert key is not None
    assert key == credential_of(HEAD + b"x-api-key:mg_live_1\r\n\r\n")
    assert key != credential_of(HEAD + b"X-API-KEY: mg_live_2\r\n\r\n")


def credential_of(head: bytes) -> int | None:
    caller = caller_of(head, "192.0.2.1", 0)
    assert caller
    return caller.credential


@pytest.mark.parametrize(
    ("sent", "proxies", "address"),
    [
        (b"", 0, "192.0.2.1"),
        (b"X-Forwarded-For: 1.1.1.1\r\n", 0, "192.0.2.1"),
        (b"X-Forwarded-For: 9.9.9.9, 1.1.1.1\r\n", 1, b"1.1.1.1"),
        (b"X-Forwarded-For: 9.9.9.9, 1.1.1.1\r\n", 2, b"9.9.9.9"),
        (b"X-Forwarded-For: 1.1.1.1\r\n", 2, "192.0.2.1"),
        (b"", 1, "192.0.2.1"),
    ],
)
def test_without_a_credential_the_address_calls(sent: bytes, proxies: int, address: object) -> None:
    assert caller_of(HEAD + sent + b"\r\n", "192.0.2.1", proxies) == (None, address)


@pytest.mark.parametrize("head", [b"", b"\r\n\r\n", b"\xff" * 100, b"GET"])
def test_what_is_no_head_is_the_addresss(head: bytes) -> None:
    assert caller_of(head, "192.0.2.1", 0) == (None, "192.0.2.1")
