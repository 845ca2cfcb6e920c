from __future__ import annotations

import fcntl
import json
import os
import random
import subprocess
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from tempfile import gettempdir
from threading import Thread
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from parsel import Selector
from playwright.async_api import async_playwright

from lifestats_crawler.report import html as page
from lifestats_crawler.storage.runs import Run

SCRIPT = "../plotly.min.js"
FIRST = 658_330_693
ATTACK = "<script>alert(1)</script><img src=x onerror=alert(1)>'\"{{ 7 * 7 }}</script>"
HOSTILE = [
    ATTACK,
    "a\nb\r\n\tc\0d",
    "\u202eevil\u2066",
    "\u2028\u2029",
    "שלום עולם 7",
    "👩‍👩‍👧 ✓",
    "&amp;&lt;",
    "",
    " ",
    "7",
    "x" * 5000,
    "a long text of many words " * 40,
]


def counted(rows: list[tuple[Any, int]], **more) -> dict[str, Any]:
    """A counter of a report, with these keys and counts as all that there is."""
    items = sum(count for _, count in rows)
    top = [
        {"rank": rank, "key": key, "count": count, "share": round(count / items, 6), "certain": rank == 1}
        for rank, (key, count) in enumerate(rows, 1)
    ]
    return {"field": "food_id", "items": items, "without": 0, "distinct": len(rows), "top": top} | more


def reported(*, missing=(), ids=73_827_800, **more) -> dict[str, Any]:
    """A report with the keys that every report has, and ``more``."""
    settled = ids - sum(end - begin for begin, end in missing)
    return {
        "schema": "lifestats.report/1",
        "run": {
            "name": "20261124T040000Z",
            "environment": "production",
            "started_at": "2026-11-24T04:00:00.000Z",
            "finished_at": "2026-11-24T06:03:04.500Z",
            "elapsed_seconds": 7384.5,
            "finish_reason": "shutdown" if missing else "finished",
        },
        "source": {
            "url": "https://api.example.com/v1/foodstats?offset={cursor}&limit={limit}",
            "first_id": FIRST,
            "last_id": FIRST + ids - 1,
            "results_per_page": 100,
            "rate_limit": 100.0,
        },
        "coverage": {
            "complete": not missing,
            "ids": ids,
            "settled": settled,
            "ratio": settled * 10**6 // ids / 10**6,
            "missing": [list(span) for span in missing],
        },
        "totals": {
            "items": 69_648_868,
            "pages": 735_419,
            "requests": 735_450,
            "retries": 31,
            "requests_per_second": 99.59,
        },
        "counters": {"foods": counted([(12274029, 13), (-5, 4), (2**63 - 1, 1)])},
    } | more


def realistic(**more) -> dict[str, Any]:
    """Two hours of crawling as they could be: the picture in the README."""
    chance = random.Random(7)
    names = ["Coffee, brewed", "Egg, whole", "Banana", "Milk, 2% fat", "Water", "Apple", "Chicken breast, grilled"]
    kinds = ["Beverages", "Dairy", "Fruits", "Vegetables", "Baked goods", "Poultry", "Cereals", "Snacks", "Sweets"]
    foods = ranked(
        chance, names, chance.sample(range(1, 16_000_000), 100), partial(falling, 1_203_441, 0.75), 9_182_733
    )
    categories = ranked(chance, kinds, chance.sample(range(1, 160), 10), partial(falling, 12_410_233, 1.0), 152)
    categories |= {"field": "food__category_id", "items": categories["items"] - 1204, "without": 1204}
    previous = {"name": "20261117T040000Z", "finished_at": "2026-11-17T06:03:11.000Z"}
    counters = {"foods": foods, "categories": categories}
    return reported(counters=counters, previous=previous, pace=paced(chance)) | more


def falling(most: int, exponent: float, rank: int) -> int:
    """The count at a rank: a line on two logarithmic axes, which bends where values are rare."""
    return max(1, int(most / rank**exponent / (1 + (rank / 20_000) ** 2)))


def ranked(chance, names, keys, count, distinct) -> dict[str, Any]:
    """A counter with a count for each rank, whose values have changed places a little."""
    counter = counted(
        [(key, count(rank)) for rank, key in enumerate(keys, 1)], distinct=distinct, items=69_648_868
    )
    ranks = sorted({*(int(10 ** (step / 20)) for step in range(140)), distinct})
    counter["frequency"] = [[rank, count(rank)] for rank in ranks if rank <= distinct]
    before = sorted(range(1, len(keys) + 1), key=lambda rank: rank + chance.gauss(0, 0.2 * rank**0.6))
    for row in counter["top"]:
        is_new = row["rank"] % 37 == 14
        change = None if is_new else before.index(row["rank"]) + 1 - row["rank"]
        row |= {"share": round(row["count"] / counter["items"], 6), "new": is_new, "rank_change": change}
    for row, name in zip(counter["top"], names, strict=False):
        row["label"] = name
    return counter


