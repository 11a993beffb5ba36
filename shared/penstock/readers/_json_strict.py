"""Documents read by DuckDB's own JSON reader, which refuses whatever it was not shown.

Given its columns, `read_json` passes over names that are none of them. Where it finds the columns
itself, an unknown name at any depth is an error, and so are a name that comes twice and a value
where an object should be. So the first file that it reads is an example, a document with one record
that has every field of the table, and the only one in which it looks for columns. What goes through
has nothing to be kept in `unmapped`; what is refused is read another way. Each document is a line:
a record, or what holds them all, written without line ends as AWS does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from penstock.readers._json_fields import steps_to
from penstock.readers._json_options import above, array_path, keys_of, shape_of
from penstock.readers._pieces import Pieces
from penstock.readers._respelling import inside
from penstock.sql import identifier, literal

__all__ = ["begins_alone", "count", "example", "rows"]

_OPTIONS = (
    "format = 'newline_delimited', sample_size = 1, maximum_sample_files = 1, map_inference_threshold = -1, "
    "field_appearance_threshold = 0, maximum_depth = -1"
)


def example(record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """A document of one record, of which DuckDB makes these fields; empty if it would make others."""
    shown = _shown(record)
    match shape_of(options):
        case "records" if shown:
            return json.dumps(above(options, [shown]))
        case "lines" if shown:
            return json.dumps(shown)
        case _:
            return ""


def _shown(fields: Mapping[str, object]) -> dict[str, object]:
    if len({name.casefold() for name in fields}) < len(fields):
        return {}  # DuckDB tells columns apart by more than capitals
    shown: dict[str, object] = {}
    for name, kind in fields.items():
        if isinstance(kind, Mapping):
            shown[name] = _shown(kind)
        elif kind in ("VARCHAR", "JSON"):
            shown[name] = "text" if kind == "VARCHAR" else None
        if not name or (not shown.get(name) and kind != "JSON"):
            return {}
    return shown


def begins_alone(beginning: bytes, options: Mapping[str, object]) -> bool:
    """Whether nothing stands before the array of records but the key of it, in a text without line ends.

    Of lines, whether they are the records themselves.
    """
    if shape_of(options) == "lines":
        return beginning.startswith(b"{") and not inside(beginning, options)
    if b"\n" in beginning.strip():
        return False
    keys = keys_of(options)
    opening = b"".join(rb'\s*\{\s*"' + re.escape(key.encode()) + rb'"\s*:' for key in keys)
    return re.match(opening + rb"\s*\[", beginning) is not None


def count(pieces: Pieces, options: Mapping[str, object]) -> str:
    """SQL: (filename, n, size): the records of each document, by a parse that keeps nothing, or its lines."""
    if shape_of(options) == "lines":
        lines = "len(list_filter(string_split(content, chr(10)), lambda line: line <> ''))"
        return f"SELECT filename, {lines}, size FROM {pieces.contents}"
    length = f"json_array_length(content, {literal(array_path(options))})"
    return f"SELECT filename, {length}, size FROM {pieces.contents}"


def rows(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """SQL: the records (_piece, _row, r: a struct).

    All fields are in the structs whether they are used or not: of one that it may leave out the
    reader would not tell what is unknown in it.
    """
    files = ", ".join(literal(path) for path in (pieces.example, *(piece.path for piece in pieces.all)))
    longest = max(piece.bytes for piece in pieces.all) + 1
    read = f"read_json([{files}], {_OPTIONS}, maximum_object_size = {longest}) WHERE file_index > 0"
    if shape_of(options) == "lines":
        fields = ", ".join(f"{literal(name)}: {identifier(name)}" for name in record)
        numbers = "file_index::INTEGER AS _piece, row_number() OVER () - 1 AS _n"
        return pieces.numbered(f"SELECT {numbers}, {{{fields}}} AS r FROM {read}")
    first, *between = keys_of(options)
    return pieces.unnested(
        f"SELECT file_index::INTEGER AS _piece, {identifier(first)}{steps_to(*between)} AS recs FROM {read}"
    )
