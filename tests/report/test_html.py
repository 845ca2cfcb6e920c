from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parsel import Selector

from lifestats_crawler.report import html as page
from lifestats_crawler.storage.runs import Run
from tests.conftest import FIRST
from tests.report.sample_reports import ATTACK, HOSTILE, counted, reported

SCRIPT = "../plotly.min.js"


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


def test_why_ids_are_missing_and_what_the_audit_found_is_said_as_text():
    report = reported(missing=[(FIRST, FIRST + 2)], audit={"ranges": 20, "differing": 1, "at_most": 0.216107})
    report["coverage"] |= {"reasons": [[FIRST, FIRST + 2, "status <b>500</b>"]], "seen": False}
    said = words(parsed(report).css(".verdict"))
    assert f"Why ids are missing ids {FIRST} to {FIRST + 1} status <b>500</b>" in said
    assert "Audit: 20 ranges were requested again, 1 differed; at most 21.611% of the pages can differ" in said
    assert "The API has not shown one record." in said


def test_counts_that_contradict_the_configuration_are_not_called_complete_though_no_id_is_missing():
    report = reported()
    report["coverage"]["complete"] = False
    report["run"]["finish_reason"] = "misconfigured"
    said = words(parsed(report).css(".verdict"))
    assert "Incomplete These counts cannot be relied on. The crawl stopped because the answers contradict" in said


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


def test_of_ten_thousand_rows_twenty_are_unfolded_and_the_page_says_where_those_are_that_it_has_not():
    document = parsed(reported(counters={"foods": counted([(key, 20_000 - key) for key in range(10_000)])}))
    assert len(document.css("tbody tr")) == page.MOST_ROWS
    assert len(document.xpath("//tbody/tr[not(ancestor::details)]")) == page.ROWS
    assert words(document.css(".counter summary")) == "Ranks 21 to 1,000"
    assert "Ranks 1001 to 10,000 are in report.json" in words(document.css(".counter"))


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
    report = reported(counters={ATTACK: counted([(ATTACK, 3), (2**63 - 1, 2), (7, 1)])})
    figure = json.loads(parsed(report).css("[data-figure]").attrib["data-figure"])
    assert figure["data"][0]["x"] == [1, 2, 3]
    assert figure["data"][0]["y"] == [3, 2, 1]
    assert "alert" not in json.dumps(figure)


# Beside the run


def test_the_script_is_written_once_per_environment_and_where_the_page_looks_for_it(tmp_path):
    for name in ("one", "two"):
        directory = tmp_path / "test" / name
        directory.mkdir(parents=True)
        run = Run(directory, "test")
        page.write(run, reported())
        page.write_script(run.directory.parent)
        source = Selector(run.page.read_text("utf-8")).css("script[src]").attrib["src"]
        script = (directory / source).resolve()
        assert script.parent == tmp_path / "test"
        assert script.stat().st_size > 1_000_000
        os.utime(script, (0, 0))
    assert script.stat().st_mtime == 0


@pytest.mark.parametrize("damage", [lambda _: b"", lambda whole: whole[:100_000], lambda whole: bytes(len(whole))])
def test_a_script_that_is_damaged_is_written_anew(tmp_path, damage):
    page.write_script(tmp_path)
    script = tmp_path / page.SCRIPT
    whole = script.read_bytes()
    script.write_bytes(damage(whole))
    page.write_script(tmp_path)
    assert script.read_bytes() == whole
