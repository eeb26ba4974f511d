"""Admins find, edit and revoke keys in the Studio, and undo what a key wrote."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from apikeys.models import APIKey
from apikeys.status import Status
from tenants.models import Tenant
from tests.factories import anonymous_client, changed_key, key_client, make_event, make_key
from tests.studio.browsing import browser, main_form, submit

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now()
LATER, ENDED = NOW + timedelta(days=1), NOW - timedelta(minutes=8)
SOME_ID = "01a208d9-5cc5-74e6-887b-8ca0e8a70576"


@pytest.mark.parametrize(
    ("columns", "state", "end", "offered", "filters"),
    [
        ({}, "active", "never", {"edit", "rotate", "revoke"}, {"", "active"}),
        ({"expires_at": ENDED}, "expired", "expired <time", set(), {"", "expired"}),
        ({"expires_at": ENDED, "replaced_by_id": SOME_ID}, "expired", "expired <time", set(), {"", "expired"}),
        ({"expires_at": LATER, "replaced_by_id": SOME_ID}, "rotated", "<time", {"revoke"}, {"", "rotated"}),
        ({"expires_at": LATER, "revoked_at": NOW}, "revoked", "revoked <time", set(), {"revoked"}),
    ],
    ids=["active", "expired", "rotated and expired", "rotated", "revoked"],
)
def test_what_a_key_is_and_what_can_be_done_with_it(
    columns: dict[str, Any], state: str, end: str, offered: set[str], filters: set[str], acme: Tenant, acme_admin: User
) -> None:
    key, _ = changed_key(acme, **columns)
    client = browser(acme_admin)
    address = f"/studio/keys/{key.id}"
    page = client.get(address).content.decode()
    assert f">{state}</span>" in page
    assert {act for act in ("edit", "rotate", "revoke") if f'href="{address}/{act}"' in page} == offered
    for act in ("edit", "rotate", "revoke"):
        opened = client.get(f"{address}/{act}", follow=True)
        assert (opened.redirect_chain == []) == (act in offered)
        assert ('class="notice warning"' in opened.content.decode()) == (act not in offered)
    found = {status for status in ("", *Status.values) if address in listed(client, status)}
    assert found == filters
    assert f"<span>{end}" in listed(client, next(iter(filters)))


def listed(client: Client, status: str) -> str:
    return str(client.get("/studio/keys", {"status": status}).content.decode())


@pytest.mark.parametrize(
    ("life", "left", "state"),
    [
        (30, 30, "active"),
        (30, 7.5, "active"),
        (30, 6, "expiring"),
        (365, 8, "active"),
        (5, 4, "active"),
        (5, 0.9, "expiring"),
    ],
)
def test_a_key_is_warned_of_in_its_last_week(
    life: float, left: float, state: str, acme: Tenant, acme_admin: User
) -> None:
    end = timezone.now() + timedelta(days=left)
    key, _ = changed_key(acme, expires_at=end, created_at=end - timedelta(days=life))
    assert f">{state}</span>" in browser(acme_admin).get(f"/studio/keys/{key.id}").content.decode()


def test_editing_a_key_in_two_tabs_loses_nobodys_change(acme: Tenant, acme_admin: User) -> None:
    key, _ = make_key(acme, name="agent")
    client, path = browser(acme_admin), f"/studio/keys/{key.id}/edit"
    first, second = (main_form(client.get(path)) | {"name": "agent", "allowed_ips": ""} for _ in range(2))
    client.post(path, first | {"allowed_ips": "10.0.0.0/8", "rate_limit_per_minute": ""})
    client.post(path, second | {"rate_limit_per_minute": "60"})
    key.refresh_from_db()
    assert (key.allowed_ips, key.rate_limit_per_minute) == (["10.0.0.0/8"], 60)


def test_revoking_asks_for_the_name(acme: Tenant, acme_admin: User) -> None:
    key, _ = make_key(acme, name="agent")
    client = browser(acme_admin)
    wrong = submit(client, f"/studio/keys/{key.id}/revoke", confirm="agnt")
    assert (wrong.status_code, "This is not the name." in wrong.content.decode()) == (422, True)
    assert "Nothing was changed." in wrong.content.decode()
    done = submit(client, f"/studio/keys/{key.id}/revoke", follow=True, confirm=" agent ")
    assert "was revoked" in done.content.decode()
    assert APIKey.objects.get().revoked_at


def test_revoking_what_was_used_lately_is_warned_of(acme: Tenant, acme_admin: User) -> None:
    used, _ = changed_key(acme, last_used_at=timezone.now() - timedelta(hours=23))
    idle, _ = changed_key(acme, last_used_at=timezone.now() - timedelta(hours=25))
    client = browser(acme_admin)
    assert "It was used" in client.get(f"/studio/keys/{used.id}/revoke").content.decode()
    assert "It was used" not in client.get(f"/studio/keys/{idle.id}/revoke").content.decode()


def test_what_a_key_wrote_is_counted_first_and_then_taken_back(acme: Tenant, acme_admin: User) -> None:
    key, plaintext = make_key(acme)
    event = {"event_type": "user_message", "user_id": "ada", "content": {"text": "poison"}}
    anonymous = APIClient()
    anonymous.credentials(HTTP_X_API_KEY=plaintext)
    assert anonymous.post("/v1/events", event).status_code == 201
    make_event(acme, content={"text": "kept"})
    client = browser(acme_admin)
    path = f"/studio/keys/{key.id}/undo"
    counted = submit(client, path, since="2026-01-01T00:00")
    assert "<dt>Events</dt><dd>1</dd>" in counted.content.decode()
    assert "<dd>0 versions</dd>" in counted.content.decode()
    unticked = client.post(path, main_form(counted) | {"since": "2026-01-01T00:00", "act": "yes"})
    assert (unticked.status_code, "Tick this box to continue." in unticked.content.decode()) == (422, True)
    assert "Will be removed" in unticked.content.decode()
    assert "poison" in client.get("/studio/").content.decode()
    done = client.post(path, main_form(counted) | {"since": "2026-01-01T00:00", "confirmed": "yes"}, follow=True)
    assert "Removed: 1 event." in done.content.decode()
    overview = client.get("/studio/").content.decode()
    assert ("poison" in overview, "kept" in overview) == (False, True)
    assert "No data from this key is stored." in done.content.decode()


def test_keys_are_found_by_name_and_status(acme: Tenant, acme_admin: User) -> None:
    make_key(acme, name="one")
    changed_key(acme, revoked_at=timezone.now(), name="gone")
    client = browser(acme_admin)

    def shown(query: str) -> set[str]:
        page = client.get(f"/studio/keys?{query}").content.decode()
        return {name for name in ("one", "gone") if f">{name}</a>" in page}

    assert shown("") == {"one"}
    assert shown("status=revoked") == {"gone"}
    assert shown("name=ON") == {"one"}
    assert shown("name=%25") == set()
    assert shown("status=nonsense&sort=nonsense") == {"one"}


def test_an_editor_sees_no_keys_anywhere(acme: Tenant, acme_editor: User) -> None:
    key_client(acme).post("/v1/events", {"event_type": "x", "user_id": "ada", "content": {}})
    page = browser(acme_editor).get("/studio/").content.decode()
    assert "/studio/keys" not in page
    assert "/studio/members" not in page


@pytest.mark.parametrize(("events", "told"), [(1, "1 event<"), (2, "2 events<"), (1001, "more than 1,000 events<")])
def test_a_keys_page_tells_how_much_it_wrote(events: int, told: str, acme: Tenant, acme_admin: User) -> None:
    key, plaintext = make_key(acme)
    program = anonymous_client(HTTP_X_API_KEY=plaintext)
    event = {"event_type": "x", "user_id": "ada", "content": {}}
    for start in range(0, events, 1000):
        batch = [event] * min(1000, events - start)
        assert program.post("/v1/events/batch", {"events": batch}).status_code == 201
    program.post("/v1/beliefs", {"subject_id": "ada", "key": "city", "value": "Rome"})
    page = browser(acme_admin).get(f"/studio/keys/{key.id}").content.decode()
    assert f"Newest of {told}" in page
    assert "Newest of 1 active belief<" in page
