"""Fields of JSON records that no table names: found before reading, and kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from penstock.sql import literal, shallow

__all__ = ["looked_at", "steps_to", "unmapped"]


def looked_at(files: str, record: Mapping[str, object], array: str, first: str) -> str:
    """SQL for `first` (over content and k0, the keys of each record) and the unknown names."""
    found: list[str] = []
    keys: list[str] = []
    unknown = [_unknown("k0", (), record)]
    for name, kind in record.items():
        if not isinstance(kind, Mapping):
            continue
        if not any(isinstance(inner, Mapping) for inner in kind.values()):
            keys.append(
                f"TRY(json_keys(content, {literal(array + '[*]' + steps_to(name))})) AS k{len(keys) + 1}"
            )
            unknown.append(_unknown(f"k{len(keys)}", (name,), kind))
            continue
        values = f"TRY(json_extract(content, {literal(array + '[*]' + steps_to(name))}))"
        found.append(f"'[' || array_to_string({values}, ',') || ']' AS t{len(found)}")
        for path, fields in _structs(kind, (name,)):
            steps = literal("$[*]" + steps_to(*path[1:]))
            keys.append(f"json_keys(t{len(found) - 1}, {steps}) AS k{len(keys) + 1}")
            unknown.append(_unknown(f"k{len(keys)}", path, fields))
    texts = ", ".join(
        ["filename", "content", f"TRY(json_keys(content, {literal(array + '[*]')})) AS k0", *found]
    )
    return (
        f"SELECT {first}, {' || '.join(unknown)} AS names "
        f"FROM (SELECT {', '.join(['*', *keys])} FROM (SELECT {texts} FROM {files}))"
    )


def _structs(
    record: Mapping[str, object], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Mapping[str, object]]]:
    """The record itself and every struct in it: (names that lead there, its fields)."""
    yield path, record
    for name, kind in record.items():
        if isinstance(kind, Mapping):
            yield from _structs(kind, (*path, name))


def steps_to(*path: str) -> str:
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


def unmapped(record: Mapping[str, object]) -> str:
    """What is left of a record when everything the table reads is taken away (RFC 7396 patches).

    Of a struct its unknown members are left; of a value that should have been one, all of it.
    """
    parts = [f"json_merge_patch(raw, {_nulls(record)})"]
    for path, fields in _structs(record):
        if not path:
            continue
        value = f"json_extract(raw, {literal('$' + steps_to(*path))})"
        rest = (
            f"CASE json_type({value}) "
            f"WHEN 'OBJECT' THEN nullif(json_merge_patch({value}, {_nulls(fields)}), '{{}}') "
            f"WHEN 'NULL' THEN NULL ELSE {value} END"
        )
        nested = shallow("v")
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
