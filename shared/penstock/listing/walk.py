"""Finds what to list: goes from folder to folder, where the layout and the window leave one open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from penstock.layout import Reading
from penstock.listing.pages import pages
from penstock.listing.values import Seen, Span, Stretch, Window
from penstock.sources.aws_s3_bucket import S3BucketSource

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["Walk"]

_AHEAD = 64  # folders looked into before the first of them is wanted
_MONTH = dt.timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Walk:
    """Goes into folders that the layout and the window leave open, some at a time side by side."""

    source: S3BucketSource
    client: S3Client
    window: Window
    seen: Seen
    pool: Executor

    def below(self, paths: Iterable[str], *, upto_month: bool, depth: int = 0) -> Iterator[Stretch]:
        """The stretches at or below folders, in their order; `upto_month` stops at folders of a month.

        `depth` folders of the layout were read in the folder that they are in.
        """
        waiting = iter(paths)
        while some := list(islice(waiting, _AHEAD)):
            begun = [self._begin(path, depth, upto_month=upto_month) for path in some]
            for one in begun:
                if isinstance(one, Stretch):
                    yield one
                elif one is not None:
                    inner, inside = one
                    yield from self.below(inner, upto_month=upto_month, depth=inside)

    def _begin(
        self, path: str, depth: int, *, upto_month: bool
    ) -> Stretch | tuple[Iterator[str], int] | None:
        """What a folder is: a stretch, or the folders in it with their depth, or nothing wanted."""
        open_ = self._open(path, depth)
        if not open_:
            return None
        span = self._span(open_)
        if any(reading.whole for reading in open_):
            tails = {(reading.tail, reading.dates) for reading in open_}
            tail, dates = tails.pop() if len(tails) == 1 else ("", ())
            return Stretch(path + tail, span, self._before(path, dates))
        if upto_month and span is not None and span[1] - span[0] <= _MONTH:
            return Stretch(path, span)
        inside = max(reading.at for reading in open_)
        return self._inner(path, open_, inside), inside

    def _open(self, path: str, depth: int) -> list[Reading]:
        """The readings of a folder whose time the window does not rule out."""
        layout = self.source.layout
        found = layout.folder(path)
        if not found:
            self.seen.missed(path, depth)
        spans = [(reading, layout.span(reading.captures)) for reading in found]
        return [reading for reading, span in spans if span is None or self.window.overlaps(span)]

    def _span(self, open_: list[Reading]) -> Span | None:
        """The time that all readings of a folder stay within, or None."""
        spans = [self.source.layout.span(reading.captures) for reading in open_]
        known = [span for span in spans if span is not None]
        if len(known) < len(spans):
            return None
        return min(span[0] for span in known), max(span[1] for span in known)

    def _before(self, path: str, dates: Sequence[str]) -> str:
        """A text that sorts just before the window's first day, when names begin with the date.

        Digits that are left out where they are zero sort behind the ones that are there, so those
        names are not passed over; years of two digits do before 2021 only.
        """
        start = self.window.start
        if not dates or start is None or start.year < 2021:
            return ""
        parts = (f"{start.year}", f"{start.month:02d}", f"{start.day:02d}")
        text = path + "".join(between + part for between, part in zip(dates, parts))
        return text[:-1] + chr(ord(text[-1]) - 1)

    def _inner(self, path: str, open_: list[Reading], depth: int) -> Iterator[str]:
        """Folders in a folder, sorted; those that can have one name only are not asked for."""
        names = {reading.next for reading in open_}
        if None not in names:
            self.seen.missed(path, depth)
            return iter(sorted(f"{path}{name}/" for name in names))
        wanted = {"Prefix": path, "Delimiter": "/"}
        found = pages(self.source, self.client, "list_objects_v2", self.seen, wanted, self.pool)
        return self._folders(found, depth)

    def _folders(self, found: Iterator[Any], depth: int) -> Iterator[str]:
        for page in found:
            for entry in page.get("Contents", ()):
                self.seen.missed(entry["Key"], depth)
            yield from (entry["Prefix"] for entry in page.get("CommonPrefixes", ()))
