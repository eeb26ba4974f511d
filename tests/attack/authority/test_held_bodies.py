"""A request whose head and first bytes were sent before a revocation, and whose rest comes after it.

A server may authenticate it before it has read the body, or only then: either way nothing is committed.
"""

import time
from contextlib import suppress
from typing import Final
from uuid import UUID

import pytest

from tests.attack.authority.actions import API_ACTS, Act
from tests.attack.authority.calls import connect, read_answer
from tests.attack.authority.cast import OF_KEY, OF_PAGE, OF_SESSION
from tests.attack.authority.forms import PAGE_ACTS
from tests.attack.authority.racing import Race, Ring, Window
from tests.attack.authority.revocations import REVOCATIONS

FIRST_BYTES: Final = 5
PATIENT_SECONDS: Final = 0.4  # for a server that authenticates first; another one waits for the body
SEEN: Final = """
SELECT EXISTS (SELECT FROM accounts_session WHERE id = %(id)s AND last_seen_at > now() - interval '1 min')
    OR EXISTS (SELECT FROM apikeys_apikey WHERE id = %(id)s AND last_used_at > now() - interval '1 min')
"""


def act_named(name: str) -> Act:
    return next(act for act in (*API_ACTS, *PAGE_ACTS) if act.name == name)


# What a leaked credential would be used for first: to make another.
HELD: Final = {
    OF_SESSION: act_named("POST api-keys"),
    OF_PAGE: act_named("page members-invite"),
    OF_KEY: act_named("POST events"),
}
RACES: Final = {
    f"{name} ({kind})": Race(HELD[kind], kind, revocation, Window.AUTHENTICATED)
    for name, revocation in REVOCATIONS.items()
    for kind in sorted(revocation.of & HELD.keys())
}


def wait_until_seen(ring: Ring, credential: UUID) -> bool:
    deadline = time.monotonic() + PATIENT_SECONDS
    with suppress(AssertionError):
        ring.gates.until(lambda: was_seen(ring, credential) or time.monotonic() > deadline, "an authentication")
    return was_seen(ring, credential)


def was_seen(ring: Ring, credential: UUID) -> bool:
    return bool(ring.sight.database.execute(SEEN, {"id": credential}).fetchone()[0])  # type: ignore[index]


@pytest.mark.parametrize("name", RACES)
def test_the_rest_of_a_body_comes_too_late(name: str, ring: Ring) -> None:
    race = RACES[name]
    cast, act, revoke = ring.set_up(race)
    with connect(ring.action_port) as connection:
        connection.sendall(act.head + act.body[:FIRST_BYTES])
        wait_until_seen(ring, cast.key.id if race.kind == OF_KEY else cast.session.id)
        revoked = revoke.send(ring.revocation_port)
        before = ring.sight.rows()
        connection.sendall(act.body[FIRST_BYTES:])
        answer = read_answer(connection)
    faults = ring.faults(race, cast, revoked, answer, before, too_late=True)
    assert not faults, "\n".join(faults)
