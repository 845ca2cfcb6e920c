from __future__ import annotations

import pytest
import yaml

from lifestats_crawler.config import loading as config
from lifestats_crawler.config import secrets
from lifestats_crawler.config.message import NAMES
from lifestats_crawler.exceptions import ConfigError
from lifestats_crawler.ranges import IdRange

GOOD = {
    "url": "http://127.0.0.1:1/things?from={cursor}&limit={limit}",
    "first_id": 1,
    "last_id": 9,
    "counters": {"colours": {"field": "colour", "top": 3}},
}


def write(tmp_path, production, default=None):
    path = tmp_path / "config.yml"
    path.write_text(yaml.safe_dump({"default": GOOD if default is None else default, "production": production}))
    return path


def hook(body):
    return {"notify": {"url": "http://h/", "body": body}}


REFUSED = [
    ({"rate_limt": 5}, "rate_limt = 5: there is no such key; did you mean rate_limit?"),
    ({"rate_limit": 0}, "rate_limit = 0: must be greater than 0"),
    ({"rate_limit": "fast"}, "rate_limit = 'fast': must be a valid number"),
    ({"rate_limit": float("nan")}, "rate_limit = nan: must be a finite number"),
    ({"first_id": 10}, "first_id 10 is after last_id 9"),
    ({"first_id": -1}, "first_id = -1: must be greater than or equal to 0"),
    ({"first_id": "1"}, "first_id = '1': must be a valid integer"),
    ({"last_id": 2**63}, f"last_id = {2**63}: must be less than or equal to {2**63 - 2}"),
    ({"subsets": 0}, "subsets = 0: must be greater than or equal to 1"),
    ({"results_per_page": True}, "results_per_page = True: must be a valid integer"),
    ({"mock": "yes please"}, "mock = 'yes please': must be a valid boolean"),
    (
        {"url": "http://127.0.0.1:1/things"},
        "url = 'http://127.0.0.1:1/things': must contain {cursor}, in place of the first id of a page",
    ),
    (
        {"url": "http://127.0.0.1:1/{page}/{cursor}"},
        "url = 'http://127.0.0.1:1/{page}/{cursor}':"
        " contains {page}; only {cursor}, {limit} and ${VARIABLE} are replaced",
    ),
    (
        {"url": "ftp://127.0.0.1/{cursor}"},
        "url = 'ftp://127.0.0.1/{cursor}': must start with http:// or https://",
    ),
    (
        {"headers": {"Authorization": "Bearer ${LIFESTATS_UNSET}"}},
        "headers.Authorization needs the environment variable LIFESTATS_UNSET, which is not set",
    ),
    (
        {"url": "http://127.0.0.1:99999/{cursor}"},
        "url = 'http://127.0.0.1:99999/{cursor}': has no valid host, or a port above 65535",
    ),
    (
        {"url": "http://[::1/{cursor}"},
        "url = 'http://[::1/{cursor}': has no valid host, or a port above 65535",
    ),
    (
        {"url": "http:///{cursor}"},
        "url = 'http:///{cursor}': has no valid host, or a port above 65535",
    ),
    (
        {"headers": {"Authorization": "Bearer ${MY-TOKEN}"}},
        "headers.Authorization = 'Bearer ${MY-TOKEN}':"
        " contains ${MY-TOKEN}: the name of a variable has only letters, digits and underscores",
    ),
    (
        {"headers": {"Authorization": "a\nb"}},
        "headers.Authorization = 'a\\nb': must be on one line, without control characters",
    ),
    (
        {"headers": {"Authorization": "${LIFESTATS_TWO_LINES}"}},
        "headers.Authorization: the environment variable LIFESTATS_TWO_LINES contains a control character",
    ),
    ({"results_per_page": 10**20}, f"results_per_page = {10**20}: must be less than or equal to 1000000"),
    ({"rate_limit": 1e30}, "rate_limit = 1e+30: must be less than or equal to 1000000"),
    (
        {"items": "sorted(response)"},
        "items = 'sorted(response)': must be a JMESPath expression; JMESPath has no function sorted",
    ),
    (hook({"a": ["{x}"]}), f"notify.body contains {{x}}; the names are {', '.join(NAMES)}"),
    (hook("{x}"), f"notify.body = '{{x}}': contains {{x}}; the names are {', '.join(NAMES)}"),
    (hook(7), "notify.body must be keys and values as in JSON, a list, or a text"),
    (hook({1: "a"}), "notify.body must be keys and values as in JSON, a list, or a text"),
    (
        hook({"a": "${A-B}"}),
        "notify.body contains ${A-B}: the name of a variable has only letters, digits and underscores",
    ),
    ({"notify": {"url": "http://h/", "on": [["failed"]]}}, "notify.on = [['failed']]: must be a valid frozenset"),
    ({"counters": {"colours": 5}}, "counters.colours = 5: must be keys and values"),
    (
        {"counters": {"a\u0007": {"field": "a"}}},
        "counters.a\u0007.[key] = 'a\\x07': must have only printable characters",
    ),
    (
        {"counters": {"colours": {"feild": "a"}}},
        "counters.colours.feild = 'a': there is no such key; did you mean field? (and 1 more)",
    ),
    ({"counters": {}}, "counters = {}: must not be empty"),
    ({"counters": {"colours": {"top": 3}}}, "counters.colours.field is missing"),
    (
        {"counters": {"colours": {"field": "a[", "top": 3}}},
        "counters.colours.field = 'a[': must be a JMESPath expression"
        " (Invalid jmespath expression: Incomplete expression)",
    ),
    (
        {"counters": {"colours": {"field": "a", "tops": 3}}},
        "counters.colours.tops = 3: there is no such key; did you mean top?",
    ),
    ({"subsets": 0, "spill_every": 0}, "subsets = 0: must be greater than or equal to 1 (and 1 more)"),
]


