"""Who of several gets a slot, and who is refused: of one kind of slots, by threads. docs/security.md, "Slots"."""

import threading

import pytest
from rest_framework.test import APIClient

from tenants.limits import slots
from tenants.limits.slots import Slots
from tenants.models import Tenant
from tenants.problems import Unavailable
from tests.factories import PASSWORD, client_for, make_user
from tests.memgraph.processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
KINDS = [kind for kind in vars(slots).values() if isinstance(kind, Slots)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.waiters], ids=lambda kind: str(kind.count))
def test_one_tenant_never_has_the_last_place(kind: Slots) -> None:
    """However many it sends. Another one waits in it, and has the next slot."""
    ended, order = threading.Event(), []

    def hold(tenant: str) -> None:
        try:
            with kind.take(tenant):
                order.append(tenant)
                ended.wait(30)
        except Unavailable:
            order.append(f"{tenant} refused")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots, "WAIT_SECONDS", 60.0)
        greedy = [threading.Thread(target=hold, args=("greedy",)) for _ in range(12)]
        for thread in greedy:
            thread.start()
        wait_for(lambda: order.count("greedy refused") == 12 - kind.share, 5, "all but its share are refused")
        others = threading.Thread(target=hold, args=("other",))
        others.start()
        wait_for(lambda: "other" in kind.waiting or "other" in order, 5, "the other tenant waits")
        ended.set()
        for thread in (*greedy, others):
            thread.join()
    assert order.count("greedy") == kind.share
    assert "other" in order
    assert not kind.running


def test_who_waits_is_refused_after_two_seconds_and_leaves_its_place() -> None:
    kind = Slots(1, waiters=1)
    with kind.take("one"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots, "WAIT_SECONDS", 0.01)
        for _ in range(2):
            with pytest.raises(Unavailable), kind.take("another"):
                pass
    with kind.take("another"):
        pass
    assert (kind.running.total(), kind.waiting) == (0, [])


class Holders:
    """Threads that hold a slot until they are let go. The first letter of a name is its tenant."""

    def __init__(self, kind: Slots) -> None:
        self.kind, self.order, self.threads = kind, [], []
        self.events: dict[str, threading.Event] = {}

    def add(self, name: str) -> None:
        places = self.kind.running.total() + len(self.kind.waiting)
        self.events[name] = threading.Event()
        self.threads.append(threading.Thread(target=self.hold, args=(name,)))
        self.threads[-1].start()
        wait_for(lambda: self.kind.running.total() + len(self.kind.waiting) > places, 5, f"{name} is in")

    def hold(self, name: str) -> None:
        with self.kind.take(name[0]):
            self.order.append(name)
            self.events[name].wait(30)

    def let_go(self, name: str) -> None:
        runs = len(self.order)
        self.events[name].set()
        wait_for(lambda: len(self.order) > runs, 5, f"somebody runs after {name}")

    def end(self) -> None:
        for event in self.events.values():
            event.set()
        for thread in self.threads:
            thread.join()


def test_of_several_slots_the_last_one_is_for_another_tenant() -> None:
    holders = Holders(Slots(2, waiters=2))
    for name in ("a1", "a2", "a3", "b1"):
        holders.add(name)
    wait_for(lambda: len(holders.order) == 2, 5, "two run")
    assert holders.order == ["a1", "b1"]
    holders.end()
    assert sorted(holders.order) == ["a1", "a2", "a3", "b1"]


def test_of_those_who_wait_the_one_that_runs_the_fewest_comes_first() -> None:
    holders = Holders(Slots(3, waiters=3))
    for name in ("a1", "a2", "b1", "a3", "c1"):
        holders.add(name)
    assert holders.kind.waiting == ["a", "c"]
    holders.let_go("a1")
    assert holders.order[3] == "c1"
    holders.end()


def test_sign_ins_from_one_network_keep_nobody_there_from_changing_the_password(acme: Tenant) -> None:
    boss, holders, network = client_for(make_user(acme, password=PASSWORD)), Holders(slots.PASSWORD_HASHING), "a"
    for number in range(1, 4):
        holders.add(f"{network}{number}")
    body = {"current_password": PASSWORD, "new_password": "nine purple lanterns"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("accounts.services.network_of", lambda _: network)
        signing_in = APIClient().post("/v1/auth/login", {"email": "a@b.example", "password": "wrong"})
    assert signing_in.status_code == 503
    assert boss.post("/v1/auth/password", body).status_code == 200
    holders.end()


def test_whatever_is_raised_gives_the_slot_back() -> None:
    kind = Slots(1, waiters=0)
    for error in (ValueError, GeneratorExit, KeyboardInterrupt):
        with pytest.raises(error), kind.take("one"):
            raise error
    assert not kind.running
