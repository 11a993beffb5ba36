"""`file_layout`: tells from an object's key whether it is wanted, and when and whose its rows are.

A layout is written in grok, `AWSLogs/%{NUMBER:account_id}/%{YEAR:year}/%{DATA}.gz`: text is
matched as a regular expression (RE2's syntax), `%{PATTERN:name}` takes a named part, `( … )?` may
be missing, `… | …` are layouts of their own. It is anchored at neither end, as in Tailpipe, unless
`^` or `$` say so: a layout matches any key that contains it. The parts named year, month, day,
hour, minute and second tell the time (UTC) at which the object was written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.layout.expression import Variant, expanded, variant
from penstock.layout.folders import Names, Reading, Route, readings, route
from penstock.layout.parse import LayoutError, parse

__all__ = ["Layout", "LayoutError", "Names", "Reading", "compile_layout"]

_UNITS: tuple[tuple[str, dt.timedelta], ...] = (
    ("year", dt.timedelta(days=365)),
    ("month", dt.timedelta(days=30)),
    ("day", dt.timedelta(days=1)),
    ("hour", dt.timedelta(hours=1)),
    ("minute", dt.timedelta(minutes=1)),
    ("second", dt.timedelta(seconds=1)),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """A compiled layout: `text` as written, the `prefix` its keys must begin with.

    `granularity` is the span that the time parts of every matching key narrow down to (a year
    counts 365 days, a month 30), zero when they name no year.
    """

    text: str
    prefix: str
    granularity: dt.timedelta
    variants: tuple[Variant, ...] = field(repr=False, compare=False)
    routes: tuple[Route, ...] = field(repr=False, compare=False)

    def match(self, key: str) -> Mapping[str, str] | None:
        """The named parts of a key (decoded, as S3 stores it), or None when it does not fit.

        With a prefix, the layout may begin right behind it or take the whole key. A name that
        stands twice gives its first part; one in an optional group that is missing is left out.
        """
        if not key.startswith(self.prefix):
            return None
        for text in (key[len(self.prefix) :], key) if self.prefix else (key,):
            for one in self.variants:
                match = one.expression.match(text)
                if match is not None:
                    return _captures(one.groups, match.groups())
        return None

    def folder(self, path: str) -> list[Reading]:
        """How a folder (`prefix`, or a path that ends in a slash) can be on the way to wanted keys.

        Empty when no wanted key can lie below it, as `layout.folders` understands the layout.
        """
        texts = (path[len(self.prefix) :], path) if self.prefix else (path,)
        return [reading for text in texts for reading in readings(self.routes, text)]

    def time(self, captures: Mapping[str, str]) -> dt.datetime | None:
        """The start of the span that the key's time parts name, UTC; None without a valid one."""
        parts = _parts(captures)
        return _instant(parts) if parts else None

    def span(self, captures: Mapping[str, str]) -> tuple[dt.datetime, dt.datetime] | None:
        """The calendar span (start, end, UTC) that the key's time parts name; None without a valid one."""
        parts = _parts(captures)
        start = _instant(parts) if parts else None
        return (start, _next(start, len(parts))) if parts and start else None


def compile_layout(text: str, patterns: Mapping[str, str] | None = None, prefix: str = "") -> Layout:
    """Compile a layout that may use `patterns` beside grok's own; LayoutError names the column."""
    if not text:
        raise LayoutError(text, 1, "is empty")
    forms = expanded(parse(text, patterns or {}))
    compiled = tuple(variant(form) for form in forms)
    always = set.intersection(*(set(one.groups) for one in compiled))
    return Layout(text, prefix, _granularity(always), compiled, tuple(route(form) for form in forms))


def _captures(names: tuple[str, ...], values: tuple[str | None, ...]) -> dict[str, str]:
    captures: dict[str, str] = {}
    for name, value in zip(names, values):
        if value is not None:
            captures.setdefault(name, value)
    return captures


def _granularity(names: set[str]) -> dt.timedelta:
    span = dt.timedelta(0)
    for name, unit in _UNITS:
        if name not in names:
            break
        span = unit
    return span


def _parts(captures: Mapping[str, str]) -> list[int] | None:
    """Year, month and so on as far as they are there; None when one is no number."""
    parts: list[int] = []
    for name, _ in _UNITS:
        text = captures.get(name)
        if text is None:
            break
        digits = text.replace(":", ".").replace(",", ".").split(".")[0]
        if not (digits.isascii() and digits.isdigit()):
            return None
        parts.append(int(digits))
    return parts


def _next(start: dt.datetime, units: int) -> dt.datetime:
    """The start of the next year, month, day, … by how many time parts are known."""
    try:
        if units == 1:
            return start.replace(year=start.year + 1)
        if units == 2:
            return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
        return start + _UNITS[units - 1][1]
    except (ValueError, OverflowError):
        return dt.datetime.max.replace(tzinfo=dt.UTC)


def _instant(parts: list[int]) -> dt.datetime | None:
    year, month, day, hour, minute, second = [*parts, *(0, 1, 1, 0, 0, 0)[len(parts) :]]
    if year < 100:
        year += 2000
    try:
        # A leap second is the next minute's first.
        return dt.datetime(year, month, day, hour, minute, tzinfo=dt.UTC) + dt.timedelta(seconds=second)
    except (ValueError, OverflowError):
        return None
