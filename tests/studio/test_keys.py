import re
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
SECRET = re.compile(r'<code id="secret">(mg_live_\w{36})</code>')


def test_a_key_is_made_and_shown_once(acme_admin: User, anonymous: APIClient) -> None:
    client = browser(acme_admin)
    response = submit(client, "/studio/keys/new", name="agent", role="viewer", lifetime="30")
    (plaintext,) = SECRET.findall(response.content.decode())
    assert "no-store" in response["Cache-Control"]
    assert anonymous.get("/v1/auth/whoami", HTTP_X_API_KEY=plaintext).json()["role"] == "viewer"
    key = APIKey.objects.get()
    assert key.expires_at - key.created_at < timedelta(days=30, minutes=1)
    for path in ("/studio/keys", f"/studio/keys/{key.id}"):
        page = client.get(path).content.decode()
        assert plaintext not in page
        assert f"{plaintext[:12]}…{plaintext[-4:]}" in page


def test_reloading_or_a_double_click_makes_no_second_key(acme_admin: User) -> None:
    client = browser(acme_admin)
    typed = main_form(client.get("/studio/keys/new")) | {"name": "agent", "role": "editor", "lifetime": "90"}
    assert client.post("/studio/keys/new", typed).status_code == 200
    again = client.post("/studio/keys/new", typed)
    assert again.status_code == 409
    assert "was made when this form was sent first" in again.content.decode()
    assert not SECRET.search(again.content.decode())
    assert APIKey.objects.count() == 1


def test_a_reloaded_form_leads_to_the_key_that_it_made(acme: Tenant, acme_admin: User) -> None:
    make_key(acme, name="agent")
    client = browser(acme_admin)
    typed = main_form(client.get("/studio/keys/new")) | {"name": " agent ", "role": "editor", "lifetime": "90"}
    client.post("/studio/keys/new", typed)
    made = APIKey.objects.get(created_by_id=acme_admin.id)
    assert f'href="/studio/keys/{made.id}">Open it</a>' in client.post("/studio/keys/new", typed).content.decode()
    other = client.post("/studio/keys/new", typed | {"name": "another"})
    assert (other.status_code, "Open it" in other.content.decode()) == (409, False)


def test_all_that_is_wrong_is_told_at_once(acme_admin: User) -> None:
    typed = {
        "name": "",
        "role": "editor",
        "lifetime": "own",
        "until": "",
        "allowed_ips": "foo, 10.0.0.0/8\r\n300.1.1.1",
    }
    page = submit(browser(acme_admin), "/studio/keys/new", **typed).content.decode()
    assert "Choose the day on which the key ends." in page
    assert 'id="name-says"><span class="fault">Fill this in.' in page
    assert "Line 1: “foo” is not an IP address. Line 2: “300.1.1.1” is not an IP address." in page


@pytest.mark.parametrize(
    "typed", ["10.0.0.0/8,192.0.2.1", "10.0.0.0/8 , \r\n192.0.2.1\r\n,\r\n", "10.0.0.0/8; 192.0.2.1"]
)
def test_addresses_are_parted_as_people_part_them(typed: str, acme_admin: User) -> None:
    submit(browser(acme_admin), "/studio/keys/new", name="a", role="editor", allowed_ips=typed)
    assert APIKey.objects.get().allowed_ips == ["10.0.0.0/8", "192.0.2.1/32"]


def test_too_many_addresses_are_told(acme_admin: User) -> None:
    typed = ",".join(f"192.0.2.{number}" for number in range(51))
    page = submit(browser(acme_admin), "/studio/keys/new", name="a", role="editor", allowed_ips=typed).content.decode()
    assert '<span class="fault">At most 50.</span>' in page


def test_a_form_with_a_mistake_can_be_sent_again(acme_admin: User) -> None:
    client = browser(acme_admin)
    wrong = submit(client, "/studio/keys/new", name="", role="editor", lifetime="90", allowed_ips="10.0.0.1/8")
    assert wrong.status_code == 422
    assert "Did you mean 10.0.0.0/8?" in wrong.content.decode()
    right = client.post("/studio/keys/new", main_form(wrong) | {"name": "agent", "role": "editor", "lifetime": "90"})
    assert SECRET.search(right.content.decode())


@pytest.mark.parametrize(
    ("lifetime", "until", "days"), [("365", "", 365), ("never", "", None), ("own", "tomorrow", 1), ("", "", 90)]
)
def test_lifetimes(lifetime: str, until: str, days: int | None, acme_admin: User) -> None:
    day = f"{timezone.now() + timedelta(days=1):%Y-%m-%d}" if until else ""
    submit(browser(acme_admin), "/studio/keys/new", name="agent", role="editor", lifetime=lifetime, until=day)
    key = APIKey.objects.get()
    if days is None:
        assert key.expires_at is None
    else:
        assert days - 1 <= (key.expires_at - key.created_at).days <= days + 1


