"""Find the objects of an S3 source by listing: folder by folder, by the dates in its layout.

    walk folders (Delimiter=/) ─▶ stretches: what to list whole, by time ─▶ objects, page by page

Versions are listed and not just keys (ListObjectVersions), because an object's identity is its
version (G1): in a bucket without versioning that is one "null" version for each key.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html

    values  windows, stretches, what was seen
    walk    from folder to folder
    pages   S3's answers and errors
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import TYPE_CHECKING, Any

from penstock.listing.pages import pages
from penstock.listing.values import EVER, Seen, Stretch, Window, order
from penstock.listing.walk import Walk
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
    "listed",
    "nearest_key",
    "objects",
    "order",
    "stretches",
]

AT_ONCE = 16
"""Folders looked into at once; the client's pool of connections should hold as many."""


def objects(
    source: S3BucketSource,
    client: S3Client,
    window: Window = EVER,
    *,
    newest_first: bool = False,
    seen: Seen | None = None,
) -> Iterator[ObjectRef]:
    """Every version of every object that the source wants and whose time lies in the window.

    The time is the span that the layout reads from the key (it overlaps the window), else when the
    object was last modified. The order is that of `stretches`, then by key. Memory holds the folders of
    one month, not the keys. One request for each thousand keys, one for each folder looked into.

    Raises Retry when the bucket cannot be listed now, or without the permissions that it names;
    ConfigError when there is no such bucket.
    """
    seen = Seen() if seen is None else seen
    for stretch in stretches(source, client, window, newest_first=newest_first, seen=seen):
        yield from listed(source, client, stretch, window, seen=seen)


def stretches(
    source: S3BucketSource,
    client: S3Client,
    window: Window = EVER,
    *,
    newest_first: bool = False,
    seen: Seen | None = None,
) -> Iterator[Stretch]:
    """What to list, in order: first the folders without dates by prefix, then by time and prefix.

    A time is mostly a day: hours are listed with their day. `newest_first` turns the order of the
    times around, never that of the prefixes. Errors as of `objects`.
    """
    months: list[Stretch] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        walk = Walk(source, client, window, Seen() if seen is None else seen, pool)
        for found in walk.below([source.prefix], upto_month=True):
            if found.span is None:
                yield found
            else:
                months.append(found)
        months.sort(key=lambda found: order(found, newest_first=newest_first))
        for _, group in groupby(months, key=lambda found: found.span):
            days = walk.below([month.prefix for month in group], upto_month=False)
            yield from sorted(days, key=lambda found: order(found, newest_first=newest_first))


def listed(
    source: S3BucketSource,
    client: S3Client,
    stretch: Stretch,
    window: Window = EVER,
    *,
    after: str = "",
    seen: Seen | None = None,
) -> Iterator[ObjectRef]:
    """The wanted objects of one stretch by key, from behind the key `after`. Errors as of `objects`."""
    seen = Seen() if seen is None else seen
    seen.key, seen.behind = "", after
    marker = max(after, stretch.before)
    wanted = {"Prefix": stretch.prefix, **({"KeyMarker": marker} if marker else {})}
    for page in pages(source, client, "list_object_versions", seen, wanted):
        for entry in page.get("Versions", ()):
            key = entry["Key"]
            if key <= after:
                continue
            if key != seen.key:
                seen.key, seen.behind = key, seen.key or after
            seen.keys += 1
            if _wanted(source, entry, window, seen):
                yield _ref(source.bucket, entry)
    seen.key, seen.behind = "", seen.key or after


def _wanted(source: S3BucketSource, entry: Any, window: Window, seen: Seen) -> bool:
    captures = source.layout.match(entry["Key"])
    if captures is None:
        seen.missed(entry["Key"], sys.maxsize)
        return False
    seen.matched += 1
    span = source.layout.span(captures)
    return window.overlaps(span) if span else window.holds(entry["LastModified"])


def nearest_key(source: S3BucketSource, client: S3Client, seen: Seen) -> str | None:
    """The key that a layout came closest to matching when it matched none; None in an empty bucket."""
    if seen.nearest is None or not (seen.nearest == source.prefix or seen.nearest.endswith("/")):
        return seen.nearest
    wanted = {"Prefix": seen.nearest, "MaxKeys": 1}
    page = next(pages(source, client, "list_objects_v2", seen, wanted))
    return next((entry["Key"] for entry in page.get("Contents", ())), None)


def _ref(bucket: str, entry: Any) -> ObjectRef:
    return ObjectRef(
        bucket,
        entry["Key"],
        version_id=entry.get("VersionId"),
        etag=entry["ETag"].strip('"'),
        size=entry["Size"],
        last_modified=entry["LastModified"],
    )
