"""The SQL that turns raw rows into a table's rows: built from declarations, run by `convert`.

All statements read the text of `Piece`s: objects, or slices of one too large to be read at once.
What is known of each piece stands in the statement as lists, looked up by its file:
joining a table to the texts costs as much as parsing them. Text is built here; nothing runs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from penstock import formats, tables
from penstock.model import REJECTED_TABLE
from penstock.tables import COMMON_COLUMNS, Table

__all__ = ["Bundle", "Piece", "Recipe", "identifier", "literal"]

# Readers that keep nanoseconds (Spark, pandas) cannot hold times beyond this year.
_EARLIEST, _LATEST = "TIMESTAMP '1970-01-01'", "TIMESTAMP '2262-01-01'"


def literal(value: str) -> str:
    """A SQL string literal."""
    quoted = "'" + value.replace("'", "''") + "'"
    return quoted if "\0" not in quoted else quoted.replace("\0", "' || chr(0) || '")


def identifier(name: str) -> str:
    """A SQL identifier, quoted."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Piece:
    """A file with the text of an object, or of a slice of it, and what its rows inherit.

    `object` numbers the object in its commit. `id_prefix` (24 hex digits) and the row's number in
    the object make its `tp_id`. `first_row` is the number of the piece's first row. The probe tells
    how many `rows` it has and whether fields are in it that the table does not know.
    """

    path: str
    object: int
    id_prefix: str
    source_type: str
    source_name: str
    source_location: str
    modified: dt.datetime | None = None
    first_row: int = 0
    rows: int = 0
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Bundle:
    """One file with the texts of several small pieces, each wrapped under `mark`."""

    path: str
    mark: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one partition's objects become rows: its table, filter and index, and when it is now."""

    table: Table
    partition: str
    filter: str | None = None
    tp_index: str | None = None

    def probe(self, pieces: Sequence[Piece]) -> str:
        """Per piece, in no order: (path, readable, rows, unknown field names)."""
        form = formats.find(self.table.format)
        return form.probe(_files(pieces), self.table.record(), self.table.format_options)

    def readable(self, piece: Piece) -> str:
        """One row, one boolean: whether the piece reads as the format."""
        form = formats.find(self.table.format)
        return f"SELECT {form.readable(self.table.format_options)} FROM {_files([piece])}"

    def bundle_probe(self, bundle: Bundle) -> str:
        """Of a bundle of pieces: (raw rows of each as a list, unknown field names)."""
        form = formats.find(self.table.format)
        return form.bundle_probe(
            _file(bundle.path), bundle.mark, self.table.record(), self.table.format_options
        )

    def rows(self, pieces: Sequence[Piece], ingested: dt.datetime, bundle: Bundle | None = None) -> str:
        """The stored rows with every column, in file order (index, day, time).

        With a `bundle` of these pieces their texts are read from there.
        """
        keep = "" if self.filter is None else f" AND coalesce({self._kept()}, false)"
        columns = [name for name, _ in self.table.all_columns() if name not in ("tp_table", "tp_partition")]
        # Sorting the raw rows costs less than sorting the finished ones, where nothing else mixes them.
        early = self.tp_index is None and len({piece.unknown for piece in pieces}) == 1
        order = "" if self.tp_index is None else "tp_index, "
        late = "" if early else f" ORDER BY {order}tp_timestamp, _object, _row"
        return (
            f"SELECT {', '.join(identifier(name) for name in columns)} "
            f"FROM ({self._standard(pieces, ingested, ordered=early, bundle=bundle)}) WHERE {_POSSIBLE}{keep}{late}"
        )

    def counts(self, pieces: Sequence[Piece], ingested: dt.datetime) -> str:
        """Per object: (object, rows stored, filtered, rejected), counted row by row."""
        keep = "true" if self.filter is None else self._kept()
        return (
            f"SELECT _object, count(*) FILTER (WHERE {_POSSIBLE} AND coalesce({keep}, false)), "
            f"count(*) FILTER (WHERE {_POSSIBLE} AND NOT coalesce({keep}, true)), "
            f"count(*) FILTER (WHERE {self._rejected()}) "
            f"FROM ({self._standard(pieces, ingested)}) GROUP BY _object"
        )

    def rejects(self, pieces: Sequence[Piece], ingested: dt.datetime) -> str:
        """The rejected rows in the shape of the table `tp_rejected`."""
        source = (
            f"SELECT s.*, t.raw FROM ({self._standard(pieces, ingested)}) s "
            f"JOIN ({self._raw(pieces)}) t USING (tp_id) WHERE {self._rejected()}"
        )
        filled = {
            "raw": "raw",
            "reason": self._reason(),
            "row_number": "_row + 1",
            "table_name": literal(self.table.name),
            "tp_timestamp": "coalesce(_modified, tp_ingest_timestamp)",
            "tp_date": "coalesce(_modified, tp_ingest_timestamp)::DATE",
            "tp_index": literal(self.table.name),
        } | {
            name: name
            for name in (
                "tp_id",
                "tp_ingest_timestamp",
                "tp_source_location",
                "tp_source_name",
                "tp_source_type",
            )
        }
        columns = ", ".join(
            f"({filled.get(name, 'NULL')})::{type_} AS {identifier(name)}"
            for name, type_ in tables.find(REJECTED_TABLE).all_columns()
            if name not in ("tp_table", "tp_partition")
        )
        return f"SELECT {columns} FROM ({source}) ORDER BY tp_timestamp, tp_id"

    def _kept(self) -> str:
        """Whether the filter holds: true, false, or null where it fails on the row.

        Its line ends before the bracket: it may close with a comment.
        """
        return f"TRY(({self.filter}\n) IS TRUE)"

    def _rejected(self) -> str:
        return f"NOT {_POSSIBLE}" + ("" if self.filter is None else f" OR {self._kept()} IS NULL")

    def _reason(self) -> str:
        time = self.table.enrichment["tp_timestamp"]
        source = next((c.source for c in self.table.columns if c.name == time), time)
        return (
            f"CASE WHEN {_POSSIBLE} THEN 'the filter of the partition fails on this row' "
            f"WHEN json_valid(raw) AND json_type(raw) <> 'OBJECT' THEN 'found ' || json_type(raw) || ', expected a record' "
            f"WHEN tp_timestamp IS NULL AND TRY(raw->>{literal(source)}) IS NULL "
            f"THEN {literal(f'{source} is missing')} "
            f"WHEN tp_timestamp IS NULL THEN {literal(source + ': found ')} || coalesce(TRY(raw->{literal(source)})::VARCHAR, 'nothing') "
            f"|| ', expected a time such as 2026-01-31T23:59:59Z' "
            f"ELSE {literal(source + ': found ')} || tp_timestamp::VARCHAR || ', expected a time from 1970 to 2261' END"
        )

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
            return self._finished(self._bundled(pieces, bundle), ingested, unmapped=False, ordered=ordered)
        groups = [[p for p in pieces if p.unknown is unknown] for unknown in (False, True)]
        return " UNION ALL ".join(
            self._finished(
                self._raw_rows(group, unmapped=group[0].unknown),
                ingested,
                unmapped=group[0].unknown,
                ordered=ordered,
            )
            for group in groups
            if group
        )

    def _raw_rows(self, pieces: Sequence[Piece], *, unmapped: bool) -> str:
        """One row for each raw row: the struct r, its number, what it inherits, its text if wanted."""
        form = formats.find(self.table.format)
        record, options = self.table.record(), self.table.format_options
        raws = f", {form.texts(options)} AS raws" if unmapped else ""
        return (
            f"SELECT * EXCLUDE (first_row, n, recs{', raws' if unmapped else ''}), "
            "unnest(range(first_row, first_row + n)) AS _row, unnest(recs) AS r"
            f"{', unnest(raws) AS raw' if unmapped else ''} FROM ("
            f"SELECT * EXCLUDE (content), {form.rows(record, options)} AS recs{raws} FROM {_texts(pieces)})"
        )

    def _bundled(self, pieces: Sequence[Piece], bundle: Bundle) -> str:
        """The same from a bundle, without the texts."""
        form = formats.find(self.table.format)
        lists = form.bundle_rows(
            _file(bundle.path), bundle.mark, self.table.record(), self.table.format_options
        )
        return (
            "SELECT * EXCLUDE (first_row, n, recs), unnest(range(first_row, first_row + n)) AS _row, "
            f"unnest(recs) AS r FROM (SELECT recs, {_inherited(pieces)} FROM ({lists}))"
        )

    def _finished(self, read: str, ingested: dt.datetime, *, unmapped: bool, ordered: bool) -> str:
        form = formats.find(self.table.format)
        if ordered:
            read = f"SELECT * FROM ({read}) ORDER BY {self._time()}, _object, _row"
        own = ", ".join(f"({c.expression})::{c.type} AS {identifier(c.name)}" for c in self.table.columns)
        kept = "r, raw" if unmapped else "r"
        first = (
            f"SELECT {own}, {kept}, _object, _row, _modified, "
            "id_prefix || lpad(to_hex(_row), 8, '0') AS tp_id, "
            f"tp_source_type, tp_source_name, tp_source_location FROM ({read})"
        )
        stamp = f"TIMESTAMP {literal(_sql_time(ingested))}"
        filled = {**_EMPTY, **self.table.enrichment, "tp_ingest_timestamp": stamp}
        common = ", ".join(f"({sql})::{_TYPES[name]} AS {name}" for name, sql in filled.items())
        rest = self._unmapped(form.unmapped(self.table.record()) if unmapped else None)
        second = f"SELECT * EXCLUDE ({kept}), ({rest})::JSON AS unmapped, {common} FROM ({first})"
        return (
            f"SELECT *, tp_timestamp::DATE AS tp_date, {self._index()} AS tp_index, "
            f"{literal(self.table.name)} AS tp_table, {literal(self.partition)} AS tp_partition FROM ({second})"
        )

    def _time(self) -> str:
        """The row's time over the raw row; tables name one of their columns for it."""
        time = self.table.enrichment["tp_timestamp"]
        return next((column.expression for column in self.table.columns if column.name == time), time)

    def _unmapped(self, rest: str | None) -> str:
        """JSON of what no column holds: unknown fields (`rest`) and texts that did not fit their type.

        It stands beside the columns, so it looks at them instead of making them again.
        """
        unfit = {
            column.source: f'r."{column.source}" IS NOT NULL AND {identifier(column.name)} IS NULL'
            for column in self.table.columns
            if column.raw == "VARCHAR" and column.type not in ("VARCHAR", "JSON")
        }
        misfits = [column.misfit for column in self.table.columns if column.misfit]
        if not unfit and not misfits:
            return rest or "NULL"
        pairs = ", ".join(
            f'{literal(source)}, CASE WHEN {test} THEN r."{source}" END' for source, test in unfit.items()
        )
        # A patch drops nulls: only the texts that did not fit are left of the object.
        patches = "".join(f", coalesce({misfit}, '{{}}')" for misfit in misfits)
        found = f"json_merge_patch(coalesce({rest or 'NULL'}, '{{}}'), json_object({pairs}){patches})"
        if rest is None:
            tests = [*unfit.values(), *(f"({misfit}) IS NOT NULL" for misfit in misfits)]
            return f"CASE WHEN {' OR '.join(f'({test})' for test in tests)} THEN {found} END"
        return f"nullif({found}, '{{}}')"

    def _raw(self, pieces: Sequence[Piece]) -> str:
        form = formats.find(self.table.format)
        return (
            "SELECT id_prefix || lpad(to_hex(first_row + i), 8, '0') AS tp_id, raw FROM ("
            "SELECT id_prefix, first_row, unnest(range(len(raws))) AS i, coalesce(unnest(raws), 'null') AS raw FROM ("
            f"SELECT id_prefix, first_row, {form.texts(self.table.format_options)} AS raws FROM {_texts(pieces)}))"
        )

    def _index(self) -> str:
        if self.tp_index is None:
            return "'default'"
        value = f"nullif({identifier(self.tp_index)}::VARCHAR, '')"
        # It names a folder: 255 bytes at most, escaped. What is longer keeps its beginning and a digest.
        long = f"strlen({value}) > 80 AND strlen(url_encode({value})) > {_LONGEST_INDEX}"
        short = f"left({value}, 16) || '-' || md5({value})"
        return f"coalesce(CASE WHEN {long} THEN {short} ELSE {value} END, 'default')"


