"""The SQL that turns raw rows into a table's rows: built from declarations, run by `convert`.

All statements read `Pieces`: objects, or slices of one too large to be read at once. The reader of
their syntax makes raw rows of them, each a struct `r`; what is said here is the same for all
readers. Text is built here; nothing runs.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from penstock import readers, tables
from penstock.model import REJECTED_TABLE
from penstock.readers import Bundler, Piece, Pieces, Reader, Syntax
from penstock.sql import identifier, literal
from penstock.tables import COMMON_COLUMNS, Column, Table

__all__ = ["ROW_GROUP", "Bundle", "Recipe", "index_value"]

ROW_GROUP = 122_880
"""Rows of a row group, as DuckDB writes them unless it is told otherwise."""

# Readers that keep nanoseconds (Spark, pandas) cannot hold times beyond this year.
_EARLIEST, _LATEST = "TIMESTAMP '1970-01-01'", "TIMESTAMP '2262-01-01'"


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
            f"FROM ({self._standard(pieces, ingested, ordered=needed and early, bundle=bundle)}) WHERE {self._whole}{keep}{late}"
        )

    def nulls(self, pieces: Sequence[Piece]) -> str:
        """Of these pieces, one row: the list of the columns that are null in all their rows.

        They are made of fields that no piece has, or of nothing: constants, which are looked at here.
        """
        record = self.table.record()
        lacks = frozenset.intersection(
            *(self.reader.absent(group, record, self.options) for group in _alike(pieces))
        )
        own = {column.name: _without(lacks, column.expression) for column in self.table.columns}
        constant = {
            column.name: f"({own[column.name]})::{column.type}"
            for column in self.table.columns
            if own[column.name] != column.expression and not _ROW.search(own[column.name])
        }
        common = {
            name: sql
            for name, sql in {**_EMPTY, **self.table.enrichment}.items()
            if name not in ("tp_timestamp", "tp_ingest_timestamp")
            and not _ROW.search(sql)
            and not (set(re.findall(r"\w+", sql)) & own.keys()) - constant.keys()
        }
        made = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in constant.items())
        told = ", ".join(
            f"CASE WHEN ({sql}) IS NULL THEN {literal(name)} END"
            for name, sql in {**{name: identifier(name) for name in constant}, **common}.items()
        )
        return f"SELECT list_filter([{told}], lambda name: name IS NOT NULL) FROM (SELECT {made or 'NULL'})"

    def counts(self, pieces: Sequence[Piece], ingested: dt.datetime) -> str:
        """Per object: (object, rows stored, filtered, rejected), counted row by row."""
        keep = "true" if self.filter is None else self._kept()
        return (
            f"SELECT _object, count(*) FILTER (WHERE {self._whole} AND coalesce({keep}, false)), "
            f"count(*) FILTER (WHERE {self._whole} AND NOT coalesce({keep}, true)), "
            f"count(*) FILTER (WHERE {self._rejected()}) "
            f"FROM ({self._standard(pieces, ingested)}) GROUP BY _object"
        )

    def rejects(self, pieces: Sequence[Piece], ingested: dt.datetime) -> str:
        """The rejected rows in the shape of the table `tp_rejected`."""
        source = (
            f"SELECT s.*, t.* EXCLUDE (tp_id) FROM ({self._standard(pieces, ingested)}) s "
            f"JOIN ({self._raw(pieces)}) t USING (tp_id) WHERE {self._rejected()}"
        )
        time = f"coalesce({_line_time(pieces)}, _modified, tp_ingest_timestamp)"
        filled = {
            "raw": "_text",
            "reason": self._reason(),
            "row_number": "_row + 1",
            "table_name": literal(self.table.name),
            "tp_timestamp": time,
            "tp_date": f"{time}::DATE",
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

    @property
    def _whole(self) -> str:
        """Whether a row has all that it must have."""
        there = "".join(f" AND {identifier(name)} IS NOT NULL" for name in self.table.required)
        return f"({_POSSIBLE}{there})" if there else _POSSIBLE

    def _rejected(self) -> str:
        return f"NOT {self._whole}" + ("" if self.filter is None else f" OR {self._kept()} IS NULL")

    def _reason(self) -> str:
        """Why a row is rejected: SQL over it, what was read of it and why nothing was."""
        time = self.table.enrichment["tp_timestamp"]
        source = next((c.key for c in self.table.columns if c.name == time), "") or _first_read(time)
        name = literal(source or "tp_timestamp")
        found = f"(_read->>{literal(_member(source))})" if source else "NULL"
        return (
            f"CASE WHEN {self._whole} THEN 'the filter of the partition fails on this row' "
            f"WHEN _refusal IS NOT NULL THEN _refusal {self._missing()}"
            f"WHEN tp_timestamp IS NULL AND {found} IS NULL THEN {name} || ' is missing' "
            f"WHEN tp_timestamp IS NULL THEN {name} || ': found ' || (_read->{literal(_member(source))})::VARCHAR "
            f"|| ', expected a time such as 2026-01-31T23:59:59Z' "
            f"ELSE {name} || ': found ' || tp_timestamp::VARCHAR || ', expected a time from 1970 to 2261' END"
        )

    def _missing(self) -> str:
        """Why a row without one of the required columns is rejected."""
        cases = []
        columns = {column.name: column for column in self.table.columns}
        for required in self.table.required:
            column = columns.get(required)
            found = "NULL"
            if column and column.key:
                found = f"(_read->{literal(_member(column.key))})::VARCHAR"
            told = literal(f"the required column {required} is empty")
            wrong = literal(f", expected {column.type}" if column else "")
            cases.append(
                f"WHEN {_POSSIBLE} AND {identifier(required)} IS NULL THEN "
                f"{told} || coalesce(': found ' || nullif({found}, 'null') || {wrong}, '') "
            )
        return "".join(cases)

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
            whole = Pieces(tuple(pieces))
            return self._finished(whole, self._bundled(whole, bundle), ingested, ordered=ordered)
        record = self.table.record()
        finished = []
        for group in _alike(pieces):
            rows = self.reader.rows(group, record, self.options)
            lacks = self.reader.absent(group, record, self.options)
            finished.append(self._finished(group, rows, ingested, ordered=ordered, lacks=lacks))
        return " UNION ALL ".join(finished)

    def _bundled(self, pieces: Pieces, bundle: Bundle) -> str:
        """The same from a bundle, without the texts."""
        assert self.bundler  # noqa: S101 - only bundlers make bundles
        lists = self.bundler.bundle_rows(_file(bundle.path), bundle.mark, self.table.record(), self.options)
        return pieces.unnested(lists)

    def _finished(
        self,
        pieces: Pieces,
        read: str,
        ingested: dt.datetime,
        *,
        ordered: bool,
        lacks: frozenset[str] = frozenset(),
    ) -> str:
        made = self._timing() if ordered else ()
        if ordered and "_modified" in self.table.enrichment["tp_timestamp"]:
            read = self._by_time(pieces.inherited(read), lacks, made, "_object")
        else:
            # What is looked up afterwards need not be sorted.
            read = pieces.inherited(self._by_time(read, lacks, made, "_piece") if ordered else read)
        own = "".join(
            f"{identifier(c.name) if c in made else _made(c, lacks)} AS {identifier(c.name)}, "
            for c in self.table.columns
        )
        unknown = pieces.unknown
        kept = "r, rest" if unknown else "r"
        first = (
            f"SELECT {own}{kept}, _object, _row, _modified, {_ID} AS tp_id, "
            f"tp_source_type, tp_source_name, tp_source_location FROM ({read})"
        )
        stamp = f"TIMESTAMP {literal(_sql_time(ingested))}"
        filled = {**_EMPTY, **self.table.enrichment, "tp_ingest_timestamp": stamp}
        if self.table.undated:
            late = f"CASE WHEN {self.table.undated} THEN {_OBJECT_TIME} END"
            filled["tp_timestamp"] = f"coalesce({filled['tp_timestamp']}, {late})"
        filled["tp_timestamp"] = _kept_here(filled["tp_timestamp"])
        common = ", ".join(
            f"({_without(lacks, sql)})::{_TYPES[name]} AS {name}" for name, sql in filled.items()
        )
        rest = _without(lacks, self._unmapped("rest" if unknown else None))
        second = f"SELECT * EXCLUDE ({kept}), ({rest})::JSON AS unmapped, {common} FROM ({first})"
        return (
            f"SELECT *, tp_timestamp::DATE AS tp_date, {self._index()} AS tp_index, "
            f"{literal(self.table.name)} AS tp_table, {literal(self.partition)} AS tp_partition FROM ({second})"
        )

    def _timing(self) -> tuple[Column, ...]:
        """The columns that a row's time is made of."""
        words = set(re.findall(r"\w+", self.table.enrichment["tp_timestamp"]))
        return tuple(column for column in self.table.columns if column.name in words)

    def _by_time(self, read: str, lacks: frozenset[str], made: Sequence[Column], number: str) -> str:
        """The raw rows in the order of their times, then of the `number` of their object, with the
        columns `made` that the times come from.
        """
        columns = "".join(f", {_made(c, lacks)} AS {identifier(c.name)}" for c in made)
        order = _without(lacks, self.table.enrichment["tp_timestamp"])
        return f"SELECT * FROM (SELECT *{columns} FROM ({read})) ORDER BY {order}, {number}, _row"

    def _unmapped(self, rest: str | None) -> str:
        """JSON of what no column holds: unknown fields (`rest`) and texts that did not fit their type.

        It stands beside the columns, so it looks at them instead of making them again.
        """
        rest = rest and self._taken(rest)
        unfit = {
            # Nulls first: where there are none, the text is not looked at.
            column.key: f"{identifier(column.name)} IS NULL AND {_given(column)} IS NOT NULL"
            for column in self.table.columns
            if column.key and column.raw == "VARCHAR" and column.type not in ("VARCHAR", "JSON")
        }
        misfits = [column.misfit for column in self.table.columns if column.misfit]
        if not unfit and not misfits:
            return rest or "NULL"
        pairs = ", ".join(
            f"{literal(source)}, CASE WHEN {test} THEN r.{identifier(source)} END"
            for source, test in unfit.items()
        )
        # A patch drops nulls: only the texts that did not fit are left of the object.
        patches = "".join(f", coalesce({misfit}, '{{}}')" for misfit in misfits)
        found = f"json_merge_patch(coalesce({rest or 'NULL'}, '{{}}'), json_object({pairs}){patches})"
        if rest is None:
            tests = [*unfit.values(), *(f"({misfit}) IS NOT NULL" for misfit in misfits)]
            return f"CASE WHEN {' OR '.join(f'({test})' for test in tests)} THEN {found} END"
        return f"nullif({found}, '{{}}')"

    def _taken(self, rest: str) -> str:
        """Of the unknown fields those that the table keeps."""
        if not self.table.kept:
            return rest
        dropped = (
            f"list_filter(json_keys({rest}), lambda k: NOT regexp_full_match(k, {literal(self.table.kept)}))"
        )
        patch = f"'{{' || array_to_string(list_transform({dropped}, lambda k: to_json(k)::VARCHAR || ':null'), ',') || '}}'"
        return f"nullif(json_merge_patch({rest}, ({patch})::JSON), '{{}}')"

    def _raw(self, pieces: Sequence[Piece]) -> str:
        """Every row's text (_text) by tp_id, with what is read of it (_read), or why nothing is (_refusal)."""
        return " UNION ALL ".join(
            f"SELECT {_ID} AS tp_id, raw::VARCHAR AS _text, to_json(r) AS _read, "
            "CASE WHEN r IS NULL THEN refusal END AS _refusal "
            f"FROM ({group.inherited(self.reader.texts(group, self.table.record(), self.options))})"
            for group in _alike(pieces)
        )

    def _index(self) -> str:
        return index_value(self.tp_index)


