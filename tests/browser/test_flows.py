"""What people do with the pages, from beginning to end."""

import re
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watched
from tests.browser.workspace import Workspace, post
from tests.factories import PASSWORD

pytestmark = pytest.mark.browser
Open = Callable[..., Watched]


def sign_up(page: Page) -> str:
    """The first key, as the page shows it."""
    page.goto("/")
    page.get_by_role("link", name="Make a workspace").click()
    page.get_by_label("Name of the workspace").fill("Initech")
    page.get_by_label("Your name").fill("Peter Gibbons")
    page.get_by_label("E-mail address").fill(f"{uuid4().hex}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make it").click()
    return page.locator("#secret").inner_text()


def test_from_sign_up_to_the_first_event(open_page: Open, server_url: str) -> None:
    watched = open_page()
    page = watched.page
    key = sign_up(page)
    page.get_by_role("link", name="I have saved it").click()
    expect(page.locator(".steps > li.done")).to_have_count(1)
    with httpx.Client(base_url=server_url, headers={"X-API-KEY": key}) as http:
        http.get("/v1/auth/whoami")
        expect(page.locator(".steps > li.done")).to_have_count(2)  # without a reload
        post(http, "/v1/events", {"event_type": "user_message", "user_id": "ada", "content": {"text": "I moved."}})
    page.get_by_role("link", name="Show it").click()
    expect(page.get_by_text("I moved.")).to_be_visible()
    assert watched.complaints == []


def test_the_life_of_a_key(open_page: Open, server_url: str) -> None:
    watched = open_page(permissions=["clipboard-read", "clipboard-write"])
    page = watched.page
    sign_up(page)
    page.goto("/studio/keys")
    page.get_by_role("link", name="Make a key").click()
    page.get_by_label("Name", exact=True).fill("agent")
    page.get_by_role("button", name="Make the key").dblclick()
    secret = page.locator("#secret")
    expect(secret).to_be_visible()
    page.locator(".secret button").click()
    key = page.evaluate("navigator.clipboard.readText()")
    assert key == secret.inner_text()
    page.get_by_role("link", name="I have saved it").click()
    expect(page.locator("#use").get_by_text("never")).to_be_visible()
    httpx.get(f"{server_url}/v1/auth/whoami", headers={"X-API-KEY": key}).raise_for_status()
    expect(page.locator("#use").get_by_text("just now")).to_be_visible(timeout=10_000)
    with pytest.raises(PlaywrightError, match="ERR_CACHE_MISS"):
        page.go_back()
    page = page.context.new_page()
    page.goto("/studio/keys")
    expect(page.get_by_role("link", name="agent")).to_have_count(1)  # a double click made one
    page.get_by_role("link", name="agent").click()
    page.get_by_role("link", name="Rotate", exact=True).click()
    page.get_by_role("button", name="Rotate it").click()
    assert page.locator("#secret").inner_text() != key
    page.get_by_role("link", name="I have saved it").click()
    page.get_by_role("link", name="Revoke").click()
    page.get_by_label("Name of the key").fill("agent")
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_text("is revoked")).to_be_visible()
    assert watched.complaints == []


def test_a_guest_joins_in_another_browser(open_page: Open, workspace: Workspace, server_url: str) -> None:
    session = {"Authorization": f"Bearer {workspace.tokens['admin']}"}
    email = f"{uuid4().hex}@example.com"
    with httpx.Client(base_url=server_url) as http:
        link = post(http, "/v1/invitations", {"email": email, "role": "viewer"}, session)["link"]
    guest = open_page().page
    guest.goto(re.sub(r"^https?://[^/]+", server_url, link))
    expect(guest.get_by_label("The link's code")).to_be_hidden()
    guest.get_by_label("Your name").fill("Milton")
    guest.get_by_label("Password").fill(PASSWORD)
    guest.get_by_role("button", name="Join").click()
    expect(guest.get_by_text(f"sign in as {email}")).to_be_visible()
    guest.get_by_label("E-mail address").fill(email)
    guest.get_by_label("Password").fill(PASSWORD)
    guest.get_by_role("button", name="Sign in").click()
    expect(guest.get_by_role("heading", name="Overview")).to_be_visible()
    expect(guest.get_by_role("link", name="API keys")).to_have_count(0)


def test_back_after_signing_out_shows_nothing(open_page: Open) -> None:
    page = open_page().page
    sign_up(page)
    page.goto("/studio/keys")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_what_was_typed_in_another_tab_is_not_lost(open_page: Open) -> None:
    one = open_page().page
    sign_up(one)
    two = one.context.new_page()
    one.goto("/studio/keys/new")
    one.get_by_label("Name", exact=True).fill("typed with care")
    two.goto("/studio/keys")
    two.get_by_role("button", name="Sign out").click()
    expect(two.get_by_text("You are signed out.")).to_be_visible()
    one.get_by_role("button", name="Make the key").click()
    expect(one.get_by_text("What you typed is kept")).to_be_visible()


def test_a_key_is_made_by_keyboard_alone(open_page: Open) -> None:
    page = open_page().page
    sign_up(page)
    page.goto("/studio/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.goto("/studio/keys/new")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(page.locator("#secret")).to_be_visible()


def test_everything_works_without_a_script(open_page: Open) -> None:
    page = open_page(java_script_enabled=False).page
    sign_up(page)
    page.get_by_role("link", name="I have saved it").click()
    page.goto("/studio/keys/new")
    page.get_by_label("Name", exact=True).fill("plain")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("link", name="I have saved it").click()
    page.get_by_role("link", name="Revoke").click()
    page.get_by_label("Name of the key").fill("plain")
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_text("is revoked")).to_be_visible()


def test_times_are_in_the_readers_zone(open_page: Open, workspace: Workspace) -> None:
    page = open_page(storage_state=workspace.state("admin"), timezone_id="Asia/Tokyo", locale="en-GB").page
    page.goto(f"/studio/keys/{workspace.ids['keys']}")
    made = page.locator("dd time[data-local]:not([data-relative])").first
    utc, shown = made.get_attribute("title"), made.inner_text()
    assert utc is not None
    assert utc.endswith(" UTC")
    assert f"{(int(utc[11:13]) + 9) % 24:02d}:{utc[14:16]}" in shown
