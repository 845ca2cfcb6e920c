from __future__ import annotations

import gzip
import json
import zlib

import pyarrow as pa
import pytest

from lifestats_crawler.downloader.decoding import in_utf_8, unpacked
from lifestats_crawler.exceptions import Cause, NoAnswerError

PAGE = json.dumps({"rows": [{"id": number, "c": "ü"} for number in range(500)]}).encode()
MOST = 100_000


def raw(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def in_members(body: bytes, size: int) -> bytes:
    return b"".join(gzip.compress(body[at : at + size]) for at in range(0, len(body), size))


@pytest.mark.parametrize(
    ("body", "codings"),
    [
        (PAGE, []),
        (PAGE, ["identity"]),
        (PAGE, [""]),
        (gzip.compress(PAGE), ["gzip"]),
        (gzip.compress(PAGE), ["X-GZip"]),
        (in_members(PAGE, 3000), ["gzip"]),
        (in_members(PAGE, 1), ["gzip"]),
        (gzip.compress(PAGE) + bytes(70_000), ["gzip"]),
        (gzip.compress(PAGE[:9]) + bytes(7) + gzip.compress(PAGE[9:]), ["gzip"]),
        (gzip.compress(PAGE) + b"\r\n", ["gzip"]),
        (gzip.compress(gzip.compress(PAGE)), ["gzip, gzip"]),
        (gzip.compress(gzip.compress(PAGE)), ["gzip", "x-gzip"]),
        (gzip.compress(gzip.compress(PAGE)), ["gzip"]),
        (gzip.compress(PAGE), []),
        (zlib.compress(PAGE), ["deflate"]),
        (raw(PAGE), ["deflate"]),
        (raw(gzip.compress(PAGE)), ["gzip, deflate"]),
        (pa.compress(PAGE, "brotli", asbytes=True), ["br"]),
        (pa.compress(PAGE, "zstd", asbytes=True), ["zstd"]),
        (PAGE, ["utf-8"]),
        (PAGE, ["application/json"]),
    ],
)
def test_whatever_lawful_and_usual_servers_do_to_a_body_is_undone(body, codings):
    assert unpacked(body, codings, MOST) == PAGE


def test_a_body_without_a_byte_is_one_in_every_coding():
    assert unpacked(b"", ["gzip, br"], MOST) == b""


@pytest.mark.parametrize(
    ("body", "coding", "cause", "message"),
    [
        (gzip.compress(PAGE)[:-9], "gzip", Cause.UNREADABLE, "the body is not what Content-Encoding: gzip says"),
        (in_members(PAGE, 3000)[:-9], "gzip", Cause.UNREADABLE, "Content-Encoding: gzip says: it ends too early"),
        (gzip.compress(PAGE)[:-5] + b"12345", "gzip", Cause.UNREADABLE, "incorrect data check"),
        (PAGE, "gzip", Cause.UNREADABLE, "incorrect header check"),
        (zlib.compress(PAGE)[:-9], "deflate", Cause.UNREADABLE, "Content-Encoding: deflate says"),
        (b"\xff" * 9, "deflate", Cause.UNREADABLE, "Content-Encoding: deflate says"),
        (pa.compress(PAGE, "brotli", asbytes=True)[:-9], "br", Cause.UNREADABLE, "Content-Encoding: br says"),
        (b"\x1f\x9d\x90", "compress", Cause.UNREADABLE, "Content-Encoding: compress cannot be undone"),
        (PAGE, ",".join(["gzip"] * 6), Cause.UNREADABLE, "Content-Encoding names 6 codings: too many"),
        (gzip.compress(bytes(MOST + 1)), "gzip", Cause.TOO_LARGE, "larger than 100,000 bytes"),
        (in_members(bytes(MOST + 1), 60_000), "gzip", Cause.TOO_LARGE, "larger than 100,000 bytes"),
        (zlib.compress(bytes(MOST + 1)), "deflate", Cause.TOO_LARGE, "larger than 100,000 bytes"),
        (pa.compress(bytes(MOST + 1), "zstd", asbytes=True), "zstd", Cause.TOO_LARGE, "larger than 100,000"),
        (gzip.compress(gzip.compress(bytes(10**8))), "gzip", Cause.TOO_LARGE, "larger than 100,000 bytes"),
    ],
    ids=range(14),
)
def test_what_cannot_be_undone_or_is_too_large_is_said_with_the_name_of_the_coding(body, coding, cause, message):
    with pytest.raises(NoAnswerError) as caught:
        unpacked(body, [coding], MOST)
    assert caught.value.cause is cause
    assert message in str(caught.value)


def test_a_body_of_exactly_the_largest_size_is_read():
    assert unpacked(gzip.compress(bytes(MOST)), ["gzip"], MOST) == bytes(MOST)
    assert unpacked(in_members(bytes(MOST), MOST // 2), ["gzip"], MOST) == bytes(MOST)


TEXT = '[{"id": 1, "c": "ünï\U0001f600"}]'


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (TEXT.encode(), "application/json"),
        (TEXT.encode(), ""),
        (TEXT.encode("utf-8-sig"), "application/json"),
        (TEXT.encode("utf-8-sig"), "application/json; charset=utf-16"),
        *((TEXT.encode(encoding), "application/json; charset=utf-16") for encoding in ("utf-16", "utf-16-le")),
        *((TEXT.encode(encoding), "") for encoding in ("utf-16", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "text/json"),
        (TEXT.encode(), "application/json; charset=ISO-8859-1"),
    ],
)
def test_a_text_is_read_in_the_encoding_that_it_shows(body, content_type):
    assert in_utf_8(body, content_type).decode() == TEXT


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=ISO-8859-1",
        'text/json;charset="latin1"',
        "a/b; version=2; Charset = windows-1252",
    ],
)
def test_a_charset_counts_for_bytes_that_are_not_utf_8(content_type):
    assert in_utf_8('["é"]'.encode("latin-1"), content_type).decode() == '["é"]'


@pytest.mark.parametrize("content_type", ["", "a/b; charset=martian", "a/b; charset=hex", "a/b; charset=ascii"])
def test_bytes_in_no_known_encoding_stay_for_the_reader_of_json_to_judge(content_type):
    assert in_utf_8(b'["\xe9"]', content_type) == b'["\xe9"]'


@pytest.mark.parametrize("body", [b"", b"1", b"[]", b"\x00", b"\x00\x00"])
def test_a_text_of_a_few_bytes_stays_as_it_is(body):
    assert in_utf_8(body, "application/json") == body


def test_what_begins_like_utf_16_and_is_not_is_refused_by_name():
    with pytest.raises(NoAnswerError, match="begins like UTF-16-LE, and is not"):
        in_utf_8(b"\xff\xfe[\x00]", "application/json")
