from __future__ import annotations

import json

import pytest

from lifestats_crawler.api.quoting import Redactor

SECRETS = ["s3cret-and-a-rather-long-one-" * 4, 'q"uo/t\\e d+u', "8675309"]


@pytest.mark.parametrize("secret", [*SECRETS, "short", "ünïcode/…"])
def test_a_document_and_a_text_are_shown_without_the_secret_in_any_form(secret):
    redactor = Redactor([secret])
    repeated = {secret: [secret, {"a": f"Bearer {secret}"}], "number": 8675309}
    for shown in (
        redactor.json(repeated),
        redactor.text(json.dumps(repeated)),
        redactor.text(f"a\n{secret}\x1b[0m"),
    ):
        assert secret not in shown
        assert json.dumps(secret)[1:-1] not in shown
        assert shown.isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n\tb  c\x1b[0m\u2028d", "a b c [0m d"),
        ("a%20b%00", "a b"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 300 + "…"),
        ("", ""),
    ],
)
def test_a_text_is_shown_on_one_line_and_shortened(text, shown):
    assert Redactor([]).text(text) == shown


@pytest.mark.parametrize(
    ("document", "shown"),
    [
        ([], "[]"),
        ([1], "[1]"),
        ([1, 2], '[1, "... 1 more"]'),
        ([{"a": [1, 2, 3]}, {}], '[{"a": [1, "... 2 more"]}, "... 1 more"]'),
        ({"a": "x" * 61, "b": None}, '{"a": "' + "x" * 60 + '\\u2026", "b": null}'),
        ({str(key): "y" * 50 for key in range(9)}, None),
    ],
    ids=["empty", "one", "two", "nested", "a long text", "a long document"],
)
def test_of_a_list_only_the_first_item_is_shown_and_all_of_it_is_short(document, shown):
    assert Redactor([]).json(document) == shown or shown is None
    assert len(Redactor([]).json(document)) <= 301


def test_a_secret_is_hidden_before_a_text_is_cut():
    secret = "s3cret" * 60
    for shown in (Redactor([secret]).text(f"token: {secret}"), Redactor([secret]).json({"token": secret})):
        assert "s3cret" not in shown
        assert "***" in shown


def test_a_document_without_secrets_stays_as_it_is():
    document = {"a": [1, None, True, 1.5, "text", {"b": []}]}
    assert Redactor(["s3cret"]).document(document) == document
