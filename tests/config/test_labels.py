from __future__ import annotations

import pytest

from lifestats_crawler.config import labels
from lifestats_crawler.exceptions import ConfigError

FIRST = 658330693
URL = "/foodstats?offset={cursor}&limit={limit}"


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ('1,apple\n2,"pear, green"\n', {"1": "apple", "2": "pear, green"}),
        ("\ufeffid,name,more\n1,apple,x\n\n", {"id": "name", "1": "apple"}),
    ],
)
def test_each_row_names_a_value(tmp_path, content, names):
    path = tmp_path / "foods.csv"
    path.write_text(content, encoding="utf-8")
    assert labels.read(path) == names


def test_a_row_without_a_name_is_said_with_its_number(tmp_path):
    path = tmp_path / "foods.csv"
    path.write_text("1,apple\n2\n")
    with pytest.raises(ConfigError, match=r"row 2: must have a value and its name, not '2'"):
        labels.read(path)


def test_names_from_records_and_from_a_file_stand_beside_the_values(crawls, start_api):
    fields = ["--field=food_id:50", "--field=food__category_id:5", "--field=food.name:1"]
    counters = {
        "foods": {"field": "food_id", "label": "food.name"},
        "categories": {"field": "food__category_id", "labels": "categories.csv"},
    }
    with start_api(f"--first-id={FIRST}", f"--last-id={FIRST + 999}", *fields) as api:
        crawls.configure(url=api.url + URL, first_id=FIRST, last_id=FIRST + 999, counters=counters)
        missing = crawls.run()
        (crawls.directory / "categories.csv").write_text("1,fruit\n3,<b>nuts</b>\n")
        done = crawls.run()
    assert missing.returncode == 1
    assert "counters.categories.labels" in missing.stderr.splitlines()[-1]
    assert "No such file" in missing.stderr.splitlines()[-1]
    assert done.returncode == 0, done.stderr
    counted = crawls.report()["counters"]
    assert {row["label"] for row in counted["foods"]["top"]} == {"1"}
    named = {row["key"]: row.get("label") for row in counted["categories"]["top"]}
    assert named == {1: "fruit", 2: None, 3: "<b>nuts</b>", 4: None, 5: None}
    assert "3  <b>nuts</b>" in done.stdout
