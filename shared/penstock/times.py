"""Reads the times a person writes: `--from 2026-01-31`, `--to T-7d`, a Unix number, a log's own form.

Everything comes out timezone-aware in UTC. A time without a zone is UTC; a date is its midnight, a
month (`2026-01`, `2026/01`, `Jan 2026`, `January 2026`) and a year (`2026`) the midnight they begin with;
`T-<n><unit>` counts back from now on the caller's own clock (calendar years, months, weeks and
days; hours and minutes of elapsed time).
"""

from __future__ import annotations

import calendar
import datetime as dt
import re

from penstock.errors import UsageError

__all__ = ["parse"]

_RELATIVE = re.compile(r"T-(\d+)([YmWdHM])")
_EXPECTED = (
    "expected a date (2026-01-31), a month (2026-01), a year (2026), a time (2026-01-31T15:04:05Z),"
    " a Unix number, or T-<number><unit> with unit Y, m, W, d, H or M (T-7d)"
)

# RFC 822 section 5.1; military letters other than Z have been read both ways and are left out.
_ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0, "UT": 0,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip

_UNIX_DIGITS = {9: 1, 10: 1, 12: 1_000, 13: 1_000, 18: 1_000_000_000, 19: 1_000_000_000}

# Without their zone, which is taken off the end first.
_FORMS = (
    "%a, %d %b %Y %H:%M:%S",  # RFC 1123
    "%A, %d-%b-%y %H:%M:%S",  # RFC 850
    "%d %b %y %H:%M",  # RFC 822
    "%d %b %Y %H:%M:%S",
    "%a %b %d %H:%M:%S %Y",  # ANSI C; Unix date and Ruby date once their zone is out
    "%d/%b/%Y:%H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
)
_MONTH = re.compile(r"(\d{4})(?:([-/])(\d\d))?", re.ASCII)
_ZONE_BEFORE_YEAR = re.compile(r"^(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d) (\S+) (\d{4})$")
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(\.\d{1,9})?)?")
_ZONE = re.compile(r"(?:(?<=\d) ?([+-]\d\d:?\d\d)| ([A-Z]{1,4})|(?<=\d)(Z))$")


def parse(text: str, now: dt.datetime) -> dt.datetime:
    """The instant that `text` means, in UTC.

    `now` (timezone-aware, in the caller's own zone) is where relative forms count from. UsageError
    names what was found and what was expected.
    """
    text = text.strip()
    try:
        found = _relative(text, now) or _unix(text) or _month(text) or _absolute(text)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise UsageError(f"found {text!r}, {_EXPECTED}")
    return found


def _relative(text: str, now: dt.datetime) -> dt.datetime | None:
    match = _RELATIVE.fullmatch(text)
    if match is None:
        return None
    count, unit = int(match[1]), match[2]
    if unit in "HM":
        return now.astimezone(dt.UTC) - dt.timedelta(minutes=count * (60 if unit == "H" else 1))
    if unit in "Wd":
        return (now - dt.timedelta(days=count * (7 if unit == "W" else 1))).astimezone(dt.UTC)
    return _months_before(now, count * (12 if unit == "Y" else 1)).astimezone(dt.UTC)


def _months_before(now: dt.datetime, months: int) -> dt.datetime:
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return now.replace(year=year, month=month + 1, day=min(now.day, last))


def _unix(text: str) -> dt.datetime | None:
    if not (text.isascii() and text.isdigit()):
        return None
    units = _UNIX_DIGITS.get(len(text))
    if units is None:
        return None
    seconds, rest = divmod(int(text), units)
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return epoch + dt.timedelta(seconds=seconds, microseconds=rest * 1_000_000 // units)


def _month(text: str) -> dt.datetime | None:
    """The beginning of a month or a year."""
    if match := _MONTH.fullmatch(text):
        return dt.datetime(int(match[1]), int(match[3] or 1), 1, tzinfo=dt.UTC)
    for form in ("%b %Y", "%B %Y"):
        try:
            return _read(text, form, dt.UTC)
        except ValueError:
            continue
    return None


def _absolute(text: str) -> dt.datetime | None:
    if inner := _ZONE_BEFORE_YEAR.match(text):
        text = f"{inner[1]} {inner[3]} {inner[2]}"
    zone = _ZONE.search(text)
    bare, offset = (text[: zone.start()], _offset(zone)) if zone else (text, dt.UTC)
    iso = _ISO.fullmatch(bare)
    if iso is not None:
        if zone and not iso[2]:
            return None
        # Digits beyond the microsecond are cut: the columns they are compared with end there.
        clock, fraction = iso[2] or "00:00:00", (iso[3] or ".0")[:7]
        return _read(f"{iso[1]} {clock}{fraction}", "%Y-%m-%d %H:%M:%S.%f", offset)
    for form in _FORMS:
        try:
            return _read(bare, form, offset)
        except ValueError:
            continue
    return None


def _read(text: str, form: str, zone: dt.timezone) -> dt.datetime:
    return dt.datetime.strptime(text, form).replace(tzinfo=zone).astimezone(dt.UTC)


def _offset(zone: re.Match[str]) -> dt.timezone:
    """The offset of a matched zone; ValueError for a name that means nothing certain."""
    if name := zone[2] or zone[3]:
        if name not in _ZONES:
            raise ValueError(name)
        return dt.timezone(dt.timedelta(hours=_ZONES[name]))
    sign, digits = zone[1][0], zone[1][1:].replace(":", "")
    size = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return dt.timezone(-size if sign == "-" else size)
