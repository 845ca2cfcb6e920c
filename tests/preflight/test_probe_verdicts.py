"""What is wrong with a configuration is named with the key to look at, and what is right is believed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lifestats_crawler.preflight.probe_questions import NOTE, OK, SKIPPED
from lifestats_crawler.ranges import IdRange
from tests.conftest import FIRST
from tests.crawl.walking import Walking
from tests.memory_api import MemoryApi
from tests.preflight.probing import first_users, probe

FOODS = {"foods": {"field": "food_id"}}
URL = "http://127.0.0.1/foodstats?"
MOST_REQUESTS = 25
USUAL_REQUESTS = 14
EVERY_ID = {"density": 1}
NOT_THE_LAST_PAGE = f"{FIRST}:{FIRST + 2007}"

WRONG = [
    # what is wrong, the API's shape, its faults, the configuration, the check and the keys named, what is seen
    ("items", {}, [], {"items": "answer"}, ("items", "items"), "answer is null"),
    ("items that are no list", {}, [], {"items": "meta"}, ("items", "items"), "not a list"),
    ("id", {}, [], {"id": "identity"}, ("id", "id"), "identity is null in 10 of 10 records"),
    ("a word as id", {}, ["id-text:1"], {}, ("id", "id"), 'id is "abc" in 1 of 10'),
    (
        "an id below 0",
        {},
        [f"id-negative:1:{FIRST}:{FIRST + 1}"],
        {},
        ("read by the crawl", ""),
        "would not be counted: id -5 must be from 0",
    ),
    ("next", {}, [], {"next": "meta.next"}, ("next", "next"), "null on the first page, but id"),
    ("the cursor as next", {}, [], {"next": "meta.offset"}, ("next", "next"), f"not after the cursor {FIRST}"),
    ("a status as next", {}, [], {"next": "meta.code"}, ("next", "next"), "meta.code is 200"),
    ("an object as next", {}, [], {"next": "meta"}, ("next", "next"), "not an integer"),
    ("an id of the page as next", {}, ["next-short:1"], {}, ("next", "next"), "but the page already has id"),
    ("inclusive", {"exclusive": True}, [], {}, ("inclusive", "inclusive"), "set inclusive: false"),
    ("exclusive", {}, [], {"inclusive": False}, ("inclusive", "inclusive"), "set inclusive: true"),
    (
        "inclusive without next",
        {"exclusive": True, "following": ""},
        [],
        {"next": None},
        ("inclusive", "inclusive"),
        "set inclusive: false",
    ),
    (
        "a field",
        {},
        [],
        {"counters": {"foods": {"field": "food"}}},
        ("counter foods", "counters.foods.field"),
        "null in 79 of 79",
    ),
    (
        "a field that some records are without",
        {},
        [f"field-missing:1:{NOT_THE_LAST_PAGE}"],
        {"counters": FOODS, "results_per_page": 5},
        ("counter foods", "counters.foods.field, or counters.foods.missing: skip"),
        "food_id is missing or null in",
    ),
    (
        "a field that is an object",
        {},
        [f"field-object:1:{NOT_THE_LAST_PAGE}"],
        {"counters": FOODS, "results_per_page": 5},
        ("counter foods", "counters.foods.field"),
        "neither an integer nor text",
    ),
    (
        "no limit in the url",
        {"max_limit": 50},
        [],
        {"url": URL + "offset={cursor}"},
        ("page size", "results_per_page, url ({limit})"),
        "the answer has 50 records, but 10 were requested",
    ),
    (
        "a limit that is not heeded",
        {"max_limit": 50},
        [],
        {"url": URL + "offset={cursor}&size={limit}"},
        ("page size", "results_per_page"),
        "the answer has 50 records, but 10 were requested",
    ),
    (
        "a cursor that is not heeded",
        {},
        [],
        {"url": f"{URL}offset={FIRST}&x={{cursor}}&limit={{limit}}"},
        ("cursor advances", "url ({cursor}), next"),
        "no effect",
    ),
    (
        "no records",
        {},
        [],
        {"last_id": 10**12, "first_id": 10**11},
        ("id", "first_id, items, url"),
        "has no record, so nothing else can be checked",
    ),
    (
        "a field beyond 64 bits",
        {},
        [f"field-huge:1:{NOT_THE_LAST_PAGE}"],
        {"counters": FOODS, "results_per_page": 5},
        ("counter foods", "counters.foods.field"),
        "which does not fit into 64 bits. Set field: to_string(food_id)",
    ),
    (
        "a field that an expression cannot read",
        {},
        [],
        {"counters": {"foods": {"field": "length(food_id)"}}},
        ("counter foods", "counters.foods.field"),
        "length(food_id) cannot be read: In function length()",
    ),
    (
        "items that no expression reads",
        {},
        [],
        {"items": "values(response)"},
        ("items", "items"),
        "cannot be read",
    ),
    (
        "an end on the first page",
        {},
        [f"next-empty:1:{FIRST}:{FIRST + 1}"],
        {},
        ("next", "next"),
        'meta.next_offset is "" on the first page, but id',
    ),
    (
        "only records from before the cursor at the end",
        {},
        ["before-cursor:1"],
        {},
        ("end of the records", "last_id, url"),
        f"up to {FIRST + 2103}. A crawl does not believe such an end. If {FIRST + 2103} is the last record",
    ),
    ("the address", {}, ["status-404:1"], {}, ("reachable", "url"), "status 404"),
    ("the token", {}, ["status-401:1"], {}, ("reachable", "headers, url"), "status 401"),
    ("the rate", {}, ["throttle-bare:1"], {}, ("reachable", "rate_limit"), "status 429"),
    ("HTML", {}, ["html:1"], {}, ("JSON", "url, headers"), "<html>"),
    ("nothing", {}, ["empty:1"], {}, ("JSON", "url, headers"), "the body is empty"),
    ("a redirect", {}, ["redirect:1"], {}, ("reachable", "url"), "points to http://another-host.invalid/"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_named_with_the_key_to_look_at(wrong):
    _, shape, faults, changes, failure, shown = wrong
    probed = probe(MemoryApi({}, shape, *faults, limit=0).ask, first_users(**changes))
    (failed,) = probed.failures
    assert (failed.name, failed.keys) == failure
    assert shown in failed.seen
    assert len(probed.asked) <= MOST_REQUESTS


def test_records_that_are_others_the_second_time_are_named():
    api, other = MemoryApi({"density": 0.5}), MemoryApi({"density": 0.5, "seed": 5})

    def ask(url):
        answer = api.ask(url)
        return other.ask(url) if len(api.asked) == 2 else answer

    (failure,) = probe(ask, first_users()).failures
    assert (failure.name, failure.keys) == ("same page twice", "url")
    assert "cannot be counted exactly" in failure.seen


def test_a_record_that_comes_twice_on_a_page_is_named():
    api = MemoryApi({}, {}, f"id-repeated:1:{NOT_THE_LAST_PAGE}", limit=0)
    first, *_ = probe(api.ask, first_users()).failures
    assert (first.name, first.keys, first.seen) == ("id", "id", "the same id occurs twice: 10 records, 9 ids")


RIGHT = [
    # what, the API's records, its shape, its faults, the configuration
    ("as configured", {}, {}, [], {}),
    ("exclusive", {}, {"exclusive": True}, [], {"inclusive": False}),
    ("without next", {}, {"following": ""}, [], {"next": None}),
    ("exclusive without next", {}, {"following": "", "exclusive": True}, [], {"next": None, "inclusive": False}),
    ("a list as body", {}, {"items": "@", "following": ""}, [], {"items": "@", "next": None}),
    ("fewer ids than a page", {"last_id": FIRST + 4}, {}, [], {"last_id": FIRST + 4}),
    ("one id", {"last_id": FIRST, "density": 1}, {}, [], {"last_id": FIRST}),
    ("a hole to the end", {"holes": (IdRange(FIRST + 90, FIRST + 3000),)}, {}, [], {}),
    ("no order", {}, {}, ["unordered:1"], {}),
    ("records from before the cursor", EVERY_ID, {}, ["before-cursor:1"], {}),
    ("fewer records than were asked for", {}, {"max_limit": 7}, [], {"results_per_page": 50}),
    (
        "a field skipped",
        {},
        {},
        [f"field-null:1:{NOT_THE_LAST_PAGE}"],
        {"counters": {"foods": {"field": "food_id", "missing": "skip"}}},
    ),
    ("null among the records", {}, {}, ["record-null:1"], {}),
    ("status 206", {}, {}, ["status-206:1"], {}),
    *(
        (f"{kind} at the end", {"last_id": FIRST + 2000}, {}, [f"{kind}:1:{FIRST + 2110}:{FIRST + 2111}"], {})
        for kind in (
            "status-404",
            "status-204",
            "next-empty",
            "next-zero",
            "empty-echo",
            "list-null",
            "list-absent",
        )
    ),
    *(
        (
            f"{kind} on the only page",
            {"last_id": FIRST + 4, "density": 1},
            {},
            [f"{kind}:1"],
            {"last_id": FIRST + 4},
        )
        for kind in ("next-empty", "next-false", "next-zero", "next-minus")
    ),
    (
        "a field as text",
        {},
        {},
        [f"field-huge:1:{NOT_THE_LAST_PAGE}"],
        {"counters": {"foods": {"field": "to_string(food_id)"}}},
    ),
    ("an id in an object", {"id_name": "key.id"}, {}, [], {"id": "key.id"}),
]


@pytest.mark.parametrize(
    ("recipe", "shape", "faults", "changes"), [row[1:] for row in RIGHT], ids=[row[0] for row in RIGHT]
)
def test_what_a_crawl_can_read_holds_and_a_handful_of_requests_shows_it(recipe, shape, faults, changes):
    probed = probe(MemoryApi(recipe, shape, *faults, limit=0).ask, first_users(**changes))
    assert probed.failures == []
    assert 4 <= len(probed.asked) <= USUAL_REQUESTS
    assert probed.estimate.requests >= 1
    assert probed.check("read by the crawl").outcome == OK


@pytest.mark.parametrize(
    ("shape", "faults", "changes", "told"),
    [
        ({"max_limit": 7}, [], {"results_per_page": 50}, ("page size", NOTE, "set results_per_page: 7")),
        ({}, ["unordered:1"], {}, ("order", NOTE, "do not ascend; the crawl needs no order")),
        ({}, ["before-cursor:1"], {}, ("inclusive", NOTE, "so inclusive was not checked")),
        ({}, ["before-cursor:1"], {}, ("cursor advances", NOTE, "repeats 3 records of the first page")),
        ({}, [], {"last_id": FIRST + 1000}, ("first and last id", NOTE, "records exist after last_id")),
        ({}, [], {}, ("first and last id", OK, f"first_id {FIRST} is a record, last_id {FIRST + 2110} is")),
        (
            {},
            ["record-null:1"],
            {},
            (
                "null records",
                NOTE,
                "8 of 79 records are null and passed over. To say so in the configuration, set",
            ),
        ),
        ({}, ["record-null:1"], {}, ("null records", NOTE, "set items: response[?@]")),
        (
            {},
            [f"status-204:1:{FIRST + 2110}:{FIRST + 2111}"],
            {},
            (f"page at {FIRST + 2110}", NOTE, 'status 204: the crawl reads this as "nothing follows"'),
        ),
        *(
            (
                {},
                [f"{kind}:1:{NOT_THE_LAST_PAGE}"],
                {"counters": FOODS},
                ("counter foods", NOTE, "a crawl counts the other records, and lists the ids of these as missing"),
            )
            for kind in ("field-missing", "field-object", "field-huge")
        ),
        (
            {},
            [],
            {},
            ("same page in parts", OK, "parts of 2 pages, requested with a smaller limit, have the same"),
        ),
        (
            {},
            [],
            {},
            ("end of the records", OK, "no record, and nothing that follows, in the answer to a request at"),
        ),
        (
            {},
            [],
            {"last_id": FIRST + 1000},
            ("end of the records", OK, "at last_id does not say that nothing follows"),
        ),
        ({"following": ""}, [], {"next": None}, ("next", SKIPPED, "each request starts after the largest id")),
        ({}, [], {}, ("same page twice", OK, f"two identical requests at {FIRST} gave the same ids")),
        ({}, ["id-text:1"], {}, ("order", SKIPPED, "no page with records")),
        ({}, [], {"next": "meta.code"}, ("read by the crawl", SKIPPED, "correct the FAILED checks first")),
        (
            {},
            [f"field-null:1:{NOT_THE_LAST_PAGE}"],
            {"counters": {"foods": {"field": "food_id", "missing": "skip"}}},
            ("counter foods", OK, "records; these records are skipped"),
        ),
    ],
    ids=str,
)
def test_what_is_no_failure_is_told_too(shape, faults, changes, told):
    name, outcome, seen = told
    check = probe(MemoryApi({}, shape, *faults, limit=0).ask, first_users(**changes)).check(name)
    assert check.outcome == outcome
    assert seen in check.seen


def test_items_that_are_an_object_are_told_with_the_expression_that_reads_them():
    def ask(url):
        answer = MemoryApi({}).ask(url)
        document = json.loads(answer.body)
        document["response"] = {str(record["id"]): record for record in document["response"]}
        return replace(answer, body=json.dumps(document).encode())

    (failed,) = probe(ask, first_users()).failures
    assert (failed.name, failed.keys) == ("items", "items")
    assert (
        "response is an object, not a list of records. To read its values, set items: values(response)"
        in failed.seen
    )
    for items in ("values(response)", "not_null(response[*], response.*)"):
        assert probe(ask, first_users(items=items)).failures == []


def test_the_estimate_comes_near_what_a_crawl_takes():
    last = FIRST + 30_000
    recipe = {"last_id": last, "dense": ((IdRange(FIRST, FIRST + 12_000), 0.2),)}
    likely = probe(MemoryApi(recipe).ask, first_users(last_id=last)).estimate
    walking = Walking(MemoryApi(recipe), ids=30_001)
    walking.run()
    assert len(walking.api.asked) == pytest.approx(likely.requests, rel=0.2)
    assert walking.records == pytest.approx(likely.records, rel=0.1)
