"""A key that expires while its write waits: nothing of it is committed more than a second after the key's end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from tests.attack.authority.actions import API_ACTS
from tests.attack.authority.cast import OF_KEY, Cast, make_cast
from tests.attack.authority.gates import Side
from tests.attack.authority.racing import Ring
from tests.factories import make_event

WRITES: Final = {act.name: act for act in API_ACTS if OF_KEY in act.credentials}
GROUPS: Final = [  # as many at once as the server has threads to hold
    ["POST events", "POST event-batch", "POST beliefs", "POST import"],
    ["POST belief-batch", "POST ingest", "POST episodes", "POST events"],
]
SET_END: Final = "UPDATE apikeys_apikey SET expires_at = clock_timestamp() + interval '0.7 s'"
IS_LATE: Final = "SELECT bool_and(clock_timestamp() > expires_at + interval '1.05 s') FROM apikeys_apikey"
HOLD_USERS: Final = "SELECT FROM memory_enduser FOR UPDATE"


@contextmanager
def counts_held(ring: Ring) -> Iterator[None]:
    """The tallies, which come last."""
    ring.gates.close(Side.ACTION, "memory_tally")
    try:
        yield
    finally:
        ring.gates.open(Side.ACTION)


@contextmanager
def users_held(ring: Ring) -> Iterator[None]:
    """The end users' rows, as somebody holds them who removes one."""
    with ring.gates.database.transaction():
        ring.gates.database.execute(HOLD_USERS)
        yield


@contextmanager
def log_held(ring: Ring) -> Iterator[None]:
    """The heads of the audit log."""
    with ring.gates.database.transaction():
        ring.gates.database.execute("SELECT FROM tenants_audithead FOR UPDATE")
        yield


Hold = Callable[[Ring], Any]
CASES: Final = [(counts_held, GROUPS[0]), (users_held, GROUPS[1]), (log_held, ["DELETE beliefs", "GET export"])]


def make_writes(names: list[str]) -> list[Any]:
    def one(name: str) -> Any:
        cast: Cast = make_cast()
        make_event(cast.tenant)  # so that there is a user to hold
        return WRITES[name].call(cast, OF_KEY)

    return [one(name) for name in names]


@pytest.mark.parametrize(("hold", "names"), CASES, ids=["counts", "users", "log"])
def test_a_key_that_ends_while_its_write_waits_writes_nothing(hold: Hold, names: list[str], ring: Ring) -> None:
    calls = ring.within(lambda: make_writes(names))
    with hold(ring):
        ring.sight.database.execute(SET_END)
        writes = [ring.start(call, ring.action_port) for call in calls]
        ring.gates.until(lambda: ring.gates.waiting() + sum(map(is_done, writes)) >= len(writes), "all wait")
        ring.gates.until(lambda: ring.sight.database.execute(IS_LATE).fetchone()[0], "the keys have ended")  # type: ignore[index]
        before = ring.sight.rows()
    answers = [write.result() for write in writes]
    assert [f"{name}: {answer}" for name, answer in zip(names, answers, strict=True)] == [
        f"{name}: 401 key_expired" for name in names
    ]
    assert ring.sight.rows() == before


def is_done(write: Any) -> bool:
    return bool(write.done())
