"""Signing in again in the same browser, or becoming somebody else there, ends the session that is replaced."""

from collections.abc import Callable
from typing import Final
from uuid import uuid4

import pytest

from accounts.models import Session
from tests.attack.authority.calls import Call, form_call, json_call
from tests.attack.authority.cast import OF_PAGE, OF_SESSION, Cast, make_cast
from tests.attack.authority.racing import Ring
from tests.factories import PASSWORD, make_invitation

TOKEN: Final = "a token of tests"


def sign_in_again(cast: Cast) -> Call:
    return form_call("/studio/login", cast.credential(OF_PAGE), email=cast.victim.email, password=PASSWORD)


def sign_in_as_another(cast: Cast) -> Call:
    return form_call("/studio/login", cast.credential(OF_PAGE), email=cast.boss.email, password=PASSWORD)


def sign_up(cast: Cast) -> Call:
    fields = {"email": f"{uuid4().hex}@example.com", "full_name": "Ada", "cluster_name": "Another"}
    return form_call("/studio/signup", cast.credential(OF_PAGE), password=PASSWORD, **fields)


def accept_invitation(cast: Cast) -> Call:
    make_invitation(cast.tenant, TOKEN)
    cookie = cast.credential(OF_PAGE)
    return form_call("/studio/invitation", cookie, token=TOKEN, password=PASSWORD, full_name="Grace")


REPLACING: Final = [sign_in_again, sign_in_as_another, sign_up, accept_invitation]


@pytest.mark.parametrize("replace", REPLACING, ids=lambda replace: replace.__name__)
def test_the_session_that_is_replaced_is_ended(replace: Callable[[Cast], Call], ring: Ring) -> None:
    cast, call = ring.within(lambda: (cast := make_cast(), replace(cast)))
    answer = call.send(ring.action_port)
    assert (answer.status, "studio=" in answer.head) in [(302, True), (200, True)], answer
    after = json_call("GET", "/v1/auth/me", cast.credential(OF_SESSION)).send(ring.revocation_port)
    assert (after.status, after.code) == (401, "session_ended")
    others = ring.within(
        lambda: Session.objects.filter(id__in=[cast.elsewhere.id, cast.boss_session.id], ended_at=None)
    )
    assert ring.within(others.count) == 2


@pytest.mark.parametrize("replace", REPLACING, ids=lambda replace: replace.__name__)
def test_a_refused_try_replaces_no_session(replace: Callable[[Cast], Call], ring: Ring) -> None:
    cast, call = ring.within(lambda: (cast := make_cast(), replace(cast)))
    wrong = Call(
        call.method, call.path, call.headers, call.body.replace(b"seventeen", b"eighteen").replace(b"a+token", b"no")
    )
    assert wrong.body != call.body
    if replace is sign_up:
        wrong = Call(call.method, call.path, call.headers, call.body.replace(b"password=", b"nothing="))
    assert 400 <= wrong.send(ring.action_port).status < 500
    assert json_call("GET", "/v1/auth/me", cast.credential(OF_SESSION)).send(ring.revocation_port).status == 200
