from __future__ import annotations


def test_names_from_records_and_from_a_file_stand_beside_the_values(crawls, start_api):
    fields = ["--field=food_id:50", "--field=food__category_id:5", "--field=food.name:1"]
    counters = {
        "foods": {"field": "food_id", "label": "food.name"},
        "categories": {"field": "food__category_id", "labels": "categories.csv"},
    }
    with start_api(*fields, ids=1000) as api:
        crawls.configure(**api.space, counters=counters)
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
