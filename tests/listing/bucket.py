"""A bucket that is only its listing: sorted keys, answered in pages as S3 answers them.

`test_listing.py` holds it to what moto answers; what it adds is that a page can be of any size.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

MODIFIED = dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC)


def etag(key: str) -> str:
    """The ETag that every key has here."""
    return f"{crc32(key.encode()):08x}"


@dataclass
class Bucket:
    """`keys` with one version each; `page` is how many entries an answer has at most."""

    keys: Iterable[str]
    page: int = 1000
    modified: dict[str, dt.datetime] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.keys = sorted(set(self.keys))

    def list_objects_v2(
        self,
        *,
        Bucket: str,  # noqa: N803 - as boto3 has them
        Prefix: str = "",  # noqa: N803
        Delimiter: str = "",  # noqa: N803
        ContinuationToken: str = "",  # noqa: N803
        StartAfter: str = "",  # noqa: N803
        MaxKeys: int = 1000,  # noqa: N803
    ) -> dict[str, Any]:
        """Keys and folders below a prefix."""
        self.asked["list_objects_v2"] += 1
        found = list(
            self._entries(Prefix, Delimiter, ContinuationToken or StartAfter, min(MaxKeys, self.page) + 1)
        )
        page, more = found[: min(MaxKeys, self.page)], len(found) > min(MaxKeys, self.page)
        answer: dict[str, Any] = {"IsTruncated": more}
        answer["Contents"] = [{"Key": key} for key, folder in page if not folder]
        answer["CommonPrefixes"] = [{"Prefix": key} for key, folder in page if folder]
        if more:
            answer["NextContinuationToken"] = page[-1][0]
        return answer

    def list_object_versions(
        self,
        *,
        Bucket: str,  # noqa: N803
        Prefix: str = "",  # noqa: N803
        KeyMarker: str = "",  # noqa: N803
        VersionIdMarker: str = "",  # noqa: N803
    ) -> dict[str, Any]:
        """Versions below a prefix, from behind a key."""
        self.asked["list_object_versions"] += 1
        found = list(self._entries(Prefix, "", KeyMarker, self.page + 1))
        page, more = found[: self.page], len(found) > self.page
        answer: dict[str, Any] = {"IsTruncated": more}
        answer["Versions"] = [
            {
                "Key": key,
                "VersionId": "null",
                "ETag": f'"{etag(key)}"',
                "Size": 1,
                "LastModified": self.modified.get(key, MODIFIED),
            }
            for key, _ in page
        ]
        if more:
            answer |= {"NextKeyMarker": page[-1][0], "NextVersionIdMarker": "null"}
        return answer

    def _entries(self, prefix: str, delimiter: str, after: str, most: int) -> Iterator[tuple[str, bool]]:
        keys = self.keys
        assert isinstance(keys, list)
        at = max(bisect_left(keys, prefix), bisect_right(keys, after))
        while most and at < len(keys) and keys[at].startswith(prefix):
            key = keys[at]
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            if cut < 0:
                yield key, False
                at += 1
                most -= 1
                continue
            folder = key[: cut + 1]
            at = bisect_left(keys, folder[:-1] + chr(ord(folder[-1]) + 1))
            if folder > after:
                yield folder, True
                most -= 1
