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
