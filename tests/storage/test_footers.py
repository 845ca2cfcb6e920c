"""What footers add up to: claims that stand, audits, what was given up and why, and whether a run is done."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.exceptions import StorageError
from lifestats_crawler.ranges import IdRange, union
from lifestats_crawler.storage import footers
from lifestats_crawler.storage.footers import Settled
from lifestats_crawler.storage.source import Job
from tests.configurations import configured
from tests.storage.stored import FOOTER, JOB

FIRST, SECOND = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"
ranges = st.builds(lambda begin, width: IdRange(begin, begin + width), st.integers(0, 99), st.integers(1, 30))


def said(*covers, claims=(), started_at=FIRST, **more) -> footers.Footer:
    about = {
        "covers": tuple(IdRange(*item) for item in covers),
        "claims": tuple(IdRange(*item) for item in claims),
    }
    return replace(FOOTER, started_at=started_at, **about | more)


def test_everything_that_a_footer_says_comes_back():
    footer = said(
        (0, 9),
        claims=[(9, 20)],
        audited=3,
        differing=1,
        given_up=((30, 31, "status 500"), (40, 50, "not in time")),
        proven=False,
        highest=5000,
    )
    assert footers.decode(footers.encode(footer)) == footer


def test_a_claim_stands_until_any_footer_shows_an_id_in_it_or_past_it():
    claim = said((0, 10), claims=[(10, 50), (30, 50)], highest=9)
    settled = footers.together([claim, said((60, 70), highest=9)])
    assert (settled.covers, settled.claims) == ((IdRange(0, 10), IdRange(60, 70)), (IdRange(10, 50),))
    assert (settled.settled, settled.ids) == ((IdRange(0, 50), IdRange(60, 70)), 60)
    for highest, claims in ((10, (IdRange(30, 50),)), (29, (IdRange(30, 50),)), (30, ()), (5000, ())):
        assert footers.together([claim, said(highest=highest)]).claims == claims
        assert footers.together([said(highest=highest), claim]).claims == claims


def test_a_claim_never_overlaps_and_what_is_also_covered_counts_once(tmp_path):
    known = [said((0, 20), claims=[(10, 50)]), said((20, 30), claims=[(15, 60)])]
    settled = footers.add_up([(tmp_path / f"{number}.parquet", one) for number, one in enumerate(known)])
    assert (settled.covers, settled.claims, settled.ids) == ((IdRange(0, 30),), (IdRange(30, 60),), 60)


@given(st.lists(ranges), st.lists(ranges), st.integers(-1, 130))
def test_of_claims_stand_those_ids_that_no_higher_id_refutes_and_no_cover_has(claims, covers, highest):
    standing = footers.standing(claims, covers, highest)
    expected = {
        an_id
        for claim in claims
        if claim.begin > highest
        for an_id in range(claim.begin, claim.end)
        if not any(an_id in cover for cover in covers)
    }
    assert {an_id for item in standing for an_id in range(item.begin, item.end)} == expected
    assert standing == union(standing)


def test_audits_add_up():
    settled = footers.together([said(audited=20, differing=1), said(audited=3)])
    assert (settled.audited, settled.differing) == (23, 1)


def test_what_is_given_up_and_not_settled_has_the_newest_reason():
    early = said((0, 5), given_up=((5, 10, "status 500"), (20, 22, "status 500"), (22, 25, "status 500")))
    late = said((5, 7), claims=[(90, 99)], given_up=((8, 10, "not in time"), (95, 96, "gone")), started_at=SECOND)
    assert footers.together([early, late]).given_up == (
        (7, 8, "status 500"),
        (8, 10, "not in time"),
        (20, 25, "status 500"),
    )


@pytest.mark.parametrize(
    ("known", "is_done"),
    [
        ([said((0, 10))], False),
        ([said((0, 9))], False),
        ([said((0, 9), given_up=((9, 10, "bad"),))], False),
        ([said((0, 9), given_up=((9, 10, "bad"),)), said(given_up=((9, 10, "bad"),))], False),
        ([said((0, 9), given_up=((9, 10, "bad"),)), said(given_up=((9, 10, "dead"),), started_at=SECOND)], True),
        ([said((0, 8), given_up=((9, 10, "bad"),)), said(given_up=((9, 10, "bad"),), started_at=SECOND)], False),
        ([said((0, 5), given_up=((5, 9, "a"),)), said((8, 10), given_up=((5, 8, "b"),), started_at=SECOND)], True),
        (
            [
                said((0, 5), claims=[(6, 10)], given_up=((5, 6, "a"),)),
                said(given_up=((5, 6, "a"),), started_at=SECOND),
            ],
            True,
        ),
        (
            [
                said((0, 5), claims=[(6, 10)], given_up=((5, 6, "a"),)),
                said(given_up=((5, 6, "a"),), started_at=SECOND, highest=7),
            ],
            False,
        ),
    ],
    ids=[
        "nothing is missing",
        "nothing was given up",
        "given up once",
        "given up twice in one start",
        "given up in two starts",
        "another id is missing, too",
        "given up in two starts, and in the second one less",
        "the rest is claimed",
        "the rest was claimed, and is refuted",
    ],
)
def test_a_run_that_lacks_only_what_two_starts_gave_up_is_done(known, is_done):
    assert footers.together(known).is_done(IdRange(0, 10)) is is_done


@pytest.mark.parametrize(
    ("proven", "is_misconfigured"),
    [([None], False), ([True], False), ([False], True), ([False, None], True), ([False, True, None], False)],
)
def test_a_run_is_misconfigured_until_a_later_crawl_proves_the_contrary(proven, is_misconfigured):
    assert footers.together([said(proven=one) for one in proven]).is_misconfigured is is_misconfigured
    assert Settled().is_misconfigured is False


@pytest.mark.parametrize(
    ("other", "differs"),
    [
        (Job.of(configured(items="rows")), "items differs"),
        (Job.of(configured(last_id=500)), "last_id differs"),
    ],
)
def test_a_segment_of_another_run_is_refused_by_name_with_what_differs_and_what_to_do(tmp_path, other, differs):
    path = tmp_path / "000002.parquet"
    ours = (tmp_path / "000001.parquet", said((0, 5)))
    foreign = replace(said((900, 1000)), source=other.source, space=other.space)
    footers.refuse_foreign([ours], JOB)
    with pytest.raises(StorageError) as error:
        footers.refuse_foreign([ours, (path, replace(foreign, covers=(IdRange(900, 1001),)))], JOB)
    assert str(error.value).startswith(f"{path} is a segment of another run: {differs}. Move the file out of")