def index_value(column: str | None) -> str:
    """SQL for a row's value of tp_index, when the partition divides by `column` (None: not at all)."""
    if column is None:
        return "'default'"
    value = f"nullif({identifier(column)}::VARCHAR, '')"
    # It names a folder: 255 bytes at most, escaped. What is longer keeps its beginning and a digest.
    long = f"strlen({value}) > 80 AND strlen(url_encode({value})) > {_LONGEST_INDEX}"
    short = f"left({value}, 16) || '-' || md5({value})"
    return f"coalesce(CASE WHEN {long} THEN {short} ELSE {value} END, 'default')"


_LONGEST_INDEX = 240


def _given(column: Column) -> str:
    """A column's text, null where it says that nothing is there."""
    value = f"r.{identifier(column.key)}"
    for text in column.null_if:
        value = f"nullif({value}, {literal(text)})"
    return value


def _first_read(expression: str) -> str:
    """The first raw field that an expression reads."""
    found = re.search(r'\br\."((?:[^"]|"")*)"', expression)
    return found[1].replace('""', '"') if found else ""


def _member(name: str) -> str:
    """What takes a member out of a JSON object by its name, whatever sign that begins with."""
    return f'$."{name}"' if name.startswith(("$", "/")) else name


def _made(column: Column, lacks: frozenset[str]) -> str:
    """SQL over raw rows for a column's value."""
    return f"({_without(lacks, column.expression)})::{column.type}"


