"""Workers remember for 50 ms what a credential may do. A revocation's response waits until all have forgotten it."""

from itertools import cycle, islice
from threading import Event
from time import monotonic
from typing import Final, NamedTuple

import pytest

from tenants.audit.actions import CHANGES_AUTHORITY, KEEPS_AUTHORITY, Action
from tests.attack.authority.calls import Answer, Call, json_call
from tests.attack.authority.cast import OF_KEY, OF_OPERATOR, OF_SESSION, make_cast
from tests.attack.authority.racing import Ring
from tests.attack.authority.revocations import REVOCATIONS

READERS: Final = 4  # two at each server
READS_AFTER: Final = 5  # by each reader, once the revocation was answered
OF_MEMBERS: Final = [name for name, revocation in REVOCATIONS.items() if OF_OPERATOR not in revocation.of]
READS: Final = {OF_KEY: "/v1/events", OF_SESSION: "/v1/admin/audit"}


def test_every_action_is_classified() -> None:
    assert set(Action) == CHANGES_AUTHORITY | KEEPS_AUTHORITY
    assert not CHANGES_AUTHORITY & KEEPS_AUTHORITY


class Read(NamedTuple):
    began: float
    answer: Answer


def read_on(call: Call, port: int, warm: Event, revoked: Event) -> list[Read]:
    """Reads without a pause until the revocation is answered, and a few more times."""
    reads: list[Read] = []
    while not revoked.is_set():
        reads.append(Read(monotonic(), call.send(port)))
        warm.set()
    return reads + [Read(monotonic(), call.send(port)) for _ in range(READS_AFTER)]


def accepted_after(ring: Ring, name: str) -> list[str]:
    revocation = REVOCATIONS[name]
    ring.sight.clear()
    kind = OF_KEY if OF_KEY in revocation.of else OF_SESSION

    def make() -> tuple[Call, Call]:
        cast = make_cast()
        return json_call("GET", READS[kind], cast.credential(kind)), revocation.call(cast)

    read, revoke = ring.within(make)
    revoked, warm = Event(), [Event() for _ in range(READERS)]
    ports = cycle([ring.action_port, ring.revocation_port])
    readers = [ring.threads.submit(read_on, read, next(ports), event, revoked) for event in warm]
    for event in warm:
        event.wait()
    answer = revoke.send(ring.revocation_port)
    answered = monotonic()
    revoked.set()
    reads = [each for reader in readers for each in reader.result()]
    late = [each for each in reads if each.began > answered]
    assert answer.status in (200, 201, 302), answer
    assert any(each.answer.status == 200 for each in reads)
    assert len(late) >= READERS * READS_AFTER
    return [str(each.answer) for each in late if (each.answer.status, each.answer.code) not in revocation.refusals]


@pytest.mark.parametrize("revocation", OF_MEMBERS)
def test_no_worker_accepts_what_was_revoked(revocation: str, ring: Ring) -> None:
    assert accepted_after(ring, revocation) == []


@pytest.mark.soak
def test_no_worker_accepts_what_was_revoked_in_two_hundred_rounds(ring: Ring) -> None:
    assert [each for name in islice(cycle(OF_MEMBERS), 200) for each in accepted_after(ring, name)] == []