_LONGEST_INDEX = 240

_POSSIBLE = f"coalesce(tp_timestamp >= {_EARLIEST} AND tp_timestamp < {_LATEST}, false)"

_SET_ELSEWHERE = (
    "tp_id", "tp_date", "tp_index", "tp_table", "tp_partition",
    "tp_source_type", "tp_source_name", "tp_source_location",
)  # fmt: skip
_EMPTY = {c.name: "NULL" for c in COMMON_COLUMNS if c.name not in _SET_ELSEWHERE}
_TYPES = {c.name: c.type for c in COMMON_COLUMNS}


def _sql_time(time: dt.datetime) -> str:
    return time.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _files(pieces: Sequence[Piece]) -> str:
    return f"read_text([{', '.join(literal(piece.path) for piece in pieces)}])"


_INHERITED: Mapping[str, Callable[[Piece], str]] = {
    "_object": lambda piece: str(piece.object),
    "id_prefix": lambda piece: literal(piece.id_prefix),
    "first_row": lambda piece: f"{piece.first_row}::BIGINT",
    "n": lambda piece: f"{piece.rows}::BIGINT",
    "tp_source_type": lambda piece: literal(piece.source_type),
    "tp_source_name": lambda piece: literal(piece.source_name),
    "tp_source_location": lambda piece: literal(piece.source_location),
    "_modified": lambda piece: (
        f"TIMESTAMP {literal(_sql_time(piece.modified))}" if piece.modified else "NULL::TIMESTAMP"
    ),
}


def _texts(pieces: Sequence[Piece]) -> str:
    """The pieces' texts with what their rows inherit.

    A list for each thing inherited: one list of structs takes five times as long to plan.
    """
    paths = ", ".join(literal(piece.path) for piece in pieces)
    return (
        f"(SELECT content, {_inherited(pieces)} FROM "
        f"(SELECT content, list_position([{paths}], filename) AS i FROM {_files(pieces)}))"
    )


def _inherited(pieces: Sequence[Piece]) -> str:
    """What the rows of piece number `i` (from 1) inherit, as columns."""
    columns = []
    for name, value in _INHERITED.items():
        values = [value(piece) for piece in pieces]
        # What is the same for all need not be looked up, nor planned as a list.
        same = len(set(values)) == 1
        looked_up = f"[{', '.join(values)}][i]"
        columns.append(f"{values[0] if same else looked_up} AS {name}")
    return ", ".join(columns)


def _file(path: str) -> str:
    return f"read_text([{literal(path)}])"
