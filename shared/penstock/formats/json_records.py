"""One JSON document per object that holds its records in an array: `{"Records": [ … ]}`.

Option `path`: the key of the array (default `Records`). CloudTrail is the best known of these:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from penstock.formats import Probe

__all__ = ["complaint", "probe", "rows", "slices", "texts", "unmapped"]

_LOOK_DEPTH = 2
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


def probe(record: Mapping[str, object], options: Mapping[str, object]) -> Probe:
    """Names of unknown fields come as dotted paths below the record: `newField`, `userIdentity.foo`.

    Structs that the table reads are looked into too, down to the third level: each look parses
    the text once more, about a tenth of what reading the rows costs.
    """
    array = _array_path(options)
    rows = f"TRY(json_array_length(content, {_literal(array)}))"
    looks = [(path, fields) for path, fields in _structs(record) if path.count(".") < _LOOK_DEPTH]
    return Probe(
        readable=f"CASE WHEN {rows} > 0 THEN true ELSE TRY(json_type(content, {_literal(array)})) = 'ARRAY' END",
        rows=rows,
        unknown=" || ".join(_unknown_keys(array, path, fields) for path, fields in looks),
    )


def _structs(record: Mapping[str, object], path: str = "") -> Iterator[tuple[str, Mapping[str, object]]]:
    """The record itself and every struct in it: (dotted path, its fields)."""
    yield path, record
    for name, kind in record.items():
        if isinstance(kind, Mapping):
            yield from _structs(kind, f"{path}.{name}" if path else name)


def _steps(path: str) -> str:
    return "".join(f'."{step}"' for step in path.split(".")) if path else ""


def _unknown_keys(array: str, path: str, fields: Mapping[str, object]) -> str:
    """Names that occur at `path` of any record without being among `fields`.

    A value that is no object has no keys at all, so it is found by its empty list of them.
    """
    keys = f"TRY(json_keys(content, {_literal(array + '[*]' + _steps(path))}))"
    known = "[" + ", ".join(_literal(name) for name in fields) + "]"
    prefix = _literal(path + "." if path else "")
    names = (
        f"coalesce(list_transform(list_filter(list_distinct(flatten({keys})), "
        f"lambda k: k NOT IN {known}), lambda k: {prefix} || k), [])"
    )
    if not path:
        return names
    return f"{names} || CASE WHEN list_contains({keys}, []::VARCHAR[]) THEN [{_literal(path)}] ELSE [] END"


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
        nested = "v"
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

    Such a place may also stand inside a record or a string. A piece closed there (`…}]}`) is valid
    JSON only if the cut was between two records, so `whole` is the proof.
    """
    blocks = iter(blocks)
    buffer = b""
    opening = re.compile(rb'\s*\{\s*"' + re.escape(_key(options).encode()) + rb'"\s*:\s*\[')
    start: bytes | None = None
    for block in blocks:
        buffer += block
        while len(buffer) > limit:
            if start is None:
                head = opening.match(buffer)
                first = head and _FIRST_KEY.match(buffer, head.end())
                if not (head and first):
                    raise ValueError(
                        f"it is larger than {limit:,} bytes and does not begin with "
                        f'{{"{_key(options)}": [{{…, so it cannot be read in pieces'
                    )
                start = head.group()
                between = re.compile(rb"\}\s*(,)\s*\{\s*" + re.escape(first[1]) + rb"\s*:")
            cut = _cut(buffer, limit, start, between, whole)
            if cut is None:
                break
            yield buffer[:cut] + b"]}"
            buffer = start + buffer[cut + 1 :]
    yield buffer


def _cut(
    buffer: bytes, limit: int, start: bytes, between: re.Pattern[bytes], whole: Callable[[bytes], bool]
) -> int | None:
    """Place of the comma to cut at, near the limit; None when more must be read to find one."""
    for width in (64 << 10, 4 << 20):
        places = [match.start(1) for match in between.finditer(buffer, max(len(start), limit - width), limit)]
        for place in reversed(places[-8:]):
            if whole(buffer[:place] + b"]}"):
                return place
    return next(
        (m.start(1) for m in between.finditer(buffer, limit) if whole(buffer[: m.start(1)] + b"]}")), None
    )


def complaint(head: bytes, options: Mapping[str, object]) -> str:
    """Found and expected, from the first bytes of the piece."""
    expected = f'expected a JSON object with a list "{_key(options)}"'
    if not head.strip():
        return f"it is empty; {expected}"
    shown = head[:60].decode("utf-8", "replace").strip()
    return f"it is not whole or not JSON of that shape (it begins {shown!r}); {expected}"
