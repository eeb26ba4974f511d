"""Every page of the table, by everybody who may come there, on a desk and on a phone, in light and in dark."""

from functools import partial
from pathlib import Path

import pytest

from tests.browser.conftest import InServer, Open, Watch
from tests.browser.watching import Watched
from tests.browser.workspace import Workspace
from tests.routes import ADMIN, LEVELS, PUBLIC
from tests.studio.pages import PAGES, PROTECTED

MOST_BYTES = 50_000
OPENED = {name: page for name, page in PAGES.items() if "GET" in page.methods and not page.is_file}
PUBLIC_PAGES = [(name, "nobody") for name, page in OPENED.items() if page.who == PUBLIC]
ALLOWED = [
    (name, role)
    for name, page in OPENED.items()
    for role in LEVELS
    if page.who != PUBLIC and LEVELS[role] >= LEVELS[page.who]
]


OTHERS = [role for role in LEVELS if role != ADMIN]
BY_ADMINS = [(name, role) for name, role in ALLOWED if role == ADMIN]
BY_OTHERS = [(name, role) for name, role in ALLOWED if role != ADMIN]


@pytest.mark.parametrize("thoroughly", [False, pytest.param(True, marks=pytest.mark.soak)])
@pytest.mark.parametrize(("name", "role"), PUBLIC_PAGES + BY_ADMINS)
def test_a_page_is_sound_and_fits(
    name: str, role: str, thoroughly: bool, watch: Watch, workspace: Workspace, in_server: InServer
) -> None:
    path = in_server(lambda: OPENED[name].path_for(workspace.tenant))
    tab = watch(workspace.tokens.get(role, ""))
    if is_whole_page(tab, path):
        assert tab.open(path) == 200
        assert tab.received < MOST_BYTES
        tab.look(f"{name}-{role}", thoroughly=thoroughly)


@pytest.mark.parametrize("role", OTHERS)
def test_pages_fit_for_the_other_roles(role: str, watch: Watch, workspace: Workspace, in_server: InServer) -> None:
    """They see less of the same pages. Pictures and axe, which take three seconds a page, are for `make soak`."""
    tab = watch(workspace.tokens[role])
    for name, path in paths_of(role, workspace, in_server):
        if is_whole_page(tab, path):
            assert tab.open(path) == 200, name
            assert tab.received < MOST_BYTES, name
            tab.note_widths()


@pytest.mark.soak
@pytest.mark.parametrize("role", OTHERS)
def test_pages_are_sound_for_the_other_roles(
    role: str, watch: Watch, workspace: Workspace, in_server: InServer
) -> None:
    tab = watch(workspace.tokens[role])
    for name, path in paths_of(role, workspace, in_server):
        if is_whole_page(tab, path):
            tab.open(path)
            tab.look(f"{name}-{role}", thoroughly=True)


def paths_of(role: str, workspace: Workspace, in_server: InServer) -> list[tuple[str, str]]:
    names = [name for name, allowed in BY_OTHERS if allowed == role]
    return [(name, in_server(partial(OPENED[name].path_for, workspace.tenant))) for name in names]


def is_whole_page(tab: Watched, path: str) -> bool:
    """And not a part of one."""
    answer = tab.page.request.get(path)
    assert answer.status == 200
    return answer.text().startswith("<!doctype html>")


@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_what_a_role_may_not_open_says_so(role: str, watch: Watch, workspace: Workspace) -> None:
    tab = watch(workspace.tokens[role])
    for page in PROTECTED.values():
        if LEVELS[role] < LEVELS[page.who] and "GET" in page.methods and not page.of:
            assert tab.open(page.path) == 403
    tab.look(f"refused-{role}")


FAULTY = """<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1>
<p class="wide"><input></p><img src="http://other.example/x.png" alt=""><script>alert(1)</script></main>
<style>.wide { width: 3000px }</style>"""


def test_the_watch_sees_what_is_wrong(
    open_context: Open, server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.browser.watching.ARTEFACTS", tmp_path)
    context = open_context()
    tab = Watched(context.new_page(), server_url)
    tab.page.route("**/faulty", lambda route: route.fulfill(body=FAULTY, content_type="text/html"))
    tab.page.route("http://other.example/**", lambda route: route.abort())
    tab.open("/studio/faulty")
    tab.look("faulty")
    for fault in (
        "dialog: 1",
        "request to http://other.example/x.png",
        "axe at 1280, light: label",
        "3008 pixels wide",
    ):
        assert any(found.startswith(fault) for found in tab.faults), (fault, tab.faults)
    tab.faults.clear()
    policy = {"Content-Security-Policy": "default-src 'self'"}
    tab.page.route("**/faulty", lambda route: route.fulfill(body=FAULTY, content_type="text/html", headers=policy))
    tab.open("/studio/faulty")
    assert any(found.startswith("console: CSP report: script-src-elem inline") for found in tab.faults), tab.faults
