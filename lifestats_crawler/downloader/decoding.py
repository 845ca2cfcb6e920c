"""The body of an answer as JSON's readers want it: unpacked, within a limit of size, in UTF-8. Pure."""

from __future__ import annotations

import codecs
import re
import zlib
from typing import TYPE_CHECKING

from lifestats_crawler.exceptions import Cause, NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What the client asks for: what every Python can unpack.
ACCEPTED = "gzip, deflate"

_GZIP = b"\x1f\x8b\x08"  # no text in UTF-8 begins like that
_MOST_TIMES = 5  # that a body may be packed
_FIRST_PIECE = 256
_LARGEST_PIECE = 1 << 16
_NOT_PACKED = {"", "identity"}
_JSON = re.compile(rb"\s*[\[{]")
#: What only pyarrow unpacks: nobody asks for it, and some servers send it all the same.
_PYARROWS = {"br": "brotli", "zstd": "zstd"}

#: Marks and what they mean, the longer ones first: that of UTF-32-LE begins with that of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: The same without a mark, by which of the first bytes are zero: JSON begins with ASCII (RFC 4627, section 3).
_ZEROS = {
    (True, True, True, False): "utf-32-be",
    (False, True, True, True): "utf-32-le",
    (True, False): "utf-16-be",
    (False, True): "utf-16-le",
}
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:+-]+)""", re.IGNORECASE | re.ASCII)


def unpacked(body: bytes, codings: Iterable[str], most: int) -> bytes:
    """Undo the Content-Encoding headers of a body, of at most ``most`` bytes at each step.

    Gzip may have several members and zeros after them, and may be there without being announced. Raises
    NoAnswerError for what is larger, cannot be undone, or ends too early.

    >>> import gzip
    >>> unpacked(gzip.compress(b"[1,") + gzip.compress(b"2]") + bytes(9), ["gzip"], 100)
    b'[1,2]'
    """
    names = [name.strip().lower() for value in codings for name in value.split(",")]
    packed = [name for name in names if name not in _NOT_PACKED]
    if len(packed) > _MOST_TIMES:
        raise NoAnswerError(Cause.UNREADABLE, f"Content-Encoding names {len(packed)} codings: too many")
    for name in reversed(packed):
        body = _undone(name, body, most) if body else body
    for _ in range(_MOST_TIMES):
        if not body.startswith(_GZIP):
            break
        body = _undone("gzip", body, most)
    return body


def in_utf_8(body: bytes, content_type: str) -> bytes:
    r"""Return a text in UTF-8 without a byte order mark, whatever it is in; unchanged where that is not known.

    A mark counts, or the zeros of UTF-16 and UTF-32. The charset counts only for bytes that are not UTF-8: JSON is
    UTF-8, whatever some servers say. Raises NoAnswerError for what is not what its mark says.

    >>> in_utf_8(b"\xff\xfe[\x001\x00]\x00", ""), in_utf_8(b'["\xe9"]', "text/plain; charset=latin1")
    (b'[1]', b'["\xc3\xa9"]')
    """
    begin = body[:4]
    if not begin.isascii() or 0 in begin:
        for mark, encoding in _MARKS:
            if begin.startswith(mark):
                return body[len(mark) :] if encoding == "utf-8" else _transcoded(body[len(mark) :], encoding)
        for zeros, encoding in _ZEROS.items():
            if tuple(byte == 0 for byte in begin[: len(zeros)]) == zeros:
                return _transcoded(body, encoding)
    charset = _CHARSET.search(content_type)
    if charset is None or body.isascii() or _is_utf_8(body):
        return body
    try:
        return body.decode(charset[1]).encode()
    except (LookupError, ValueError):  # JSON's reader says what is wrong
        return body


def _undone(name: str, body: bytes, most: int) -> bytes:
    try:
        if name in ("gzip", "x-gzip"):
            return _members(body, most)
        if name == "deflate":
            return _deflated(body, most)
        if name in _PYARROWS:
            return _by_pyarrow(_PYARROWS[name], body, most)
    except (zlib.error, EOFError, OSError) as error:
        said = f"Content-Encoding: {name} says: {str(error).partition(': ')[2] or error}"
        raise NoAnswerError(Cause.UNREADABLE, f"the body is not what {said}") from None
    if _JSON.match(body):  # some servers write the charset there, or the type
        return body
    raise NoAnswerError(Cause.UNREADABLE, f"Content-Encoding: {name} cannot be undone; {ACCEPTED} was asked for")


def _members(body: bytes, most: int) -> bytes:
    """Undo gzip, member by member; zeros and anything else after the last one are no part of it."""
    parts = []
    size = at = 0
    while True:
        part, at = _stream(body, at, zlib.decompressobj(wbits=31), most, size)
        parts.append(part)
        size += len(part)
        while body[at : at + 1] == b"\0":
            at += 1
        if not body.startswith(_GZIP, at):
            return b"".join(parts)


def _deflated(body: bytes, most: int) -> bytes:
    """Undo deflate, which is to have a header (RFC 9110, section 8.4.1.2), and has none from some servers."""
    has_header = len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0
    for wbits in (15, -15) if has_header else (-15, 15):
        try:
            return _stream(body, 0, zlib.decompressobj(wbits=wbits), most)[0]
        except (zlib.error, EOFError) as error:
            failure = error
    raise failure


def _stream(body: bytes, at: int, unpacker: zlib._Decompress, most: int, size: int = 0) -> tuple[bytes, int]:
    """Undo what begins at a place, after ``size`` bytes of others; return that, and the place where it ends.

    It is taken in pieces that grow: an unpacker copies what is behind its end, and members can be very small.
    """
    parts = []
    piece = _FIRST_PIECE
    while not unpacker.eof:
        pending = unpacker.unconsumed_tail
        if not pending and at >= len(body):
            raise EOFError("it ends too early")
        part = unpacker.decompress(pending or body[at : at + piece], most - size + 1)
        if not pending:
            at, piece = min(len(body), at + piece), min(_LARGEST_PIECE, piece * 2)
        size += len(part)
        if size > most:
            raise NoAnswerError(Cause.TOO_LARGE, f"the answer is larger than {most:,} bytes")
        parts.append(part)
    return b"".join(parts), at - len(unpacker.unused_data)


def _by_pyarrow(codec: str, body: bytes, most: int) -> bytes:
    import pyarrow as pa  # noqa: PLC0415  # seldom needed, and long to load

    with pa.CompressedInputStream(pa.BufferReader(body), codec) as stream:
        content: bytes = stream.read(most + 1)
    if len(content) > most:
        raise NoAnswerError(Cause.TOO_LARGE, f"the answer is larger than {most:,} bytes")
    return content


def _transcoded(body: bytes, encoding: str) -> bytes:
    try:
        return body.decode(encoding).encode()
    except ValueError as error:
        said = f"the body begins like {encoding.upper()}, and is not: {error}"
        raise NoAnswerError(Cause.UNREADABLE, said) from None


def _is_utf_8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
