from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifestats_crawler.exceptions import NewerFormatError, OverlapError, StorageError, UnreadableError
from lifestats_crawler.ranges import IdRange
from lifestats_crawler.storage import footers, reports, segments
from lifestats_crawler.storage.runs import Run
from lifestats_crawler.storage.source import Job
from tests.configurations import configured
from tests.storage.stored import FOOTER, JOB, restamp, spill

EVE = "2025-12-31T00:00:00.000Z"

keys = st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"]))
counts = st.dictionaries(
    st.sampled_from(["foods", "categories", "colours"]), st.dictionaries(keys, st.integers(1, 2**40), max_size=20)
)


@settings(max_examples=50)  # each writes a file, durably
@given(counts)
def test_every_count_comes_back_in_the_columns_of_the_contract(tmp_path_factory, written):
    path = segments.write(tmp_path_factory.mktemp("segments"), 1, written, FOOTER)
    table = pq.read_table(path)
    assert table.column_names == ["counter", "key", "text_key", "count"]
    read: dict[str, Counter] = {}
    for row in table.to_pylist():
        key = row["text_key"] if row["key"] is None else row["key"]
        read.setdefault(row["counter"], Counter())[key] = row["count"]
    assert read == {name: counter for name, counter in written.items() if counter}
    assert segments.footer(path) == FOOTER


