"""Parquet files: columns by name, whatever types they have there (https://parquet.apache.org/docs/).

The option `nullstr` has texts that mean nothing is there. Names are matched as headers are: spelt
alike first, then told alike, so one table reads text and Parquet. A file is read by windows of
rows: DuckDB skips row groups outside.
Only files of the same columns with the same types are read together: DuckDB casts to the types of
the first one, which would round the decimals of the others.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping

from penstock.readers import _lines, _names
from penstock.readers._pieces import Head, Pieces, Whole
from penstock.readers._plain import exacts, readable, respelt
from penstock.sql import filled_object, identifier, kind_type, literal, struct

__all__ = [
    "BUNDLES",
    "MAGIC",
    "STREAMS",
    "absent",
    "complaint",
    "exacts",
    "head",
    "probe",
    "readable",
    "respelt",
    "rows",
    "slices",
    "texts",
]

BUNDLES = False
STREAMS = False

MAGIC = b"PAR1"
"""How every Parquet file begins."""

_FILE, _NUMBER = "_penstock_file", "file_row_number"  # columns that DuckDB adds for us


def probe(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """From the footers: rows, and the schema: its nodes, depth first."""
    del record, options
    return (
        "SELECT m.file_name, true, m.num_rows, false, false, s.told FROM "
        f"(SELECT file_name, num_rows FROM parquet_file_metadata({pieces.paths})) m JOIN "
        f"(SELECT file_name, {_NODES} AS told FROM parquet_schema({pieces.paths}) GROUP BY file_name) s "
        "USING (file_name)"
    )


_NODES = (
    "to_json(list({'name': name, 'children': coalesce(num_children, 0), "
    "'type': concat_ws(' ', type, converted_type, logical_type, repetition_type)} ORDER BY column_id))"
    "::VARCHAR"
)


def head(first: str, record: Mapping[str, object], options: Mapping[str, object]) -> Head:
    """Names of the columns at the top, in order, and a digest of the whole schema.

    ValueError when the table knows none of them, or where one is called what the reader adds.
    """
    del options
    nodes = [(node["name"], node["children"]) for node in json.loads(first)]
    names = list(_called(_top(nodes)))
    if _NUMBER in names or _FILE in names:
        raise ValueError(f"it has a column {_NUMBER} or {_FILE}; expected no column of these names")
    known = _known(names, record)
    if names and record and not known:
        raise ValueError(
            f"it has no column of this table (it has {', '.join(names[:4])}); "
            f"expected names such as {', '.join(list(record)[:4])}"
        )
    told = {"names": names, "schema": hashlib.sha256(first.encode()).hexdigest()}
    return Head(json.dumps(told), unknown=len(known) < len(names), before=0)


def _called(names: Iterable[str]) -> Iterator[str]:
    """What DuckDB calls the columns: names that differ only in case get a number."""
    taken: set[str] = set()
    for name in names:
        numbers = itertools.count(1)
        called = name
        while called.lower() in taken:
            called = f"{name}_{next(numbers)}"
        taken.add(called.lower())
        yield called


def _named(head: str) -> list[str]:
    """The names that a head holds."""
    names: list[str] = json.loads(head)["names"]
    return names


def _top(nodes: list[tuple[str, int]]) -> Iterator[str]:
    """The schema is a tree, told depth first; its first node is the root."""
    place = 1
    while place < len(nodes):
        yield nodes[place][0]
        place = _after(nodes, place)


def _after(nodes: list[tuple[str, int]], place: int) -> int:
    """Where the next sibling of a node stands."""
    children, place = nodes[place][1], place + 1
    for _ in range(children):
        place = _after(nodes, place)
    return place


def _known(names: list[str], record: Mapping[str, object]) -> set[int]:
    places = set(_names.assigned(names, record).values())
    return places.union(*(group.values() for group in _names.prefixed(names, record).values()))


def absent(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> frozenset[str]:
    """Those that are not among the columns; objects and lists, whose members are read, are null instead."""
    del options
    names = _named(pieces.head)
    flat = {name for name, kind in record.items() if isinstance(kind, str)}
    return frozenset(flat) - {*_names.assigned(names, record), *_names.prefixed(names, record)}


def _record(names: list[str], record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """SQL: the struct of the record from the columns."""
    places = _names.assigned(names, record)
    groups = _names.prefixed(names, record)
    nulls = _lines.texts_option(options, "nullstr")
    fields = {}
    for name, kind in record.items():
        if name in groups:
            fields[name] = _object({key: names[place] for key, place in groups[name].items()})
        elif name in places:
            fields[name] = _typed(identifier(names[places[name]]), kind, nulls)
        elif not isinstance(kind, str):
            fields[name] = f"NULL::{kind_type(kind)}"  # one without a type would have no members
    return struct(fields) if fields else "struct_pack(_ := true)"


def _typed(column: str, kind: object, nulls: Iterable[str]) -> str:
    """A column as the kind that the table reads: objects by way of JSON, all else as text."""
    if isinstance(kind, str) and kind.upper() == "VARCHAR":
        # Lists and structs become JSON text: DuckDB's own spelling of them is read by nobody else.
        nested = f"regexp_matches(typeof({column}), '^(STRUCT|MAP|LIST)|\\[\\d*\\]$')"
        value = f"{column}::VARCHAR"
        for text in nulls:
            value = f"nullif({value}, {literal(text)})"
        return f"CASE WHEN {nested} THEN to_json({column})::VARCHAR ELSE {value} END"
    if isinstance(kind, str) and kind.upper() == "JSON":
        return f"to_json({column})"
    return f"from_json(to_json({column}), {literal(json.dumps(kind))})"


def _object(columns: Mapping[str, str]) -> str:
    """SQL: a JSON object of columns without those that are null, null if none is left."""
    return f"nullif({filled_object({key: identifier(name) for key, name in columns.items()})}, '{{}}')"


def _read(pieces: Pieces) -> str:
    """SQL: the rows of the windows: (its file, its number there, the columns)."""
    starts = {piece.path: (piece.first_row, piece.first_row + piece.rows) for piece in pieces.all}
    window = " OR ".join(
        f"({_FILE} = {literal(path)} AND {_NUMBER} >= {low} AND {_NUMBER} < {high})"
        for path, (low, high) in starts.items()
    )
    return (
        f"(SELECT * FROM read_parquet({pieces.paths}, filename = {literal(_FILE)}, {_NUMBER} = true, "
        f"hive_partitioning = false, binary_as_string = true) WHERE {window})"
    )


def rows(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """The rows of the window of each file."""
    names = _named(pieces.head)
    known = _known(names, record)
    left = {name: name for place, name in enumerate(names) if place not in known}
    rest = f", {_object(left)} AS rest" if pieces.unknown else ""
    read = _read(pieces)
    built = _record(names, record, options)
    return pieces.found(f"SELECT {_FILE} AS filename, {_NUMBER} AS _row, {built} AS r{rest} FROM {read}")


def texts(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """The rows as JSON objects of their columns."""
    names = _named(pieces.head)
    told = _object({name: name for name in names})
    inherited = pieces.found(
        f"SELECT {_FILE} AS filename, {_NUMBER} AS _row, coalesce({told}, '{{}}')::VARCHAR AS raw, "
        f"{_record(names, record, options)} AS r FROM {_read(pieces)}"
    )
    return f"SELECT _piece, _row, raw, r, NULL::VARCHAR AS refusal FROM ({inherited})"


def slices(
    blocks: Iterable[bytes],
    limit: int,
    whole: Whole,
    record: Mapping[str, object],
    options: Mapping[str, object],
) -> Iterator[bytes]:
    """One slice: STREAMS is false, it is read by windows."""
    del limit, whole, record, options
    yield b"".join(blocks)


def complaint(head: bytes, options: Mapping[str, object]) -> str:
    """Found and expected, from the first bytes."""
    del options
    return f"it is no Parquet file (it begins {head[:20]!r}); expected {MAGIC!r}"
