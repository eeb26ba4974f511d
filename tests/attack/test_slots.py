"""Heavy requests: who has a slot, who waits for one, and who is answered at once. docs/security.md, "Slots"."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from accounts.models import User
from memory.models import Event
from memory.transactions import tenant_transaction
from tenants.limits import slots
from tenants.limits.slots import Slots
from tenants.models import Tenant
from tests.factories import PASSWORD, client_for, make_event, make_key, make_user
from tests.memgraph.processes import wait_for
from tests.memory.transfers import EVENT, make_file, upload
from tests.studio.browsing import browser

pytestmark = pytest.mark.django_db(transaction=True)
LARGE_TEXT = "It rains in London today. " * 1000
KINDS = {name: kind for name, kind in vars(slots).items() if isinstance(kind, Slots)}


def large_batch(client: APIClient) -> Any:
    event = {"event_type": "m", "user_id": "ada", "content": {"text": "x" * 1000}}
    return client.post("/v1/events/batch", {"events": [event] * 20})


def undo(client: APIClient, tenant: Tenant) -> Any:
    key, _ = make_key(tenant)
    body = {"since": key.created_at.isoformat(), "dry_run": True}
    return client.post(f"/v1/api-keys/{key.id}/undo", body)


def delete(client: APIClient, tenant: Tenant) -> Any:
    return client.delete("/v1/tenant", {"confirm": tenant.name, "password": PASSWORD})


HEAVY: dict[str, tuple[str, Callable[[APIClient, Tenant], Any]]] = {
    "export": ("TRANSFERS", lambda client, _: client.get("/v1/admin/export")),
    "import": ("TRANSFERS", lambda client, _: upload(client, make_file(EVENT))),
    "audit log": ("AUDIT_DOWNLOADS", lambda client, _: client.get("/v1/admin/audit", HTTP_ACCEPT="text/csv")),
    "erasing": ("TAKEBACKS", lambda client, _: client.post("/v1/admin/erase", {"user_id": "ada"})),
    "undoing": ("TAKEBACKS", undo),
    "deletion": ("TAKEBACKS", delete),
    "search": ("HEAVY_CALLS", lambda client, _: client.post("/v2/context", {"query": "tea"})),
    "search, version 1": ("HEAVY_CALLS", lambda client, _: client.post("/v1/context", {"task": "tea"})),
    "batch": ("HEAVY_CALLS", lambda client, _: large_batch(client)),
    "text": ("HEAVY_CALLS", lambda client, _: client.post("/v1/ingest", {"user_id": "a", "text": LARGE_TEXT})),
    "sign-in": (
        "PASSWORD_HASHING",
        lambda _, __: APIClient().post("/v1/auth/login", {"email": "a@b.example", "password": "wrong"}),
    ),
    "onboarding": (
        "PASSWORD_HASHING",
        lambda _, __: APIClient().post(
            "/v1/auth/onboard",
            {"email": "new@b.example", "password": PASSWORD, "full_name": "A", "cluster_name": "A"},
        ),
    ),
}


@contextmanager
def all_taken(kind: Slots) -> Iterator[None]:
    """By other tenants, so that nobody waits either."""
    with ExitStack() as held:
        for number in range(kind.count):
            held.enter_context(kind.take(number))
        waiting = [threading.Thread(target=wait_in_vain, args=(kind, f"waiter {n}")) for n in range(kind.waiters)]
        for thread in waiting:
            thread.start()
        wait_for(lambda: len(kind.waiting) == kind.waiters, 5, "all places to wait are taken")
        yield
    for thread in waiting:
        thread.join()


def wait_in_vain(kind: Slots, who: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots, "WAIT_SECONDS", 60.0)
        with kind.take(who):
            pass


def test_all_places_are_fewer_than_half_of_the_threads() -> None:
    assert 2 * sum(kind.count + kind.waiters for kind in KINDS.values()) < settings.THREADS


def test_no_kind_has_more_who_wait_than_slots() -> None:
    assert all(kind.waiters <= kind.count for kind in KINDS.values())


@pytest.fixture
def boss(acme: Tenant) -> APIClient:
    return client_for(make_user(acme, password=PASSWORD))


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_request_without_a_place_is_answered_at_once(name: str, acme: Tenant, boss: APIClient) -> None:
    kind, call = HEAVY[name]
    make_event(acme)
    with all_taken(KINDS[kind]):
        refused = call(boss, acme)
        assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (503, "busy", "1")
        with tenant_transaction(acme.id):
            assert Event.objects.count() == 1
    assert not KINDS[kind].running
    answer = call(boss, acme)
    assert answer.status_code in (200, 201, 401), answer.content
    if answer.streaming:
        assert answer.getvalue()
    assert not KINDS[kind].running
    assert not KINDS[kind].waiting


@pytest.mark.parametrize("page", ["/studio/search?query=tea", "/studio/audit.csv"])
def test_pages_have_the_same_slots(page: str, acme_admin: User) -> None:
    kind = slots.HEAVY_CALLS if "search" in page else slots.AUDIT_DOWNLOADS
    with all_taken(kind):
        refused = browser(acme_admin).get(page)
        assert (refused.status_code, refused["Retry-After"]) == (503, "1")


@pytest.mark.parametrize("name", ["erasing", "undoing", "deletion", "search", "batch", "sign-in", "audit log"])
def test_an_export_that_stays_open_keeps_nobody_from_acting(name: str, acme: Tenant, boss: APIClient) -> None:
    """Of the same tenant neither: whoever holds a leaked key must not keep its admin from undoing what it wrote."""
    with slots.TRANSFERS.take(acme.id):
        answer = HEAVY[name][1](boss, acme)
        answer.close()
        assert answer.status_code in (200, 201, 401), answer.content


def test_a_large_batch_has_its_slot_before_it_is_parsed(editor_key: APIClient) -> None:
    with all_taken(slots.HEAVY_CALLS):
        refused = editor_key.post("/v1/events/batch", b"[" * 20_000, content_type="application/json")
        assert refused.status_code == 503


def test_a_small_batch_needs_no_slot(editor_key: APIClient) -> None:
    event = {"event_type": "m", "user_id": "ada", "content": {}}
    with all_taken(slots.HEAVY_CALLS):
        assert editor_key.post("/v1/events/batch", {"events": [event] * 20}).status_code == 201


@pytest.mark.parametrize("path", ["/v1/admin/export", "/studio/audit.csv"])
def test_a_client_that_leaves_gives_the_slot_back(path: str, acme: Tenant, acme_admin: User) -> None:
    kind = slots.TRANSFERS if "export" in path else slots.AUDIT_DOWNLOADS
    make_event(acme)
    for taken in (0, 1):
        response = (browser if "studio" in path else client_for)(acme_admin).get(path)
        assert response.status_code == 200
        assert kind.running.total() == 1
        chunks = iter(response.streaming_content)
        for _ in range(taken):
            next(chunks)
        response.close()
        assert not kind.running
