"""A secret is hidden in whatever form a server or a library may repeat it."""

from __future__ import annotations

import html
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from yarl import URL

from lifestats_crawler.config.redaction import HIDDEN, Secrets, without_login

SECRETS = [
    "s3cret",
    "acme:S3cr3t/tok=99",
    "a b&c+d?e",
    "p\u00e4ssw\u00f6rd",
    "it's <quoted>",
    'say "please"',
    "100%",
]
FORMS = {
    "as it is": str,
    "quoted": lambda secret: quote(secret, safe=""),
    "quoted, in lower case": lambda secret: re.sub("%..", lambda match: match[0].lower(), quote(secret, safe="")),
    "a path": quote,
    "a form": quote_plus,
    "asked for": lambda secret: str(URL(f"http://host/?key={quote(secret, safe='')}").raw_query_string)[4:],
    "in a path that is asked for": lambda secret: URL(f"http://host/{quote(secret, safe='')}").raw_path[1:],
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "PHP's JSON": lambda secret: json.dumps(secret)[1:-1].replace("/", "\\/"),
    "HTML": html.escape,
    "Python": lambda secret: repr(secret)[1:-1],
    "Python's bytes": lambda secret: repr(secret.encode())[2:-1],
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_secret_is_hidden_in_every_form(form, secret):
    assert Secrets([secret]).hidden(f"before {form(secret)} after") == f"before {HIDDEN} after"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/x?at=b@c", "https://host/x?at=b@c"),
        ("https://me:secret@host/x", "https://***@host/x"),
        ("https://me@host/x", "https://***@host/x"),
        ("https://:secret@host/x", "https://***@host/x"),
        ("https://me:se@cret@host", "https://***@host"),
        ("https://me:secret@host?x=@", "https://***@host?x=@"),
        ("https://${USER}:${PASSWORD}@host/", "https://${USER}:${PASSWORD}@host/"),
        ("https://${TOKEN}@host/", "https://${TOKEN}@host/"),
        ("https://${USER}:secret@host/", "https://***@host/"),
        ("https://:@host/", "https://:@host/"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_the_login_in_it_and_a_variable_hides_itself(url, shown):
    assert without_login(url) == shown


def test_of_two_secrets_one_within_the_other_nothing_is_left():
    assert Secrets(["pass", "password"]).hidden("my password") == f"my {HIDDEN}"


@pytest.mark.parametrize("value", ["1", "eu", "v2", "2026", "8080", "50000"])
def test_a_value_that_is_too_short_to_be_secret_is_left_where_it_stands(value):
    line = f"Run 20261126T142353Z: 1,000 of 50000 ids left in eu, v2, port {value}"
    assert Secrets([value]).hidden(line) == line


@pytest.mark.parametrize("values", [[], [""], ["1", "eu"]])
def test_without_a_secret_nothing_is_hidden(values):
    assert not Secrets(values)
    assert Secrets(values).hidden("as it is") == "as it is"
