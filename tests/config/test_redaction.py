"""A secret is hidden in whatever form a server or a library may repeat it."""

from __future__ import annotations

import html
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from yarl import URL

from lifestats_crawler.config.redaction import HIDDEN, Secrets

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
