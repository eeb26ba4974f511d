"""A real browser against the real server."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.workspace import Workspace, fill_workspace

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
ARTEFACTS = Path(__file__).parent / "artefacts"


def missing(what: str) -> None:
    """A skip, whose reason is printed; where the browser tests are required, a failure."""
    if os.environ.get("BROWSER_TESTS") == "required":
        pytest.fail(f"{what}, and BROWSER_TESTS=required")
    pytest.skip(what)


@pytest.fixture(autouse=True)
def database() -> None:
    """The real server has its own. Beside Playwright's event loop Django would use none."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Not for the session: the event loop would be there for all tests after."""
    path = shutil.which("chromium")
    if path is None:
        missing("There is no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    if not AXE.exists():
        missing("There is no axe-core: npm ci --prefix tests/browser")
    return AXE.read_text()


@pytest.fixture(scope="session")
def workspace(server_url: str) -> Workspace:
    """Everything that a page can show, with names that try to break it."""
    return fill_workspace(server_url)


class Watched:
    """A page's complaints: errors of the console, reports of the content security policy, calls to other hosts."""

    def __init__(self, page: Page, server_url: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self.note_address(request.url, server_url))

    def note_address(self, url: str, server_url: str) -> None:
        if not url.startswith((server_url + "/", "data:", "blob:")):
            self.complaints.append(f"asked {url}")


@pytest.fixture
def open_page(chromium: Browser, server_url: str) -> Iterator[Callable[..., Watched]]:
    """A page in a new context; `state` signs in."""
    contexts: list[BrowserContext] = []

    def open_(**options: Any) -> Watched:
        options = {"viewport": {"width": 1280, "height": 800}, "base_url": server_url} | options
        contexts.append(chromium.new_context(**options))
        return Watched(contexts[-1].new_page(), server_url)

    yield open_
    for context in contexts:
        context.close()  # a second time, it does nothing
