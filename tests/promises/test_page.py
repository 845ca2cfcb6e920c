"""A report's page in a real browser."""

from __future__ import annotations

import fcntl
import os
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from tempfile import gettempdir
from threading import Thread
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright

from lifestats_crawler.report import html as page
from lifestats_crawler.storage.runs import Run
from tests.conftest import FIRST
from tests.report.sample_reports import ATTACK, hostile, realistic, reported

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Visit:
    """A page in Chromium, and what it did beside showing itself."""

    def __init__(self, tab) -> None:
        self.tab = tab
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        tab.on("pageerror", lambda error: self.errors.append(str(error)))
        tab.on("console", lambda message: self.errors.append(message.text))
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.on("dialog", self._dismiss)

    async def _dismiss(self, dialog) -> None:
        self.dialogs.append(dialog.message)
        await dialog.dismiss()

    async def open(self, url: str) -> None:
        await self.tab.goto(url)
        plots = await self.tab.locator(".plot").count()
        await self.tab.wait_for_function(
            "plots => document.querySelectorAll('.plot .main-svg .xtick').length >= plots"
            " || document.documentElement.classList.contains('bare')",
            arg=plots,
        )

    async def overflow(self) -> int:
        return await self.tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium):
    """A headless Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser):
    """Open tabs with options of a browser context, each test its own."""
    contexts = []

    async def opened(url: str, **options) -> Visit:
        contexts.append(await browser.new_context(**options))
        tab = Visit(await contexts[-1].new_page())
        await tab.open(url)
        return tab

    yield opened
    for context in contexts:
        await context.close()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Find Debian's Chromium, or install it where that can be done."""
    with (Path(gettempdir()) / "lifestats-chromium.lock").open("w") as lock:
        # Several processes run the tests, and one of them is to install it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not which("chromium") and (apt := which("apt-get")) and os.geteuid() == 0:
            for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
                subprocess.run([apt, "-qq", *command], check=False, capture_output=True)
    return which("chromium") or pytest.skip("no chromium here: apt-get install chromium")


@pytest.fixture
def written(tmp_path):
    """Write a report's page beside the script, and return its url."""

    def write(report: dict[str, Any], injected: str = "") -> str:
        directory = tmp_path / "test" / "one"
        directory.mkdir(parents=True)
        run = Run(directory, "test")
        page.write(run, report)
        page.write_script(directory.parent)
        path = run.page
        path.write_text(path.read_text().replace("</main>", f"{injected}</main>"))
        return path.as_uri()

    return write


@pytest.fixture
def served(tmp_path):
    """Serve what is written over loopback HTTP: the url of its root."""
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=tmp_path)) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def test_the_browser_shows_the_report_s_numbers_and_asks_the_network_for_nothing(visit, written):
    report = realistic()
    opened = await visit(written(report))
    rows = await opened.tab.locator(".counter tbody tr:visible").all_inner_texts()
    assert len(rows) == page.ROWS + 10
    shown = [row for counter in report["counters"].values() for row in counter["top"][: page.ROWS]]
    for row, counted_row in zip(rows, shown, strict=True):
        assert {str(counted_row["key"]), f"{counted_row['count']:,}"} <= set(row.split())
    assert not opened.errors
    assert [url for url in opened.requests if not url.startswith(("file://", "data:"))] == []


async def test_a_page_that_travels_alone_has_its_figures_with_it_and_links_to_nothing_beside_it(visit, tmp_path):
    path = tmp_path / "alone.html"
    path.write_text(page.render(realistic()))
    opened = await visit(path.as_uri())
    assert not opened.errors
    assert opened.requests == [path.as_uri()]
    assert await opened.tab.locator("a[href='report.json']").count() == 0


async def test_a_server_may_serve_it_too(visit, written, served):
    written(realistic())
    opened = await visit(f"{served}/test/one/report.html")
    assert await opened.tab.locator(".plot .main-svg").count() > 0
    assert not opened.errors
    assert {url.startswith((served, "data:")) for url in opened.requests} == {True}