@pytest.mark.parametrize(("section", "message"), REFUSED, ids=[str(section)[:60] for section, _ in REFUSED])
def test_what_cannot_be_meant_is_refused_in_one_line(tmp_path, monkeypatch, section, message):
    monkeypatch.setenv("LIFESTATS_TWO_LINES", "a\nb")
    path = write(tmp_path, section)
    with pytest.raises(ConfigError) as error:
        config.load(path, "production")
    assert str(error.value) == f"{path}, environment production: {message}"


ODDLY_WRITTEN = [
    # the key, the text in the file, what is wrong with it
    *(
        (key, text, f"must be a valid integer in plain decimal digits, such as {right}")
        for key in ("first_id", "last_id", "results_per_page", "subsets", "retries", "spill_every", "spill_keys")
        for text, right in (("0100", "100"), ("10:00", "1000"))
    ),
    *(
        ("last_id", text, "must be a valid integer in plain decimal digits, such as 1000")
        for text in ("1:00:00", "0b11", "0x1F", "-0x1F", "0o17", "10:00.0", "00")
    ),
    ("last_id", "+0777", "must be a valid integer in plain decimal digits, such as 777"),
    ("last_id", "089", "must be a valid integer in plain decimal digits, such as 89"),
    ("last_id", '"0100"', "must be a valid integer in plain decimal digits, such as 100"),
    ("last_id", '"100"', "must be a valid integer"),
    ("last_id", "1__0", "must be a valid integer"),
    ("last_id", "1.0", "must be a valid integer"),
    ("last_id", "${LAST}", "must be a valid integer"),
    ("metrics_port", "07777", "must be a valid integer in plain decimal digits, such as 7777"),
    ("counters", "{c: {field: c, top: 0100}}", "must be a valid integer in plain decimal digits, such as 100"),
    ("rate_limit", "0100", "must be a valid number in plain decimal digits, such as 100"),
    ("rate_limit", "1:30.5", "must be a valid number in plain decimal digits, such as 1000"),
    ("spill_seconds", "1:00", "must be a valid number in plain decimal digits, such as 1000"),
]


@pytest.mark.parametrize(("key", "text", "message"), ODDLY_WRITTEN, ids=lambda value: str(value)[:30])
def test_a_number_that_yaml_reads_as_another_one_is_refused_as_it_is_written(tmp_path, key, text, message):
    path = tmp_path / "config.yml"
    path.write_text(yaml.safe_dump({"default": GOOD}) + f"production:\n  {key}: {text}\n")
    with pytest.raises(ConfigError) as error:
        config.load(path, "production")
    place, written = (key, text.strip('"')) if key != "counters" else ("counters.c.top", "0100")
    shown = written if text == "1.0" else repr(written)
    assert str(error.value) == f"{path}, environment production: {place} = {shown}: {message}"


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        *(("last_id", text, value) for text, value in (("1_000", 1000), ("+9", 9), ("9", 9), ("!!int 0100", 100))),
        *(("rate_limit", text, value) for text, value in (("5", 5), ("0.5", 0.5), (".5", 0.5), ("1.5e+2", 150))),
        ("first_id", "0", 0),
        ("storage", "0100", "0100"),
        ("headers", "{X-Version: 010}", {"X-Version": "010"}),
    ],
)
def test_a_number_as_people_write_it_is_read_and_another_one_is_a_text(tmp_path, key, text, value):
    path = tmp_path / "config.yml"
    path.write_text(yaml.safe_dump({"default": GOOD}) + f"production:\n  {key}: {text}\n")
    assert getattr(config.load(path, "production"), key) == value


