"""Find the objects of an S3 source by listing, as far as they are of the time that is asked for.

    flat ─▶ keys in their order, unwanted ones jumped over ─▶ held, put in the order of their times
    walk ─▶ folder by folder, by the dates in the layout   ─▶ listed one by one in that order

The first needs a request for each thousand keys and few more; the second can do without holding what
it found. Both give the same (`parts`). Versions are listed and not just keys (ListObjectVersions),
because an object's identity is its version (G1): in a bucket without versioning that is one "null"
version for each key.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html

    values  windows, stretches, what was seen
    scope   which folders are wanted, and where the next one can be
    flat    in the order of the keys
    held    from there into the order of times
    walk    from folder to folder
    keys    the keys of one stretch
    pages   S3's answers and errors
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from penstock.listing.flat import root
from penstock.listing.held import TooMany, in_order
from penstock.listing.keys import listed
from penstock.listing.pages import pages
from penstock.listing.scope import Scope
from penstock.listing.values import EVER, Seen, Stretch, Window, order
from penstock.listing.walk import AT_ONCE, stretches
from penstock.model import ObjectRef
from penstock.sources.aws_s3_bucket import S3BucketSource

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = [
    "AT_ONCE",
    "EVER",
    "Seen",
    "Stretch",
    "Window",
    "nearest_key",
    "objects",
    "order",
    "parts",
]

_BETWEEN = 1000  # objects given between two looks at the time


def objects(
    source: S3BucketSource,
    client: S3Client,
    window: Window = EVER,
    *,
    seen: Seen | None = None,
) -> Iterator[ObjectRef]:
    """Every version of every object that the source wants and whose time lies in the window.

    The time is the span that the layout reads from the key (it overlaps the window), else when the
    object was last modified. The order is that of `walk.stretches`, then by key. Memory holds at most
    `held.HELD` of them. About one request for each thousand keys.

    Raises Retry when the bucket cannot be listed now, or without the permissions that it names;
    ConfigError when there is no such bucket.
    """
    for _, refs in parts(source, client, window, seen=seen):
        yield from refs


def parts(
    source: S3BucketSource,
    client: S3Client,
    window: Window = EVER,
    *,
    left: Window | None = None,
    after: Callable[[Stretch], str | None] = lambda _: "",
    by_folder: bool = False,
    newest_first: bool = False,
    seen: Seen | None = None,
) -> Iterator[tuple[Stretch, Iterator[ObjectRef]]]:
    """As `objects`, each stretch with its own, which are to be taken before the next stretch is.

    `left` is the part of the window whose folders are to be looked into. `after` tells of a stretch the
    key behind which it is to be given, None for not at all. `by_folder` lists from folder to folder only.
    """
    seen = Seen() if seen is None else seen
    scope = Scope(source, window if left is None else left)
    if not by_folder and _has_folders_of_times(scope):
        try:
            for stretch, refs in in_order(scope, client, window, newest_first=newest_first, seen=seen):
                begin = after(stretch)
                if begin is not None:
                    yield stretch, _given(refs, begin, seen)
            return
        except TooMany as error:
            scope = error.scope
    for stretch in stretches(scope, client, newest_first=newest_first, seen=seen):
        begin = after(stretch)
        if begin is not None:
            yield stretch, listed(source, client, stretch, window, after=begin, seen=seen)


def _has_folders_of_times(scope: Scope) -> bool:
    """Whether there is anything to put in order; what is one stretch need not be held for that."""
    top = root(scope)
    return bool(scope.source.layout.granularity and top.readings) and not top.stretch


def _given(refs: list[ObjectRef], after: str, seen: Seen) -> Iterator[ObjectRef]:
    """Objects of a stretch that were listed before, told to `seen` as if they were listed now."""
    seen.key, seen.behind = "", after
    for number, ref in enumerate(refs):
        if number % _BETWEEN == 0:
            seen.tick()
        if ref.key <= after:
            continue
        if ref.key != seen.key:
            seen.key, seen.behind = ref.key, seen.key or after
        yield ref
    seen.key, seen.behind = "", seen.key or after


def nearest_key(source: S3BucketSource, client: S3Client, seen: Seen) -> str | None:
    """The key that a layout came closest to matching when it matched none; None in an empty bucket."""
    if seen.nearest is None or not (seen.nearest == source.prefix or seen.nearest.endswith("/")):
        return seen.nearest
    wanted = {"Prefix": seen.nearest, "MaxKeys": 1}
    page = next(pages(source, client, "list_objects_v2", seen, wanted))
    return next((entry["Key"] for entry in page.get("Contents", ())), None)