def flipped(content: bytes, bit: int) -> bytes:
    return content[: bit // 8] + bytes([content[bit // 8] ^ 1 << bit % 8]) + content[bit // 8 + 1 :]


def before_the_footer(content: bytes) -> int:
    """Where Parquet's own footer begins: its length stands before the magic number at the end."""
    return len(content) - 8 - int.from_bytes(content[-8:-4], "little")


def test_a_bit_that_has_changed_anywhere_in_a_segment_is_found_out_and_makes_it_no_newer_one(tmp_path):
    path = segments.write(tmp_path, 1, {"foods": {7: 2, 9: 1}}, FOOTER)
    assert segments.checked(path) == FOOTER
    content = path.read_bytes()
    for bit in range(8 * len(content)):
        path.write_bytes(flipped(content, bit))
        with pytest.raises(StorageError, match=r"000001\.parquet is (damaged|not a segment)") as error:
            segments.checked(path)
        assert not isinstance(error.value, NewerFormatError), bit


@pytest.mark.parametrize("left", [0, 3, 500, -1])
def test_a_segment_that_is_cut_short_is_found_out(tmp_path, left):
    path = segments.write(tmp_path, 1, {"foods": {7: 2, 9: 1}}, FOOTER)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(StorageError, match=r"000001\.parquet is damaged"):
        segments.check(path)


def test_what_looks_like_a_checksum_in_a_value_or_a_footer_is_none(tmp_path):
    text = "lifestats crc32 00000000"
    path = segments.write(tmp_path, 1, {"foods": {text: 2}}, replace(FOOTER, source={"url": text}))
    assert segments.checked(path).source == {"url": text}


@pytest.mark.parametrize("written", ["format_1", "format_2"])
def test_of_an_older_format_a_bit_of_the_counts_or_of_the_footer_is_found_out(fixtures, tmp_path, written):
    path = tmp_path / "000001.parquet"
    content = (fixtures / written / "killed" / path.name).read_bytes()
    counts = int(
        pq.read_metadata(fixtures / written / "killed" / path.name).metadata[b"lifestats.crc32"].split()[0]
    )
    own = content.index(b'"covers"')
    number = content.find(b'"format"')  # format 1 has none
    bits = [*range(32, 8 * counts, 13), *range(8 * own, 8 * own + 2000, 13)]
    for bit in bits + list(range(8 * number, 8 * number + 96) if number > 0 else []):
        path.write_bytes(flipped(content, bit))
        with pytest.raises(StorageError, match=r"000001\.parquet is (damaged|not a segment)") as error:
            segments.checked(path)
        assert not isinstance(error.value, NewerFormatError), bit


@pytest.mark.parametrize("written", ["format_1", "format_2"])
@pytest.mark.parametrize("column", [b"key", b"text_key", b"count"])
def test_a_segment_whose_columns_are_not_ours_is_damaged_whatever_its_checksum_covers(
    fixtures, tmp_path, written, column
):
    path = tmp_path / "000001.parquet"
    content = (fixtures / written / "killed" / path.name).read_bytes()
    at = content.index(bytes([len(column)]) + column, before_the_footer(content)) + 1
    path.write_bytes(content[:at] + b"K" + content[at + 1 :])
    with pytest.raises(StorageError, match=r"000001\.parquet is damaged \(its columns differ\)"):
        segments.check(path)


def test_a_whole_segment_with_other_columns_is_damaged(tmp_path):
    path = segments.write(tmp_path, 1, {"foods": {7: 2}}, FOOTER)
    metadata = pq.read_metadata(path).metadata
    table = pq.read_table(path).rename_columns(["counter", "key", "text", "count"])
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({key: metadata[key] for key in (b"lifestats", b"lifestats.seal")})
    path.write_bytes(segments.sealed(path.read_bytes()))
    with pytest.raises(StorageError, match=r"000001\.parquet is damaged \(its columns differ\)"):
        segments.check(path)


def test_a_page_without_records_leaves_a_segment_that_only_covers(tmp_path):
    path = segments.write(tmp_path, 1, {"foods": {}}, FOOTER)
    assert pq.read_table(path).num_rows == 0
    assert segments.footer(path).covers == FOOTER.covers


def test_numbers_go_on_after_the_last_segment_and_other_files_are_not_segments(tmp_path):
    assert segments.next_number(tmp_path) == 1
    segments.write(tmp_path, 41, {}, FOOTER)
    (tmp_path / "notes.parquet").write_text("mine")
    (tmp_path / ".000099.parquet.unfinished").write_text("half")
    assert segments.next_number(tmp_path) == 42
    assert [path.name for path, _ in segments.settled(tmp_path)] == ["000041.parquet"]


@pytest.mark.parametrize("written", ["format_1", "format_2", "format_3"])
def test_footers_of_an_older_format_are_read_as_those_of_today(fixtures, written):
    known = list(segments.settled(fixtures / written / "complete"))
    found = [footer for _, footer in known]
    assert {footer.space for footer in found} == {IdRange(658_330_693, 658_332_193)}
    assert {footer.source["url"] for footer in found} == {
        "http://127.0.0.1:0/foodstats?offset={cursor}&limit={limit}"
    }
    assert found[0].source["counters"]["categories"] == {"field": "food__category_id", "missing": "skip"}
    settled = footers.add_up(known)
    report = reports.load(fixtures / written / "complete" / "report.json")
    assert (settled.covers, settled.records) == ((found[0].space,), report["totals"]["items"])
    assert (settled.pages, settled.requests) == (report["totals"]["pages"], report["totals"]["requests"])
    audited = (report.get("audit") or {}).get("ranges", 0)  # of format 3
    assert (settled.claims, settled.audited, settled.given_up, settled.is_misconfigured) == (
        (),
        audited,
        (),
        False,
    )
    for path, _ in known:
        segments.check(path)


def test_a_footer_written_before_there_was_a_number_of_its_format_is_of_format_1(tmp_path):
    path = segments.write(tmp_path, 1, {}, FOOTER)
    assert segments.footer(path) == FOOTER
    source = {"items": "@", "id": "id", "next": None, "inclusive": True, "first_id": 0, "last_id": 999}
    restamp(
        path, format=1, source=source | {"url": JOB.source["url"], "counters": {"colours": ["colour", "fault"]}}
    )
    assert segments.footer(path) == FOOTER


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "test" / "one", "test")


