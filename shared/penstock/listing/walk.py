"""Finds what to list: goes from folder to folder, where the layout and the window leave one open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from penstock.listing.pages import pages
from penstock.listing.scope import Folder, Scope
from penstock.listing.values import Seen, Stretch, order

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["AT_ONCE", "folders_in", "stretches"]

AT_ONCE = 16
"""Folders looked into at once; the client's pool of connections should hold as many."""

_AHEAD = 64  # folders looked into before the first of them is wanted
_MONTH = dt.timedelta(days=31)


def stretches(scope: Scope, client: S3Client, *, newest_first: bool, seen: Seen) -> Iterator[Stretch]:
    """What to list, in order: first the folders without dates by prefix, then by time and prefix.

    A time is mostly a day: hours are listed with their day. `newest_first` turns the order of the
    times around, never that of the prefixes. Memory holds the folders of one month. Errors as of
    `listing.objects`.
    """
    months: list[Stretch] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        walk = _Walk(scope, client, seen, pool)
        for found in walk.below([scope.source.prefix], upto_month=True):
            if found.span is None:
                yield found
            else:
                months.append(found)
        months.sort(key=lambda found: order(found, newest_first=newest_first))
        for _, group in groupby(months, key=lambda found: found.span):
            days = walk.below([month.prefix for month in group], upto_month=False)
            yield from sorted(days, key=lambda found: order(found, newest_first=newest_first))


@dataclass(frozen=True, slots=True)
class _Walk:
    """Goes into folders that the scope leaves open, some at a time side by side."""

    scope: Scope
    client: S3Client
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
        folder = self.scope.folder(path, depth)
        if folder.strange:
            self.seen.missed(path, depth)
        if not folder.readings:
            return None
        if folder.stretch:
            return folder.stretch
        if upto_month and folder.span is not None and folder.span[1] - folder.span[0] <= _MONTH:
            return Stretch(path, folder.span)
        return self._inner(folder), folder.depth

    def _inner(self, folder: Folder) -> Iterator[str]:
        """Folders in a folder, sorted; those that can have one name only are not asked for."""
        if folder.names is not None:
            self.seen.missed(folder.path, folder.depth)
            return iter(folder.names)
        asked = {"Prefix": folder.path, "Delimiter": "/"}
        found = pages(self.scope.source, self.client, "list_objects_v2", self.seen, asked, self.pool)
        return folders_in(found, folder.depth, self.seen)


def folders_in(found: Iterator[Any], depth: int, seen: Seen) -> Iterator[str]:
    """The folders on pages of a listing with a delimiter, in a folder of that depth."""
    for page in found:
        for entry in page.get("Contents", ()):
            seen.missed(entry["Key"], depth)
        yield from (entry["Prefix"] for entry in page.get("CommonPrefixes", ()))