UNREADABLE = [
    ("", "must have one section per environment, such as `production:`"),
    ("- a", "must have one section per environment, such as `production:`"),
    ("default: {}", "has no environment 'production'; it has none"),
    ("staging: {}\ntest: {}", "has no environment 'production'; it has staging, test"),
    ("production: 5", "section production must be keys and values, not 5"),
    ("default: [1]\nproduction: {}", "section default must be keys and values, not [1]"),
    ("production: {}\n2024: {}", "section 2024 is not text in YAML. Put its name in quotes"),
    (
        "production:\n  subsets: 5\n  last_id: 1\n  subsets: 6",
        "line 4: subsets is given twice. Delete one of them",
    ),
    ("production: {}\nproduction: {}", "line 2: production is given twice. Delete one of them"),
    ("production: 2024-13-45", "is not YAML: month must be in 1..12"),
]


@pytest.mark.parametrize(("text", "message"), UNREADABLE)
def test_a_file_of_the_wrong_shape_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "config.yml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        config.load(path, "production")
    assert str(error.value) == f"{path}: {message}"


def test_a_file_that_is_not_there_or_not_yaml_is_refused_in_one_line(tmp_path):
    path = tmp_path / "config.yml"
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        config.load(path, "production")
    path.write_text("a: [")
    with pytest.raises(ConfigError, match=r"is not YAML: .*line 1") as error:
        config.load(path, "production")
    assert "\n" not in str(error.value)


def test_python_objects_in_yaml_are_refused(tmp_path):
    path = tmp_path / "config.yml"
    path.write_text("production: !!python/object/apply:os.getcwd []")
    with pytest.raises(ConfigError, match="is not YAML"):
        config.load(path, "production")


def test_a_key_of_the_environment_replaces_the_defaults(tmp_path):
    path = write(tmp_path, {"last_id": 5, "counters": {"sizes": {"field": "size"}}})
    loaded = config.load(path, "production")
    assert loaded.space == IdRange(1, 6)
    assert list(loaded.counters) == ["sizes"]
    assert loaded.url == GOOD["url"]


def test_secrets_are_read_from_the_process_environment_and_not_kept_in_the_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("LIFESTATS_PLANTED", "s3cret")
    path = write(tmp_path, {"headers": {"Authorization": "Bearer ${LIFESTATS_PLANTED}"}})
    loaded = config.load(path, "production")
    assert secrets.of(loaded) == {"${LIFESTATS_PLANTED}": "s3cret"}
    assert "s3cret" not in repr(loaded)
    assert "s3cret" not in loaded.model_dump_json()


def test_what_does_not_ask_the_api_needs_no_secret(tmp_path):
    path = write(tmp_path, {"headers": {"Authorization": "Bearer ${LIFESTATS_UNSET}"}})
    assert config.load(path, "production", is_to_ask=False).headers


def test_a_password_in_the_url_is_hidden_in_the_form_that_it_is_sent_in(tmp_path, monkeypatch):
    monkeypatch.setenv("LIFESTATS_PLANTED", "hunter2")
    path = write(tmp_path, {"url": "http://me:${LIFESTATS_PLANTED}@127.0.0.1/{cursor}"})
    assert secrets.hidden(config.load(path, "production")) == ["hunter2", "hunter2", "bWU6aHVudGVyMg=="]


def test_the_projects_own_environments_can_be_used(project, monkeypatch):
    monkeypatch.setenv("LIFESTATS_TOKEN", "x")
    for environment in ("development", "test", "production"):
        config.load(project / "config.yml", environment)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "utf-16-be-bom"], ids=lambda name: name
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_config_file_is_read_as_other_systems_save_it(tmp_path, encoding, newline):
    text = yaml.safe_dump({"default": GOOD, "production": {"storage": "Zürich"}}, allow_unicode=True)
    name = encoding.removesuffix("-bom")
    mark = "\ufeff" if name != encoding else ""
    path = tmp_path / "config.yml"
    path.write_bytes((mark + text.replace("\n", newline)).encode(name))
    assert config.load(path, "production").storage == "Zürich"


def test_a_config_file_in_another_encoding_is_refused_with_the_line(tmp_path):
    path = tmp_path / "config.yml"
    path.write_bytes("default:\n  storage: Zürich\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"config.yml: line 2 is not UTF-8. Save the file as UTF-8$"):
        config.load(path, "default")
