"""How pages read: by keyboard, in the reader's zone and scheme, and with names that mean harm."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from apikeys.models import APIKey
from tests.browser.conftest import InServer, Open, Watch
from tests.browser.watching import NARROW, WIDE
from tests.browser.workspace import HOSTILE, MARKUP, Workspace

FOCUSED = """() => { const at = document.activeElement, style = getComputedStyle(at);
    return {tag: at.tagName, text: at.textContent.trim(), outlined: style.outlineStyle !== "none",
            place: [...document.querySelectorAll("*")].indexOf(at)} }"""


def test_the_first_tab_leads_past_the_menu(open_context: Open, workspace: Workspace) -> None:
    page = open_context(workspace.tokens["admin"]).new_page()
    page.goto("/studio/keys")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Create key")).to_be_focused()


@pytest.mark.parametrize("path", ["/studio/", "/studio/keys", "/studio/login"])
def test_the_keyboard_goes_through_a_page_in_its_order(path: str, open_context: Open, workspace: Workspace) -> None:
    token = "" if path == "/studio/login" else workspace.tokens["admin"]
    page = open_context(token).new_page()
    page.goto(path)
    page.evaluate("document.activeElement.blur()")
    places = []
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused["tag"] == "BODY" or focused["place"] in places:
            break
        assert focused["outlined"], focused
        places.append(focused["place"])
    assert len(places) >= 4
    first = places.index(min(places))  # the order starts where the focus was
    assert places[first:] + places[:first] == sorted(places)


def test_the_menu_of_a_phone_opens_by_keyboard(open_context: Open, workspace: Workspace) -> None:
    page = open_context(workspace.tokens["admin"], viewport=NARROW).new_page()
    page.goto("/studio/")
    menu, link = page.locator(".menu > summary"), page.get_by_role("link", name="API keys", exact=True)
    expect(link).to_be_hidden()
    menu.focus()
    page.keyboard.press("Enter")
    expect(link).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Overview", exact=True)).to_be_focused()


def test_the_menu_comes_back_where_there_is_room(open_context: Open, workspace: Workspace) -> None:
    page = open_context(workspace.tokens["admin"], viewport=NARROW).new_page()
    page.goto("/studio/")
    link = page.get_by_role("link", name="API keys", exact=True)
    expect(link).to_be_hidden()
    page.set_viewport_size(WIDE)
    expect(link).to_be_visible()


def test_without_a_script_the_menu_of_a_phone_is_open(open_context: Open, workspace: Workspace) -> None:
    page = open_context(workspace.tokens["admin"], viewport=NARROW, java_script_enabled=False).new_page()
    page.goto("/studio/")
    expect(page.get_by_role("link", name="Overview", exact=True)).to_be_visible()


def test_the_scheme_is_the_readers(open_context: Open) -> None:
    page = open_context().new_page()
    page.goto("/studio/login")
    grounds = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/St_Johns"])
def test_times_are_in_the_readers_zone_and_utc_on_hover(
    zone: str, open_context: Open, workspace: Workspace, in_server: InServer
) -> None:
    made = in_server(lambda: APIKey.objects.for_tenant(workspace.tenant.id).earliest("id"))
    page = open_context(workspace.tokens["admin"], timezone_id=zone, locale="en-GB").new_page()
    page.goto(f"/studio/keys/{made.id}")
    time = page.locator("dt:text-is('Created') + dd time")
    moment = datetime.fromisoformat(time.get_attribute("datetime") or "")
    expect(time).to_contain_text(f"{moment.astimezone(ZoneInfo(zone)):%H:%M}")
    expect(time).to_have_attribute("title", f"{moment:%Y-%m-%d %H:%M:%S} UTC")


def test_hostile_names_are_shown_as_they_are(watch: Watch, workspace: Workspace) -> None:
    page = watch(workspace.tokens["admin"]).page
    page.goto("/studio/keys")
    for name in HOSTILE:
        page.get_by_role("link", name=name[:100], exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name[:100])
        assert name[:100] in page.title()
        page.go_back()
    page.goto("/studio/")
    expect(page.get_by_text(MARKUP[:20]).first).to_be_visible()
    assert in_the_page_are_no_strangers(page)


def in_the_page_are_no_strangers(page: Page) -> bool:
    """No element was made of somebody's name."""
    return bool(page.evaluate("document.querySelectorAll('[onerror], script:not([src]), img[src=x]').length === 0"))
