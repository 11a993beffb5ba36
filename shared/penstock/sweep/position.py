"""Where the sweep of a source stands: up to when it is complete, and how far the present pass has come.

    pass 1   |◀────── seven days, newest day first ───────| end 1
    pass 2                                  |── look-back ─▶ oldest first ─▶| end 2
    pass 3                                                   |── look-back ─▶ …

Each pass begins the look-back before the end of the pass before it, so there is no gap between
them. A pass keeps its window until it is through, however often it is interrupted.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from penstock.listing import Stretch, Window, order
from penstock.sources.aws_s3_bucket import S3BucketSource

__all__ = ["Extent", "Pass", "Place", "Position", "begin", "cursor_name"]


@dataclass(frozen=True, slots=True)
class Place:
    """The last key that was dealt with (all its versions), and the stretch that it belongs to."""

    stretch: Stretch
    key: str


@dataclass(frozen=True, slots=True)
class Pass:
    """One way through a source's window, and how far it is: at its beginning without `place`.

    `by_folder`: it got nowhere in the time it had, so it goes from folder to folder, where the first
    objects are found sooner.
    """

    start: dt.datetime
    end: dt.datetime
    newest_first: bool
    place: Place | None = None
    by_folder: bool = False

    @property
    def window(self) -> Window:
        """The whole window."""
        return Window(self.start, self.end)

    @property
    def left(self) -> Window:
        """The part of the window whose folders are not all dealt with."""
        if self.place is None or self.place.stretch.span is None:
            return self.window
        time = self.place.stretch.span[0]
        if self.newest_first:
            return Window(self.start, min(self.end, time + dt.timedelta(microseconds=1)))
        return Window(max(self.start, time), self.end)

    def after(self, stretch: Stretch) -> str | None:
        """The key behind which a stretch is to be listed, "" for all of it, None when it is done."""
        if self.place is None:
            return ""
        here = order(self.place.stretch, newest_first=self.newest_first)
        there = order(stretch, newest_first=self.newest_first)
        if there < here:
            return None
        return self.place.key if there == here else ""

    def at(self, stretch: Stretch, key: str) -> Pass:
        """The same pass, come as far as that key."""
        return replace(self, place=Place(stretch, key))


@dataclass(frozen=True, slots=True)
class Extent:
    """How far passes reach: the first one back in time, later ones behind the end of the one before.

    Objects younger than `settle` are left to their events and to the next pass.
    """

    first: dt.timedelta
    look_back: dt.timedelta
    settle: dt.timedelta


@dataclass(frozen=True, slots=True)
class Position:
    """`until`: passes are complete up to this time (None: none is). `current`: the pass under way."""

    until: dt.datetime | None = None
    current: Pass | None = None

    @classmethod
    def from_text(cls, text: str | None) -> Position:
        """Read the cursor that `to_text` wrote; None is a source that was never swept."""
        told = json.loads(text) if text else {}
        found = told.get("pass")
        until = told.get("until")
        return cls(dt.datetime.fromisoformat(until) if until else None, _pass(found) if found else None)

    def to_text(self) -> str:
        """The cursor: JSON that a person can read."""
        told: dict[str, Any] = {"until": _text(self.until)}
        if self.current:
            told["pass"] = {
                "start": _text(self.current.start),
                "end": _text(self.current.end),
                "newest_first": self.current.newest_first,
            }
            if self.current.by_folder:
                told["pass"]["by_folder"] = True
            if place := self.current.place:
                span = place.stretch.span and [_text(time) for time in place.stretch.span]
                told["pass"]["place"] = {"span": span, "prefix": place.stretch.prefix, "key": place.key}
        return json.dumps(told, separators=(",", ":"))


def begin(position: Position, extent: Extent, now: dt.datetime) -> Pass:
    """The pass under way, or the next one."""
    if position.current:
        return position.current
    end = now - extent.settle
    if position.until is None:
        return Pass(now - extent.first, end, newest_first=True)
    return Pass(min(position.until, end) - extent.look_back, end, newest_first=False)


def cursor_name(source: S3BucketSource) -> str:
    """The name of a source's cursor; a source with another layout has other objects, so another one."""
    return f"sweep {source.place} {source.layout.text}"


def _pass(told: Mapping[str, Any]) -> Pass:
    place = told.get("place")
    span, at = _span(told["start"], told["end"]), _place(place) if place else None
    return Pass(*span, told["newest_first"], at, told.get("by_folder", False))


def _place(told: Mapping[str, Any]) -> Place:
    return Place(Stretch(told["prefix"], told["span"] and _span(*told["span"])), told["key"])


def _span(start: str, end: str) -> tuple[dt.datetime, dt.datetime]:
    return dt.datetime.fromisoformat(start), dt.datetime.fromisoformat(end)


def _text(time: dt.datetime | None) -> str | None:
    return time.isoformat() if time else None
