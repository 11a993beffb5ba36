"""The keys of one stretch, page by page, and which of them are wanted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from penstock.listing.pages import pages
from penstock.listing.values import EVER, Seen, Stretch, Window
from penstock.model import ObjectRef
from penstock.sources.aws_s3_bucket import S3BucketSource

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["listed", "wanted"]


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
    asked = {"Prefix": stretch.prefix, **({"KeyMarker": marker} if marker else {})}
    for page in pages(source, client, "list_object_versions", seen, asked):
        for entry in page.get("Versions", ()):
            key = entry["Key"]
            if key <= after:
                continue
            if key != seen.key:
                seen.key, seen.behind = key, seen.key or after
            ref = wanted(source, entry, window, seen)
            if ref is not None:
                yield ref
    seen.key, seen.behind = "", seen.key or after


def wanted(source: S3BucketSource, entry: Any, window: Window, seen: Seen) -> ObjectRef | None:
    """The object of a listed version, if the source and the window want it."""
    seen.keys += 1
    captures = source.layout.match(entry["Key"])
    if captures is None:
        seen.missed(entry["Key"], sys.maxsize)
        return None
    seen.matched += 1
    span = source.layout.span(captures)
    if not (window.overlaps(span) if span else window.holds(entry["LastModified"])):
        return None
    return ObjectRef(
        source.bucket,
        entry["Key"],
        version_id=entry.get("VersionId"),
        etag=entry["ETag"].strip('"'),
        size=entry["Size"],
        last_modified=entry["LastModified"],
    )
