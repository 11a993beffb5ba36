"""Puts what `flat` finds in the order of the keys into the order of `stretches`: by time.

For that it is held in memory, at most `HELD` objects. When there are more, the later half of the times
is let go and listed again when its turn comes, so a long window is gone through in parts:

    newest first   |◀── part 3 ──|◀── part 2 ──|◀── part 1 ──|
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock.listing.flat import Flat
from penstock.listing.keys import wanted
from penstock.listing.scope import Scope
from penstock.listing.values import Seen, Stretch, Window, order
from penstock.model import ObjectRef

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["HELD", "TooMany", "in_order"]

HELD = 200_000
"""Objects held in memory, of about half a kilobyte each."""

_DAY = dt.timedelta(days=1)


class TooMany(Exception):
    """More objects than may be held stand for one time. `scope` is what was not given yet."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self.scope = scope


def in_order(
    scope: Scope, client: S3Client, window: Window, *, newest_first: bool, seen: Seen
) -> Iterator[tuple[Stretch, list[ObjectRef]]]:
    """The stretches that have wanted objects, in the order of `walk.stretches`, with these by key.

    TooMany when it has to be done from folder to folder from there on.
    """
    rest: Scope | None = scope
    length: dt.timedelta | None = None
    while rest is not None:
        part = _Part(_limited(rest, length, newest_first=newest_first), newest_first)
        if not part.fill(client, window, seen):
            raise TooMany(rest)
        length, rest = part.next_length(), part.rest(rest)
        for stretch in sorted(part.held, key=lambda one: order(one, newest_first=newest_first)):
            yield stretch, part.held.pop(stretch)


def _limited(rest: Scope, length: dt.timedelta | None, *, newest_first: bool) -> Scope:
    """The part of the rest to try for: no longer than what the one before could hold."""
    starts, window = rest.starts, rest.window
    if length is None:
        return rest
    if newest_first and starts.end and window.start and starts.end - length > window.start:
        return rest.part(Window(starts.end - length, starts.end), undated=rest.undated)
    if not newest_first and starts.start and window.end and starts.start + length < window.end:
        return rest.part(Window(starts.start, starts.start + length), undated=rest.undated)
    return rest


@dataclass(slots=True)
class _Part:
    """Stretches that begin within `scope.starts`, and their objects."""

    scope: Scope
    newest_first: bool
    held: dict[Stretch, list[ObjectRef]] = field(default_factory=dict)
    count: int = 0

    def fill(self, client: S3Client, window: Window, seen: Seen) -> bool:
        """List, letting later times go when there is too much; False when that is not enough."""
        flat = Flat(self.scope, client, seen)
        for stretch, entry in flat.entries():
            ref = wanted(self.scope.source, entry, window, seen)
            if ref is None:
                continue
            self.held.setdefault(stretch, []).append(ref)
            self.count += 1
            if self.count > HELD:
                if not self._cut():
                    return False
                flat.reduce(self.scope)
        return True

    def rest(self, whole: Scope) -> Scope | None:
        """What of the whole comes after this part."""
        starts = self.scope.starts
        if self.newest_first and starts.start and starts != whole.starts:
            return whole.part(Window(whole.starts.start, starts.start), undated=False)
        if not self.newest_first and starts.end and starts != whole.starts:
            return whole.part(Window(starts.end, whole.starts.end), undated=False)
        return None

    def next_length(self) -> dt.timedelta | None:
        """How long the next part may be: twice this one when it held little, without end after nothing."""
        times = self._times()
        if not times:
            return None
        length = max(times) - min(times) + _DAY
        return 2 * length if self.count < HELD // 4 else length

    def _cut(self) -> bool:
        """Let the later half of the times go; False when all is of one time."""
        times = self._times()
        if len(times) < 2:
            return False
        last, kept = 0, self.count - sum(times.values())
        for last, time in enumerate(times):
            kept += times[time]
            if last and kept > HELD // 2:
                break
        ordered = list(times)
        starts = self.scope.starts
        if self.newest_first:
            starts = Window(ordered[last - 1], starts.end)
        else:
            starts = Window(starts.start, ordered[last])
        self.scope = self.scope.part(starts, undated=self.scope.undated)
        self.held = {s: refs for s, refs in self.held.items() if not s.span or starts.holds(s.span[0])}
        self.count = sum(map(len, self.held.values()))
        return True

    def _times(self) -> dict[dt.datetime, int]:
        """How many objects are held of each time, in the order of the times."""
        found: Counter[dt.datetime] = Counter()
        for stretch, refs in self.held.items():
            if stretch.span:
                found[stretch.span[0]] += len(refs)
        return dict(sorted(found.items(), reverse=self.newest_first))
