"""Formats: how the bytes of an object become raw rows, one file each; the file's name registers it.

A format knows two things: where a large object may be cut so that each piece can be read alone
(`slices`), and the SQL by which DuckDB turns the text of a piece into rows. Both are pure: no
file, no connection.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Protocol

__all__ = ["Format", "find", "names"]


class Format(Protocol):
    """What every format module offers at its top level."""

    def slices(
        self,
        blocks: Iterable[bytes],
        limit: int,
        whole: Callable[[bytes], bool],
        options: Mapping[str, object],
    ) -> Iterator[bytes]:
        """Cut an inflated object into pieces of about `limit` bytes, each readable by itself.

        `whole` says whether a piece reads as the format; a cut is made only where it does.
        ValueError with a reason when the object cannot be cut and does not end.
        """
        ...

    def readable(self, options: Mapping[str, object]) -> str:
        """SQL over `content`: whether the piece has the shape of the format. Cheap."""
        ...

    def probe(self, files: str, record: Mapping[str, object], options: Mapping[str, object]) -> str:
        """A look at pieces before reading them: (filename, readable, raw rows, unknown field names).

        `files` is a relation (filename, content), `record` are the fields that the table names.
        """
        ...

    def bundle(self, texts: Iterable[bytes], mark: str) -> Iterator[bytes]:
        """One text of several objects, for `bundle_*` to read: many small texts cost far more than one.

        Each is wrapped under `mark`, which no text can contain but by chance.
        """
        ...

    def bundle_probe(
        self, file: str, mark: str, record: Mapping[str, object], options: Mapping[str, object]
    ) -> str:
        """A look at a bundle: (raw rows of each object as a list, unknown field names of them all).

        A list of another length than there are objects, or with a null or zero in it: look at each.
        """
        ...

    def bundle_rows(
        self, file: str, mark: str, record: Mapping[str, object], options: Mapping[str, object]
    ) -> str:
        """SQL for the objects of a bundle in order: (i from 1, recs: their raw rows as structs)."""
        ...

    def rows(self, record: Mapping[str, object], options: Mapping[str, object]) -> str:
        """SQL over `content`: the list of raw rows as structs of `record`; null if unreadable."""
        ...

    def texts(self, options: Mapping[str, object]) -> str:
        """SQL over `content`: the list of the same rows as they stand in the log, in the same order."""
        ...

    def unmapped(self, record: Mapping[str, object]) -> str:
        """SQL over a row's text `raw`: JSON of what `record` does not name; null if nothing."""
        ...

    def complaint(self, head: bytes, options: Mapping[str, object]) -> str:
        """Why a piece that is not readable is not: found and expected, in words."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Names of all formats, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


def find(name: str) -> Format:
    """The format of that name; KeyError when there is none."""
    if name not in names():
        raise KeyError(name)
    module: Format = importlib.import_module(f"{__name__}.{name}")
    return module
