import re
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from apikeys.models import APIKey
from tenants.models import Tenant
from tests.factories import changed_key, key_client, make_event, make_key
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
    assert "This form was sent before" in again.content.decode()
    assert not SECRET.search(again.content.decode())
    assert APIKey.objects.count() == 1


def test_a_form_with_a_mistake_can_be_sent_again(acme_admin: User) -> None:
    client = browser(acme_admin)
    wrong = submit(client, "/studio/keys/new", name="", role="editor", lifetime="90", addresses="10.0.0.1/8")
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
    ("until", "sentence"), [("", "Choose the day"), ("2020-01-01", "in the past"), ("x", "format")]
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


def test_revoking_asks_for_the_name(acme: Tenant, acme_admin: User) -> None:
    key, _ = make_key(acme, name="agent")
    client = browser(acme_admin)
    wrong = submit(client, f"/studio/keys/{key.id}/revoke", confirm="agnt")
    assert (wrong.status_code, "This is not the name." in wrong.content.decode()) == (422, True)
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
    assert "poison" in client.get("/studio/").content.decode()
    done = client.post(path, main_form(counted) | {"since": "2026-01-01T00:00", "confirmed": "yes"}, follow=True)
    assert "Taken back: 1 events" in done.content.decode()
    overview = client.get("/studio/").content.decode()
    assert ("poison" in overview, "kept" in overview) == (False, True)


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
