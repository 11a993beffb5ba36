"""Documents read by DuckDB's own JSON reader, which refuses whatever it was not shown.

Given its columns, `read_json` passes over names that are none of them. Where it finds the columns
itself, an unknown name at any depth is an error, and so are a name that comes twice and a value
where an object should be. So the first file that it reads is an example, a document with one record
that has every field of the table, and the only one in which it looks for columns. What goes through
has nothing to be kept in `unmapped`; what is refused is read another way. Each document is a line,
so only one that is written without line ends goes through; they all are by AWS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from penstock.readers._json_fields import steps_to
from penstock.readers._json_shapes import above, array_path, keys_of, shape_of
from penstock.readers._pieces import Pieces
from penstock.sql import identifier, literal

__all__ = ["begins_alone", "count", "example", "lists"]

_OPTIONS = (
    "format = 'newline_delimited', sample_size = 1, maximum_sample_files = 1, map_inference_threshold = -1, "
    "field_appearance_threshold = 0, maximum_depth = -1"
)


def example(record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """A document of one record, of which DuckDB makes these fields; empty if it would make others."""
    shown = _shown(record) if shape_of(options) == "records" else {}
    return json.dumps(above(options, [shown])) if shown else ""


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
    """Whether nothing stands before the array of records but the key of it, in a text without line ends."""
    if b"\n" in beginning.strip():
        return False
    keys = keys_of(options)
    opening = b"".join(rb'\s*\{\s*"' + re.escape(key.encode()) + rb'"\s*:' for key in keys)
    return re.match(opening + rb"\s*\[", beginning) is not None


def count(pieces: Pieces, options: Mapping[str, object]) -> str:
    """SQL: how many records each document has, by a parse that keeps nothing: (filename, n, size)."""
    length = f"json_array_length(content, {literal(array_path(options))})"
    return f"SELECT filename, {length}, size FROM {pieces.contents}"


def lists(pieces: Pieces, options: Mapping[str, object]) -> str:
    """SQL over documents: (_piece, recs: their records as structs).

    All fields are in the structs whether they are used or not: of one that it may leave out the
    reader would not tell what is unknown in it.
    """
    first, *between = keys_of(options)
    files = ", ".join(literal(path) for path in (pieces.example, *(piece.path for piece in pieces.all)))
    longest = max(piece.bytes for piece in pieces.all) + 1
    return (
        f"SELECT file_index::INTEGER AS _piece, {identifier(first)}{steps_to(*between)} AS recs "
        f"FROM read_json([{files}], {_OPTIONS}, maximum_object_size = {longest}) WHERE file_index > 0"
    )
