"""Decides the columns of each table of the catalogue from every schema its files were written with.

A shape is an ordered tuple of (column, DuckDB type): a table's own columns by name, then the
common `tp_` ones, as `Table.all_columns` has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import duckdb

from penstock.catalogue.widening import plain, together
from penstock.tables import COMMON_COLUMNS, PATH_COLUMNS

__all__ = ["Columns", "Step", "additions", "ordered", "union"]

Columns = tuple[tuple[str, str], ...]
Step = tuple[tuple[str, ...], str]
"""A path to a new column or struct member (`element` steps into a list), and its type."""

_PATH_TYPES = {column.name: column.type for column in COMMON_COLUMNS if column.name in PATH_COLUMNS}


def union(
    schemas: Iterable[Columns], declared: Columns | None = None, unused: Iterable[Columns] = ()
) -> Columns:
    """The columns that hold the rows of all `schemas`, and the path columns, ordered.

    Structs are merged member by member; where types differ, the `declared` one stands if it reads the
    others (`widening.together`). The columns of `unused` schemas, of which there is no file, are there
    too, but their types weigh nothing.
    """
    names: dict[str, str] = {name: name for name in _PATH_TYPES}
    types: dict[str, tuple[list[str], list[str], list[str]]] = {}
    for place, several in enumerate(([declared] if declared else [], schemas, unused)):
        for columns in several:
            for name, type_ in columns:
                key = name.lower()  # DuckDB's names are one whatever their case
                names.setdefault(key, name)
                types.setdefault(key, ([], [], []))[place].append(plain(type_))
    merged = [
        (names[key], together(held, wanted[0] if wanted else None, others))
        for key, (wanted, held, others) in types.items()
        if key not in _PATH_TYPES
    ]
    return ordered([*_PATH_TYPES.items(), *merged])


def ordered(columns: Iterable[tuple[str, str]]) -> Columns:
    """Own columns by name, then the `tp_` ones by name."""
    return tuple(sorted(columns, key=lambda column: (column[0].startswith("tp_"), column[0])))


def additions(old: Columns, new: Columns) -> list[Step] | None:
    """What to add to `old` to have `new`; None when adding alone does not do it."""
    have = dict(old)
    if not have.keys() <= dict(new).keys():
        return None
    steps: list[Step] = []
    for name, type_ in new:
        if name not in have:
            steps.append(((name,), type_))
        elif (more := _added(have[name], type_, (name,))) is None:
            return None
        else:
            steps.extend(more)
    return steps


def _added(old: str, new: str, at: tuple[str, ...]) -> list[Step] | None:
    if old == new:
        return []
    a, b = duckdb.sqltype(old), duckdb.sqltype(new)
    if a.id == b.id == "list":
        return _added(str(a.children[0][1]), str(b.children[0][1]), (*at, "element"))
    if not a.id == b.id == "struct":
        return None
    have = {name: str(type_) for name, type_ in a.children}
    wanted = {name: str(type_) for name, type_ in b.children}
    if not have.keys() <= wanted.keys():
        return None
    return _together(
        _added(have[name], type_, (*at, name)) if name in have else [((*at, name), type_)]
        for name, type_ in wanted.items()
    )


def _together(parts: Iterator[list[Step] | None]) -> list[Step] | None:
    steps: list[Step] = []
    for part in parts:
        if part is None:
            return None
        steps.extend(part)
    return steps
