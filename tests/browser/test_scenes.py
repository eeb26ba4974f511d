"""States of the pages that the table's addresses alone don't show."""

import pytest
from playwright.sync_api import Page, expect

from apikeys.models import APIKey
from tests.browser.conftest import InServer, Watch
from tests.browser.workspace import HOSTILE, Workspace

NAMES = {
    "key-of-markup": HOSTILE[0],
    "key-from-the-right": HOSTILE[1],
    "key-of-a-long-name": HOSTILE[2],
    "key-in-use": "support-agent, production",
    "key-idle": "idle",
    "key-revoked": "revoked",
    "key-rotated": "rotated",
}


@pytest.mark.parametrize("scene", NAMES)
def test_keys_in_every_state(scene: str, watch: Watch, workspace: Workspace, in_server: InServer) -> None:
    named = APIKey.objects.for_tenant(workspace.tenant.id).filter(name=NAMES[scene][:100])
    key = in_server(lambda: named.earliest("id"))
    tab = watch(workspace.tokens["admin"])
    assert tab.open(f"/studio/keys/{key.id}") == 200
    tab.look_at_both_widths(f"scene-{scene}")


@pytest.mark.parametrize(
    ("scene", "path", "status"),
    [
        ("no-such-page", "/studio/nothing", 404),
        ("no-such-key", "/studio/keys/nothing", 404),
        ("keys-revoked", "/studio/keys?status=revoked", 200),
        ("keys-none-found", "/studio/keys?name=nothing", 200),
    ],
)
def test_addresses_beyond_the_table(scene: str, path: str, status: int, watch: Watch, workspace: Workspace) -> None:
    tab = watch(workspace.tokens["admin"])
    assert tab.open(path) == status
    tab.look_at_both_widths(f"scene-{scene}")


def test_a_form_that_is_wrong_all_over(watch: Watch, workspace: Workspace) -> None:
    tab = watch(workspace.tokens["admin"])
    page = tab.page
    page.goto("/studio/keys/new")
    allow_anything(page)
    page.get_by_text("On a day").click()
    page.get_by_text("Limits").click()
    page.get_by_label("From these addresses alone").fill("10.0.0.1/8")
    page.get_by_label("Requests a minute").fill("-1")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_text("Nothing was saved yet")).to_be_visible()
    tab.look_at_both_widths("scene-key-refused")


def test_a_sign_in_that_is_wrong(watch: Watch) -> None:
    tab = watch()
    page = tab.page
    page.goto("/studio/login")
    page.get_by_label("E-mail address").fill("nobody@example.com")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("The e-mail address or the password is wrong.")).to_be_visible()
    tab.look_at_both_widths("scene-sign-in-refused")


def test_what_would_be_taken_back(watch: Watch, workspace: Workspace, in_server: InServer) -> None:
    named = APIKey.objects.for_tenant(workspace.tenant.id).filter(name="support-agent, production")
    tab = watch(workspace.tokens["admin"])
    tab.open(f"/studio/keys/{in_server(named.get).id}/undo")
    tab.page.get_by_role("button", name="Count it first").click()
    expect(tab.page.get_by_role("heading", name="This would go")).to_be_visible()
    tab.look_at_both_widths("scene-taking-back")


def allow_anything(page: Page) -> None:
    """The browser's own checks aside."""
    page.evaluate("document.querySelector('main form').noValidate = true")
