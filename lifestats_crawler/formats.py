"""Numbers, shares, durations, sizes and moments as people read them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS_IN_A_MINUTE = 60
_BYTES_IN_A_KILOBYTE = 1000
_JOINERS = "\u200c\u200d"  # invisible, but part of how words and emoji are written


def number(value: float) -> str:
    """Write a number with commas.

    >>> number(74_000_000), number(0.5)
    ('74,000,000', '0.5')
    """
    return f"{value:,}"


def many(value: int, what: str) -> str:
    """Write a number of things.

    >>> many(1, "page"), many(2000, "page")
    ('1 page', '2,000 pages')
    """
    return f"{value:,} {what}{'' if value == 1 else 's'}"


def extent(begin: int, end: int) -> str:
    """Write the ids of a range.

    >>> extent(7, 8), extent(7, 10)
    ('id 7', 'ids 7 to 9')
    """
    return f"ids {begin} to {end - 1}" if end - begin > 1 else f"id {begin}"


def audited(audit: Mapping[str, float]) -> str:
    """Say what the audit of a report has found.

    >>> audited({"ranges": 20, "differing": 0, "at_most": 0.15})
    'Audit: 20 ranges were requested again, 0 differed; at most 15.000% of the pages can differ (95 % confidence).'
    """
    asked = f"{many(int(audit['ranges']), 'range')} {'was' if audit['ranges'] == 1 else 'were'} requested again"
    most = f"at most {percent(audit['at_most'])} of the pages can differ (95 % confidence)"
    return f"Audit: {asked}, {audit['differing']:,} differed; {most}."


def percent(share: float) -> str:
    """Write a share as a percentage; what is not nothing never shows as nothing.

    >>> percent(0.006461), percent(1), percent(0.000001)
    ('0.646%', '100.000%', '<0.001%')
    """
    written = f"{share:.3%}"
    return "<0.001%" if share and written == "0.000%" else written


def percent_done(part: int, whole: int) -> str:
    """Write how much of a whole is done, rounded down: what is not complete never shows as 100.0 %.

    >>> percent_done(1999, 2000), percent_done(0, 0)
    ('99.9 %', '100.0 %')
    """
    return f"{(1000 * part // whole if whole else 1000) / 10:.1f} %"


def plainly(ratio: float) -> str:
    """Write the report's ratio with each digit that it has, so that it is rounded no further.

    >>> plainly(0.999999), plainly(0.25), plainly(0.0)
    ('99.9999%', '25%', '0%')
    """
    return f"{ratio * 100:.4f}".rstrip("0").rstrip(".") + "%"


def duration(seconds: float) -> str:
    """Write a duration in at most two units.

    >>> duration(0.431), duration(59.96), duration(725), duration(7384)
    ('0.43 s', '1 min 0 s', '12 min 5 s', '2 h 3 min')
    """
    if seconds < 1:
        return f"{seconds:.2f} s"
    if round(seconds, 1) < _SECONDS_IN_A_MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left} min" if hours else f"{minutes} min {rest} s"


def h_mm_ss(seconds: float) -> str:
    """Write a time as a clock shows it, rounded up.

    >>> h_mm_ss(7383.18)
    '2:03:04'
    """
    whole = -int(-seconds // 1)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def size(value: float) -> str:
    """Write a number of bytes with the unit that suits it.

    >>> size(999), size(204_800), size(208_000_000)
    ('999 B', '205 kB', '208 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if value < _BYTES_IN_A_KILOBYTE:
            return f"{value:.0f} {unit}"
        value /= _BYTES_IN_A_KILOBYTE
    return f"{value:.1f} TB"


def moment(at: str) -> str:
    """Write a time of a report as people read it, to the second.

    >>> moment("2026-11-24T03:56:56.333Z")
    '2026-11-24 03:56:56 UTC'
    """
    return f"{at[:19].replace('T', ' ')} UTC" if at.endswith("Z") else at


def minute(at: str | None) -> str:
    """Shorten a time in UTC to what a table needs; empty without one.

    >>> minute("2026-11-24T03:56:56.333Z")
    '2026-11-24 03:56'
    """
    return at[:16].replace("T", " ") if at else ""


def visible(key: object) -> str:
    r"""Write a key so that no other key is written the same.

    Characters that cannot be seen show as their number; texts that could be taken for a number, or
    for nothing, are quoted.

    >>> visible(-7), visible("red"), visible("7"), visible(""), visible(" red")
    ('-7', 'red', '“7”', '“”', '“ red”')
    >>> visible("a\nb\u202ec")
    'a⟨U+000A⟩b⟨U+202E⟩c'
    """
    text = str(key)
    if isinstance(key, str) and _is_ambiguous(key):
        text = f"“{key}”"
    return "".join(map(_visible_character, text))


def _is_ambiguous(text: str) -> bool:
    return text.strip() != text or not text or text.startswith("“") or text.removeprefix("-").isdecimal()


def _visible_character(character: str) -> str:
    is_seen = (character.isprintable() or character in _JOINERS) and character != "⟨"
    return character if is_seen else f"⟨U+{ord(character):04X}⟩"
