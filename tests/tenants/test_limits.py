"""Counting, by PostgreSQL and by Redis alike: exact under parallel calls, growing waits, and never for good."""

import shutil
import subprocess
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import pytest
import redis
from django.db import connection
from pytest_django import Settings

from tenants.counters import FORGIVEN_AFTER, Limit, PostgresCounters, RedisCounters
from tenants.limits import count, digest, enforce, forgive, redis_counters, refund
from tenants.models import Counter
from tenants.problems import TooManyRequests
from tests.memgraph.processes import free_port, wait_for

PLAIN = Limit("plain", 3, 60)
GROWING = Limit("growing", 3, 300, growing=True)
WAITS = [60, 120, 240, 480, 900, 900, 900]


class Clock(Protocol):
    def __call__(self, limit: Limit, subject: str, seconds: float) -> None: ...


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed, so the Redis counters are not tested")
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with Path(folder, "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        client = redis.Redis(port=port)

        def answers() -> bool:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

        wait_for(answers, 10, "Redis answers")
        yield f"redis://127.0.0.1:{port}/0"
        client.close()
        redis_counters(f"redis://127.0.0.1:{port}/0").client.close()
        server.terminate()


def let_pass_in_postgres(limit: Limit, subject: str, seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tenants_counter SET ends_at = ends_at - %s * interval '1 second' WHERE name = %s",
            [seconds, digest(limit, subject)],
        )


@pytest.fixture(params=["postgres", "redis"])
def let_pass(request: pytest.FixtureRequest, settings: Settings) -> Clock:
    """Either store, and a way to let time pass for a subject in it."""
    if request.param == "postgres":
        return let_pass_in_postgres
    settings.REDIS_URL = request.getfixturevalue("redis_url")
    counters = redis_counters(settings.REDIS_URL)
    counters.client.flushall()

    def let_pass_in_redis(limit: Limit, subject: str, seconds: float) -> None:
        key = counters.key(digest(limit, subject))
        counters.client.hincrby(key, "ends_at", -int(seconds * 1000))
        counters.client.pexpire(key, max(1, counters.client.pttl(key) - int(seconds * 1000)))

    return let_pass_in_redis


def test_so_many_pass_and_no_more(let_pass: Clock) -> None:
    for _ in range(3):
        enforce(PLAIN, "ada")
    with pytest.raises(TooManyRequests) as refusal:
        enforce(PLAIN, "ada")
    assert 1 <= refusal.value.wait <= 60
    enforce(PLAIN, "another")
    enforce(Limit("another", 3, 60), "ada")


def test_a_window_ends_and_begins_anew(let_pass: Clock) -> None:
    assert [count(PLAIN, "ada").hits for _ in range(5)] == [1, 2, 3, 4, 5]
    let_pass(PLAIN, "ada", 30)
    usage = count(PLAIN, "ada")
    assert usage.hits == 6
    assert 29 <= usage.seconds_left <= 30
    let_pass(PLAIN, "ada", 30)
    usage = count(PLAIN, "ada")
    assert usage.hits == 1
    assert 59 <= usage.seconds_left <= 60


def test_waits_grow_to_15_minutes_with_one_try_after_each(let_pass: Clock) -> None:
    assert [count(GROWING, "ada").hits for _ in range(3)] == [1, 2, 3]
    for wait in WAITS:
        usage = count(GROWING, "ada")
        assert usage.hits == 4  # seen by the one who began the wait, and by no other
        assert wait - 1 <= usage.seconds_left <= wait
        assert count(GROWING, "ada").hits == 5
        let_pass(GROWING, "ada", wait)
        assert count(GROWING, "ada").hits == 3  # the one try


def test_an_hour_of_peace_forgets_the_waits(let_pass: Clock) -> None:
    for _ in range(4):
        count(GROWING, "ada")
    let_pass(GROWING, "ada", 60 + FORGIVEN_AFTER)
    assert [count(GROWING, "ada").hits for _ in range(3)] == [1, 2, 3]
    assert count(GROWING, "ada").seconds_left <= 60


def test_a_refund_takes_one_hit_back(let_pass: Clock) -> None:
    for _ in range(50):
        enforce(PLAIN, "ada")
        refund(PLAIN, "ada")
    assert count(PLAIN, "ada").hits == 1
    for _ in range(3):
        refund(PLAIN, "ada")
    assert count(PLAIN, "ada").hits == 1
    refund(PLAIN, "nobody")


def test_a_refund_cuts_no_wait_short_and_begins_none_anew(let_pass: Clock) -> None:
    for _ in range(4):
        count(GROWING, "ada")
    refund(GROWING, "ada")
    usage = count(GROWING, "ada")
    assert usage.hits == 5
    assert usage.seconds_left <= 60


def test_forgiving_forgets_hits_and_waits(let_pass: Clock) -> None:
    for _ in range(6):
        count(GROWING, "ada")
    forgive(GROWING, "ada")
    assert count(GROWING, "ada").hits == 1


def test_no_name_is_stored(let_pass: Clock, settings: Settings) -> None:
    count(PLAIN, "ada@acme.example")
    stored = [bytes(name) for name in Counter.objects.values_list("name", flat=True)]
    if settings.REDIS_URL:
        stored = redis_counters(settings.REDIS_URL).client.keys()
    assert len(stored) == 1
    assert b"ada" not in stored[0]


@pytest.mark.parametrize("limit", [Limit("plain", 20, 60), Limit("growing", 20, 300, growing=True)])
def test_exactly_so_many_of_parallel_ones_pass(
    limit: Limit, let_pass: Clock, transactional_db: None, settings: Settings
) -> None:
    def hit(_: int) -> int:
        try:
            return count(limit, "ada").hits
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        hits = Tally(pool.map(hit, range(100)))
    assert hits == Tally(range(1, 101))


def test_forgotten_rows_are_swept() -> None:
    for number in range(10):
        count(GROWING, f"old {number}")
        let_pass_in_postgres(GROWING, f"old {number}", 301 + FORGIVEN_AFTER)
    count(GROWING, "waits")
    let_pass_in_postgres(GROWING, "waits", 301)
    for _ in range(5):
        count(PLAIN, "ada")
    assert set(Counter.objects.values_list("hits", flat=True)) == {1, 5}
    assert Counter.objects.count() == 2


def test_redis_forgets_by_itself(redis_url: str) -> None:
    counters = RedisCounters(redis_url)
    counters.client.flushall()
    for limit, most in ((PLAIN, 60), (GROWING, 300)):
        counters.count(digest(limit, "ada"), limit)
        assert most - 5 <= counters.client.ttl(counters.key(digest(limit, "ada"))) <= most
    for _ in range(3):
        counters.count(digest(GROWING, "ada"), GROWING)
    assert 3600 < counters.client.ttl(counters.key(digest(GROWING, "ada"))) <= 3660
    counters.client.close()


def test_while_redis_is_away_postgres_counts(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.REDIS_URL = f"redis://:secret@127.0.0.1:{free_port()}/0"
    assert [count(PLAIN, "ada").hits for _ in range(2)] == [1, 2]
    assert PostgresCounters().count(digest(PLAIN, "ada"), PLAIN).hits == 3
    assert "Redis is away" in caplog.text
    assert "secret" not in caplog.text


def test_time_passes_within_a_transaction_too(django_capture_on_commit_callbacks: Callable[..., object]) -> None:
    """`now()` would stand still, and a wait would never end."""
    short = Limit("short", 1, 1)
    assert count(short, "ada").hits == 1
    wait_for(lambda: count(short, "ada").hits == 1, 5, "the second is over")
