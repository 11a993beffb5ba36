"""What a listing is asked for and what it gives: windows of time, stretches of keys, what was seen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["EVER", "Seen", "Span", "Stretch", "Window", "order"]

Span = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True, slots=True)
class Window:
    """Times from `start` to before `end`, both aware; None leaves that side open."""

    start: dt.datetime | None = None
    end: dt.datetime | None = None

    def holds(self, time: dt.datetime) -> bool:
        """Whether the time lies in it."""
        return (self.start is None or self.start <= time) and (self.end is None or time < self.end)

    def overlaps(self, span: Span) -> bool:
        """Whether any time of the span (start, end; half open) lies in it."""
        return (self.start is None or self.start < span[1]) and (self.end is None or span[0] < self.end)


EVER = Window()


def _nothing() -> None:
    """Nobody watches."""


@dataclass(slots=True)
class Seen:
    """What a listing met so far: LIST requests, keys, those of them that were wanted.

    `nearest` is the key, or the folder (the source's prefix, or it ends in a slash), that the layout
    came closest to matching; it is kept until a key matches, for whoever must say why nothing did.
    `behind` is the key of the present stretch up to which all versions are listed, `key` the one
    being listed ("": none). `faults` say what could not be looked into, where the rest was. `tick` is
    called before each request, and now and then between objects; what it raises comes out.
    """

    requests: int = 0
    keys: int = 0
    matched: int = 0
    nearest: str | None = None
    key: str = ""
    behind: str = ""
    faults: list[str] = field(default_factory=list)
    tick: Callable[[], None] = _nothing
    _depth: int = -1

    def missed(self, path: str, depth: int) -> None:
        """Note a key or folder that does not fit, though `depth` folders of the layout did."""
        if not self.matched and depth > self._depth:
            self.nearest, self._depth = path, depth


@dataclass(frozen=True, slots=True)
class Stretch:
    """Keys to list whole: those that begin with `prefix`; the time they stand for, where they tell.

    Keys up to `before` are known by their names to lie before the window.
    """

    prefix: str
    span: Span | None = None
    before: str = ""


def order(stretch: Stretch, *, newest_first: bool) -> tuple[float, str]:
    """Where a stretch stands among others; those without a time come first."""
    if stretch.span is None:
        return float("-inf"), stretch.prefix
    at = stretch.span[0].timestamp()
    return -at if newest_first else at, stretch.prefix
