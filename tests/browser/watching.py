"""Notes what a page does that no page of ours may do."""

from pathlib import Path
from typing import Any, Final, Literal

from playwright.sync_api import ConsoleMessage, Page, Request, ViewportSize

ROOT: Final = Path(__file__).resolve().parents[2]
AXE: Final = ROOT / "node_modules" / "axe-core" / "axe.min.js"
ARTEFACTS: Final = ROOT / "artefacts" / "studio"
WIDE: Final[ViewportSize] = {"width": 1280, "height": 800}
NARROW: Final[ViewportSize] = {"width": 390, "height": 844}
Scheme = Literal["light", "dark"]
BOTH_AT_ONCE: Final[list[tuple[ViewportSize, Scheme]]] = [(WIDE, "light"), (NARROW, "dark")]
EVERY_LOOK: Final = [*BOTH_AT_ONCE, (WIDE, "dark"), (NARROW, "light")]
TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE: Final = """tags => axe.run({runOnly: tags, resultTypes: ["violations"]}).then(found => found.violations.map(
    fault => `${fault.id}: ${fault.help}: ${fault.nodes.map(node => node.html.slice(0, 200)).join(" | ")}`))"""
TELL_REPORTS: Final = """document.addEventListener("securitypolicyviolation", report =>
    console.error(`CSP report: ${report.violatedDirective} ${report.blockedURI}`))"""


class Watched:
    """A tab under watch. Its cache is off, so that every visit is a first one."""

    def __init__(self, page: Page, server_url: str) -> None:
        self.page = page
        self.server_url = server_url
        self.faults: list[str] = []
        self.received = 0
        page.on("console", self.note_message)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", self.note_request)
        page.add_init_script(TELL_REPORTS)
        self.wire = page.context.new_cdp_session(page)
        self.wire.send("Network.enable")
        self.wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
        self.wire.on("Network.loadingFinished", self.note_bytes)

    def note_message(self, message: ConsoleMessage) -> None:
        refused_as_expected = message.location["url"] == self.page.url and "status of 4" in message.text
        if message.type in ("error", "warning") and not refused_as_expected:
            self.faults.append(f"console: {message.text} ({message.location['url']})")

    def note_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.server_url}/", "data:")):
            self.faults.append(f"request to {request.url}")

    def note_bytes(self, finished: dict[str, Any]) -> None:
        self.received += int(finished["encodedDataLength"])

    def open(self, path: str) -> int:
        """Returns the status."""
        self.received = 0
        response = self.page.goto(self.server_url + path)
        assert response is not None
        return response.status

    def look(self, name: str, *, thoroughly: bool = False) -> None:
        """Takes pictures, and checks whether the page fits and is accessible: on a desk in light, on a phone in dark.

        `thoroughly`: also on a desk in dark and on a phone in light, which takes twice the time. All of this is one
        visit: `test_reading` opens pages that are narrow from the start.
        """
        looks = EVERY_LOOK if thoroughly else BOTH_AT_ONCE
        for viewport, scheme in looks:
            self.show(viewport, scheme)
            path = ARTEFACTS / f"{name}-{self.width()}-{scheme}.jpg"
            self.page.screenshot(path=path, type="jpeg", quality=80, full_page=True)
        self.page.evaluate("for (const part of document.querySelectorAll('main details')) part.open = true")
        self.page.evaluate(AXE.read_text())
        for viewport, scheme in looks:
            self.show(viewport, scheme)
            self.faults += [f"axe at {self.width()}, {scheme}: {fault}" for fault in self.page.evaluate(RUN_AXE, TAGS)]
            self.note_width()

    def show(self, viewport: ViewportSize, scheme: Scheme) -> None:
        self.page.set_viewport_size(viewport)
        self.page.emulate_media(color_scheme=scheme)

    def note_widths(self) -> None:
        for viewport in (WIDE, NARROW):
            self.page.set_viewport_size(viewport)
            self.note_width()

    def note_width(self) -> None:
        self.page.wait_for_function("document.documentElement.clientWidth <= innerWidth")  # after another width
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        if wide > self.width():
            self.faults.append(f"{wide} pixels wide in a window of {self.width()}")

    def width(self) -> int:
        viewport = self.page.viewport_size
        assert viewport
        return viewport["width"]
