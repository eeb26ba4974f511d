"""What a worker remembers of credentials, and for how long. `tests/attack/authority/test_lease.py` sees it revoked."""

from typing import Any

import pytest
from pytest_django import Settings

from tenants import lease
from tenants.lease import MOST, SECONDS, Lease
from tenants.limits.places import Place, place


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Table:
    """What is read, and how often."""

    def __init__(self, **rows: str) -> None:
        self.rows = rows
        self.reads = 0

    def read(self, key: str) -> str | None:
        self.reads += 1
        return self.rows.get(key)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Clock:
    settings.AUTHORITY_LEASE = True
    clock = Clock()
    monkeypatch.setattr(lease, "monotonic", clock)
    return clock


def test_a_credential_is_read_once_in_50_ms(clock: Clock) -> None:
    table = Table(a="row")
    leases = Lease(table.read)
    assert leases.find("a") == ("row", 0.0)
    clock.now += 0.04
    assert leases.find("a") == ("row", pytest.approx(0.04))
    clock.now += 0.01
    table.rows["a"] = "changed"
    assert leases.find("a") == ("changed", 0.0)
    assert table.reads == 2


def test_the_time_counts_from_before_the_read(clock: Clock) -> None:
    def slow(_: str) -> str:
        clock.now += SECONDS
        return f"read at {clock.now}"

    leases = Lease(slow)
    assert leases.find("a") != leases.find("a")


def test_what_is_not_found_is_read_again() -> None:
    table = Table()
    leases = Lease(table.read)
    assert leases.find("a") == (None, 0.0)
    table.rows["a"] = "made meanwhile"
    assert leases.find("a") == ("made meanwhile", 0.0)


def test_so_many_are_remembered() -> None:
    leases = Lease(Table(**{str(number): "row" for number in range(3 * MOST)}).read)
    for number in range(3 * MOST):
        leases.find(str(number))
        assert len(leases.held) <= MOST


def test_a_written_row_is_forgotten() -> None:
    table = Table(a="row")
    leases = Lease(table.read)
    leases.find("a")
    leases.forget("a")
    leases.forget("b")
    leases.find("a")
    assert table.reads == 2


def test_nothing_is_remembered_if_it_is_off(settings: Settings) -> None:
    settings.AUTHORITY_LEASE = False
    table = Table(a="row")
    leases = Lease(table.read)
    leases.find("a")
    leases.find("a")
    assert table.reads == 2


@pytest.mark.parametrize(("is_on", "changes", "held"), [(True, True, 1), (True, False, 0), (False, True, 0)])
def test_a_response_waits_once_and_only_if_authority_changed(
    is_on: bool, changes: bool, held: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AUTHORITY_LEASE = is_on
    waits: list[float] = []
    monkeypatch.setattr(Place, "hold_response", lambda _, seconds: waits.append(seconds))
    if changes:
        lease.authority_changes()
        lease.authority_changes()
    lease.hold_response()
    lease.hold_response()
    assert len(waits) == held
    assert all(seconds > SECONDS for seconds in waits)


def test_outside_a_worker_the_wait_is_a_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as in a command, which ends when no worker accepts what it revoked."""
    slept: list[Any] = []
    monkeypatch.setattr("tenants.limits.places.sleep", slept.append)
    place.get().hold_response(0.06)
    assert slept == [0.06]