def paced(chance: random.Random) -> list[dict[str, Any]]:
    """Half a minute each, with a slow server for a while."""
    return [
        {
            "at": f"2026-11-24T{4 + step // 120:02}:{step // 2 % 60:02}:{step % 2 * 30:02}.000Z",
            "seconds": 30.0,
            "requests": int(30 * (99.6 - chance.random() - (25 * chance.random() if 120 < step < 127 else 0))),
        }
        for step in range(1, 247)
    ]


def parsed(report: dict[str, Any]) -> Selector:
    return Selector(page.render(report, SCRIPT))


def words(selector) -> str:
    return " ".join("".join(selector.xpath(".//text()").getall()).split())


def rows_of(selector: Selector) -> list[list[str]]:
    return [[words(cell) for cell in row.xpath("*[not(@aria-hidden)]")] for row in selector.css("tbody tr")]


# What the page says


def test_the_rows_are_the_report_s():
    assert rows_of(parsed(reported())) == [
        ["1", "12274029", "13", "72.222%", "72.222%"],
        ["2", "-5", "4", "22.222%", "94.444%"],
        ["3", "9223372036854775807", "1", "5.556%", "100.000%"],
    ]


def test_the_facts_are_the_report_s():
    said = words(parsed(reported()).css("body"))
    for fact in (
        "https://api.example.com/v1/foodstats?offset={cursor}&limit={limit}",
        "658330693 to 732158492 (73,827,800)",
        "2026-11-24 04:00:00 UTC to 2026-11-24 06:03:04 UTC",
        "2 h 3 min",
        "All 73,827,800 ids were crawled: 69,648,868 records on 735,419 pages.",
        "3 values of food_id in 18 records.",
    ):
        assert fact in said


@pytest.mark.parametrize("section", ["run", "source", "totals"])
def test_every_fact_of_the_run_is_on_the_page(section):
    report = reported()
    said = [words(value) for value in parsed(report).css("details.all dd")]
    assert {str(value) for value in report[section].values()} <= set(said)


def test_a_partial_report_says_how_much_is_missing_and_which_ranges():
    spans = [(FIRST + 1000 * step, FIRST + 1000 * step + 10) for step in range(1, 9)]
    document = parsed(reported(missing=[*spans, (FIRST + 73_827_799, FIRST + 73_827_800)]))
    verdict = document.css(".verdict")
    assert words(verdict.css("h2")) == "! Incomplete: 99.9998% of the ids crawled"
    assert "81 of 73,827,800 ids are missing, in 9 ranges." in words(verdict)
    assert words(verdict.css("summary")) == "4 more missing ranges"
    listed = [words(item) for item in verdict.css("li")]
    assert listed[0] == "658331693 to 658331702 10 ids"
    assert listed[-1] == "732158492 1 id"
    assert len(listed) == 9


def test_of_thousands_of_missing_ranges_the_page_has_a_thousand_and_says_where_the_others_are():
    document = parsed(reported(missing=[(FIRST + 10 * step, FIRST + 10 * step + 1) for step in range(9000)]))
    assert len(document.css(".verdict li")) == page.RANGES + page.MOST_RANGES
    assert "And 7,995 more: report.json lists every range." in words(document.css(".verdict"))
    assert len(document.css(".strip .missing")) <= page.CELLS


def test_one_missing_id_shows_in_the_strip():
    gap = parsed(reported(missing=[(FIRST + 70_000_000, FIRST + 70_000_001)])).css(".strip .missing")
    assert [(gap.attrib["x"], gap.attrib["width"])] == [("227", "1")]


def test_a_rank_is_called_certain_or_not_only_where_something_is_missing():
    assert "certain" not in words(parsed(reported()).css("main"))
    partly = rows_of(parsed(reported(missing=[(FIRST, FIRST + 2)])))
    assert [row[-1] for row in partly] == ["yes", "no", "no"]


@pytest.mark.parametrize(
    ("reason", "said"),
    [("shutdown", "A signal stopped the crawl"), ("refused", "the API refused"), ("<b>", "the reason “<b>”")],
)
def test_the_finish_reason_is_said_in_words(reason, said):
    report = reported(missing=[(FIRST, FIRST + 1)])
    report["run"]["finish_reason"] = reason
    assert said in words(parsed(report).css(".verdict"))


def test_changes_have_words_beside_their_arrows():
    rows = [(key, 9 - key) for key in range(5)]
    report = reported(counters={"foods": counted(rows)}, previous={"name": "before", "finished_at": ""})
    for row, change in zip(report["counters"]["foods"]["top"], (3, -1200, 0, None, None), strict=True):
        row |= {"rank_change": change, "new": row["rank"] == 4}
    document = parsed(report)
    document.css("[aria-hidden]").drop()
    assert [row[1] for row in rows_of(document)] == ["up 3", "down 1,200", "unchanged", "new", ""]


def test_labels_and_records_without_the_field_are_told():
    report = reported(counters={"foods": counted([(1, 2), (2, 1)], without=1204)})
    report["counters"]["foods"]["top"][0]["label"] = "Coffee"
    document = parsed(report)
    assert [row[1] for row in rows_of(document)] == ["1 Coffee", "2"]
    assert "1,204 records without this field." in words(document.css(".lead"))


