"""Who the caller of a request is for the pool: a key, the tenant of the key, or an IP address."""

import threading
from functools import partial
from uuid import uuid4

import pytest

from memgraph.server.callers import Caller, caller_of
from memgraph.server.fair_pool import MOST, MOST_BY_ONE_CREDENTIAL, OTHERS_SECONDS
from tenants.limits.places import place
from tests.attack.pool import Clock, Flood, FuturePool, call

SOME_ID = uuid4()
HEAD = b"GET /v1/stats HTTP/1.1\r\nHost: x\r\n"


def test_keys_of_one_tenant_have_one_line(pool: FuturePool, clock: Clock) -> None:
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


def test_keys_of_one_tenant_take_turns(pool: FuturePool) -> None:
    """One key with many requests doesn't keep the tenant's other keys waiting."""
    order: list[int] = []
    with FuturePool(1) as one:
        for key in range(4):
            one.remember(key, SOME_ID)
        begin = threading.Event()
        one.submit_for(None, lambda: begin.wait(30))
        futures = [one.submit_for(Caller(0, ""), partial(order.append, 0)) for _ in range(20)]
        futures += [one.submit_for(Caller(key, ""), partial(order.append, key)) for key in range(1, 4)]
        begin.set()
        for future in futures:
            future.result(5)
    assert max(order.index(key) for key in range(1, 4)) < 10


def test_keys_that_are_made_up_are_their_addresss(pool: FuturePool) -> None:
    flood = Flood(pool, Caller(0, "192.0.2.1"), 1)
    flood.futures += [pool.submit_for(Caller(key, "192.0.2.1"), flood.work) for key in range(1, 20)]
    flood.wait_until_running(MOST)
    flood.end()


def test_a_key_that_is_refused_is_its_tenants_no_more(pool: FuturePool) -> None:
    caller = Caller(1, "192.0.2.1")
    pool.submit_for(caller, lambda: place.get().belongs_to(uuid4())).result(5)
    assert pool.tenants
    pool.submit_for(caller, lambda: place.get().belongs_to(None)).result(5)
    assert not pool.tenants


def test_the_tenants_of_so_many_keys_are_remembered(pool: FuturePool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memgraph.server.fair_pool.CREDENTIALS", 5)
    for key in range(20):
        pool.remember(key, uuid4())
    assert list(pool.tenants) == [15, 16, 17, 18, 19]


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