def test_a_segment_of_a_newer_format_is_refused_by_name_and_nothing_of_its_run_is_touched(run):
    damaged, newer = spill(run, (0, 5)), spill(run, (5, 9))
    damaged.write_bytes(b"rubbish")
    (run.segments / ".000003.parquet.1.unfinished").write_text("half")
    restamp(newer, format=99)
    before = {path: path.read_bytes() for path in run.segments.iterdir()}
    for reading in (lambda: segments.footer(newer), lambda: segments.set_aside(run.segments, JOB)):
        with pytest.raises(NewerFormatError) as error:
            reading()
        told = f"run one was written by a newer version of lifestats ({newer} has format 99, this version"
        assert str(error.value).startswith(told)
    assert {path: path.read_bytes() for path in run.segments.iterdir()} == before


def test_a_segment_of_a_newer_format_is_refused_also_where_nothing_of_its_checksum_is_known(run):
    newer = spill(run, (5, 9))
    content = newer.read_bytes()
    for made in (content.replace(b"lifestats crc32 ", b"lifestats crc64 "), content):
        newer.write_bytes(made.replace(b'{"format":4,', b'{"format":5,').replace(b'"records":4', b'"records":5'))
        with pytest.raises(NewerFormatError, match="has format 5, this version reads up to 4"):
            segments.checked(newer)


@pytest.mark.parametrize(
    ("covers", "job", "is_ours"),
    [
        ([(0, 1000)], JOB, True),
        ([(0, 5), (990, 1000)], JOB, True),
        ([], JOB, True),
        ([(0, 1001)], JOB, False),
        ([(0, 5), (1000, 1001)], JOB, False),
        ([(10, 20)], Job.of(configured(first_id=10, last_id=500)), True),
        ([(0, 5)], Job.of(configured(items="rows")), False),
        ([(0, 5)], Job.of(configured(mock=True)), False),
    ],
    ids=[
        "the whole space",
        "both of its ends",
        "nothing",
        "an id past its end",
        "an id past its end, too",
        "a part of it, of a run with another space",
        "records read in another way",
        "made-up records",
    ],
)
def test_a_segment_is_of_a_job_if_it_counts_the_same_within_its_space(run, covers, job, is_ours):
    path = spill(run, *covers, job=job)
    assert segments.set_aside(run.segments, JOB) == ([] if is_ours else [path.with_suffix(".set-aside")])
    assert path.exists() is is_ours


def test_what_is_set_aside_is_renamed_and_unfinished_files_go(run):
    whole, damaged = spill(run, (0, 5)), spill(run, (5, 9))
    content = damaged.read_bytes()
    damaged.write_bytes(content[:30] + bytes([content[30] ^ 1]) + content[31:])
    (run.segments / ".000003.parquet.1.unfinished").write_text("half")
    segments.set_aside(run.segments, JOB)
    assert sorted(path.name for path in run.segments.iterdir()) == ["000001.parquet", "000002.set-aside"]
    assert segments.paths(run.segments) == [whole]
    assert segments.next_number(run.segments) == 2


def test_footers_add_up_and_the_steps_of_the_pace_are_in_the_order_of_time(tmp_path):
    one = replace(FOOTER, covers=(IdRange(0, 5),), ended_at="2026-01-01T00:00:02.000Z", highest=4)
    two = replace(
        *(FOOTER,),
        covers=(IdRange(5, 9),),
        ended_at="2026-01-01T00:00:01.000Z",
        started_at=EVE,
    )
    none = replace(FOOTER, covers=(), records=0, pages=0, requests=1, retries=1, without={}, seconds=0.25)
    known = [(tmp_path / f"{number}.parquet", footer) for number, footer in enumerate((one, two, none), 1)]
    assert footers.add_up(known) == footers.Settled(
        covers=(IdRange(0, 9),),
        records=6,
        pages=4,
        requests=7,
        retries=3,
        seconds=1.25,
        without={"colours": 2},
        started_at=EVE,
        highest=4,
        pace=(("2026-01-01T00:00:01.000Z", 0.5, 3), ("2026-01-01T00:00:02.000Z", 0.5, 3)),
        pieces=((IdRange(0, 5), 3.0), (IdRange(5, 9), 3.0)),
    )
    assert footers.add_up([]) == footers.Settled()
    with pytest.raises(OverlapError, match=r"1\.parquet and 4\.parquet both count ids 4 to 4") as overlap:
        footers.add_up([*known, (tmp_path / "4.parquet", replace(FOOTER, covers=(IdRange(4, 5),)))])
    assert f"one of the two files in {tmp_path}, and" in str(overlap.value)


