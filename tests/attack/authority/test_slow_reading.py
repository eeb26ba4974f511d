"""Exports that are being read when their authority ends: they stop within about a second, and show it by no end."""

from collections.abc import Callable
from typing import Final

import pytest

from tests.attack.authority.calls import Call
from tests.attack.authority.cast import OF_KEY, OF_PAGE, OF_SESSION, Cast, make_cast
from tests.attack.authority.racing import Ring
from tests.attack.authority.revocations import REVOCATIONS
from tests.attack.authority.slow_reading import begin, make_much, read_on, read_slowly

FOOTER: Final = b'"type":"footer"'
HEAD: Final = b'"head"'
LOOKS_EVERY: Final = 1.0
Reading = Callable[[Cast], Call]


def reading(kind: str, path: str, **headers: str) -> Reading:
    return lambda cast: Call("GET", path, {**cast.credential(kind), **headers})


CSV: Final = {"Accept": "text/csv"}
READINGS: Final[dict[str, tuple[Reading, bytes, str]]] = {
    "export by a key": (reading(OF_KEY, "/v1/admin/export"), FOOTER, OF_KEY),
    "export by a person": (reading(OF_SESSION, "/v1/admin/export"), FOOTER, OF_SESSION),
    "export from the page": (reading(OF_PAGE, "/studio/settings/export/file"), FOOTER, OF_PAGE),
    "audit log": (reading(OF_SESSION, "/v1/admin/audit", **CSV), HEAD, OF_SESSION),
    "audit log from the page": (reading(OF_PAGE, "/studio/audit.csv"), HEAD, OF_PAGE),
}
SOME: Final = [
    ("export by a key", "key revoked"),
    ("export from the page", "removed"),
    ("audit log", "demoted"),
]
ALL: Final = [
    (name, revocation)
    for name, (*_, kind) in READINGS.items()
    for revocation, row in REVOCATIONS.items()
    if kind in row.of and (name, revocation) not in SOME
]


@pytest.mark.parametrize(("name", "revocation"), SOME)
def test_a_reader_whose_authority_ends_gets_no_end(name: str, revocation: str, ring: Ring) -> None:
    check_end(name, revocation, ring)


@pytest.mark.soak
@pytest.mark.parametrize(("name", "revocation"), ALL)
def test_a_reader_gets_no_end_whatever_ended_the_authority(name: str, revocation: str, ring: Ring) -> None:
    check_end(name, revocation, ring)


def check_end(name: str, revocation: str, ring: Ring) -> None:
    read, end, _ = READINGS[name]
    _, call, revoke = ring.within(
        lambda: (cast := make_much(make_cast()), read(cast), REVOCATIONS[revocation].call(cast))
    )
    with begin(ring.action_port, call) as connection:
        assert revoke.send(ring.revocation_port).status in (200, 201, 302)
        received = read_slowly(connection, LOOKS_EVERY + 0.5) + read_on(connection)
    assert end not in received[-1000:]


@pytest.mark.parametrize("name", ["export by a key", "audit log"])
def test_a_reader_who_keeps_the_authority_gets_the_end(name: str, ring: Ring) -> None:
    read, end, _ = READINGS[name]
    _, call = ring.within(lambda: (cast := make_much(make_cast()), read(cast)))
    with begin(ring.action_port, call) as connection:
        received = read_slowly(connection, LOOKS_EVERY + 0.5) + read_on(connection)
    assert end in received[-1000:]