def _without(lacks: frozenset[str], expression: str) -> str:
    """The expression where the raw rows have no such fields: nulls that cost nothing instead."""
    if not lacks:
        return expression
    return re.sub(
        r'\br\.(?:"((?:[^"]|"")*)"|(\w+))',
        lambda found: "NULL::VARCHAR" if (found[1] or found[2]).replace('""', '"') in lacks else found[0],
        expression,
    )


def _kept_here(time: str) -> str:
    """The time, made once: DuckDB moves a filter down to the raw rows and makes there what it looks at,
    for each comparison and for the column again, but not what calls a function that is not pure.
    """
    return f"CASE WHEN _row < 0 THEN error('no row is numbered so')::TIMESTAMP ELSE {time} END"


def _line_time(pieces: Sequence[Piece]) -> str:
    """SQL over rows: the time of their line where it is known, and each line is a row; else null."""
    told = "".join(
        f" WHEN {piece.object} THEN epoch_ms({list(piece.times)}[_row + 1])"
        for piece in pieces
        if piece.times and len(piece.times) == piece.rows and not piece.first_row
    )
    return f"CASE _object{told} END" if told else "NULL::TIMESTAMP"


# Flow logs have a time in their names: …_vpcflowlogs_us-east-1_fl-0123abcd_20260131T1005Z_5e6f7a8b.log.gz
_OBJECT_TIME = (
    "coalesce(try_strptime(regexp_extract(tp_source_location, '_(\\d{8}T\\d{4})Z_[^/]*$', 1), '%Y%m%dT%H%M'), "
    "_modified)"
)


# What an expression calls by these names is no constant.
_ROW = re.compile(r"\b(?:r|rest|_modified)\b")

_ID = "id_prefix || to_base(_row, 16, 8)"

_POSSIBLE = f"coalesce(tp_timestamp >= {_EARLIEST} AND tp_timestamp < {_LATEST}, false)"

_SET_ELSEWHERE = (
    "tp_id", "tp_date", "tp_index", "tp_table", "tp_partition",
    "tp_source_type", "tp_source_name", "tp_source_location",
)  # fmt: skip
_EMPTY = {c.name: "NULL" for c in COMMON_COLUMNS if c.name not in _SET_ELSEWHERE}
_TYPES = {c.name: c.type for c in COMMON_COLUMNS}


def _sql_time(time: dt.datetime) -> str:
    return time.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _alike(pieces: Sequence[Piece]) -> Iterator[Pieces]:
    """Those that are read together, in their order."""

    def key(piece: Piece) -> tuple[bool, bool, str, str]:
        return piece.unknown, piece.exact, piece.head, piece.example

    for _, group in groupby(sorted(pieces, key=key), key):
        yield Pieces(tuple(group))


def _file(path: str) -> str:
    return f"read_text([{literal(path)}])"
