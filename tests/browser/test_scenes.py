"""States of the pages that the table's addresses alone don't show."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from apikeys.models import APIKey
from tests.browser.acting import make_person
from tests.browser.conftest import InServer, Watch
from tests.browser.workspace import HOSTILE, Workspace
from tests.factories import make_belief, make_event

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
    tab.look(f"scene-{scene}")


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
    tab.look(f"scene-{scene}")


def test_a_form_that_is_wrong_all_over(watch: Watch, workspace: Workspace) -> None:
    tab = watch(workspace.tokens["admin"])
    page = tab.page
    page.goto("/studio/keys/new")
    allow_anything(page)
    page.get_by_text("Custom date").click()
    page.get_by_text("Limits").click()
    page.get_by_label("Allowed IP addresses").fill("10.0.0.1/8")
    page.get_by_label("Requests per minute").fill("-1")
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_text("Nothing was saved.")).to_be_visible()
    tab.look("scene-key-refused")


def test_a_sign_in_that_is_wrong(watch: Watch) -> None:
    tab = watch()
    page = tab.page
    page.goto("/studio/login")
    page.get_by_label("E-mail address").fill("nobody@example.com")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("The e-mail address or the password is wrong.")).to_be_visible()
    tab.look("scene-sign-in-refused")


def test_what_would_be_taken_back(watch: Watch, workspace: Workspace, in_server: InServer) -> None:
    named = APIKey.objects.for_tenant(workspace.tenant.id).filter(name="support-agent, production")
    tab = watch(workspace.tokens["admin"])
    tab.open(f"/studio/keys/{in_server(named.get).id}/undo")
    tab.page.get_by_role("button", name="Preview").click()
    expect(tab.page.get_by_role("heading", name="Will be removed")).to_be_visible()
    tab.page.get_by_role("button", name="Undo writes").click()
    expect(tab.page.get_by_text("Tick this box to continue.")).to_be_visible()
    tab.look("scene-taking-back")


def test_an_empty_file_is_told_at_its_field_and_stays_chosen(watch: Watch, workspace: Workspace) -> None:
    tab = watch(workspace.tokens["admin"])
    tab.open("/studio/settings/import")
    file = tab.page.get_by_label("File")
    file.set_input_files({"name": "empty.ndjson", "mimeType": "text/plain", "buffer": b""})
    tab.page.get_by_role("button", name="Check file").click()
    expect(tab.page.get_by_text("This file is empty.")).to_be_visible()
    expect(file).to_have_attribute("aria-invalid", "true")
    assert file.evaluate("field => field.files[0].name") == "empty.ndjson"
    tab.look("scene-import-refused")


def test_settings_in_two_tabs(watch: Watch, in_server: InServer) -> None:
    person = in_server(make_person)
    first, second = (watch(person.token) for _ in range(2))
    for tab in (first, second):
        tab.open("/studio/settings")
    for tab, name in ((first, "Initech East"), (second, "Initech West")):
        tab.page.get_by_label("Name").fill(name)
        tab.page.get_by_role("button", name="Save").click()
    expect(second.page.get_by_text("The name is now “Initech East”.")).to_be_visible()
    second.look("scene-settings-changed-meanwhile")
    second.page.get_by_role("button", name="Save").click()
    expect(second.page.get_by_text("Settings saved.")).to_be_visible()


def test_a_belief_in_two_tabs(watch: Watch, in_server: InServer) -> None:
    person = in_server(make_person)
    belief = in_server(lambda: make_belief(person.tenant))
    first, second = (watch(person.token) for _ in range(2))
    for tab in (first, second):
        tab.open(f"/studio/beliefs/{belief.id}/edit")
    for tab, value in ((first, "Rome"), (second, "Oslo")):
        tab.page.get_by_label("Value").fill(value)
        tab.page.get_by_role("button", name="Save").click()
    expect(second.page.get_by_role("alert").get_by_role("link", name="Rome")).to_be_visible()
    second.look("scene-belief-changed-meanwhile")
    second.page.get_by_role("button", name="Save again").click()
    expect(second.page.get_by_text("Saved as a new version.")).to_be_visible()


def test_fewer_days_of_events_are_confirmed(watch: Watch, in_server: InServer) -> None:
    person = in_server(make_person)
    in_server(lambda: make_event(person.tenant, occurred_at=timezone.now() - timedelta(days=40)))
    tab = watch(person.token)
    tab.open("/studio/settings")
    tab.page.get_by_label("Days to keep events").fill("30")
    tab.page.get_by_role("button", name="Save").click()
    expect(tab.page.get_by_role("checkbox", name="Remove 1 event")).to_be_focused()
    tab.look("scene-fewer-days")
    tab.page.get_by_role("checkbox", name="Remove 1 event").check()
    tab.page.get_by_role("button", name="Save").click()
    expect(tab.page.get_by_text("Settings saved.")).to_be_visible()


def allow_anything(page: Page) -> None:
    """The browser's own checks aside."""
    page.evaluate("document.querySelector('main form').noValidate = true")
