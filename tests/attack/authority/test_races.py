"""An action and a revocation meet: once the response to the revocation is sent, nothing of the action is committed.

Each pair is held in a window in which the action's authority was found good and is then taken away. Some pairs of each
revocation are tried in every run, all of them in `make soak`.
"""

from itertools import count
from typing import Final

import pytest

from tenants.models import Role
from tests.attack.authority.actions import API_ACTS, Act
from tests.attack.authority.calls import Call, json_call
from tests.attack.authority.cast import OF_SESSION, Cast
from tests.attack.authority.forms import ADMIN_ACTS, PAGE_ACTS
from tests.attack.authority.racing import Race, Ring, Window
from tests.attack.authority.revocations import REVOCATIONS

SOME: Final = 2  # acts of each revocation and window
ACTS: Final = [(act, kind) for act in (*API_ACTS, *PAGE_ACTS, *ADMIN_ACTS) for kind in act.credentials]
HELD: Final = (Window.AUTHENTICATED, Window.WRITING, Window.OVERTAKEN)


def races_of(revocation: str, window: Window) -> list[Race]:
    races = [Race(act, kind, REVOCATIONS[revocation], window) for act, kind in ACTS]
    return [race for race in races if race.makes_sense]


MEETINGS: Final = [(name, window) for name in REVOCATIONS for window in HELD if races_of(name, window)]
places = dict(zip(MEETINGS, count(), strict=False))


def some_of(races: list[Race], number: int, turn: int) -> list[Race]:
    """So many of them, and others at another turn: so all acts come up, in every window."""
    return [races[(turn * number + place) % len(races)] for place in range(number)]


def check(ring: Ring, races: list[Race], *, freely: bool = False) -> None:
    run = ring.run_freely if freely else ring.run
    faults = [f"{race.act.name} by {race.kind}: {fault}" for race in races for fault in run(race)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(("revocation", "window"), MEETINGS)
def test_nothing_is_committed_after_a_revocation(revocation: str, window: Window, ring: Ring) -> None:
    check(ring, some_of(races_of(revocation, window), SOME, places[revocation, window]))


@pytest.mark.soak
@pytest.mark.parametrize(("revocation", "window"), MEETINGS)
def test_nothing_of_any_act_is_committed_after_a_revocation(revocation: str, window: Window, ring: Ring) -> None:
    check(ring, races_of(revocation, window))


@pytest.mark.parametrize("revocation", REVOCATIONS)
def test_nothing_is_committed_where_both_begin_at_once(revocation: str, ring: Ring) -> None:
    races = races_of(revocation, Window.WRITING)
    check(ring, some_of(races, 2, [*REVOCATIONS].index(revocation)), freely=True)


@pytest.mark.soak
@pytest.mark.parametrize("revocation", REVOCATIONS)
def test_nothing_is_committed_in_two_hundred_meetings(revocation: str, ring: Ring) -> None:
    check(ring, some_of(races_of(revocation, Window.WRITING), 200, 0), freely=True)


# Back by one's own hand


def on_herself(**changes: object) -> Act:
    def call(cast: Cast, kind: str) -> Call:
        return json_call("PATCH", f"/v1/users/{cast.victim.id}", cast.credential(kind), changes)

    return Act(f"changes herself: {changes}", call, (OF_SESSION,))


WAYS_BACK: Final = [("demoted", on_herself(role=Role.ADMIN)), ("deactivated", on_herself(is_active=True))]


def check_way_back(ring: Ring, revocation: str, act: Act, rounds: int) -> None:
    races = [Race(act, OF_SESSION, REVOCATIONS[revocation], Window.OVERTAKEN)] * rounds
    came_back = [faults for faults in map(ring.run, races) if faults]
    assert not came_back, f"{len(came_back)} of {rounds}: {came_back[0]}"


@pytest.mark.parametrize(("revocation", "act"), WAYS_BACK, ids=["demoted", "deactivated"])
def test_an_admin_does_not_put_herself_back(revocation: str, act: Act, ring: Ring) -> None:
    check_way_back(ring, revocation, act, 2)


@pytest.mark.soak
@pytest.mark.parametrize(("revocation", "act"), WAYS_BACK, ids=["demoted", "deactivated"])
def test_an_admin_does_not_put_herself_back_in_two_hundred_rounds(revocation: str, act: Act, ring: Ring) -> None:
    check_way_back(ring, revocation, act, 200)
