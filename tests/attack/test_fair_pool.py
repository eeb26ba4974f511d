"""One caller never has all threads of a worker, and no caller waits behind the line of another."""

import threading
from collections import Counter
from contextlib import ExitStack
from uuid import uuid4

import pytest

from memgraph.server.fair_pool import HALF_LIFE, LONG_SECONDS, MOST_BY_ONE_CREDENTIAL, OTHERS_SECONDS
from tenants.limits.places import place
from tenants.limits.slots import Slots
from tests.attack.pool import GREEDY, OTHER, Clock, Flood, FuturePool, call
from tests.memgraph.processes import wait_for


def test_one_caller_has_its_share_and_another_is_served_meanwhile(pool: FuturePool) -> None:
    flood = Flood(pool, GREEDY)
    flood.wait_until_running(MOST_BY_ONE_CREDENTIAL)
    call(pool, OTHER)
    flood.wait_until_running(MOST_BY_ONE_CREDENTIAL)
    flood.end()


def test_beside_others_one_request_of_a_heavy_caller_works(pool: FuturePool, clock: Clock) -> None:
    call(pool, OTHER)
    pool.charge(GREEDY.address, 1.0)
    flood = Flood(pool, GREEDY)
    flood.wait_until_running(1)
    clock.now += OTHERS_SECONDS
    pool.tick()
    flood.wait_until_running(MOST_BY_ONE_CREDENTIAL)
    flood.end()


def test_beside_others_a_light_caller_works_on(pool: FuturePool) -> None:
    """Its requests don't wait for each other, however much another caller uses."""
    call(pool, OTHER)
    pool.charge(OTHER.address, 1.0)
    pool.charge(GREEDY.address, 0.9)
    flood = Flood(pool, GREEDY)
    flood.wait_until_running(MOST_BY_ONE_CREDENTIAL)
    flood.end()


def test_what_a_caller_used_is_forgotten(pool: FuturePool, clock: Clock) -> None:
    pool.charge(OTHER.address, 1.0)
    clock.now += 3 * HALF_LIFE
    pool.charge(GREEDY.address, 0.2)
    assert pool.is_heavy(GREEDY.address)
    assert not pool.is_heavy(OTHER.address)
    clock.now += 20 * HALF_LIFE
    pool.tick()
    assert not pool.used


def test_a_waiting_request_lets_the_next_one_work(pool: FuturePool) -> None:
    call(pool, OTHER)
    pool.charge(GREEDY.address, 1.0)
    flood = Flood(pool, GREEDY)
    with ExitStack() as stack:
        for count in range(1, MOST_BY_ONE_CREDENTIAL + 1):
            flood.wait_until_running(count)
            stack.enter_context(flood.running[-1].waiting())
        flood.wait_until_running(MOST_BY_ONE_CREDENTIAL)
    flood.end()


def test_a_request_that_has_waited_counts_as_busy_again(pool: FuturePool) -> None:
    call(pool, OTHER)
    pool.charge(GREEDY.address, 1.0)
    flood = Flood(pool, GREEDY)
    flood.wait_until_running(1)
    with flood.running[0].waiting():
        flood.wait_until_running(2)
    flood.running[1].leave()
    flood.wait_until_running(2)
    flood.end()


def test_a_long_request_lets_the_next_one_work_the_later_the_more_there_are(pool: FuturePool, clock: Clock) -> None:
    call(pool, OTHER)
    pool.charge(GREEDY.address, 1.0)
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
    others_call: bool, slept: list[float], pool: FuturePool, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sleeps as long as it has worked. The time that a slow client took does not count."""
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


def test_who_leaves_counts_no_more(pool: FuturePool) -> None:
    """An export that is read for hours leaves, and so does a slow client. Other limits apply to these."""
    flood = Flood(pool, GREEDY)
    flood.wait_until_running(MOST_BY_ONE_CREDENTIAL)
    flood.running[0].leave()
    flood.wait_until_running(MOST_BY_ONE_CREDENTIAL + 1)
    flood.running[0].leave()
    flood.wait_until_running(MOST_BY_ONE_CREDENTIAL + 1)
    flood.end()


def test_only_a_slot_that_has_no_waiters_frees_the_place(pool: FuturePool) -> None:
    """Such a request may last for hours."""

    def within(kind: Slots) -> list[bool]:
        with kind.take(None):
            return [turn.is_busy for turn in pool.running.get(GREEDY.address, [])]

    assert pool.submit_for(GREEDY, lambda: within(Slots(1, waiters=1))).result(5) == [True]
    assert pool.submit_for(GREEDY, lambda: within(Slots(1, waiters=0))).result(5) == []


def test_a_request_that_waits_for_a_slot_is_not_busy(pool: FuturePool, clock: Clock) -> None:
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


def test_who_comes_later_is_not_behind_the_line(pool: FuturePool) -> None:
    """One thread serves the share of the greedy caller, then the other caller, then the rest of the line."""
    order: list[str] = []
    with FuturePool(1) as one:
        begin = threading.Event()
        one.submit_for(None, lambda: begin.wait(30))
        futures = [one.submit_for(GREEDY, lambda: order.append("greedy")) for _ in range(10)]
        futures.append(one.submit_for(OTHER, lambda: order.append("other")))
        begin.set()
        for future in futures:
            future.result(5)
    assert order.index("other") == MOST_BY_ONE_CREDENTIAL
    assert Counter(order) == {"greedy": 10, "other": 1}


def test_what_fails_goes_to_who_asked_and_the_line_goes_on(pool: FuturePool) -> None:
    futures = [pool.submit_for(GREEDY, lambda: 1 // 0) for _ in range(10)]
    assert all(isinstance(future.exception(5), ZeroDivisionError) for future in futures)
    assert pool.submit_for(GREEDY, lambda: "fine").result(5) == "fine"


def test_probes_have_no_line(pool: FuturePool) -> None:
    hold = threading.Event()
    futures = [pool.submit_for(None, lambda: hold.wait(30)) for _ in range(7)]
    assert pool.submit_for(None, lambda: "served").result(5) == "served"
    hold.set()
    for future in futures:
        future.result(5)
