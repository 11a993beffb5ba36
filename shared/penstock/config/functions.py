"""The functions that a configuration may call: `timestamp`, `timeadd`, `formatdate`.

Written from https://developer.hashicorp.com/terraform/language/functions (formatdate, timeadd,
timestamp). Each takes and gives texts; ValueError says what was expected.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping

__all__ = ["FUNCTIONS"]

_STEP = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PIECE = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+|'")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DATES: Mapping[str, Callable[[dt.datetime], str]] = {
    "YYYY": lambda t: f"{t.year:04d}",
    "YY": lambda t: f"{t.year % 100:02d}",
    "MMMM": lambda t: _MONTHS[t.month - 1],
    "MMM": lambda t: _MONTHS[t.month - 1][:3],
    "MM": lambda t: f"{t.month:02d}",
    "M": lambda t: str(t.month),
    "DD": lambda t: f"{t.day:02d}",
    "D": lambda t: str(t.day),
    "EEEE": lambda t: _DAYS[t.weekday()],
    "EEE": lambda t: _DAYS[t.weekday()][:3],
    "hh": lambda t: f"{t.hour:02d}",
    "h": lambda t: str(t.hour),
    "HH": lambda t: f"{t.hour % 12 or 12:02d}",
    "H": lambda t: str(t.hour % 12 or 12),
    "AA": lambda t: "AM" if t.hour < 12 else "PM",
    "aa": lambda t: "am" if t.hour < 12 else "pm",
    "mm": lambda t: f"{t.minute:02d}",
    "m": lambda t: str(t.minute),
    "ss": lambda t: f"{t.second:02d}",
    "s": lambda t: str(t.second),
    "ZZZZZ": lambda t: _offset(t, ":"),
    "ZZZZ": lambda t: _offset(t, ""),
    "ZZZ": lambda t: "UTC" if not t.utcoffset() else _offset(t, ""),
    "Z": lambda t: "Z" if not t.utcoffset() else _offset(t, ":"),
}


def _offset(time: dt.datetime, colon: str) -> str:
    minutes = int((time.utcoffset() or dt.timedelta()).total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}{colon}{abs(minutes) % 60:02d}"


def _read(text: str) -> dt.datetime:
    try:
        time = dt.datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None or "T" not in text:
        raise ValueError(f"found {text!r}, expected a time such as 2026-01-31T00:00:00Z")
    return time


def _write(time: dt.datetime) -> str:
    return time.replace(microsecond=0, tzinfo=None).isoformat() + _DATES["Z"](time)


def _timestamp(now: dt.datetime) -> str:
    """The present moment, UTC, to the second."""
    return _write(now.astimezone(dt.UTC))


def _timeadd(_: dt.datetime, time: str, duration: str) -> str:
    """`time` moved by a duration such as `-24h`, `10m` or `1h30m`."""
    steps = duration.removeprefix("-")
    if not re.fullmatch(f"(?:{_STEP.pattern})+", steps):
        raise ValueError(f"found {duration!r}, expected a duration such as -24h or 1h30m")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _STEP.findall(steps))
    try:
        return _write(_read(time) + dt.timedelta(seconds=-seconds if duration.startswith("-") else seconds))
    except OverflowError:
        raise ValueError(f"found {duration!r}, which leads out of the calendar") from None


def _formatdate(_: dt.datetime, spec: str, time: str) -> str:
    """`time` written as `spec` says: YYYY MM DD hh mm ss and so on, texts in single quotes."""
    moment, out = _read(time), []
    for piece in _PIECE.finditer(spec):
        if piece[1] is not None:
            out.append(piece[1].replace("''", "'"))
        elif piece[2] is None and piece[0] != "'":
            out.append(piece[0])
        elif piece[0] in _DATES:
            out.append(_DATES[piece[0]](moment))
        else:
            raise ValueError(f"found {piece[0]!r} in {spec!r}, expected YYYY, MM, DD, hh, mm, ss or the like")
    return "".join(out)


FUNCTIONS: Mapping[str, tuple[Callable[..., str], int]] = {
    "formatdate": (_formatdate, 2),
    "timeadd": (_timeadd, 2),
    "timestamp": (_timestamp, 0),
}
"""By name: the function, which takes the present moment first, and how many texts it takes then."""
