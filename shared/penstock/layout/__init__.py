"""`file_layout`: tells from an object's key whether it is wanted, and when and whose its rows are.

A layout is written in grok, `AWSLogs/%{NUMBER:account_id}/%{YEAR:year}/%{DATA}.gz`: text is
matched as a regular expression (RE2's syntax), `%{PATTERN:name}` takes a named part, `( … )?` may
be missing. It is anchored at neither end, as in Tailpipe, unless `^` or `$` say so: a layout
matches any key that contains it. The parts named year, month, day, hour, minute and second tell
the time (UTC) at which the object was written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.layout.expression import Variant, variants
from penstock.layout.parse import LayoutError, parse

__all__ = ["Layout", "LayoutError", "compile_layout"]

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

    def match(self, key: str) -> Mapping[str, str] | None:
        """The named parts of a key (decoded, as S3 stores it), or None when it does not fit.

        With a prefix, the layout may begin right behind it or take the whole key. A name that
        stands twice gives its first part; one in an optional group that is missing is left out.
        """
        if not key.startswith(self.prefix):
            return None
        for text in (key[len(self.prefix) :], key) if self.prefix else (key,):
            for variant in self.variants:
                match = variant.expression.match(text)
                if match is not None:
                    return _captures(variant.groups, match.groups())
        return None

    def time(self, captures: Mapping[str, str]) -> dt.datetime | None:
        """The start of the span that the key's time parts name, UTC; None without a valid one."""
        parts: list[int] = []
        for name, _ in _UNITS:
            text = captures.get(name)
            if text is None:
                break
            digits = text.replace(":", ".").replace(",", ".").split(".")[0]
            if not (digits.isascii() and digits.isdigit()):
                return None
            parts.append(int(digits))
        return _instant(parts) if parts else None


def compile_layout(text: str, patterns: Mapping[str, str] | None = None, prefix: str = "") -> Layout:
    """Compile a layout that may use `patterns` beside grok's own; LayoutError names the column."""
    if not text:
        raise LayoutError(text, 1, "is empty")
    compiled = variants(parse(text, patterns or {}))
    always = set.intersection(*(set(variant.groups) for variant in compiled))
    return Layout(text, prefix, _granularity(always), compiled)


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


def _instant(parts: list[int]) -> dt.datetime | None:
    year, month, day, hour, minute, second = [*parts, *(0, 1, 1, 0, 0, 0)[len(parts) :]]
    if year < 100:
        year += 2000
    try:
        # A leap second is the next minute's first.
        return dt.datetime(year, month, day, hour, minute, tzinfo=dt.UTC) + dt.timedelta(seconds=second)
    except (ValueError, OverflowError):
        return None
