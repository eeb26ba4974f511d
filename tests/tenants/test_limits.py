"""Counting: exact under parallel calls, growing waits, and never for good."""

from collections import Counter as Tally
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from tenants.limits.limit import FORGIVEN_AFTER, Limit, count, digest, enforce, forgive, refund
from tenants.models import Counter
from tenants.problems import TooManyRequests
from tests.memgraph.processes import wait_for

PLAIN = Limit("plain", 3, 60)
GROWING = Limit("growing", 3, 300, growing=True)
WAITS = [60, 120, 240, 480, 900, 900, 900]


def let_pass(limit: Limit, subject: str, seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tenants_counter SET ends_at = ends_at - %s * interval '1 second' WHERE name = %s",
            [seconds, digest(limit, subject)],
        )


def test_so_many_pass_and_no_more() -> None:
    for _ in range(3):
        enforce(PLAIN, "ada")
    with pytest.raises(TooManyRequests) as refusal:
        enforce(PLAIN, "ada")
    assert 1 <= refusal.value.wait <= 60
    enforce(PLAIN, "another")
    enforce(Limit("another", 3, 60), "ada")


def test_a_window_ends_and_begins_anew() -> None:
    assert [count(PLAIN, "ada").hits for _ in range(5)] == [1, 2, 3, 4, 5]
    let_pass(PLAIN, "ada", 30)
    usage = count(PLAIN, "ada")
    assert usage.hits == 6
    assert 29 <= usage.seconds_left <= 30
    let_pass(PLAIN, "ada", 30)
    usage = count(PLAIN, "ada")
    assert usage.hits == 1
    assert 59 <= usage.seconds_left <= 60


def test_waits_grow_to_15_minutes_with_one_try_after_each() -> None:
    assert [count(GROWING, "ada").hits for _ in range(3)] == [1, 2, 3]
    for wait in WAITS:
        usage = count(GROWING, "ada")
        assert usage.hits == 4  # seen by the one who began the wait, and by no other
        assert wait - 1 <= usage.seconds_left <= wait
        assert count(GROWING, "ada").hits == 5
        let_pass(GROWING, "ada", wait)
        assert count(GROWING, "ada").hits == 3  # the one try


def test_an_hour_of_peace_forgets_the_waits() -> None:
    for _ in range(4):
        count(GROWING, "ada")
    let_pass(GROWING, "ada", 60 + FORGIVEN_AFTER)
    assert [count(GROWING, "ada").hits for _ in range(3)] == [1, 2, 3]
    assert count(GROWING, "ada").seconds_left <= 60


def test_a_refund_takes_one_hit_back() -> None:
    for _ in range(50):
        enforce(PLAIN, "ada")
        refund(PLAIN, "ada")
    assert count(PLAIN, "ada").hits == 1
    for _ in range(3):
        refund(PLAIN, "ada")
    assert count(PLAIN, "ada").hits == 1
    refund(PLAIN, "nobody")


def test_a_refund_cuts_no_wait_short_and_begins_none_anew() -> None:
    for _ in range(4):
        count(GROWING, "ada")
    refund(GROWING, "ada")
    usage = count(GROWING, "ada")
    assert usage.hits == 5
    assert usage.seconds_left <= 60


def test_forgiving_forgets_hits_and_waits() -> None:
    for _ in range(6):
        count(GROWING, "ada")
    forgive(GROWING, "ada")
    assert count(GROWING, "ada").hits == 1


def test_no_name_is_stored() -> None:
    count(PLAIN, "ada@acme.example")
    stored = [bytes(name) for name in Counter.objects.values_list("name", flat=True)]
    assert len(stored) == 1
    assert b"ada" not in stored[0]


@pytest.mark.parametrize("limit", [Limit("plain", 20, 60), Limit("growing", 20, 300, growing=True)])
def test_exactly_so_many_of_parallel_ones_pass(limit: Limit, transactional_db: None) -> None:
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
        let_pass(GROWING, f"old {number}", 301 + FORGIVEN_AFTER)
    count(GROWING, "waits")
    let_pass(GROWING, "waits", 301)
    for _ in range(5):
        count(PLAIN, "ada")
    assert set(Counter.objects.values_list("hits", flat=True)) == {1, 5}
    assert Counter.objects.count() == 2


def test_time_passes_within_a_transaction_too(django_capture_on_commit_callbacks: Callable[..., object]) -> None:
    """`now()` would stand still, and a wait would never end."""
    short = Limit("short", 1, 1)
    assert count(short, "ada").hits == 1
    wait_for(lambda: count(short, "ada").hits == 1, 5, "the second is over")
