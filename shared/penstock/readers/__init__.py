"""Readers: the SQL by which DuckDB turns the files of objects into raw rows, one kind of writing each.

    json_text    JSON: an array in a document, one document a line, one document
    delimited    fields between delimiters, with quotes, with or without a header
    pattern      lines that a regular expression with named groups takes apart
    parquet      Parquet files

A reader is pure: it makes SQL, names no table and opens nothing. Each raw row becomes a struct `r`
of the fields that a table reads. Where DuckDB has a fast native way that is wrong for a few odd
texts, the probe says which texts are odd (`exact`); those are read row by row instead, and so is
whatever the fast way trips over. Both ways number the rows alike.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Protocol, cast

from penstock.readers._pieces import Head, Piece, Pieces, Whole
from penstock.readers._syntax import Syntax

__all__ = ["Bundler", "Head", "Piece", "Pieces", "Reader", "Syntax", "Whole", "bundler", "find", "names"]


class Reader(Protocol):
    """What every reader module offers at its top level."""

    BUNDLES: bool
    """Whether it is a `Bundler`."""

    STREAMS: bool
    """Whether a large object is cut into slices; else it stands in a file and is read by windows."""

    def probe(self, pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
        """A look at pieces before reading them: (filename, readable, rows, unknown, exact, first).

        `unknown` says whether there are fields that `record` does not name, `exact` whether the
        piece must be read the slow way, `first` is what `head` makes a head of. The rows of pieces
        that are not `exact` count the lines of their head in.
        """
        ...

    def head(self, first: str, record: Mapping[str, object], options: Mapping[str, object]) -> Head:
        """What a piece's beginning says of the rest. ValueError with found and expected if nothing."""
        ...

    def absent(
        self, pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]
    ) -> frozenset[str]:
        """Fields of `record` that these pieces have not: `r` has no such member."""
        ...

    def readable(self, options: Mapping[str, object]) -> str:
        """SQL over `content`: whether a slice has the shape of the syntax. Cheap."""
        ...

    def rows(self, pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
        """Every raw row: `_piece` (its number), `_row`, the struct `r`, and `rest` if fields are unknown.

        `r` is null where a text is no row; `rest` is JSON of what `record` does not name, or null.
        """
        ...

    def texts(self, pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
        """The same rows as they stand in the log: (_piece, _row, raw, r, refusal).

        `refusal` says, where `r` is null, what was found and what was expected.
        """
        ...

    def respelt(self, path: str, beginning: bytes, options: Mapping[str, object], *, odd: bool) -> str | None:
        """SQL for the text in the file as the syntax has it, if it is written otherwise: (text).

        `odd` ones do not read as they stand. None: nothing to be done.
        """
        ...

    def slices(
        self,
        blocks: Iterable[bytes],
        limit: int,
        whole: Whole,
        record: Mapping[str, object],
        options: Mapping[str, object],
    ) -> Iterator[bytes | None]:
        """Cut an inflated object into pieces of about `limit` bytes, each readable by itself.

        Where a cut needs proof, `whole` gives it; what it said yes to is the next piece, which is
        None then. ValueError with a reason when the object cannot be cut and does not end.
        """
        ...

    def exacts(self, options: Mapping[str, object]) -> bool:
        """Whether pieces can be read row by row too, where the fast way fails."""
        ...

    def complaint(self, head: bytes, options: Mapping[str, object]) -> str:
        """Why a piece that is not readable is not: found and expected, in words."""
        ...


class Bundler(Reader, Protocol):
    """A reader that can read many small texts as one: one text costs far less than a hundred.

    And it can glance at texts: for those that are as they should be, half the cost of the probe.
    Some it can read strictly: by an example of what may be in them, with an error for anything else.
    """

    def example(self, record: Mapping[str, object], options: Mapping[str, object]) -> str:
        """The text of a file that shows every field of `record`; empty if nothing can be read by one."""
        ...

    def begins_alone(self, beginning: bytes, options: Mapping[str, object]) -> bool:
        """Whether a text that begins so may be read strictly."""
        ...

    def count(self, pieces: Pieces, options: Mapping[str, object]) -> str:
        """The rows that such pieces have: (filename, rows, size in bytes). Fails where one is no JSON."""
        ...

    def glance(self, pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
        """A cheap look at pieces: (filename, rows, doubtful).

        One that is doubtful may have fields that `record` does not name; of one that is not among
        the answers nothing is known; where a text does not read, the statement fails. All of these
        the `probe` must look at.
        """
        ...

    def bundle(self, texts: Iterable[bytes], mark: str, options: Mapping[str, object]) -> Iterator[bytes]:
        """One text of several objects, each under `mark`, which no text can contain but by chance."""
        ...

    def bundle_glance(
        self, file: str, mark: str, record: Mapping[str, object], options: Mapping[str, object]
    ) -> str:
        """The same look at the objects of a bundle: (number from 1, rows, doubtful)."""
        ...

    def bundle_rows(
        self, file: str, mark: str, record: Mapping[str, object], options: Mapping[str, object]
    ) -> str:
        """SQL for the objects of a bundle in order: (_piece from 1, recs: their raw rows as structs)."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Names of all readers, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")))


@cache
def find(name: str) -> Reader:
    """The reader of that name; KeyError when there is none."""
    if name not in names():
        raise KeyError(name)
    module: Reader = importlib.import_module(f"{__name__}.{name}")
    return module


def bundler(name: str) -> Bundler | None:
    """The reader of that name, if it can read many texts as one."""
    reader = find(name)
    return cast("Bundler", reader) if reader.BUNDLES else None
