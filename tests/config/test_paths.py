"""Paths as people write them."""

from __future__ import annotations

import os
import pwd

import pytest

from lifestats_crawler.config.paths import filled_in

ENVIRON = {"DATA": "/data", "NAME": "a b", "HOME": "/home/me", "EMPTY": ""}


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("runs", "runs"),
        ("/srv/my runs:2", "/srv/my runs:2"),
        ("day:1/runs", "day:1/runs"),
        ("C:/runs", "C:/runs"),
        ("~", "/home/me"),
        ("~/runs", "/home/me/runs"),
        ("a~/b", "a~/b"),
        ("${DATA}/runs", "/data/runs"),
        ("$DATA/runs", "/data/runs"),
        ("$DATA/${NAME}", "/data/a b"),
        ("file:///data/runs", "/data/runs"),
        ("file://localhost/data/my%20runs", "/data/my runs"),
        ("file:/data/runs", "/data/runs"),
        ("FILE:///$NAME", "/a b"),
    ],
)
def test_what_stands_for_a_part_of_a_path_is_filled_in(written, path):
    assert filled_in(written, ENVIRON) == path


def test_the_home_of_a_user_is_that_of_the_system():
    me = pwd.getpwuid(os.getuid())
    assert filled_in(f"~{me.pw_name}/runs", {}) == f"{me.pw_dir}/runs"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("$MISSING/runs", "MISSING, which is not set"),
        ("${EMPTY}/runs", "EMPTY, which is not set"),
        ("${DATA/runs", "only letters"),
        ("${}/runs", "only letters"),
        ("ftp://host/runs", "not ftp:"),
        ("https://host/runs", "not https:"),
        ("s3://bucket/runs", "no storage for s3: yet"),
        ("file://host/runs", "three slashes"),
        ("file://data/runs", "three slashes"),
        ("~nobody-has-this-name/runs", "no such home"),
        ("a\0b", "null"),
    ],
)
def test_what_names_no_local_path_is_refused(written, why):
    with pytest.raises(ValueError, match=why):
        filled_in(written, ENVIRON)


def test_a_name_that_the_locale_cannot_write_is_refused():
    assert filled_in("Zürich", {}, "iso8859-1") == "Zürich"
    with pytest.raises(ValueError, match="whose encoding is iso8859-1: set LC_ALL"):
        filled_in("Łódź", {}, "iso8859-1")
