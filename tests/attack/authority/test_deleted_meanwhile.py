"""A person, a tenant or a key is deleted during a request: it is answered 401, 403 or 404, and never 500."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.accounts.people import FORM, NEW_PASSWORD
from tests.attack.authority.actions import API_ACTS, SAFE, Act, act_of
from tests.attack.authority.calls import Answer, Call, form_call, json_call, studio_cookie
from tests.attack.authority.cast import OF_OPERATOR, OF_PAGE, OF_SESSION, Cast, cool, make_cast
from tests.attack.authority.forms import ADMIN_ACTS, PAGE_ACTS
from tests.attack.authority.racing import Ring, Window
from tests.attack.authority.revocations import REVOCATIONS
from tests.attack.authority.seeing import said
from tests.factories import PASSWORD, make_invitation, make_reset_token
from tests.routes import PUBLIC, ROUTES
from tests.studio.pages import PAGES

AT_ONCE: Final = 4  # as many as the server has threads to hold
TOKEN: Final = "a token of tests"
READS: Final = [act_of(key, route) for key, route in ROUTES.items() if key[1] == "GET" and route.who != PUBLIC]
Made = tuple[str, Call]


def page_read(name: str) -> Act:
    page = PAGES[name]

    def call(cast: Cast, kind: str) -> Call:
        path = page.path_for(cast.tenant)
        return Call("GET", path, cast.credential(kind))

    return Act(f"page {name}", call, (OF_PAGE,), page.who)


PAGE_READS: Final = [page_read(name) for name, page in PAGES.items() if page.who != PUBLIC and "GET" in page.methods]
ACTS: Final = [*API_ACTS, *READS, *PAGE_ACTS, *PAGE_READS]


def batches(kinds: frozenset[str]) -> list[list[tuple[Act, str]]]:
    """Neighbours in the table come into different ones: of some acts a server does only one at a time."""
    pairs = [(act, kind) for act in ACTS for kind in act.credentials if kind in kinds]
    number = -(-len(pairs) // AT_ONCE)
    return [pairs[start::number] for start in range(number)]


def meet(ring: Ring, calls: list[Call], delete: Call, window: Window) -> tuple[list[Answer], list[str]]:
    """The answers of what was held while something was deleted, and what they wrote afterwards."""
    with ring.held(window):
        held = [ring.start(call, ring.action_port) for call in calls]
        ring.gates.until(lambda: ring.gates.waiting() + sum(future.done() for future in held) >= len(held), "all wait")
        deletion = ring.start(delete, ring.revocation_port)
        ring.gates.until(lambda: deletion.done() or ring.gates.waiting() > len(held), "the deletion ends or waits")
        before = ring.sight.rows() if deletion.done() else None
    deleted = deletion.result()
    before = ring.sight.rows() if before is None else before
    assert deleted.status == 200, deleted
    return [future.result() for future in held], said(ring.sight.rows() - before)


def wrong(act: Act, call: Call, answer: Answer) -> bool:
    """A read may go on with nothing."""
    if call.method in SAFE:
        return answer.status >= 500
    return answer.status not in {401, 403, 404, *(status for status, _ in act.also)}


@pytest.mark.parametrize("deletion", ["removed", "tenant deleted"])
def test_no_request_trips_over_what_is_gone(deletion: str, ring: Ring) -> None:
    faults = []
    for batch in batches(REVOCATIONS[deletion].of):
        ring.sight.clear()

        def make(batch: list[tuple[Act, str]] = batch) -> tuple[list[Call], Call]:
            cast = make_cast()
            calls = [act.call(cast, kind) for act, kind in batch]
            cool(cast)
            return calls, REVOCATIONS[deletion].call(cast)

        calls, delete = ring.within(make)
        answers, written = meet(ring, calls, delete, Window.AUTHENTICATED)
        for (act, kind), call, answer in zip(batch, calls, answers, strict=True):
            faults += [f"{act.name} by {kind}: {answer}"] if wrong(act, call, answer) else []
        faults += [f"written by one of {[act.name for act, _ in batch]}: {row}" for row in written]
    assert not faults, "\n".join(faults)


def sign_in(cast: Cast) -> Call:
    body = f"username={cast.victim.email}&password={PASSWORD.replace(' ', '+')}".encode()
    return Call("POST", "/v1/auth/login", {"Content-Type": FORM}, body)


def accept(cast: Cast) -> Call:
    make_invitation(cast.tenant, TOKEN)
    body = {"token": TOKEN, "password": PASSWORD, "full_name": "Grace"}
    return json_call("POST", "/v1/auth/invitations/accept", {}, body)


def reset(cast: Cast) -> Call:
    make_reset_token(cast.victim, TOKEN)
    return json_call("POST", "/v1/auth/password-reset/confirm", {}, {"token": TOKEN, "new_password": NEW_PASSWORD})


def sign_in_at_page(cast: Cast) -> Call:
    return form_call("/studio/login", studio_cookie(""), email=cast.victim.email, password=PASSWORD)


def accept_at_page(cast: Cast) -> Call:
    make_invitation(cast.tenant, TOKEN)
    return form_call("/studio/invitation", studio_cookie(""), token=TOKEN, password=PASSWORD, full_name="Grace")


def reset_at_page(cast: Cast) -> Call:
    make_reset_token(cast.victim, TOKEN)
    return form_call("/studio/reset", studio_cookie(""), token=TOKEN, new_password=NEW_PASSWORD)


def report(cast: Cast) -> Call:
    return json_call("POST", "/v1/api-keys/report-leak", {}, {"api_key": cast.api_key})


def of_table(name: str, kind: str) -> Callable[[Cast], Call]:
    act = next(act for act in (*API_ACTS, *PAGE_ACTS, *ADMIN_ACTS) if act.name == name)
    return lambda cast: act.call(cast, kind)


STRANGERS: Final[dict[str, Callable[[Cast], Call]]] = {
    make.__name__: make for make in (sign_in, accept, reset, sign_in_at_page, accept_at_page, reset_at_page, report)
}
COUNTED: Final = STRANGERS | {
    name: of_table(name, kind)
    for name, kind in (
        ("POST password", OF_SESSION),
        ("POST invitations", OF_SESSION),
        ("DELETE tenant", OF_SESSION),
        ("page keys-new", OF_PAGE),
        ("page members-invite", OF_PAGE),
        ("page account-password", OF_PAGE),
    )
}
# Nobody of a suspended tenant can delete it: one of these needs such a tenant, the other makes one.
SUSPENSIONS: Final = ("admin suspend tenant", "admin reactivate tenant")
OPERATIONS: Final = [act.name for act in ADMIN_ACTS if act.name not in SUSPENSIONS]
WRITTEN: Final = STRANGERS | {name: of_table(name, OF_OPERATOR) for name in OPERATIONS}
LATER: Final = [(Window.COUNTING, name) for name in COUNTED] + [(Window.WRITING, name) for name in WRITTEN]


@pytest.mark.parametrize(("window", "name"), LATER)
def test_what_is_gone_later_on_is_no_500(window: Window, name: str, ring: Ring) -> None:
    """Of strangers, of operators, and of what counts before it acts."""
    make: Callable[[Cast], Any] = {**COUNTED, **WRITTEN}[name]

    def both() -> tuple[Call, Call]:
        cast = make_cast()
        return make(cast), REVOCATIONS["tenant deleted"].call(cast)

    call, delete = ring.within(both)
    (answer,), written = meet(ring, [call], delete, window)
    assert answer.status < 500, str(answer)
    if not name.startswith("admin"):
        assert written == []
