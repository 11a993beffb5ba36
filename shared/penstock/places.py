"""Where a file of the hive may lie: the roots and storage classes of tiers, told by its path.

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

import re
from dataclasses import dataclass

__all__ = ["HERE", "Place", "is_here", "root_of", "storage_class"]

_START = "tp_table="
_CLASS = re.compile(r"\.([A-Z_]+)\.parquet$")


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


def storage_class(path: str) -> str:
    """The storage class of S3 that a file's name is marked with; empty when it has none."""
    found = _CLASS.search(path.rpartition("/")[2])
    return found[1] if found else ""
