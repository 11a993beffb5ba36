"""How one partition's objects become rows: the statements that read them, in whatever syntax they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from penstock import readers
from penstock.readers import Bundler, Piece, Pieces, Reader, Syntax
from penstock.sql import identifier, literal
from penstock.standardize.columns import ROW_ID, finished, index_value, null_columns
from penstock.standardize.rejected import rejected_rows, whole
from penstock.tables import Table

__all__ = ["ROW_GROUP", "Bundle", "Recipe"]

ROW_GROUP = 122_880
"""Rows of a row group, as DuckDB writes them unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """One file with the texts of several small pieces, each wrapped under `mark`."""

    path: str
    mark: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one partition's objects become rows: its table, filter and index, and how they are written.

    Without a `syntax` it is one of the table's own.
    """

    table: Table
    partition: str
    filter: str | None = None
    tp_index: str | None = None
    syntax: Syntax | None = None

    @property
    def reader(self) -> Reader:
        """What reads the objects."""
        return readers.find(self._syntax.reader)

    @property
    def bundler(self) -> Bundler | None:
        """The same, if it can read many texts as one."""
        return readers.bundler(self._syntax.reader)

    @property
    def options(self) -> Mapping[str, object]:
        """The options of their syntax."""
        return self._syntax.options

    @property
    def _syntax(self) -> Syntax:
        return self.syntax or self.table.syntax

    def probe(self, pieces: Sequence[Piece]) -> str:
        """Per piece, in no order: (path, readable, rows, unknown fields, exact, first)."""
        return self.reader.probe(Pieces(tuple(pieces)), self.table.record(), self.options)

    def readable(self, piece: Piece) -> str:
        """One row, one boolean: whether the piece reads as the syntax."""
        return f"SELECT {self.reader.readable(self.options)} FROM {Pieces((piece,)).contents}"

    def glance(self, pieces: Sequence[Piece]) -> str | None:
        """Of pieces that are as they should be: (path, rows, doubtful). None if the reader cannot tell."""
        if self.bundler is None:
            return None
        return self.bundler.glance(Pieces(tuple(pieces)), self.table.record(), self.options)

    def count(self, pieces: Sequence[Piece]) -> str:
        """Of pieces that may be read strictly: (path, rows, bytes). For readers that are bundlers."""
        assert self.bundler  # noqa: S101 - nobody else has pieces of that kind
        return self.bundler.count(Pieces(tuple(pieces)), self.options)

    def bundle_glance(self, bundler: Bundler, bundle: Bundle) -> str:
        """The same of the pieces of a bundle: (number from 1, rows, doubtful)."""
        return bundler.bundle_glance(_file(bundle.path), bundle.mark, self.table.record(), self.options)

    def rows(
        self,
        pieces: Sequence[Piece],
        ingested: dt.datetime,
        bundle: Bundle | None = None,
        without: Collection[str] = (),
    ) -> str:
        """The stored rows with every column but those `without`, in file order (index, day, time).

        Rows of one index that fill no more than a row group are in no order: readers skip row groups by
        their statistics, so that order would help nobody, and merging sorts them.
        With a `bundle` of these pieces their texts are read from there.
        """
        keep = "" if self.filter is None else f" AND coalesce({self._kept()}, false)"
        left_out = ("tp_table", "tp_partition", *without)
        columns = [name for name, _ in self.table.all_columns() if name not in left_out]
        # Sorting the raw rows costs less than sorting the finished ones, where nothing else mixes them.
        early = self.tp_index is None and len(list(_alike(pieces))) == 1
        needed = sum(piece.rows for piece in pieces) > ROW_GROUP or self.tp_index is not None
        order = "" if self.tp_index is None else "tp_index, "
        late = f" ORDER BY {order}tp_timestamp, _object, _row" if needed and not early else ""
        return (
            f"SELECT {', '.join(identifier(name) for name in columns)} "
            f"FROM ({self._standard(pieces, ingested, ordered=needed and early, bundle=bundle)}) WHERE {whole(self.table)}{keep}{late}"
        )

    def nulls(self, pieces: Sequence[Piece]) -> str:
        """Of these pieces, one row: the list of the columns that are null in all their rows."""
        record = self.table.record()
        lacks = (self.reader.absent(group, record, self.options) for group in _alike(pieces))
        return null_columns(self.table, frozenset.intersection(*lacks))

    def counts(self, pieces: Sequence[Piece], ingested: dt.datetime) -> str:
        """Per object: (object, rows stored, filtered, rejected), counted row by row."""
        keep = "true" if self.filter is None else self._kept()
        there = whole(self.table)
        return (
            f"SELECT _object, count(*) FILTER (WHERE {there} AND coalesce({keep}, false)), "
            f"count(*) FILTER (WHERE {there} AND NOT coalesce({keep}, true)), "
            f"count(*) FILTER (WHERE {self._rejected()}) "
            f"FROM ({self._standard(pieces, ingested)}) GROUP BY _object"
        )

    def rejects(self, pieces: Sequence[Piece], ingested: dt.datetime) -> str:
        """The rejected rows in the shape of the table `tp_rejected`."""
        source = (
            f"SELECT s.*, t.* EXCLUDE (tp_id) FROM ({self._standard(pieces, ingested)}) s "
            f"JOIN ({self._raw(pieces)}) t USING (tp_id) WHERE {self._rejected()}"
        )
        return rejected_rows(self.table, source, pieces)

    def _kept(self) -> str:
        """Whether the filter holds: true, false, or null where it fails on the row.

        Its line ends before the bracket: it may close with a comment.
        """
        return f"TRY(({self.filter}\n) IS TRUE)"

    def _rejected(self) -> str:
        return f"NOT {whole(self.table)}" + ("" if self.filter is None else f" OR {self._kept()} IS NULL")

    def _standard(
        self,
        pieces: Sequence[Piece],
        ingested: dt.datetime,
        *,
        ordered: bool = False,
        bundle: Bundle | None = None,
    ) -> str:
        """Every raw row with the table's columns, judged by nobody yet.

        Only pieces with unknown fields pay for finding out which rows have them.
        """
        if bundle is not None:
            together = Pieces(tuple(pieces))
            read = self._bundled(together, bundle)
            return self._placed(finished(self.table, together, read, ingested, ordered=ordered))
        record = self.table.record()
        groups = []
        for group in _alike(pieces):
            read = self.reader.rows(group, record, self.options)
            lacks = self.reader.absent(group, record, self.options)
            rows = finished(self.table, group, read, ingested, ordered=ordered, lacks=lacks)
            groups.append(self._placed(rows))
        return " UNION ALL ".join(groups)

    def _bundled(self, pieces: Pieces, bundle: Bundle) -> str:
        """Raw rows from a bundle, without the texts."""
        assert self.bundler  # noqa: S101 - only bundlers make bundles
        lists = self.bundler.bundle_rows(_file(bundle.path), bundle.mark, self.table.record(), self.options)
        return pieces.unnested(lists)

    def _placed(self, rows: str) -> str:
        """The rows with the columns that stand in the paths of their files."""
        return (
            f"SELECT *, tp_timestamp::DATE AS tp_date, {index_value(self.tp_index)} AS tp_index, "
            f"{literal(self.table.name)} AS tp_table, {literal(self.partition)} AS tp_partition FROM ({rows})"
        )

    def _raw(self, pieces: Sequence[Piece]) -> str:
        """Every row's text (_text) by tp_id, with what is read of it (_read), or why nothing is (_refusal)."""
        return " UNION ALL ".join(
            f"SELECT {ROW_ID} AS tp_id, raw::VARCHAR AS _text, to_json(r) AS _read, "
            "CASE WHEN r IS NULL THEN refusal END AS _refusal "
            f"FROM ({group.inherited(self.reader.texts(group, self.table.record(), self.options))})"
            for group in _alike(pieces)
        )


def _alike(pieces: Sequence[Piece]) -> Iterator[Pieces]:
    """Those that are read together, in their order."""

    def key(piece: Piece) -> tuple[bool, bool, str, str]:
        return piece.unknown, piece.exact, piece.head, piece.example

    for _, group in groupby(sorted(pieces, key=key), key):
        yield Pieces(tuple(group))


def _file(path: str) -> str:
    return f"read_text([{literal(path)}])"
