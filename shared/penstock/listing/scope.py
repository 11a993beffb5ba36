"""What a listing is after: tells of a folder whether it is of use, and where in it wanted keys can begin.

Both ways to list go by this, from folder to folder (`walk`) and in the order of the keys (`flat`), so
they find the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from penstock.layout import Reading
from penstock.listing.values import EVER, Span, Stretch, Window
from penstock.sources.aws_s3_bucket import S3BucketSource

__all__ = ["Folder", "Scope", "before"]

_UNITS = ("year", "month", "day")
_LEAST = dt.timedelta(microseconds=1)
_GREAT = "~"
"""Behind what keys are made of, nearly always; keys that sort behind it are listed needlessly."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a bucket: how it can be read, without any reading when nothing in it is wanted.

    `depth` folders of the layout are read in it. `stretch` when it is to be listed whole. `strange`:
    the layout has no such folder at any time.
    """

    path: str
    depth: int
    readings: tuple[Reading, ...] = ()
    span: Span | None = None
    stretch: Stretch | None = None
    strange: bool = False

    @property
    def names(self) -> list[str] | None:
        """The folders that there can be in it, when the layout alone tells them."""
        names = {reading.names.only for reading in self.readings}
        return None if None in names else sorted(f"{self.path}{name}/" for name in names)


@dataclass(frozen=True, slots=True)
class Scope:
    """A source and the window that is asked for; of that, the stretches whose times begin within
    `starts`, and those without a time if `undated`.
    """

    source: S3BucketSource
    window: Window
    starts: Window = EVER
    undated: bool = True

    def part(self, starts: Window, *, undated: bool) -> Scope:
        """The same of fewer stretches."""
        return replace(self, starts=starts, undated=undated)

    def folder(self, path: str, depth: int) -> Folder:
        """What a folder is (`prefix`, or a path that ends in a slash), found in one of that depth."""
        found = self.source.layout.folder(path)
        spans = [(reading, self._span(reading)) for reading in found]
        open_ = [(one, span) for one, span in spans if span is None or self.window.overlaps(span)]
        known = [span for _, span in open_ if span is not None]
        if not open_ or (len(known) == len(open_) and not any(map(self.starts.overlaps, known))):
            return Folder(path, depth, strange=not found)
        told = len(known) == len(open_)
        span = (min(one[0] for one in known), max(one[1] for one in known)) if told else None
        left = tuple(reading for reading, _ in open_)
        inside = max(reading.at for reading in left)
        if not any(reading.whole for reading in left):
            return Folder(path, inside, left, span)
        if not (self.starts.holds(span[0]) if span else self.undated):
            return Folder(path, depth)
        tails = {(reading.tail, reading.dates) for reading in left}
        tail, dates = tails.pop() if len(tails) == 1 else ("", ())
        return Folder(path, inside, left, span, Stretch(path + tail, span, self._day(path, dates)))

    def ahead(self, folder: Folder, after: str) -> list[str | None]:
        """For each way to read a folder what can still come in it behind all that `after` begins:
        a text that nothing wanted sorts before, itself a folder if it ends in a slash; None: it may be
        anything. Empty when nothing wanted can come.
        """
        found = [self._ahead(folder, reading, after) for reading in folder.readings]
        return [None if text == "" else text for text in found if text is not None]

    def _ahead(self, folder: Folder, reading: Reading, after: str) -> str | None:
        """As `ahead`, of one reading: None for nothing, an empty text for anything."""
        path, names = folder.path, reading.names
        if names.only is not None:
            text = f"{path}{names.only}/"
            return text if text > after else None
        if names.most and after > path + (self._last(reading) or names.most + _GREAT):
            return None
        text = self._first(reading)
        return path + text if text and path + text > after else ""

    def _first(self, reading: Reading) -> str:
        """What the name of the first folder wanted begins with, where the layout and the window tell."""
        start = _told(self.window.start, self.starts.start)
        names, span = reading.names, self._span(reading)
        if start is None or not _is_next(reading) or (span is not None and span[0] >= start):
            return ""
        text = "".join(b + part for b, part in zip(names.dates, _parts(start)[names.unit :]))
        return text + "/" if names.ends else text

    def _last(self, reading: Reading) -> str:
        """A text that no name of a folder wanted sorts behind, where the layout and the window tell."""
        names, span = reading.names, self._span(reading) or (None, None)
        starts = [time for time in (self.window.start, self.starts.start, span[0]) if time]
        ends = [time for time in (self.window.end, self.starts.end, span[1]) if time]
        if not starts or not ends or not _is_next(reading):
            return ""
        first, last = max(starts).astimezone(dt.UTC), min(ends).astimezone(dt.UTC) - _LEAST
        values = range(_number(first, names.unit), _number(last, names.unit) + 1)
        written = [text for value in values for text in (f"{value:02d}", str(value % 100))]
        return names.dates[0] + max(written, default="") + _GREAT

    def _day(self, path: str, dates: Sequence[str]) -> str:
        """A text just before the window's first day, when names begin with the date."""
        start = _told(self.window.start)
        if not dates or start is None:
            return ""
        return before(path + "".join(b + part for b, part in zip(dates, _parts(start))))

    def _span(self, reading: Reading) -> Span | None:
        return self.source.layout.span(reading.captures)


def _is_next(reading: Reading) -> bool:
    """Whether the names below a folder begin with the first part of the time that it does not tell."""
    known = [unit for unit in _UNITS if unit in reading.captures]
    return bool(reading.names.dates) and known == list(_UNITS[: reading.names.unit])


def _number(time: dt.datetime, unit: int) -> int:
    return (time.year, time.month, time.day)[unit]


def before(text: str) -> str:
    """A key that sorts before all that begin with this text, with next to nothing between."""
    return text[:-1] + chr(ord(text[-1]) - 1) + _GREAT


def _told(*starts: dt.datetime | None) -> dt.datetime | None:
    """From when on times are wanted, where names tell it: digits that are left out where they are zero
    sort behind the ones that are there, but years of two digits do before 2021 only.
    """
    start = max((time.astimezone(dt.UTC) for time in starts if time is not None), default=None)
    return start if start is not None and start.year >= 2021 else None


def _parts(time: dt.datetime) -> tuple[str, str, str]:
    return f"{time.year}", f"{time.month:02d}", f"{time.day:02d}"
