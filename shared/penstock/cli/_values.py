"""SQL for values as they are shown: times in ISO 8601, within nested values too, rows without names as
lists and addresses as texts, so that `to_json` of them says what a reader of JSON expects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from duckdb.sqltypes import DuckDBPyType

from penstock.sql import literal, struct

__all__ = ["is_nested", "told"]


def is_nested(type_: DuckDBPyType) -> bool:
    """Whether its values hold others; an INET is a struct to DuckDB alone."""
    return type_.id in _MADE and not _is_address(type_)


def told(value: str, type_: DuckDBPyType, depth: int = 0) -> str:
    """SQL for a value of the type as it is shown; the value itself where nothing in it is to be changed.

    `depth` tells nested lambdas apart.
    """
    if _is_address(type_):
        return f"{value}::VARCHAR"
    if is_nested(type_) and _is_odd(type_):
        return f"CASE WHEN {value} IS NOT NULL THEN {_MADE[type_.id](value, type_, depth)} END"
    if not _is_time(type_):
        return value
    text = f"replace({value}::VARCHAR, ' ', 'T')"
    # The session's zone is UTC.
    return f"replace({text}, '+00', 'Z')" if type_.id == "timestamp with time zone" else text


def _is_odd(type_: DuckDBPyType) -> bool:
    """Whether times, addresses or rows without names may stand in values of the type."""
    if not is_nested(type_):
        return _is_time(type_) or _is_address(type_)
    return _has_no_names(type_) or any(_is_odd(part) for _, part in _parts(type_))


def _is_time(type_: DuckDBPyType) -> bool:
    return type_.id.startswith("timestamp")


def _is_address(type_: DuckDBPyType) -> bool:
    return str(type_) == "INET"


def _has_no_names(type_: DuckDBPyType) -> bool:
    return type_.id == "struct" and not all(name for name, _ in _parts(type_))


def _parts(type_: DuckDBPyType) -> list[tuple[str, DuckDBPyType]]:
    """The types of what values of the type hold, by name (an array's length is none)."""
    return [(name, part) for name, part in type_.children if isinstance(part, DuckDBPyType)]


def _struct(value: str, type_: DuckDBPyType, depth: int) -> str:
    if _has_no_names(type_):
        parts = enumerate((part for _, part in _parts(type_)), start=1)
        each = (told(f"struct_extract_at({value}, {place})", part, depth) for place, part in parts)
        return f"json_array({', '.join(each)})"
    return struct(
        {name: told(f"struct_extract({value}, {literal(name)})", part, depth) for name, part in _parts(type_)}
    )


def _list(value: str, type_: DuckDBPyType, depth: int) -> str:
    ((_, element),) = _parts(type_)
    return f"list_transform({value}, lambda e{depth}: {told(f'e{depth}', element, depth + 1)})"


def _map(value: str, type_: DuckDBPyType, depth: int) -> str:
    members = {name: told(f"e{depth}.{name}", part, depth + 1) for name, part in _parts(type_)}
    return f"map_from_entries(list_transform(map_entries({value}), lambda e{depth}: {struct(members)}))"


def _union(value: str, type_: DuckDBPyType, depth: int) -> str:
    cases = (
        f"WHEN {literal(name)} THEN "
        f"json_object({literal(name)}, {told(f'union_extract({value}, {literal(name)})', part, depth)})"
        for name, part in _parts(type_)[1:]  # the first is the tag
    )
    return f"CASE union_tag({value})::VARCHAR {' '.join(cases)} END"


_MADE: Mapping[str, Callable[[str, DuckDBPyType, int], str]] = {
    "struct": _struct,
    "list": _list,
    "array": _list,
    "map": _map,
    "union": _union,
}
