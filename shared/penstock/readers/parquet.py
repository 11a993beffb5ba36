"""Parquet files: columns by name, whatever types they have there (https://parquet.apache.org/docs/).

It takes no options. Names are matched as headers are: spelt alike first, then told alike, so one
table reads text and Parquet. A file is read by windows of rows: DuckDB skips row groups outside.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping

from penstock.readers import _names
from penstock.readers._pieces import Head, Pieces
from penstock.sql import identifier, literal, struct

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


def probe(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """From the footers: rows, and the columns at the top with their types."""
    del record, options
    return (
        "SELECT m.file_name, true, m.num_rows, false, false, s.told FROM "
        f"(SELECT file_name, num_rows FROM parquet_file_metadata({pieces.paths})) m JOIN "
        "(SELECT file_name, "
        "to_json(list({'name': name, 'children': coalesce(num_children, 0)} ORDER BY i))::VARCHAR AS told "
        "FROM (SELECT file_name, name, num_children, row_number() OVER () AS i "
        f"FROM parquet_schema({pieces.paths})) GROUP BY file_name) s USING (file_name)"
    )


def head(first: str, record: Mapping[str, object], options: Mapping[str, object]) -> Head:
    """Names of the columns at the top, in order."""
    del options
    nodes = [(node["name"], node["children"]) for node in json.loads(first)]
    names = list(_top(nodes))
    return Head(json.dumps(names), unknown=len(_known(names, record)) < len(names), before=0)


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


def absent(head: str, record: Mapping[str, object], options: Mapping[str, object]) -> frozenset[str]:
    """Those that are not among the columns."""
    del options
    names: list[str] = json.loads(head)
    return frozenset(record) - {*_names.assigned(names, record), *_names.prefixed(names, record)}


def readable(options: Mapping[str, object]) -> str:
    """Never asked of what is read by windows."""
    del options
    return "true"


def _record(names: list[str], record: Mapping[str, object]) -> str:
    """SQL: the struct of the record from the columns."""
    places = _names.assigned(names, record)
    groups = _names.prefixed(names, record)
    fields = {}
    for name, kind in record.items():
        if name in groups:
            fields[name] = _object({key: names[place] for key, place in groups[name].items()})
        elif name in places:
            fields[name] = _typed(identifier(names[places[name]]), kind)
    return struct(fields) if fields else "struct_pack(_ := true)"


def _typed(column: str, kind: object) -> str:
    """A column as the kind that the table reads: objects by way of JSON, all else as text."""
    if isinstance(kind, str) and kind.upper() == "VARCHAR":
        # Lists and structs become JSON text: DuckDB's own spelling of them is read by nobody else.
        nested = f"regexp_matches(typeof({column}), '^(STRUCT|MAP|LIST)|\\[\\d*\\]$')"
        return f"CASE WHEN {nested} THEN to_json({column})::VARCHAR ELSE {column}::VARCHAR END"
    if isinstance(kind, str) and kind.upper() == "JSON":
        return f"to_json({column})"
    return f"from_json(to_json({column}), {literal(json.dumps(kind))})"


def _object(columns: Mapping[str, str]) -> str:
    """SQL: a JSON object of columns without those that are null, null if none is left."""
    pairs = ", ".join(f"{literal(key)}, {identifier(column)}" for key, column in columns.items())
    return f"nullif(json_merge_patch('{{}}', json_object({pairs})), '{{}}')" if pairs else "NULL::JSON"


def _read(pieces: Pieces) -> str:
    """SQL: the rows of the windows: (filename, _at: the row's number in its file, the columns)."""
    starts = {piece.path: (piece.first_row, piece.first_row + piece.rows) for piece in pieces.all}
    window = " OR ".join(
        f"(filename = {literal(path)} AND file_row_number >= {low} AND file_row_number < {high})"
        for path, (low, high) in starts.items()
    )
    return (
        f"(SELECT * FROM read_parquet({pieces.paths}, filename = true, file_row_number = true, "
        f"hive_partitioning = false, binary_as_string = true) WHERE {window})"
    )


def rows(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """The rows of the window of each file."""
    del options
    names: list[str] = json.loads(pieces.head)
    known = _known(names, record)
    left = {name: name for place, name in enumerate(names) if place not in known}
    rest = f", {_object(left)} AS rest" if pieces.unknown else ""
    read = _read(pieces)
    return pieces.inherit_at(
        f"SELECT filename, file_row_number AS _row, {_record(names, record)} AS r{rest} FROM {read}"
    )


def texts(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """The rows as JSON objects of their columns."""
    del options
    names: list[str] = json.loads(pieces.head)
    told = _object({name: name for name in names})
    inherited = pieces.inherit_at(
        f"SELECT filename, file_row_number AS _row, coalesce({told}, '{{}}')::VARCHAR AS raw, "
        f"{_record(names, record)} AS r FROM {_read(pieces)}"
    )
    return f"SELECT id_prefix, _row, raw, r, NULL::VARCHAR AS refusal FROM ({inherited})"


def respelt(path: str, beginning: bytes, options: Mapping[str, object], *, odd: bool) -> str | None:
    """Parquet is as it is."""
    del path, beginning, options, odd
    return None


def slices(
    blocks: Iterable[bytes],
    limit: int,
    whole: Callable[[bytes], bool],
    record: Mapping[str, object],
    options: Mapping[str, object],
) -> Iterator[bytes]:
    """One slice: STREAMS is false, it is read by windows."""
    del limit, whole, record, options
    yield b"".join(blocks)


def exacts(options: Mapping[str, object]) -> bool:
    """There is one way only."""
    del options
    return False


def complaint(head: bytes, options: Mapping[str, object]) -> str:
    """Found and expected, from the first bytes."""
    del options
    return f"it is no Parquet file (it begins {head[:20]!r}); expected {MAGIC!r}"
