from __future__ import annotations

from lifestats_crawler.config import message
from lifestats_crawler.extensions import notify
from tests.conftest import PROJECT


def test_every_name_is_in_the_message_and_in_the_readme(spider):
    posted = notify.message("complete", spider.crawl, None)
    assert {"headline", *posted} - {"text"} == set(message.NAMES)
    text = (PROJECT / "README.md").read_text()
    assert all(f"`{{{name}}}`" in text for name in message.NAMES)
