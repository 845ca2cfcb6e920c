from __future__ import annotations

import pytest

from lifestats_crawler.config import labels
from lifestats_crawler.exceptions import ConfigError


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ('1,apple\n2,"pear, green"\n', {"1": "apple", "2": "pear, green"}),
        ("1 , apple\n 2,pear \n", {"1 ": "apple", "1": "apple", " 2": "pear", "2": "pear"}),
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


def test_a_file_without_a_row_is_refused(tmp_path):
    path = tmp_path / "foods.csv"
    path.write_text("\n\n")
    with pytest.raises(ConfigError, match=r"foods.csv is empty"):
        labels.read(path)
