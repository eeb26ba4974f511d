"""The tables of attacks forget nothing, and each action in them does something that a test can see."""

import pytest

from tests.attack.authority.actions import API_ACTS, SAFE, TARGETS, WRITING, Act
from tests.attack.authority.cast import make_cast
from tests.attack.authority.forms import (
    ADMIN_ACTS,
    FORMS,
    OPERATIONS,
    PAGE_ACTS,
    WRITING_PAGES,
    operations_of_the_admin,
)
from tests.attack.authority.gates import Side
from tests.attack.authority.racing import Ring
from tests.routes import PUBLIC, ROUTES, routes_of_the_resolver

ACTS = [(act, kind) for act in (*API_ACTS, *PAGE_ACTS, *ADMIN_ACTS) for kind in act.credentials]


def test_every_writing_route_is_an_act() -> None:
    writing = {key for key in routes_of_the_resolver() if key[1] not in SAFE and ROUTES[key].who != PUBLIC}
    assert writing == set(WRITING)
    assert {name for name, _ in writing if "{id}" in ROUTES[name, _].path} <= set(TARGETS)


def test_every_form_of_the_studio_is_an_act() -> None:
    assert {*WRITING_PAGES, "logout"} == set(FORMS)


def test_every_action_of_the_admin_is_an_act() -> None:
    assert operations_of_the_admin() == set(OPERATIONS)


@pytest.mark.parametrize(("act", "kind"), ACTS, ids=lambda part: getattr(part, "name", part))
def test_an_act_is_held_and_then_does_something(act: Act, kind: str, ring: Ring) -> None:
    """Else a race that it loses would show nothing."""
    call = ring.within(lambda: act.call(make_cast(), kind))
    before = ring.sight.rows()
    ring.gates.close(Side.ACTION)
    try:
        acting = ring.start(call, ring.action_port)
        ring.gates.until(lambda: acting.done() or ring.gates.waiting(), "it waits")
        was_held = not acting.done()
    finally:
        ring.gates.open(Side.ACTION)
    answer = acting.result()
    assert was_held, answer
    assert answer.status in (200, 201, 302), answer.body.decode()
    assert ring.sight.rows() != before