@pytest.mark.parametrize("limit", [None, 100.0])
def test_a_crawl_that_found_nothing_has_a_page(limit):
    nothing = {"field": "food_id", "items": 0, "without": 0, "distinct": 0, "top": [], "frequency": []}
    report = reported(missing=[(FIRST, FIRST + 1)], ids=1, counters={"foods": nothing}, pace=[])
    report["source"]["rate_limit"] = limit
    document = parsed(report)
    assert "Incomplete: 0% of the ids crawled" in words(document.css("h2"))
    assert "No record had a value to count." in words(document.css(".counter"))
    assert not document.css(".plot")


def test_of_ten_thousand_rows_twenty_are_unfolded_and_none_is_lost():
    document = parsed(reported(counters={"foods": counted([(key, 20_000 - key) for key in range(10_000)])}))
    assert len(document.css("tbody tr")) == 10_000
    assert len(document.xpath("//tbody/tr[not(ancestor::details)]")) == page.ROWS
    assert words(document.css(".counter summary")) == "Ranks 21 to 10,000"


def test_fifty_counters_have_a_list_that_leads_to_them():
    document = parsed(reported(counters={f"counter {number}": counted([(1, 2)]) for number in range(50)}))
    targets = {f"#{heading}" for heading in document.css("h2::attr(id)").getall()}
    assert len(document.css("nav a")) == 50
    assert set(document.css("nav a::attr(href)").getall()) <= targets


# Hostile values


@given(key=st.text(st.characters(exclude_categories=["Cs"])) | st.integers(), other=st.text())
def test_different_keys_are_written_differently(key, other):
    assert (page.visible(key) == page.visible(other)) == (key == other)


@pytest.mark.parametrize("value", HOSTILE)
def test_any_text_stays_text_wherever_it_stands(value):
    report = reported(counters={value: counted([(value, 3), (1, 2)], field=value)})
    report["counters"][value]["top"][0]["label"] = value
    report["run"] |= dict.fromkeys(("name", "environment", "finish_reason", "started_at"), value)
    report["source"]["url"] = value
    document, harmless = parsed(report), parsed(reported(counters={"foods": counted([(1, 3), (2, 2)])}))
    assert len(document.css("script, img, svg, a")) == len(harmless.css("script, img, svg, a"))
    cell = document.css("tbody th.key")[0]
    cell.css(".label, .more").drop()
    assert words(cell).replace(" ", "") == "".join(page.visible(value).split())


def test_figures_hold_numbers_only():
    report = reported(counters={ATTACK: counted([(ATTACK, 3), (2**63 - 1, 2)])})
    figure = json.loads(parsed(report).css("[data-figure]").attrib["data-figure"])
    assert figure["data"][0]["x"] == [1, 2]
    assert figure["data"][0]["y"] == [3, 2]
    assert "alert" not in json.dumps(figure)


# Beside the run


def test_the_script_is_written_once_per_environment_and_where_the_page_looks_for_it(tmp_path):
    for name in ("one", "two"):
        directory = tmp_path / "test" / name
        directory.mkdir(parents=True)
        written = page.write(Run(directory, "test"), reported())
        source = Selector(written.read_text("utf-8")).css("script[src]").attrib["src"]
        script = (directory / source).resolve()
        assert script.parent == tmp_path / "test"
        assert script.stat().st_size > 1_000_000
        os.utime(script, (0, 0))
    assert script.stat().st_mtime == 0


# In a real browser


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


@pytest.fixture
async def visit(chromium):
    """Open tabs of a headless Chromium, with options of a browser context."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])

        async def opened(url: str, **options) -> Visit:
            context = await browser.new_context(**options)
            tab = Visit(await context.new_page())
            await tab.open(url)
            return tab

        yield opened
        await browser.close()


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

    def write(report: dict[str, Any], name: str = "one") -> str:
        directory = tmp_path / "test" / name
        directory.mkdir(parents=True)
        return page.write(Run(directory, "test"), report).as_uri()

    return write


@pytest.fixture
def served(tmp_path):
    """Serve what is written over loopback HTTP: the url of its root."""
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=tmp_path)) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def hostile() -> dict[str, Any]:
    """Everything that a value could try, and little room for it."""
    foods = counted([(key, 2**60 - rank) for rank, key in enumerate(HOSTILE)])
    for row in foods["top"]:
        row |= {"label": row["key"], "rank_change": 1_000_000, "new": False}
    return reported(
        counters={ATTACK: foods, "y" * 300: foods},
        missing=[(FIRST, FIRST + 2)],
        previous={"name": ATTACK, "finished_at": ATTACK},
        source=reported()["source"] | {"url": "https://" + "z" * 400},
    )


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


async def test_a_script_that_got_in_would_not_run(visit, written, monkeypatch):
    def sentence(_) -> Markup:
        return Markup("<script>alert(1)</script>")

    monkeypatch.setattr(page, "sentence", sentence)
    opened = await visit(written(reported()))
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
