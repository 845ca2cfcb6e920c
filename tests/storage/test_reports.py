from __future__ import annotations

import pytest

from lifestats_crawler.exceptions import StorageError
from lifestats_crawler.storage import reports

REPORT = {"schema": reports.SCHEMA, "run": {"name": "ünïcode"}, "counters": {}}


def test_a_report_comes_back_as_it_was_written_and_the_same_report_gives_the_same_bytes(tmp_path):
    path = tmp_path / "report.json"
    path.write_bytes(reports.dump(REPORT))
    assert reports.load(path) == reports.load_if_any(path) == REPORT
    assert reports.dump(reports.load(path)) == path.read_bytes()
    assert path.read_text().startswith('{\n  "schema": "lifestats.report/1",\n')
    assert path.read_text().endswith("}\n")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"schema": "lifestats.report/2"}', "its schema is lifestats.report/2, not lifestats.report/1"),
        ("{}", "'schema'"),
        ("[]", "list indices must be integers"),
        ("[", "unexpected end of data"),
        (None, "No such file or directory"),
    ],
)
def test_what_is_no_report_is_named_with_the_reason(tmp_path, content, why):
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StorageError, match=f"{path} is not a report: .*{why}"):
        reports.load(path)
    if content is None:
        assert reports.load_if_any(path) is None
    else:
        with pytest.raises(StorageError, match=why):
            reports.load_if_any(path)
