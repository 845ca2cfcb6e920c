from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifestats_crawler.exceptions import StorageError
from lifestats_crawler.storage import segments
from tests.storage.stored import FOOTER

keys = st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(exclude_categories=["Cs"]))
counts = st.dictionaries(
    st.sampled_from(["foods", "categories", "colours"]), st.dictionaries(keys, st.integers(1, 2**40), max_size=20)
)


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


def test_a_bit_that_has_changed_in_the_counts_or_in_what_a_segment_says_of_itself_is_found_out(tmp_path):
    path = segments.write(tmp_path, 1, {"foods": {7: 2, 9: 1}}, FOOTER)
    segments.check(path)
    content = path.read_bytes()
    counts = int(pq.read_metadata(path).metadata[b"lifestats.crc32"].split()[0])
    own = content.index(b'{"format"')
    for at in [*range(4, counts), *range(own, own + 200)]:
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(StorageError, match=r"000001\.parquet is damaged"):
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
