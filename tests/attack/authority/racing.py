"""An action and a revocation that meet, in each of three ways, and whether the promise held."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from threading import Barrier
from typing import Any, Final, NamedTuple

from tests.attack.authority.actions import Act
from tests.attack.authority.calls import Answer, Call
from tests.attack.authority.cast import OF_OPERATOR, OF_PAGE, Cast, cool, make_cast
from tests.attack.authority.gates import COUNTERS, Gates, Side
from tests.attack.authority.revocations import Revocation
from tests.attack.authority.seeing import Rows, Sight, said
from tests.routes import LEVELS

CREDENTIALS: Final = ("accounts_session", "apikeys_apikey")  # what authentication writes to
LOG: Final = "tenants_auditentry"
DELETIONS: Final = ("DELETE tenant", "page settings-delete")  # which have suspended the tenant, where they come first
# These end the session that would revoke, or what is to be revoked, where they come first.
ENDINGS: Final = (
    *("POST logout", "page logout", "DELETE session", "page account-sessions"),
    *("POST password", "page account-password"),
)


class Window(StrEnum):
    AUTHENTICATED = "authenticated"  # the action is held right after its authentication
    COUNTING = "counting"  # where it counts towards a limit
    WRITING = "writing"  # before it first writes anything
    OVERTAKEN = "overtaken"  # it begins while the revocation is not yet committed


GATED: Final = {Window.AUTHENTICATED: CREDENTIALS, Window.COUNTING: (COUNTERS,)}


class Race(NamedTuple):
    act: Act
    kind: str
    revocation: Revocation
    window: Window
    table: str = ""  # held where it writes to this one alone

    @property
    def makes_sense(self) -> bool:
        """The victim may go on with what the rest of the authority allows, and operators note no authentication."""
        if self.kind not in self.revocation.of:
            return False
        if self.window is Window.AUTHENTICATED and self.kind == OF_OPERATOR:
            return False
        left = self.revocation.leaves
        return not left or LEVELS[self.act.who] > LEVELS[left]


@dataclass
class Ring:
    """Where races are run: two servers on one database."""

    action_port: int
    revocation_port: int
    gates: Gates
    sight: Sight
    within: Callable[[Callable[[], Any]], Any]  # the ORM, on the servers' database
    threads: ThreadPoolExecutor

    def start(self, call: Call, port: int) -> Future[Answer]:
        return self.threads.submit(call.send, port)

    def set_up(self, race: Race) -> tuple[Cast, Call, Call]:
        self.sight.clear()

        def make() -> tuple[Cast, Call, Call]:
            cast = make_cast()
            calls = race.act.call(cast, race.kind), race.revocation.call(cast)
            if race.window is Window.AUTHENTICATED:
                cool(cast)
            return cast, *calls

        made: tuple[Cast, Call, Call] = self.within(make)
        return made

    @contextmanager
    def held(self, window: Window, table: str = "") -> Iterator[None]:
        self.gates.close(Side.ACTION, *((table,) if table else GATED.get(window, ())))
        if window is Window.OVERTAKEN:
            self.gates.close(Side.REVOCATION, LOG)
        try:
            yield
        finally:
            self.gates.open(Side.REVOCATION)
            self.gates.open(Side.ACTION)

    def run_freely(self, race: Race) -> list[str]:
        """Both begin at once, and nothing is held."""
        cast, act, revoke = self.set_up(race)
        together = Barrier(2)
        acting = self.threads.submit(at_once, act, self.action_port, together)
        revoking = self.threads.submit(at_once, revoke, self.revocation_port, together)
        revoked = revoking.result()
        before = self.sight.rows()
        return self.faults(race, cast, revoked, acting.result(), before, too_late=False)

    def run(self, race: Race) -> list[str]:
        """What was wrong; nothing, if the promise held."""
        cast, act, revoke = self.set_up(race)
        calls = [(act, self.action_port), (revoke, self.revocation_port)]
        if race.window is Window.OVERTAKEN:
            calls.reverse()
        with self.held(race.window, race.table):
            first = self.start(*calls[0])
            self.gates.until(lambda: first.done() or self.gates.waiting(), "the first waits")
            second = self.start(*calls[1])
            self.gates.until(lambda: second.done() or first.done() or self.gates.waiting() > 1, "the second waits")
            action, revocation = (second, first) if race.window is Window.OVERTAKEN else (first, second)
            self.gates.open(Side.REVOCATION)
            self.gates.until(lambda: revocation.done() or self.gates.waiting() > 1, "the revocation ends or waits")
            too_late = revocation.done() and not action.done()
            before = self.sight.rows() if revocation.done() else None
            self.gates.open(Side.ACTION)
            revoked = revocation.result()
            before = self.sight.rows() if before is None else before
            answer = action.result()
        return self.faults(race, cast, revoked, answer, before, too_late=too_late)

    def faults(
        self, race: Race, cast: Cast, revoked: Answer, answer: Answer, before: Rows, *, too_late: bool
    ) -> list[str]:
        after = self.sight.rows()
        is_beaten = race.act.name in ENDINGS and revoked.status in (401, 403, 404, 422)
        if not too_late and (is_beaten or race.act.name in DELETIONS):
            return broken_answer(answer)
        return [
            *wrong_revocation(revoked),
            *(wrong_answer(race, answer) if too_late else broken_answer(answer)),
            *(f"written after the revocation: {rows}" for rows in said(after - before)),
            *(f"removed after the revocation: {rows}" for rows in said(before - after)),
            *self.late(race, cast),
        ]

    def late(self, race: Race, cast: Cast) -> list[str]:
        if race.revocation.audited is None:
            return []
        found = self.sight.late_entries(
            tenant=cast.tenant.id, actor=cast.actor_id(race.kind), revoked=race.revocation.audited
        )
        return [f"audited after the revocation: {action}" for _, action in found]


def at_once(call: Call, port: int, together: Barrier) -> Answer:
    together.wait()
    return call.send(port)


def wrong_revocation(answer: Answer) -> list[str]:
    return [] if answer.status in (200, 201, 302) else [f"the revocation itself was answered with {answer}"]


def broken_answer(answer: Answer) -> list[str]:
    return [] if answer.status < 500 else [f"answered with {answer}"]


def wrong_answer(race: Race, answer: Answer) -> list[str]:
    """A page says in words why it refuses, and operators are sent to sign in."""
    right = race.revocation.refusals | race.act.also
    if race.kind == OF_OPERATOR:
        is_right = answer.status in (401, 403) or (answer.status == 302 and "/admin/login/" in answer.head)
    elif race.kind == OF_PAGE:
        is_right = answer.status in {status for status, _ in right}
    else:
        is_right = (answer.status, answer.code) in right
    return [] if is_right else [f"answered with {answer}"]
