from __future__ import annotations

import pytest

from lifestats_crawler.config.file import read
from lifestats_crawler.config.model import Config
from lifestats_crawler.ranges import IdRange
from lifestats_crawler.storage import segments
from lifestats_crawler.storage.source import Job, from_format_1, source
from tests.configurations import configured

URL = configured().url


def test_a_source_is_the_url_and_what_is_not_as_usual():
    assert source(configured()) == {"url": URL, "counters": {"colours": {"field": "colour"}}}


@pytest.mark.parametrize(
    ("change", "in_source"),
    [
        ({"items": "@"}, {}),
        ({"items": "rows"}, {"items": "rows"}),
        ({"id": "id"}, {}),
        ({"id": "key.id"}, {"id": "key.id"}),
        ({"next": None}, {}),
        ({"next": "meta.next"}, {"next": "meta.next"}),
        ({"inclusive": True}, {}),
        ({"inclusive": False}, {"inclusive": False}),
        ({"mock": False}, {}),
        ({"mock": True}, {"mock": True}),
        ({"counters": {"colours": {"field": "colour", "missing": "fault"}}}, {}),
        (
            {"counters": {"colours": {"field": "colour", "missing": "skip"}}},
            {"counters": {"colours": {"field": "colour", "missing": "skip"}}},
        ),
    ],
    ids=str,
)
def test_a_key_with_its_default_is_left_out_so_that_a_new_key_makes_no_run_another_one(change, in_source):
    assert source(configured(**change)) == source(configured()) | in_source


@pytest.mark.parametrize(
    "change",
    [
        {"subsets": 3},
        {"rate_limit": 5},
        {"results_per_page": 7},
        {"retries": 0},
        {"outage_seconds": 5},
        {"audit": False},
        {"spill_every": 3},
        {"headers": {"Authorization": "Bearer x"}},
        {"counters": {"colours": {"field": "colour", "top": 3, "label": "name"}}},
        {"storage": "elsewhere"},
        {"url": URL.replace("//", "//me:secret@")},
    ],
    ids=str,
)
def test_how_fast_and_as_whom_it_is_asked_and_what_is_shown_make_no_other_job(change):
    mine = URL.replace("//", "//you:hidden@")
    job, other = Job.of(configured(url=mine)), Job.of(configured(**{"url": mine} | change))
    assert job == other
    assert job.difference(other) == ""


def test_no_login_is_in_a_source():
    own = source(configured(url=URL.replace("//", "//me:s3cret@")))
    assert own["url"] == URL.replace("//", "//***@")
    assert "s3cret" not in str(own)


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"first_id": 5}, "first_id differs"),
        ({"last_id": 5}, "last_id differs"),
        ({"inclusive": False}, "inclusive differs"),
        ({"mock": True}, "mock differs"),
        ({"items": "rows", "next": "next", "first_id": 1}, "items, next, first_id differ"),
        ({}, ""),
    ],
    ids=str,
)
def test_a_difference_is_named_by_the_keys_of_the_configuration_from_either_side(change, differs):
    one, other = Job.of(configured()), Job.of(configured(**change))
    assert (one.difference(other), other.difference(one)) == (differs, differs)


FORMAT_1 = {
    "url": URL,
    "items": "@",
    "id": "id",
    "next": None,
    "inclusive": True,
    "counters": {"colours": ["colour", "fault"]},
    "first_id": 0,
    "last_id": 999,
}


@pytest.mark.parametrize(
    ("stored", "change"),
    [
        ({}, {}),
        ({"items": "rows", "inclusive": False}, {"items": "rows", "inclusive": False}),
        ({"mock": True}, {"mock": True}),
        ({"mock": False}, {}),
        (
            {"counters": {"colours": ["colour", "skip"]}},
            {"counters": {"colours": {"field": "colour", "missing": "skip"}}},
        ),
        ({"url": URL.replace("//", "//me:s3cret@")}, {"url": URL.replace("//", "//you:hidden@")}),
        ({"last_id": 5}, {"last_id": 5}),
    ],
    ids=str,
)
def test_a_source_as_format_1_has_it_is_the_same_job_as_today(stored, change):
    assert from_format_1(FORMAT_1 | stored) == Job.of(configured(**change))


def test_the_stored_runs_of_format_1_are_of_the_job_of_their_configuration(fixtures):
    directory = fixtures / "format_1"
    job = Job.of(Config.model_validate(read(directory / "config.yml", "stored")))
    assert job.space == IdRange(658_330_693, 658_332_193)
    for run in ("killed", "complete"):
        assert {segments.footer(path).job.difference(job) for path in segments.paths(directory / run)} == {""}
