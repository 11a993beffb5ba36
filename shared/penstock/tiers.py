"""Where a file of the hive may lie besides the hive: the places of tiers, and one hive that spans them.

A place is a root (a directory or `s3://bucket/prefix`) and a storage class of S3. A file tells by its
path alone which is its own, so that nothing else has to remember it:

    tp_table=t/…/x-0.parquet                          the hive's own root
    tp_table=t/…/x-0.GLACIER_IR.parquet               there, in a storage class
    s3://cold/prefix/tp_table=t/…/x-0.parquet         another root
    /mnt/cold/tp_table=t/…/x-0.parquet                a directory

A hidden name (`_x…`) is short-lived and kept in S3's standard class, whatever the class it is named for:
colder ones charge for weeks at least. The copy to its public name goes to the class.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.hive import Hive, LocalHive, S3Hive, storage_class

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["HERE", "Place", "TieredHive", "is_here", "root_of"]

_START = "tp_table="


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A root (empty: the hive's own) and a storage class (empty: what is put there without one)."""

    root: str = ""
    storage_class: str = ""

    @classmethod
    def of(cls, path: str) -> Place:
        """The place of a file, by its path in the ledger."""
        return cls(root_of(path), storage_class(path))

    def __str__(self) -> str:
        return " as ".join(part for part in (self.root or "the hive", self.storage_class) if part)

    def path(self, below: str) -> str:
        """The path in the ledger of a file that stands here, `below` a root."""
        stem = below.removesuffix(".parquet")
        marked = f"{stem}.{self.storage_class}.parquet" if self.storage_class else below
        return f"{self.root}/{marked}" if self.root else marked


HERE = Place()
"""The hive's own root, without a storage class."""


def root_of(path: str) -> str:
    """The root of a path in the ledger, without a slash at its end; empty for the hive's own."""
    return path[: max(0, path.find(f"/{_START}"))]


def is_here(path: str) -> bool:
    """Whether the path lies in a directory of one machine, by a root of its own."""
    return path.startswith("/")


@dataclass(frozen=True, slots=True)
class TieredHive:
    """A hive whose paths may have a root of their own: what its tiers keep elsewhere is reached as the rest.

    `s3` gives the client of buckets; of a hive in a directory it is asked for with the first of them.
    """

    main: Hive
    s3: Callable[[], S3Client]

    @property
    def root(self) -> str:
        """See `Hive.root`: of the paths that have none of their own."""
        return self.main.root

    def upload(self, path: str, file: Path) -> None:
        """See `Hive.upload`."""
        self._of(path).upload(path, file)

    def write_bytes(self, path: str, data: bytes) -> None:
        """See `Hive.write_bytes`."""
        self._of(path).write_bytes(path, data)

    def read_bytes(self, path: str) -> bytes:
        """See `Hive.read_bytes`."""
        return self._of(path).read_bytes(path)

    def delete(self, path: str) -> None:
        """See `Hive.delete`."""
        self._of(path).delete(path)

    def download(self, path: str, file: Path) -> None:
        """See `Hive.download`."""
        self._of(path).download(path, file)

    def copy(self, path: str, to: str) -> None:
        """See `Hive.copy`. Between a bucket and a directory it passes through a file of this machine."""
        here, there = self._of(path), self._of(to)
        if here == there:
            here.copy(path, to)
            return
        with tempfile.TemporaryDirectory(prefix="penstock-") as folder:
            local = Path(folder, "file")
            here.download(path, local)
            there.upload(to, local)

    def tail(self, path: str, count: int) -> bytes:
        """See `Hive.tail`."""
        return self._of(path).tail(path, count)

    def listing(self, prefix: str) -> Iterator[tuple[str, int]]:
        """See `Hive.listing`; a prefix with a root of its own lists that one."""
        return self._of(prefix).listing(prefix)

    def _of(self, path: str) -> Hive:
        """What reaches the path: each kind of hive takes whole paths of its own kind."""
        if path.startswith("s3://"):
            return self.main if isinstance(self.main, S3Hive) else S3Hive("s3:/", self.s3())
        if is_here(path):
            return self.main if isinstance(self.main, LocalHive) else LocalHive("/")
        return self.main
