"""JSON texts: one document that holds its records in an array, one document a line, or one document.

Option `shape`: `records`, with `path`, the key of the array (default `Records`; of one in an
inner object, the keys with dots between them; CloudTrail is the best known of these: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html);
`lines` (https://jsonlines.org); `document`, a record or an array of them. Records that follow each
other without line ends, or spread over several lines, are spelt anew where the shape needs it.
Option `unwrap`: JSON paths; where `unwrap_when` (a regular expression) is found near the beginning,
what stands at the first path that is there is the record, or the records, of each document. With
`unwrap_name` a record keeps what stands around it; its own names then begin with that text.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from penstock import envelopes
from penstock.readers import _lines, _respelling
from penstock.readers._pieces import Head, Pieces
from penstock.sql import literal

__all__ = [
    "BUNDLES",
    "STREAMS",
    "absent",
    "bundle",
    "bundle_probe",
    "bundle_rows",
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

BUNDLES = True
STREAMS = True

_LONGEST = 16 << 20  # bytes beyond the limit within which a record must end
# A document with the array may begin with other members, as those of AWS Config do.
_BEFORE = rb'\s*\{\s*(?:"(?:[^"\\]|\\.)*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[^\s"\[\]{},]+)\s*,\s*)*'
_FIRST_KEY = re.compile(rb'\s*\{\s*("(?:[^"\\]|\\.)*")\s*:')


def _shape(options: Mapping[str, object]) -> str:
    return str(options.get("shape", "records"))


def _key(options: Mapping[str, object]) -> str:
    return str(options.get("path", "Records"))


def _document(options: Mapping[str, object], content: str = "content") -> str:
    """SQL: the text as one JSON document."""
    match _shape(options):
        case "lines":
            # Split and joined: on long texts that costs a tenth of replacing or trimming.
            lines = f"list_filter(string_split({content}, chr(10)), lambda line: line <> '')"
            return f"'[' || array_to_string({lines}, ',') || ']'"
        case "document":
            array = f"starts_with(ltrim(substr({content}, 1, 4096), E' \\t\\r\\n'), '[')"
            return f"CASE WHEN {array} THEN {content} ELSE '[' || {content} || ']' END"
        case _:
            return content


def _keys(options: Mapping[str, object]) -> list[str]:
    """The way to the array."""
    return _key(options).split(".")


def _above(options: Mapping[str, object], records: object) -> object:
    """The document that holds the records."""
    for key in reversed(_keys(options)):
        records = {key: records}
    return records


def _array_path(options: Mapping[str, object]) -> str:
    return f"${_steps(*_keys(options))}" if _shape(options) == "records" else "$"


def _list(options: Mapping[str, object], element: object, content: str = "content") -> str:
    """SQL: the list of records, each as `element`; whole, that costs half of record by record."""
    if _shape(options) == "records":
        structure = json.dumps(_above(options, [element]))
        return f"from_json({content}, {literal(structure)}){_steps(*_keys(options))}"
    return f"from_json({_document(options, content)}, {literal(json.dumps([element]))})"


def absent(head: str, record: Mapping[str, object], options: Mapping[str, object]) -> frozenset[str]:
    """Each record is its own; a struct has them all."""
    del head, record, options
    return frozenset()


def readable(options: Mapping[str, object]) -> str:
    """Whether the array is there and the whole document is JSON; lines may be one array instead."""
    path = literal(_array_path(options))
    found = f"coalesce(TRY(json_type({_document(options)}, {path})) = 'ARRAY', false)"
    if _shape(options) == "lines":
        return f"{found} OR coalesce(TRY(json_type(content)) = 'ARRAY', false)"
    return found


def probe(pieces: Pieces, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """Finds fields below the record that nothing names: `newField`, `userIdentity.foo`.

    Structs that the table reads are looked into, however deep. Finding the values of one costs a
    parse of the text, about a tenth of what reading the rows costs; its members are then looked
    for in those values only.
    """
    if pieces.exact:
        lines = f"coalesce(len({_data_lines()}), 0)"
        return f"SELECT filename, true, {lines}, true, true, '' FROM {pieces.contents}"
    files = f"(SELECT filename, {_document(options)} AS content FROM {pieces.contents})"
    whole, counted = (
        f"coalesce(TRY(json_type(content, {literal(_array_path(options))})) = 'ARRAY', false)",
        "coalesce(len(k0), 0)",
    )
    fits = f"CASE WHEN len(k0) > 0 THEN true ELSE {whole} END"
    looked = _probe(files, record, _array_path(options), f"filename, {fits} AS fits, {counted} AS n")
    if _shape(options) == "lines":
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
    if pieces.exact:
        # TRY does not hold what the optimizer takes out of it: nothing may see what is no JSON.
        lines = _lines.numbered(pieces, _data_lines())
        lines = f"SELECT * REPLACE (CASE WHEN json_valid(raw) THEN raw END AS raw) FROM ({lines})"
        rest = f", TRY({_unmapped(record)}) AS rest" if pieces.unknown else ""
        return f"SELECT * EXCLUDE (raw), {_record(record)} AS r{rest} FROM ({lines})"
    rest = f", {_unmapped(record)} AS rest"
    raws = f", {_list(options, 'JSON')} AS raws" if pieces.unknown else ""
    read = (
        f"SELECT * EXCLUDE (first_row, n, recs{', raws' if raws else ''}), "
        "unnest(range(first_row, first_row + n)) AS _row, unnest(recs) AS r"
        f"{', unnest(raws) AS raw' if raws else ''} FROM ("
        f"SELECT * EXCLUDE (content), {_list(options, record)} AS recs{raws} FROM {pieces.texts()})"
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
            "SELECT id_prefix, unnest(range(first_row, first_row + len(raws))) AS _row, "
            f"coalesce(unnest(raws)::VARCHAR, 'null') AS raw FROM ("
            f"SELECT id_prefix, first_row, {_list(options, 'JSON')} AS raws FROM {pieces.texts()})"
        )
    return f"SELECT id_prefix, _row, raw, {_record(record)} AS r, {refusal} AS refusal FROM ({read})"


def _probe(files: str, record: Mapping[str, object], array: str, first: str) -> str:
    """SQL for `first` (over content and k0, the keys of each record) and the unknown names."""
    found: list[str] = []
    keys: list[str] = []
    unknown = [_unknown("k0", (), record)]
    for name, kind in record.items():
        if not isinstance(kind, Mapping):
            continue
        if not any(isinstance(inner, Mapping) for inner in kind.values()):
            keys.append(
                f"TRY(json_keys(content, {literal(array + '[*]' + _steps(name))})) AS k{len(keys) + 1}"
            )
            unknown.append(_unknown(f"k{len(keys)}", (name,), kind))
            continue
        values = f"TRY(json_extract(content, {literal(array + '[*]' + _steps(name))}))"
        found.append(f"'[' || array_to_string({values}, ',') || ']' AS t{len(found)}")
        for path, fields in _structs(kind, (name,)):
            steps = literal("$[*]" + _steps(*path[1:]))
            keys.append(f"json_keys(t{len(found) - 1}, {steps}) AS k{len(keys) + 1}")
            unknown.append(_unknown(f"k{len(keys)}", path, fields))
    texts = ", ".join(
        ["filename", "content", f"TRY(json_keys(content, {literal(array + '[*]')})) AS k0", *found]
    )
    return (
        f"SELECT {first}, {' || '.join(unknown)} AS names "
        f"FROM (SELECT {', '.join(['*', *keys])} FROM (SELECT {texts} FROM {files}))"
    )


def bundle(texts: Iterable[bytes], mark: str, options: Mapping[str, object]) -> Iterator[bytes]:
    """`[{"<mark>": document}, …]`: a text that is not whole takes the mark of the next with it."""
    opening = f'{{"{mark}":'.encode()
    yield b"["
    for number, text in enumerate(texts):
        yield b"," + opening if number else opening
        match _shape(options):
            case "lines":
                yield b"[" + text.rstrip().replace(b"\n", b",") + b"]"
            case "document" if not text.lstrip().startswith(b"["):
                yield b"[" + text + b"]"
            case _:
                yield text
        yield b"}"
    yield b"]"


def bundle_probe(file: str, mark: str, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """As `probe`, below the marks."""
    array = f'$[*]."{mark}"' + _array_path(options).removeprefix("$")
    looked = _probe(file, record, array, f"TRY(json_array_length(content, {literal(array)})) AS n")
    return f"SELECT n, len(names) > 0 FROM ({looked})"


def bundle_rows(file: str, mark: str, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """As `rows`, below the marks."""
    inner: object = [record]
    steps = f'."{mark}"'
    if _shape(options) == "records":
        inner = _above(options, inner)
        steps += _steps(*_keys(options))
    structure = literal(json.dumps([{mark: inner}]))
    return (
        f"SELECT unnest(range(1, len(docs) + 1)) AS i, unnest(docs){steps} AS recs "
        f"FROM (SELECT from_json(content, {structure}) AS docs FROM {file})"
    )


def _structs(
    record: Mapping[str, object], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Mapping[str, object]]]:
    """The record itself and every struct in it: (names that lead there, its fields)."""
    yield path, record
    for name, kind in record.items():
        if isinstance(kind, Mapping):
            yield from _structs(kind, (*path, name))


def _steps(*path: str) -> str:
    return "".join(f'."{step}"' for step in path)


def _unknown(keys: str, path: tuple[str, ...], fields: Mapping[str, object]) -> str:
    """Names among the records' `keys` at `path` that are not among `fields`.

    A value that is no object has no keys at all, so it is found by its empty list of them.
    """
    known = "[" + ", ".join(literal(name) for name in fields) + "]"
    prefix = literal("".join(f"{step}." for step in path))
    names = (
        f"coalesce(list_transform(list_filter(list_distinct(flatten({keys})), "
        f"lambda k: k NOT IN {known}), lambda k: {prefix} || k), [])"
    )
    if not path:
        return names
    itself = literal(".".join(path))
    return f"{names} || CASE WHEN list_contains({keys}, []::VARCHAR[]) THEN [{itself}] ELSE [] END"


# A patch is merged level by level: brackets 100,000 deep would end the process. Such a value is kept as text.
_SHALLOW = (
    "CASE WHEN strlen(v) - strlen(translate(v::VARCHAR, '{[', '')) > 1000 THEN to_json(v::VARCHAR) ELSE v END"
)


def _unmapped(record: Mapping[str, object]) -> str:
    """What is left of a record when everything the table reads is taken away (RFC 7396 patches).

    Of a struct its unknown members are left; of a value that should have been one, all of it.
    """
    parts = [f"json_merge_patch(raw, {_nulls(record)})"]
    for path, fields in _structs(record):
        if not path:
            continue
        value = f"json_extract(raw, {literal('$' + _steps(*path))})"
        rest = (
            f"CASE json_type({value}) "
            f"WHEN 'OBJECT' THEN nullif(json_merge_patch({value}, {_nulls(fields)}), '{{}}') "
            f"WHEN 'NULL' THEN NULL ELSE {value} END"
        )
        nested = _SHALLOW
        for step in reversed(path):
            nested = f"json_object({literal(step)}, {nested})"
        parts.append(
            f"list_transform([{rest}], lambda v: CASE WHEN v IS NULL THEN '{{}}' ELSE {nested} END)[1]"
        )
    # One alone is no patch.
    left = f"json_merge_patch({', '.join(parts)})" if len(parts) > 1 else parts[0]
    return f"nullif({left}, '{{}}')"


def _nulls(fields: Mapping[str, object]) -> str:
    return literal(json.dumps(dict.fromkeys(fields)))


def respelt(path: str, beginning: bytes, options: Mapping[str, object], *, odd: bool) -> str | None:
    """SQL for the text spelt as the shape has it, where it is not: (text).

    Records inside other documents are taken out of them; an `odd` text, one that does not read as
    it stands, is tried as documents that follow each other. None: nothing to be done.
    """
    return _respelling.respelt(path, beginning, options, odd=odd)


def slices(
    blocks: Iterable[bytes],
    limit: int,
    whole: Callable[[bytes], bool],
    record: Mapping[str, object],
    options: Mapping[str, object],
) -> Iterator[bytes]:
    """Cut between records: at line ends, or where the next record begins with the same key as the first.

    Such a place (`},{`) may also stand inside a record, or in another array after the records. With
    one more pair of brackets around the records (`{"Records":[[…]]}`) what stands before it is valid
    JSON only if it lies between two records, so `whole` of that is the proof.
    """
    del record
    stream = iter(blocks)
    start = next(stream, b"")
    blocks = itertools.chain([start], stream)
    cut = _between_documents(start, limit, options)
    if cut is not None:
        yield from cut(blocks, limit)
        return
    buffer = bytearray()
    start, end, seen = b"", b"", 0
    for block in blocks:
        buffer += block
        while len(buffer) > limit:
            if not start:
                start, end, between = _opening(bytes(buffer[: limit + _LONGEST]), limit, options)
            place = next(
                (
                    place
                    for place in _places(buffer, len(start), limit, seen, between)
                    if whole(b"".join((start, b"[", memoryview(buffer)[len(start) : place], b"]", end)))
                ),
                None,
            )
            if place is None:
                seen = max(1, len(buffer) - 256)
                if len(buffer) > limit + _LONGEST:
                    raise ValueError(
                        f"no record ends within {len(buffer):,} bytes, so it cannot be read in pieces"
                    )
                break
            yield b"".join((memoryview(buffer)[:place], end))
            buffer[: place + 1] = start
            seen = 0
    yield bytes(buffer)


def _between_documents(
    start: bytes, limit: int, options: Mapping[str, object]
) -> Callable[[Iterable[bytes], int], Iterator[bytes]] | None:
    """How a text that begins so is cut where documents end; None if it is one that holds the records."""
    match _shape(options):
        case "lines" if not _respelling.ARRAY.match(start):
            spread = re.match(rb"\s*\{\s*\n", start) or (len(start) > limit // 2 and b"\n" not in start)
            return envelopes.slices if spread else _lines.cut
        case "document" if not re.match(rb"\s*\[", start):
            return envelopes.slices
        case "records" if _respelling.inside(start, options):
            return envelopes.slices
    return None


def _opening(
    text: bytes, limit: int, options: Mapping[str, object]
) -> tuple[bytes, bytes, re.Pattern[bytes]]:
    """How the document begins up to the first record, how it ends, and what stands between two records."""
    if _shape(options) == "records":
        keys = _keys(options)
        opening = b"".join(_BEFORE + b'"' + re.escape(key.encode()) + rb'"\s*:' for key in keys) + rb"\s*\["
        expected, end = f'{{"{_key(options)}": [{{…', b"]" + b"}" * len(keys)
    else:
        opening, expected, end = rb"\s*\[", "[{…", b"]"
    head = re.match(opening, text)
    first = head and _FIRST_KEY.match(text, head.end())
    if not (head and first):
        raise ValueError(
            f"it is larger than {limit:,} bytes and does not begin with {expected}, "
            "so it cannot be read in pieces"
        )
    return head.group(), end, re.compile(rb"\}\s*(,)\s*\{\s*" + re.escape(first[1]) + rb"\s*:")


def _places(
    buffer: bytearray, start: int, limit: int, seen: int, between: re.Pattern[bytes]
) -> Iterator[int]:
    """Places of commas to try, a few: the nearest before the limit, then those beyond it, as yet unseen."""

    def found(low: int, high: int) -> list[int]:
        return [match.start(1) for match in between.finditer(buffer, max(start, low), high)]

    if not seen:
        yield from reversed(found(limit - (64 << 10), limit)[-8:])
        yield from reversed(found(limit - (4 << 20), limit - (64 << 10))[-8:])
    beyond = found(max(limit, seen), len(buffer))
    yield from beyond[:8]
    yield from reversed(beyond[8:][-8:])


def exacts(options: Mapping[str, object]) -> bool:
    """Lines can be read one by one; a document stands or falls as a whole."""
    return _shape(options) == "lines"


def complaint(head: bytes, options: Mapping[str, object]) -> str:
    """Found and expected, from the first bytes of the piece."""
    expected = f'expected a JSON object with a list "{_key(options)}"'
    if _shape(options) != "records":
        expected = "expected JSON: a record, an array of records, or records one after another"
    if not head.strip():
        return f"it is empty; {expected}"
    shown = head[:60].decode("utf-8", "replace").strip()
    return f"it is not whole or not JSON of that shape (it begins {shown!r}); {expected}"
