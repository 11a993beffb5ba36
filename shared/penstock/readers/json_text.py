"""JSON texts: documents that hold their records in an array, one document a line, or one document.

Option `shape`: `records`, with `path`, the key of the array (default `Records`; of one in an
inner object, the keys with dots between them; of several such documents one after another, all;
CloudTrail is the best known of these: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html);
`lines` (https://jsonlines.org); `document`, a record or an array of them. Records that follow each
other without line ends, or spread over several lines, are spelt anew where the shape needs it.
Option `unwrap`: JSON paths; where `unwrap_when` (a regular expression) is found near the beginning,
what stands at the first path that is there is the record, or the records, of each document. With
`unwrap_name` a record keeps what stands around it; its own names then begin with that text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from penstock.readers import _json_strict, _lines, _respelling
from penstock.readers._json_fields import looked_at, steps_to, unmapped
from penstock.readers._json_glance import glanced, names_of
from penstock.readers._json_options import above, array_path, key_of, keys_of, shape_of
from penstock.readers._json_shapes import document, list_of, slices
from penstock.readers._json_strict import begins_alone, count, example
from penstock.readers._pieces import Head, Pieces
from penstock.sql import identifier, literal

__all__ = [
    "BUNDLES",
    "STREAMS",
    "absent",
    "begins_alone",
    "bundle",
    "bundle_glance",
    "bundle_rows",
    "complaint",
    "count",
    "exacts",
    "example",
    "glance",
    "head",
    "probe",
    "readable",
    "respelt",
    "rows",
    "slices",
    "texts",
]

BUNDLES = True
STREAMS = True


def absent(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> frozenset[str]:
    """Each record is its own; a struct has them all."""
    del pieces, record, options
    return frozenset()


def readable(options: Mapping[str, object]) -> str:
    """Whether the array is there and the whole document is JSON; lines may be one array instead."""
    path = literal(array_path(options))
    found = f"coalesce(TRY(json_type({document(options)}, {path})) = 'ARRAY', false)"
    if shape_of(options) == "lines":
        return f"{found} OR coalesce(TRY(json_type(content)) = 'ARRAY', false)"
    return found


def glance(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """All in one parse, where every text is what it should be."""
    # Apart from the unnesting, which copies whatever stands beside the lists for each few rows.
    lists = f"SELECT filename AS key, {list_of(options, names_of(record))} AS recs FROM {pieces.contents}"
    return glanced(lists, record)


def probe(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """Finds fields below the record that nothing names: `newField`, `userIdentity.foo`.

    Structs that the table reads are looked into, however deep. Finding the values of one costs a
    parse of the text, about a tenth of what reading the rows costs; its members are then looked
    for in those values only.
    """
    if pieces.exact:
        lines = f"coalesce(len({_data_lines()}), 0)"
        return f"SELECT filename, true, {lines}, true, true, '' FROM {pieces.contents}"
    files = f"(SELECT filename, {document(options)} AS content FROM {pieces.contents})"
    whole, counted = (
        f"coalesce(TRY(json_type(content, {literal(array_path(options))})) = 'ARRAY', false)",
        "coalesce(len(k0), 0)",
    )
    fits = f"CASE WHEN len(k0) > 0 THEN true ELSE {whole} END"
    looked = looked_at(files, record, array_path(options), f"filename, {fits} AS fits, {counted} AS n")
    if shape_of(options) == "lines":
        return f"SELECT filename, true, n, len(names) > 0, NOT fits, '' FROM ({looked})"
    return f"SELECT filename, fits, n, len(names) > 0, false, '' FROM ({looked})"


def head(first: str, record: Mapping[str, object], options: Mapping[str, object]) -> Head:
    """Nothing at its beginning says anything of the rest."""
    del first, record, options
    return Head("", unknown=False, before=0)


def _data_lines() -> str:
    return _lines.data_lines({}, "string_split(content, chr(10))", header=False)


def rows(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """From the list of all records, or line by line."""
    if pieces.example:
        return _json_strict.rows(pieces, record, options)
    if pieces.exact:
        # TRY does not hold what the optimizer takes out of it: nothing may see what is no JSON.
        lines = _lines.numbered(pieces, _data_lines())
        lines = f"SELECT * REPLACE (CASE WHEN json_valid(raw) THEN raw END AS raw) FROM ({lines})"
        rest = f", TRY({unmapped(record)}) AS rest" if pieces.unknown else ""
        return f"SELECT * EXCLUDE (raw), {_record(record)} AS r{rest} FROM ({lines})"
    rest = f", {unmapped(record)} AS rest"
    raws = f", {list_of(options, 'JSON')} AS raws" if pieces.unknown else ""
    read = (
        f"SELECT * EXCLUDE (first_row, n, recs{', raws' if raws else ''}), "
        "unnest(range(first_row, first_row + n)) AS _row, unnest(recs) AS r"
        f"{', unnest(raws) AS raw' if raws else ''} FROM ("
        f"SELECT * EXCLUDE (content), {list_of(options, record)} AS recs{raws} FROM {pieces.texts()})"
    )
    return f"SELECT * EXCLUDE (raw){rest} FROM ({read})" if raws else read


def _record(record: Mapping[str, object]) -> str:
    """SQL over raw: the record as a struct, null where it is none."""
    structure = literal(json.dumps(record))
    return f"CASE WHEN TRY(json_type(raw)) = 'OBJECT' THEN TRY(from_json(raw, {structure})) END"


def texts(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """The records as JSON text."""
    refusal = (
        "CASE WHEN json_valid(raw) THEN 'found ' || TRY(json_type(raw)) || ', expected a record' "
        "ELSE 'it is no JSON, expected a record' END"
    )
    if pieces.exact:
        read = _lines.numbered(pieces, _data_lines())
    else:
        read = (
            "SELECT _piece, unnest(range(first_row, first_row + len(raws))) AS _row, "
            f"coalesce(unnest(raws)::VARCHAR, 'null') AS raw FROM ("
            f"SELECT _piece, first_row, {list_of(options, 'JSON')} AS raws FROM {pieces.texts()})"
        )
    return f"SELECT _piece, _row, raw, {_record(record)} AS r, {refusal} AS refusal FROM ({read})"


def bundle(texts: Iterable[bytes], mark: str, options: Mapping[str, object]) -> Iterator[bytes]:
    """`[{"<mark>": document}, …]`: a text that is not whole takes the mark of the next with it."""
    opening = f'{{"{mark}":'.encode()
    yield b"["
    for number, text in enumerate(texts):
        yield b"," + opening if number else opening
        match shape_of(options):
            case "lines":
                yield b"[" + text.rstrip().replace(b"\n", b",\n") + b"]"
            case "document" if not text.lstrip().startswith(b"["):
                yield b"[" + text + b"]"
            case _:
                yield text
        yield b"}"
    yield b"]"


def bundle_glance(file: str, mark: str, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """As `glance`, below the marks; where something stands beside a mark, nothing can be told."""
    kind, steps = f"{names_of(record)}[]", ""
    if shape_of(options) == "records":
        steps = steps_to(*keys_of(options))
        for key in reversed(keys_of(options)):
            kind = f"STRUCT({identifier(key)} {kind})"
    docs = (
        "SELECT unnest(range(1, len(docs) + 1)) AS key, unnest(docs) AS doc FROM (SELECT "
        f"from_json(content, {literal(json.dumps([f'MAP(VARCHAR, {kind})']))}) AS docs FROM {file})"
    )
    alone = f"map_keys(doc) = [{literal(mark)}]"
    lists = f"SELECT key, doc[{literal(mark)}]{steps} AS recs FROM ({docs}) WHERE {alone}"
    return glanced(lists, record)


def bundle_rows(file: str, mark: str, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """As `rows`, below the marks."""
    return _bundled(file, mark, record, options)


def _bundled(file: str, mark: str, element: object, options: Mapping[str, object]) -> str:
    """SQL for the lists of records below the marks, each record as `element`: (_piece from 1, recs)."""
    inner: object = [element]
    steps = f'."{mark}"'
    if shape_of(options) == "records":
        inner = above(options, inner)
        steps += steps_to(*keys_of(options))
    structure = literal(json.dumps([{mark: inner}]))
    return (
        f"SELECT unnest(range(1, len(docs) + 1)) AS _piece, unnest(docs){steps} AS recs "
        f"FROM (SELECT from_json(content, {structure}) AS docs FROM {file})"
    )


def respelt(path: str, beginning: bytes, options: Mapping[str, object], *, odd: bool) -> str | None:
    """SQL for the text spelt as the shape has it, where it is not: (text).

    Records inside other documents are taken out of them; an `odd` text, one that does not read as
    it stands, is tried as documents that follow each other. None: nothing to be done.
    """
    return _respelling.respelt(path, beginning, options, odd=odd)


def exacts(options: Mapping[str, object]) -> bool:
    """Lines can be read one by one; a document stands or falls as a whole."""
    return shape_of(options) == "lines"


def complaint(head: bytes, options: Mapping[str, object]) -> str:
    """Found and expected, from the first bytes of the piece."""
    expected = f'expected JSON objects with a list "{key_of(options)}", and nothing else'
    if shape_of(options) != "records":
        expected = "expected JSON: a record, an array of records, or records one after another"
    if not head.strip():
        return f"it is empty; {expected}"
    shown = head[:60].decode("utf-8", "replace").strip()
    return f"it is not whole or not JSON of that shape (it begins {shown!r}); {expected}"
