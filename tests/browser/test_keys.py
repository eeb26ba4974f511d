"""The life of an API key on the pages, from the first one on."""

import contextlib
import re

import httpx
import pytest
from playwright.sync_api import Error, Page, expect

from apikeys.models import APIKey
from tests.browser.acting import Person, make_key, make_person, refusal_of, shown_key, sign_up
from tests.browser.conftest import InServer, Open, Watch

CLIPBOARD = ["clipboard-read", "clipboard-write"]
EVENT = {"event_type": "user_message", "user_id": "ada", "content": {"text": "I moved to London."}}


@pytest.fixture
def person(in_server: InServer) -> Person:
    made = in_server(make_person)
    assert isinstance(made, Person)
    return made


def keys_of(person: Person, in_server: InServer) -> int:
    return int(in_server(lambda: APIKey.objects.for_tenant(person.tenant.id).count()))


def test_from_sign_up_to_the_first_event(watch: Watch, server_url: str) -> None:
    tab = watch(permissions=CLIPBOARD)
    page = tab.page
    key = sign_up(page)
    tab.look("scene-welcome")
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    page.get_by_role("link", name="I have saved it").click()
    expect(page.get_by_role("heading", name="Three steps to your first memory")).to_be_visible()
    expect(page.locator(".steps .done")).to_have_count(1)
    tab.look("scene-new-workspace")
    page.evaluate("window.loadedOnce = true")
    assert httpx.get(f"{server_url}/v1/auth/whoami", headers={"X-API-KEY": key}).status_code == 200
    expect(page.locator(".steps .done")).to_have_count(2)
    assert httpx.post(f"{server_url}/v1/events", headers={"X-API-KEY": key}, json=EVENT).status_code == 201
    expect(page.locator(".steps .done")).to_have_count(3)
    assert page.evaluate("window.loadedOnce")
    tab.look("scene-first-memory")
    page.get_by_role("link", name="View it").click()
    expect(page.get_by_text("I moved to London.")).to_be_visible()


def test_a_key_is_made_copied_used_rotated_and_revoked(watch: Watch, person: Person, server_url: str) -> None:
    tab = watch(person.token, permissions=CLIPBOARD)
    page = tab.page
    key = make_key(page, "agent")
    tab.look("scene-key-shown")
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    page.get_by_role("link", name="I have saved it").click()
    use = page.locator("#use")
    expect(use.get_by_text("never")).to_be_visible()
    assert refusal_of(server_url, key) == ""
    expect(use.get_by_text("just now")).to_be_visible()  # without a reload

    page.get_by_role("link", name="Rotate").click()
    page.get_by_role("button", name="Rotate key").click()
    fresh = shown_key(page)
    assert (refusal_of(server_url, key), refusal_of(server_url, fresh)) == ("", "")

    page.get_by_role("link", name="I have saved it").click()
    page.get_by_role("link", name="Revoke").click()
    page.get_by_label("Key name").fill("agnt")
    page.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_text("This is not the name.")).to_be_visible()
    tab.look("scene-revoke-refused")
    page.get_by_label("Key name").fill("agent")
    page.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_text("was revoked")).to_be_visible()
    assert (refusal_of(server_url, key), refusal_of(server_url, fresh)) == ("", "key_revoked")


def test_reloading_does_not_show_the_key_again(open_context: Open, person: Person, in_server: InServer) -> None:
    page = open_context(person.token).new_page()
    key = make_key(page, "agent")
    page.reload()  # sends the form again
    expect(page.get_by_text("was created the first time you sent this form")).to_be_visible()
    assert key not in page.content()
    assert keys_of(person, in_server) == 1


def test_reloading_after_sign_up_says_what_is_made(open_context: Open) -> None:
    page = open_context().new_page()
    key = sign_up(page)
    page.reload()
    expect(page.get_by_role("heading", name="Your workspace is ready")).to_be_visible()
    assert key not in page.content()
    page.get_by_role("link", name="Create another key").click()
    expect(page.get_by_role("heading", name="Create an API key")).to_be_visible()


def test_going_back_does_not_show_the_key_again(open_context: Open, person: Person, in_server: InServer) -> None:
    page = open_context(person.token).new_page()
    key = make_key(page, "agent")
    page.get_by_role("link", name="I have saved it").click()
    expect(page.get_by_role("heading", name="Data written by this key")).to_be_visible()
    with contextlib.suppress(Error):  # Chromium kept nothing of the answer, and shows that instead
        page.go_back()
    expect(page.get_by_role("heading", name="Data written by this key")).to_have_count(0)
    expect(page.locator("body")).not_to_contain_text(key)
    assert keys_of(person, in_server) == 1


@pytest.mark.parametrize("script", [True, False])
def test_a_double_click_makes_one_key(script: bool, open_context: Open, person: Person, in_server: InServer) -> None:
    page = open_context(person.token, java_script_enabled=script).new_page()
    page.goto("/studio/keys/new")
    page.get_by_label("Name", exact=True).fill("agent")
    page.get_by_role("button", name="Create key").dblclick()
    page.wait_for_load_state()
    # The form still, the key, or that it was made: the second click may have come after the answer to the first.
    told = page.get_by_role("heading", name=re.compile("Create an API key|Key already created"))
    expect(told.or_(page.locator("#secret"))).to_be_visible()
    page.goto("/studio/keys")
    expect(page.get_by_role("link", name="agent", exact=True)).to_have_count(1)
    assert keys_of(person, in_server) == 1


def test_without_a_script_a_key_is_made_and_revoked(open_context: Open, person: Person, server_url: str) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto("/studio/keys/new")
    page.get_by_label("E-mail address").fill(person.user.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{server_url}/studio/keys/new")
    key = make_key(page, "agent")
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    page.get_by_role("link", name="I have saved it").click()
    page.get_by_role("link", name="Revoke").click()
    page.get_by_label("Key name").fill("agent")
    page.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_text("was revoked")).to_be_visible()
    assert refusal_of(server_url, key) == "key_revoked"


def test_the_keyboard_alone_makes_a_key(open_context: Open, person: Person) -> None:
    page = open_context(person.token).new_page()
    page.goto("/studio/keys")
    focus_by_tab(page, "Create key")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("agent")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("radio", name="viewer")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="1 year")).to_be_checked()
    focus_by_tab(page, "Create key")
    page.keyboard.press("Enter")
    shown_key(page)


def focus_by_tab(page: Page, name: str) -> None:
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            return
    raise AssertionError(f"the keyboard does not reach {name}")
