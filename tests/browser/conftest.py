"""A real browser on the real server. Without Chromium or axe-core these tests skip, or fail where BROWSER=required."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright
from pytest_django import DjangoDbBlocker

from studio import cookies
from tests.browser.served import in_database_of
from tests.browser.watching import AXE, WIDE, Watched
from tests.browser.workspace import Workspace, fill_workspace, use_key
from tests.memgraph.processes import Server

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
InServer = Callable[[Callable[[], Any]], Any]
Open = Callable[..., BrowserContext]
Watch = Callable[..., Watched]


@pytest.fixture(autouse=True)
def database() -> None:
    """None of the tests' own: Django refuses a database where Playwright's loop runs. See `in_server`."""


@pytest.fixture(scope="session")
def in_server(real_server: Server, django_db_blocker: DjangoDbBlocker) -> InServer:
    """Calls something with the ORM on the real server's database."""

    def call(something: Callable[[], Any]) -> Any:
        with django_db_blocker.unblock():
            return in_database_of(real_server, something)

    return call


@pytest.fixture(scope="session")
def workspace(in_server: InServer, server_url: str) -> Workspace:
    made = in_server(fill_workspace)
    use_key(server_url, made.api_key)
    return made


@pytest.fixture(scope="session")
def chromium_path() -> str:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or ""
    missing = [] if path else ["there is no Chromium (apt-get install chromium)"]
    missing += [] if AXE.exists() else ["there is no axe-core (npm ci)"]
    if missing and os.environ.get("BROWSER") == "required":
        pytest.fail("; ".join(missing))
    if missing:
        pytest.skip("; ".join(missing))
    return path


@pytest.fixture(scope="package")
def playwright(chromium_path: str) -> Iterator[Playwright]:
    """As long as tests of this package follow one another: other tests can't run beside its event loop."""
    expect.set_options(timeout=60_000)  # only to end what hangs: a busy machine is no fault of the page
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def browser(playwright: Playwright, chromium_path: str) -> Iterator[Browser]:
    with playwright.chromium.launch(executable_path=chromium_path, args=FLAGS) as launched:
        yield launched


@pytest.fixture
def open_context(browser: Browser, server_url: str) -> Iterator[Open]:
    """A browser of somebody's own, signed in by a token, if one is given."""
    opened = []

    def make(token: str = "", **options: Any) -> BrowserContext:
        options = {"viewport": WIDE, "reduced_motion": "reduce", "base_url": server_url} | options
        context = browser.new_context(**options)
        opened.append(context)
        if token:
            context.add_cookies([{"name": cookies.NAME, "value": token, "url": server_url}])
        return context

    yield make
    for context in opened:
        context.close()


@pytest.fixture
def watch(open_context: Open, server_url: str) -> Iterator[Watch]:
    """A tab that must not do anything wrong until the test ends."""
    tabs = []

    def make(token: str = "", **options: Any) -> Watched:
        tabs.append(Watched(open_context(token, **options).new_page(), server_url))
        return tabs[-1]

    yield make
    assert [fault for tab in tabs for fault in tab.faults] == []