async def test_hostile_values_run_nothing_and_add_nothing(visit, written):
    opened = await visit(written(hostile()), viewport={"width": 360, "height": 740})
    assert opened.dialogs == []
    assert opened.errors == []
    assert await opened.tab.locator("main img, main script").count() == 0
    assert await opened.tab.locator("tbody .key bdi").first.inner_text() == ATTACK
    assert await opened.overflow() <= 0


async def test_a_script_that_got_in_would_not_run(visit, written):
    opened = await visit(written(reported(), injected="<script>alert(1)</script>"))
    assert opened.dialogs == []
    assert "Content Security Policy" in opened.errors[0]


@pytest.mark.parametrize("missing", [[], [(FIRST + 5, FIRST + 9_000_000)]])
async def test_nothing_makes_the_page_wider_than_the_screen(visit, written, missing):
    partly = reported(missing=missing)
    opened = await visit(written(realistic(run=partly["run"], coverage=partly["coverage"])))
    for width in (360, 768, 1280):
        await opened.tab.set_viewport_size({"width": width, "height": 740})
        assert await opened.overflow() <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_figures_are_drawn_in_the_colours_of_the_scheme_and_on_paper_in_light_ones(visit, written, scheme):
    tab = (await visit(written(realistic()), color_scheme=scheme)).tab
    ink = "getComputedStyle(document.querySelector('.plot .xtick text')).fill"
    muted = {"light": "rgb(89, 98, 109)", "dark": "rgb(155, 165, 176)"}
    assert await tab.locator(".plot .scatterlayer .trace").count() == 3
    assert await tab.evaluate(ink) == muted[scheme]
    await tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert await tab.evaluate(ink) == muted["light"]


async def test_without_its_script_the_page_is_complete_and_says_what_is_missing(visit, written):
    url = written(realistic())
    next(Path(url.removeprefix("file://")).parent.parent.glob("plotly-*")).unlink()
    tab = (await visit(url)).tab
    assert await tab.locator(".counter tbody tr:visible").count() == page.ROWS + 10
    assert await tab.locator(".plot:visible").count() == 0
    assert "plotly-" in await tab.locator(".bare-only:visible").inner_text()


async def test_without_scripts_it_does_too(visit, written):
    context = {"java_script_enabled": False}
    url = written(reported(counters={}))
    tab = (await visit(url, **context)).tab
    assert await tab.locator(".bare-only:visible").count() == 1


@pytest.mark.parametrize("made", [realistic, hostile])
async def test_the_page_has_no_barriers_that_axe_knows_of(visit, written, made):
    # Its own script is one that the page's policy would not run.
    tab = (await visit(written(made()), bypass_csp=True)).tab
    for scheme in ("light", "dark"):
        await tab.emulate_media(color_scheme=scheme)
        found = await Axe().run(tab)
        assert found.violations_count == 0, found.generate_report()


async def test_on_paper_everything_is_unfolded(visit, written):
    report = realistic() | {"errors": ["the last error of all"], "answers": {"status 200": 1}}
    tab = (await visit(written(report))).tab
    folded = tab.locator("details:not([open]) td.rank", has_text="21").first
    assert not await folded.is_visible()
    await tab.emulate_media(media="print")
    for row in (folded, tab.get_by_text("the last error of all"), tab.get_by_text("finish reason")):
        assert (await row.bounding_box())["height"] > 0
        assert await row.evaluate("one => one.checkVisibility({contentVisibilityAuto: true})")


SHOTS = {
    "light": {"viewport": {"width": 1280, "height": 1190}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 1190}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 360, "height": 960}, "device_scale_factor": 2, "color_scheme": "light"},
}


@pytest.mark.parametrize("name", SHOTS)
async def test_the_pictures_in_docs_can_be_taken_again(visit, written, project, tmp_path, name):
    """LIFESTATS_SCREENSHOTS=docs puts them there."""
    target = project / "docs" if os.environ.get("LIFESTATS_SCREENSHOTS") == "docs" else tmp_path
    picture = target / f"report-{name}.png"
    await (await visit(written(realistic()), **SHOTS[name])).tab.screenshot(path=picture)
    assert 10_000 < picture.stat().st_size < 300_000
