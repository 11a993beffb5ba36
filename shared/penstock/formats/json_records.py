"""One JSON document per object that holds its records in an array: `{"Records": [ … ]}`.

Option `path`: the key of the array (default `Records`). CloudTrail is the best known of these:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = [
    "bundle",
    "bundle_probe",
    "bundle_rows",
    "complaint",
    "probe",
    "readable",
    "rows",
    "slices",
    "texts",
    "unmapped",
]

_LONGEST = 16 << 20  # bytes beyond the limit within which a record must end
_FIRST_KEY = re.compile(rb'\s*\{\s*("(?:[^"\\]|\\.)*")\s*:')


def _key(options: Mapping[str, object]) -> str:
    return str(options.get("path", "Records"))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _array_path(options: Mapping[str, object]) -> str:
    return f'$."{_key(options)}"'


def rows(record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """List of structs; reading the whole array at once costs half of reading record by record."""
    structure = json.dumps({_key(options): [record]})
    return f'from_json(content, {_literal(structure)})."{_key(options)}"'


def texts(options: Mapping[str, object]) -> str:
    """List of the records as JSON text."""
    structure = json.dumps({_key(options): ["JSON"]})
    return f'from_json(content, {_literal(structure)})."{_key(options)}"'


def readable(options: Mapping[str, object]) -> str:
    """Whether the array is there and the whole document is JSON."""
    return f"coalesce(TRY(json_type(content, {_literal(_array_path(options))})) = 'ARRAY', false)"


def probe(files: str, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """Names of unknown fields come as dotted paths below the record: `newField`, `userIdentity.foo`.

    Structs that the table reads are looked into, however deep. Finding the values of one costs a
    parse of the text, about a tenth of what reading the rows costs; its members are then looked
    for in those values only.
    """
    readable_, counted = readable(options), "coalesce(len(k0), 0)"
    return _probe(
        files,
        record,
        _array_path(options),
        f"filename, CASE WHEN len(k0) > 0 THEN true ELSE {readable_} END, {counted}",
    )


def _probe(files: str, record: Mapping[str, object], array: str, first: str) -> str:
    """SQL for `first` (over content and k0, the keys of each record) and the unknown names."""
    found: list[str] = []
    keys: list[str] = []
    unknown = [_unknown("k0", "", record)]
    for name, kind in record.items():
        if not isinstance(kind, Mapping):
            continue
        values = f"TRY(json_extract(content, {_literal(array + '[*]' + _steps(name))}))"
        found.append(f"'[' || array_to_string({values}, ',') || ']' AS t{len(found)}")
        for path, fields in _structs(kind, name):
            steps = _literal("$[*]" + _steps(path.removeprefix(name).removeprefix(".")))
            keys.append(f"json_keys(t{len(found) - 1}, {steps}) AS k{len(keys) + 1}")
            unknown.append(_unknown(f"k{len(keys)}", path, fields))
    texts = ", ".join(
        ["filename", "content", f"TRY(json_keys(content, {_literal(array + '[*]')})) AS k0", *found]
    )
    return (
        f"SELECT {first}, {' || '.join(unknown)} "
        f"FROM (SELECT {', '.join(['*', *keys])} FROM (SELECT {texts} FROM {files}))"
    )


def bundle(texts: Iterable[bytes], mark: str) -> Iterator[bytes]:
    """`[{"<mark>": document}, …]`: a text that is not whole takes the mark of the next with it."""
    opening = f'{{"{mark}":'.encode()
    yield b"["
    for number, text in enumerate(texts):
        yield b"," + opening if number else opening
        yield text
        yield b"}"
    yield b"]"


def bundle_probe(file: str, mark: str, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """As `probe`, below the marks."""
    array = f'$[*]."{mark}"."{_key(options)}"'
    return _probe(file, record, array, f"TRY(json_array_length(content, {_literal(array)}))")


def bundle_rows(file: str, mark: str, record: Mapping[str, object], options: Mapping[str, object]) -> str:
    """As `rows`, below the marks."""
    structure = _literal(json.dumps([{mark: {_key(options): [record]}}]))
    return (
        f'SELECT unnest(range(1, len(docs) + 1)) AS i, unnest(docs)."{mark}"."{_key(options)}" AS recs '
        f"FROM (SELECT from_json(content, {structure}) AS docs FROM {file})"
    )


def _structs(record: Mapping[str, object], path: str = "") -> Iterator[tuple[str, Mapping[str, object]]]:
    """The record itself and every struct in it: (dotted path, its fields)."""
    yield path, record
    for name, kind in record.items():
        if isinstance(kind, Mapping):
            yield from _structs(kind, f"{path}.{name}" if path else name)


def _steps(path: str) -> str:
    return "".join(f'."{step}"' for step in path.split(".")) if path else ""


def _unknown(keys: str, path: str, fields: Mapping[str, object]) -> str:
    """Names among the records' `keys` at `path` that are not among `fields`.

    A value that is no object has no keys at all, so it is found by its empty list of them.
    """
    known = "[" + ", ".join(_literal(name) for name in fields) + "]"
    prefix = _literal(path + "." if path else "")
    names = (
        f"coalesce(list_transform(list_filter(list_distinct(flatten({keys})), "
        f"lambda k: k NOT IN {known}), lambda k: {prefix} || k), [])"
    )
    if not path:
        return names
    return f"{names} || CASE WHEN list_contains({keys}, []::VARCHAR[]) THEN [{_literal(path)}] ELSE [] END"


# A patch is merged level by level: brackets 100,000 deep would end the process. Such a value is kept as text.
_SHALLOW = (
    "CASE WHEN strlen(v) - strlen(translate(v::VARCHAR, '{[', '')) > 1000 THEN to_json(v::VARCHAR) ELSE v END"
)


def unmapped(record: Mapping[str, object]) -> str:
    """What is left of a record when everything the table reads is taken away (RFC 7396 patches).

    Of a struct its unknown members are left; of a value that should have been one, all of it.
    """
    parts = [f"json_merge_patch(raw, {_nulls(record)})"]
    for path, fields in _structs(record):
        if not path:
            continue
        value = f"json_extract(raw, {_literal('$' + _steps(path))})"
        rest = (
            f"CASE json_type({value}) WHEN 'OBJECT' THEN nullif(json_merge_patch({value}, {_nulls(fields)}), '{{}}') "
            f"WHEN 'NULL' THEN NULL ELSE {value} END"
        )
        nested = _SHALLOW
        for step in reversed(path.split(".")):
            nested = f"json_object({_literal(step)}, {nested})"
        parts.append(
            f"list_transform([{rest}], lambda v: CASE WHEN v IS NULL THEN '{{}}' ELSE {nested} END)[1]"
        )
    return f"nullif(json_merge_patch({', '.join(parts)}), '{{}}')"


def _nulls(fields: Mapping[str, object]) -> str:
    return _literal(json.dumps(dict.fromkeys(fields)))


def slices(
    blocks: Iterable[bytes], limit: int, whole: Callable[[bytes], bool], options: Mapping[str, object]
) -> Iterator[bytes]:
    """Cut between records: `},{` where the next record begins with the same key as the first.

    Such a place may also stand inside a record, or in another array after the records. With one
    more pair of brackets around the records (`{"Records":[[…]]}`) what stands before it is valid
    JSON only if it lies between two records, so `whole` of that is the proof.
    """
    buffer = bytearray()
    start, seen = b"", 0
    for block in blocks:
        buffer += block
        while len(buffer) > limit:
            if not start:
                start, between = _opening(bytes(buffer[: limit + _LONGEST]), limit, options)
            cut = next(
                (
                    place
                    for place in _places(buffer, len(start), limit, seen, between)
                    if whole(b"".join((start, b"[", memoryview(buffer)[len(start) : place], b"]]}")))
                ),
                None,
            )
            if cut is None:
                seen = max(1, len(buffer) - 256)
                if len(buffer) > limit + _LONGEST:
                    raise ValueError(
                        f"no record ends within {len(buffer):,} bytes, so it cannot be read in pieces"
                    )
                break
            yield b"".join((memoryview(buffer)[:cut], b"]}"))
            buffer[: cut + 1] = start
            seen = 0
    yield bytes(buffer)


def _opening(text: bytes, limit: int, options: Mapping[str, object]) -> tuple[bytes, re.Pattern[bytes]]:
    """How the document begins, up to the first record, and what stands between two records."""
    head = re.match(rb'\s*\{\s*"' + re.escape(_key(options).encode()) + rb'"\s*:\s*\[', text)
    first = head and _FIRST_KEY.match(text, head.end())
    if not (head and first):
        raise ValueError(
            f"it is larger than {limit:,} bytes and does not begin with "
            f'{{"{_key(options)}": [{{…, so it cannot be read in pieces'
        )
    return head.group(), re.compile(rb"\}\s*(,)\s*\{\s*" + re.escape(first[1]) + rb"\s*:")


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


def complaint(head: bytes, options: Mapping[str, object]) -> str:
    """Found and expected, from the first bytes of the piece."""
    expected = f'expected a JSON object with a list "{_key(options)}"'
    if not head.strip():
        return f"it is empty; {expected}"
    shown = head[:60].decode("utf-8", "replace").strip()
    return f"it is not whole or not JSON of that shape (it begins {shown!r}); {expected}"
