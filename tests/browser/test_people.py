"""Coming in, going out, and what happens to a form when the session ends in between."""

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from accounts.models import Session
from studio import cookies
from tests.browser.acting import Person, make_person, shown_key, sign_in, sign_out
from tests.browser.conftest import InServer, Open, Watch
from tests.factories import PASSWORD


@pytest.fixture
def person(in_server: InServer) -> Person:
    made = in_server(make_person)
    assert isinstance(made, Person)
    return made


def test_an_invitation_is_accepted_in_another_browser(watch: Watch, person: Person, server_url: str) -> None:
    session = {"Authorization": f"Bearer {person.token}"}
    wanted = {"email": f"guest-{person.tenant.id}@example.com", "role": "viewer"}
    invited = httpx.post(f"{server_url}/v1/invitations", headers=session, json=wanted).json()
    page = watch().page
    page.goto(invited["link"])
    expect(page.get_by_label("Code from the link")).to_be_hidden()  # taken from the address
    page.get_by_label("Your name").fill("Grace Hopper")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("Welcome to")).to_be_visible()
    expect(page).to_have_url(f"{server_url}/studio/#content")  # the link's token is gone from the address
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.get_by_role("link", name="API keys")).to_have_count(0)


def test_a_used_link_says_so(open_context: Open) -> None:
    page = open_context().new_page()
    page.goto("/studio/invitation#used-before")
    page.get_by_label("Your name").fill("Grace Hopper")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("This link is no longer valid")).to_be_visible()


def test_going_back_after_signing_out_shows_nothing(open_context: Open, person: Person) -> None:
    page = open_context(person.token).new_page()
    page.goto("/studio/keys")
    page.goto("/studio/")
    sign_out(page)
    for _ in range(2):
        page.go_back()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        expect(page.get_by_text(person.user.email)).to_have_count(0)


def sign_out_in_another_tab(context: BrowserContext, person: Person, in_server: InServer) -> None:
    other = context.new_page()
    other.goto("/studio/")
    sign_out(other)


def lose_the_cookie(context: BrowserContext, person: Person, in_server: InServer) -> None:
    context.clear_cookies(name=cookies.NAME)


def end_the_session(context: BrowserContext, person: Person, in_server: InServer) -> None:
    in_server(lambda: Session.objects.filter(user=person.user).update(ended_at="2026-01-01T00:00:00Z"))


@pytest.mark.parametrize("end", [sign_out_in_another_tab, lose_the_cookie, end_the_session])
def test_what_was_typed_outlives_the_session(
    end: Callable[[BrowserContext, Person, InServer], None], watch: Watch, person: Person, in_server: InServer
) -> None:
    tab = watch(person.token)
    page = tab.page
    fill_in(page)
    end(page.context, person, in_server)
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_text("Your input is kept")).to_be_visible()
    if end is lose_the_cookie:
        tab.look("scene-signed-out-in-between")
    sign_in(page, person.user.email)
    expect(page.get_by_text("agent <b>seven</b>")).to_be_visible()
    if end is lose_the_cookie:
        tab.look("scene-signed-in-again")
    page.get_by_role("button", name="Send form").click()
    shown_key(page)
    expect(page.get_by_role("heading", name="agent <b>seven</b>")).to_be_visible()


def fill_in(page: Page) -> None:
    page.goto("/studio/keys/new")
    page.get_by_label("Name", exact=True).fill("agent <b>seven</b>")
    page.get_by_text("30 days").click()


def test_a_form_in_a_tab_from_before_signing_in_again_keeps_what_was_typed(
    open_context: Open, person: Person, in_server: InServer
) -> None:
    context = open_context(person.token)
    page, other = context.new_page(), context.new_page()
    fill_in(page)
    other.goto("/studio/")
    sign_out(other)
    sign_in(other, person.user.email)
    expect(other.get_by_role("heading", name="Overview")).to_be_visible()
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_text("came from another site")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Name", exact=True)).to_have_value("agent <b>seven</b>")
