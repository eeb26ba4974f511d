"""Admins make and rotate keys in the Studio, and see each new key once."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from apikeys.models import APIKey
from tenants.models import Tenant
from tests.factories import make_key
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
    assert "was created the first time you sent this form" in again.content.decode()
    assert not SECRET.search(again.content.decode())
    assert APIKey.objects.count() == 1


def test_a_reloaded_form_leads_to_the_key_that_it_made(acme: Tenant, acme_admin: User) -> None:
    make_key(acme, name="agent")
    client = browser(acme_admin)
    typed = main_form(client.get("/studio/keys/new")) | {"name": " agent ", "role": "editor", "lifetime": "90"}
    client.post("/studio/keys/new", typed)
    made = APIKey.objects.get(created_by_id=acme_admin.id)
    assert f'href="/studio/keys/{made.id}">Open key</a>' in client.post("/studio/keys/new", typed).content.decode()
    other = client.post("/studio/keys/new", typed | {"name": "another"})
    assert (other.status_code, "Open key" in other.content.decode()) == (409, False)


def test_all_that_is_wrong_is_told_at_once(acme_admin: User) -> None:
    typed = {
        "name": "",
        "role": "editor",
        "lifetime": "own",
        "until": "",
        "allowed_ips": "foo, 10.0.0.0/8\r\n300.1.1.1",
    }
    page = submit(browser(acme_admin), "/studio/keys/new", **typed).content.decode()
    assert "Choose an expiry date." in page
    assert 'id="name-says"><span class="fault">Fill in this field.' in page
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
    ("until", "sentence"),
    [("", "Choose an expiry date"), ("2020-01-01", "in the past"), ("x", "Choose an expiry date")],
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
    assert "requires an expiry date within 60 days" in response.content.decode()


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
        ({}, None, "It never expires"),
        ({}, 30, "It expires <time"),
        ({"require_key_expiry": True}, None, "because the key policy requires an expiry date"),
    ],
)
def test_rotating_says_when_the_new_key_will_end(
    policy: dict[str, bool], lifetime: int | None, said: str, acme: Tenant, acme_admin: User
) -> None:
    key, _ = make_key(acme, expires_at=timezone.now() + timedelta(days=lifetime) if lifetime else None)
    Tenant.objects.update(**policy)
    assert said in browser(acme_admin).get(f"/studio/keys/{key.id}/rotate").content.decode()


def test_a_key_that_is_rotated_at_once_has_ended(acme: Tenant, acme_admin: User) -> None:
    old, _ = make_key(acme)
    client = browser(acme_admin)
    page = submit(client, f"/studio/keys/{old.id}/rotate", grace_seconds="0").content.decode()
    assert "the old one, which has expired." in page
    assert "This key was rotated, and expired" in client.get(f"/studio/keys/{old.id}").content.decode()
