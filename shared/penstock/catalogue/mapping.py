"""Maps the columns of Parquet files to those of the catalogue, by name, one mapping per schema.

Files carry no DuckLake field ids, so a reader finds a column by its name; what a mapping does not
name reads as null, without opening the file. Members of structs, lists and maps are mapped one by
one, a list's as `list`, as DuckLake itself does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from penstock.errors import PenstockError
from penstock.model import Schema
from penstock.tables import PATH_COLUMNS

__all__ = ["mapping_rows"]

_Row = tuple[int, int, str, int, int | None, bool]
_Fields = Mapping[tuple[int | None, str], int]


@dataclass(frozen=True, slots=True)
class _Node:
    """A column or member as a file has it: its name there, its name in DuckLake, its members."""

    source: str
    name: str
    members: tuple[_Node, ...] = ()
    path: bool = False


def mapping_rows(
    connection: duckdb.DuckDBPyConnection, meta: str, schemas: Mapping[tuple[str, str], Schema]
) -> None:
    """Write a mapping for every schema that has none yet; their tables must exist."""
    have = connection.execute(f"SELECT tp_table, fingerprint FROM {meta}.penstock.schema").fetchall()
    new = [schemas[key] for key in sorted(schemas.keys() - set(have))]
    for number, schema in enumerate(new, start=len(have)):
        table_id, fields = _fields(connection, meta, schema.table)
        nodes = [_node(name, name, type_) for name, type_ in schema.columns if name not in PATH_COLUMNS]
        nodes += [_Node(name, name, path=True) for name in PATH_COLUMNS]
        rows = list(_rows(number, nodes, fields, schema.table))
        connection.execute(
            f"INSERT INTO {meta}.ducklake_column_mapping VALUES (?, ?, 'map_by_name')", [number, table_id]
        )
        connection.executemany(f"INSERT INTO {meta}.ducklake_name_mapping VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.execute(
            f"INSERT INTO {meta}.penstock.schema VALUES (?, ?, ?, ?)",
            [schema.table, schema.fingerprint, number, json.dumps(schema.columns)],
        )


def _fields(connection: duckdb.DuckDBPyConnection, meta: str, table: str) -> tuple[int, _Fields]:
    """The table's id, and its field ids by (parent's id, lower-case name)."""
    found = connection.execute(
        "SELECT t.table_id, c.parent_column, lower(c.column_name), c.column_id"
        f" FROM {meta}.ducklake_table t JOIN {meta}.ducklake_column c USING (table_id)"
        " WHERE t.table_name = ? AND t.end_snapshot IS NULL AND c.end_snapshot IS NULL",
        [table],
    ).fetchall()
    return found[0][0], {(parent, name): column for _, parent, name, column in found}


def _node(source: str, name: str, type_: str) -> _Node:
    shape = duckdb.sqltype(type_)
    if shape.id == "list":
        return _Node(source, name, (_node("list", "element", str(shape.children[0][1])),))
    if shape.id in ("struct", "map"):
        return _Node(source, name, tuple(_node(n, n, str(t)) for n, t in shape.children))
    return _Node(source, name)


def _rows(number: int, nodes: Sequence[_Node], fields: _Fields, table: str) -> Iterator[_Row]:
    """Depth first, numbered in that order; parents are given by number on one side, by id on the other."""
    waiting = [(node, None, None) for node in reversed(nodes)]
    stack: list[tuple[_Node, int | None, int | None]] = list(waiting)
    count = 0
    while stack:
        node, parent, parent_field = stack.pop()
        field = fields.get((parent_field, node.name.lower()))
        if field is None and parent is not None:
            continue  # a member of what is no struct any more: no live file has it so
        if field is None:
            raise PenstockError(f"{table}: the catalogue has no column for {node.name} of mapping {number}")
        yield (number, count, node.source, field, parent, node.path)
        stack += [(member, count, field) for member in reversed(node.members)]
        count += 1