def test_where_a_footer_does_not_say_how_many_records_a_range_has_they_are_spread_evenly():
    footer = replace(FOOTER, covers=(IdRange(0, 10), IdRange(20, 50)), records=8)
    assert list(footer.pieces) == [(IdRange(0, 10), 2.0), (IdRange(20, 50), 6.0)]
    assert list(replace(footer, records_of=(7, 1)).pieces) == [(IdRange(0, 10), 7), (IdRange(20, 50), 1)]
    with pytest.raises(ValueError, match="records_of"):
        footers.decode(footers.encode(replace(footer, records_of=(8,))))


def test_counts_are_compressed_and_names_are_text_also_where_no_value_has_one(tmp_path):
    names = {"foods": {9: "nine"}}
    segments.SegmentDirectory(tmp_path).write(1, {"foods": {9: 1}}, FOOTER, names)
    segments.SegmentDirectory(tmp_path).write(2, {"foods": {7: 1}}, FOOTER, names)
    first, second = (pq.read_table(path) for path in segments.paths(tmp_path))
    assert first["label"].to_pylist() == ["nine"]
    assert second.schema.field("label").type == "string"
    columns = pq.read_metadata(segments.paths(tmp_path)[0]).row_group(0)
    assert {columns.column(at).compression for at in range(columns.num_columns)} == {"ZSTD"}
    assert "DELTA_BINARY_PACKED" in columns.column(1).encodings


def test_what_cannot_be_read_is_not_damaged_and_nothing_is_touched(tmp_path):
    segments.write(tmp_path, 1, {"foods": {7: 2}}, FOOTER)
    unreadable = tmp_path / "000002.parquet"
    unreadable.mkdir()  # reading it fails, also for root
    before = sorted(tmp_path.iterdir())
    for read in (segments.footer, segments.checked, segments.check):
        with pytest.raises(UnreadableError, match=r"000002\.parquet cannot be read: Is a directory"):
            read(unreadable)
    with pytest.raises(UnreadableError):
        segments.set_aside(tmp_path, JOB)
    assert sorted(tmp_path.iterdir()) == before


def test_a_directory_that_cannot_be_read_is_not_taken_for_an_empty_one(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UnreadableError, match="cannot be read: Not a directory"):
        segments.paths(tmp_path / "file")
    assert segments.paths(tmp_path / "missing") == []


@pytest.mark.parametrize("name", ["Zürich", "a*b", "s3:", "what?", "it's", "a\\*b", "[1]", "%20"])
def test_a_segment_is_read_wherever_it_is(tmp_path, name):
    directory = tmp_path / name / "segments"
    directory.mkdir(parents=True)
    segments.write(directory, 1, {"foods": {7: 2}}, FOOTER)
    assert segments.checked(directory / "000001.parquet") == FOOTER


def test_no_segment_ever_replaces_another(tmp_path):
    path = segments.write(tmp_path, 1, {"foods": {7: 2}}, FOOTER)
    content = path.read_bytes()
    with pytest.raises(FileExistsError):
        segments.write(tmp_path, 1, {"foods": {8: 1}}, FOOTER)
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (content, [path])
