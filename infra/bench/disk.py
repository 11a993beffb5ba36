"""An S3 client that reads a folder of this machine: a store whose own time is next to nothing.

It answers what `penstock.fetch` asks, as boto3 does, and counts its own time, so that a case can
tell the collector's from the store's.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["DiskStore"]

_MODIFIED = dt.datetime(2026, 1, 16, tzinfo=dt.UTC)


@dataclass(slots=True)
class _Body:
    """Body of a GetObject answer."""

    file: BinaryIO
    store: DiskStore

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        """The file's bytes, `size` at a time."""
        while True:
            started = time.thread_time()
            block = self.file.read(size)
            self.store.cpu += time.thread_time() - started
            if not block:
                return
            yield block

    def close(self) -> None:
        """Give the file back."""
        self.file.close()


@dataclass(slots=True)
class DiskStore:
    """One bucket, whatever it is called; keys are paths below `root`.

    `cpu` sums the processor seconds the store itself took (with several fetchers about right).
    """

    root: Path
    cpu: float = field(default=0.0)

    def __call__(self, connection: str) -> DiskStore:
        """It is the client of every connection."""
        del connection
        return self

    def get_object(self, *, Bucket: str, Key: str, **which: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        """What GetObject answers; `which` (version or ETag) is taken to match."""
        del Bucket
        started = time.thread_time()
        path = self.root / Key
        file = path.open("rb", buffering=0)
        answer = {
            "Body": _Body(file, self),
            "ContentLength": path.stat().st_size,
            "LastModified": _MODIFIED,
            "ETag": which.get("IfMatch", '""'),
        }
        self.cpu += time.thread_time() - started
        return answer
