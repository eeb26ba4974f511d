"""Every page, as every role, at two widths, light and dark: looked at by axe-core, and kept as a picture."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import ARTEFACTS, Watched
from tests.browser.workspace import ROLES, Workspace
from tests.routes import LEVELS, PUBLIC
from tests.studio.pages import PAGES, Page

pytestmark = pytest.mark.browser
WIDTHS = {1280: 800, 390: 844}
SCHEMES = ("light", "dark")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MOST_BYTES = 50 * 1024
FRAGMENTS = ("overview-steps", "keys-use")  # parts of pages, without a head of their own
SHOWN = {
    name: page for name, page in PAGES.items() if "GET" in page.methods and not page.is_file and name not in FRAGMENTS
}
VIOLATIONS = """
async (tags) => {
  const found = await axe.run(document, { runOnly: { type: "tag", values: tags } });
  return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).join(" | ")}`);
}
"""
REPORTS = "document.addEventListener('securitypolicyviolation', (e) => console.error('CSP', e.violatedDirective));"


def address(name: str, page: Page, workspace: Workspace) -> str:
    kind = "invitations" if "/invitations/" in page.path else name.partition("-")[0]
    return page.path.replace("{id}", workspace.ids.get(kind, ""))


def watch_bytes(watched: Watched) -> Callable[[], int]:
    sizes: list[int] = []
    session = watched.page.context.new_cdp_session(watched.page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    return lambda: sum(sizes)


@pytest.mark.parametrize("role", [*ROLES, "nobody"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_pages_are_fit_to_be_seen(
    role: str, width: int, scheme: str, workspace: Workspace, open_page: Callable[..., Watched], axe: str
) -> None:
    state = {} if role == "nobody" else {"storage_state": workspace.state(role)}
    options: dict[str, Any] = {"viewport": {"width": width, "height": WIDTHS[width]}, "color_scheme": scheme, **state}
    watched = open_page(**options)
    watched.page.add_init_script(REPORTS)
    ARTEFACTS.mkdir(exist_ok=True)
    faults = []
    for name, page in SHOWN.items():
        if (page.who == PUBLIC) != (role == "nobody"):
            continue
        may = role == "nobody" or LEVELS[role] >= LEVELS[page.who]
        found = look_at(watched, address(name, page, workspace), axe=axe, expected=200 if may else 403)
        faults += [f"{name}: {fault}" for fault in found]
        watched.page.screenshot(path=str(ARTEFACTS / f"{name}-{role}-{width}-{scheme}.png"), full_page=True)
    assert not faults, "\n".join(faults)


def look_at(watched: Watched, path: str, *, axe: str, expected: int) -> list[str]:
    watched.complaints.clear()
    answer = watched.page.goto(path)
    assert answer is not None
    faults = [text for text in watched.complaints if expected == 200 or "403" not in text]
    if answer.status != expected:
        faults.append(f"status {answer.status}")
    too_wide = watched.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if too_wide > 0:
        faults.append(f"{too_wide} pixels too wide")
    watched.page.evaluate(axe)
    return faults + list(watched.page.evaluate(VIOLATIONS, RULES))


@pytest.mark.parametrize("role", ["admin", "nobody"])
def test_a_first_visit_is_small(role: str, workspace: Workspace, open_page: Callable[..., Watched]) -> None:
    state = {} if role == "nobody" else {"storage_state": workspace.state(role)}
    sizes = {}
    for name, page in SHOWN.items():
        if (page.who == PUBLIC) == (role == "nobody"):
            watched = open_page(**state)
            count = watch_bytes(watched)
            watched.page.goto(address(name, page, workspace), wait_until="load")
            sizes[name] = count()
            watched.page.context.close()
    assert {name: size for name, size in sizes.items() if not 0 < size <= MOST_BYTES} == {}