@pytest.mark.parametrize(
    ("until", "sentence"), [("", "Choose the day"), ("2020-01-01", "in the past"), ("x", "Choose the day")]
)
def test_an_end_of_ones_own_is_checked(until: str, sentence: str, acme_admin: User) -> None:
    response = submit(browser(acme_admin), "/studio/keys/new", name="a", role="editor", lifetime="own", until=until)
    assert (response.status_code, sentence in response.content.decode()) == (422, True)
    assert not APIKey.objects.exists()


def test_the_policy_leaves_what_it_allows(acme: Tenant, acme_admin: User) -> None:
    Tenant.objects.filter(id=acme.id).update(max_key_lifetime_days=60)
    client = browser(acme_admin)
    page = client.get("/studio/keys/new").content.decode()
    assert 'value="60" checked' in page
    assert 'value="90"' not in page
    assert 'value="never"' not in page
    response = submit(client, "/studio/keys/new", name="a", role="editor", lifetime="never")
    assert "asks for an end within 60 days" in response.content.decode()


def test_rotating_shows_the_new_key_and_when_the_old_one_ends(acme: Tenant, acme_admin: User) -> None:
    old, plaintext = make_key(acme)
    client = browser(acme_admin)
    response = submit(client, f"/studio/keys/{old.id}/rotate", grace_seconds="3600")
    (fresh,) = SECRET.findall(response.content.decode())
    assert fresh != plaintext
    page = client.get(f"/studio/keys/{old.id}").content.decode()
    assert "This key was rotated" in page
    assert f"/studio/keys/{APIKey.objects.latest('id').id}" in page


@pytest.mark.parametrize(
    ("policy", "lifetime", "said"),
    [
        ({}, None, "which never ends"),
        ({}, 30, "which ends <time"),
        ({"require_key_expiry": True}, None, "because the key policy asks for an end"),
    ],
)
def test_rotating_says_when_the_new_key_will_end(
    policy: dict[str, bool], lifetime: int | None, said: str, acme: Tenant, acme_admin: User
) -> None:
    key, _ = make_key(acme, expires_at=timezone.now() + timedelta(days=lifetime) if lifetime else None)
    Tenant.objects.update(**policy)
    assert said in browser(acme_admin).get(f"/studio/keys/{key.id}/rotate").content.decode()


NOW = timezone.now()
LATER, ENDED = NOW + timedelta(days=1), NOW - timedelta(minutes=8)
SOME_ID = "01a208d9-5cc5-74e6-887b-8ca0e8a70576"


@pytest.mark.parametrize(
    ("columns", "state", "end", "offered", "filters"),
    [
        ({}, "active", "never", {"edit", "rotate", "revoke"}, {"", "active"}),
        ({"expires_at": ENDED}, "ended", "ended <time", set(), {"", "expired"}),
        ({"expires_at": ENDED, "replaced_by_id": SOME_ID}, "ended", "ended <time", set(), {"", "expired"}),
        ({"expires_at": LATER, "replaced_by_id": SOME_ID}, "rotated", "<time", {"revoke"}, {"", "rotated"}),
        ({"expires_at": LATER, "revoked_at": NOW}, "revoked", "revoked <time", set(), {"revoked"}),
    ],
    ids=["active", "expired", "rotated and ended", "rotated", "revoked"],
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


def test_a_key_that_is_rotated_at_once_has_ended(acme: Tenant, acme_admin: User) -> None:
    old, _ = make_key(acme)
    client = browser(acme_admin)
    page = submit(client, f"/studio/keys/{old.id}/rotate", grace_seconds="0").content.decode()
    assert "the old one, which has ended." in page
    assert "This key was rotated, and ended" in client.get(f"/studio/keys/{old.id}").content.decode()


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
    assert "Nothing was done yet" in wrong.content.decode()
    done = submit(client, f"/studio/keys/{key.id}/revoke", follow=True, confirm=" agent ")
    assert "is revoked" in done.content.decode()
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
    assert (unticked.status_code, "Tick this to go on." in unticked.content.decode()) == (422, True)
    assert "This would go" in unticked.content.decode()
    assert "poison" in client.get("/studio/").content.decode()
    done = client.post(path, main_form(counted) | {"since": "2026-01-01T00:00", "confirmed": "yes"}, follow=True)
    assert "Taken back: 1 event." in done.content.decode()
    overview = client.get("/studio/").content.decode()
    assert ("poison" in overview, "kept" in overview) == (False, True)
    assert "Nothing that it wrote is here." in done.content.decode()


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
