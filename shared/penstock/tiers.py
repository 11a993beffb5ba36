"""One hive that spans the places of tiers: what they keep elsewhere is reached as the rest."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.hive import Hive, LocalHive, S3Hive
from penstock.places import is_here

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["TieredHive"]


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
