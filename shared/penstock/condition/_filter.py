"""Conditions from the configuration: checked before any log is read, over the row alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import duckdb

from penstock.tables import Table

__all__ = ["check_expression"]


def check_expression(table: Table, expression: str) -> str | None:
    """What is wrong with a filter over the table's columns, or None.

    It must be one boolean expression that binds, over the row alone: no subquery, no statement, no
    file, nothing that differs from one run to the next (G5). It is run once, on a row of nulls.
    """
    columns = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in table.all_columns())
    condition = f"({expression}\n)"
    with duckdb.connect(config={"enable_external_access": False, "memory_limit": "256MiB"}) as connection:
        connection.execute("SET lock_configuration = true")
        try:
            ((tree,),) = connection.execute(
                "SELECT json_serialize_sql(?)", [f"SELECT 1 FROM t WHERE {condition}"]
            ).fetchall()
            ((unstable,),) = connection.execute(
                "SELECT list(DISTINCT function_name) FROM duckdb_functions() WHERE stability <> 'CONSISTENT'"
            ).fetchall()
            named = {*unstable, *_UNSTABLE} - dict(table.all_columns()).keys()
            wrong = _refused(json.loads(tree), named | {"tp_ingest_timestamp"})
            if wrong:
                return wrong
            # Bound in two places of a statement: what closes our bracket in one does not fit the other.
            connection.execute(f"DESCRIBE SELECT 1 FROM (SELECT {columns}) WHERE {condition}")
            types = connection.execute(
                f"DESCRIBE SELECT {condition} AS kept FROM (SELECT {columns})"
            ).fetchall()
            if [row[1] for row in types] != ["BOOLEAN"]:
                return f"found {' and '.join(str(row[1]) for row in types)}, expected one BOOLEAN condition"
            # A row of nulls shows constants that cannot be: '2026-13-01' as a time.
            connection.execute(f"SELECT {condition} FROM (SELECT {columns})").fetchall()
        except duckdb.Error as error:
            hints = [
                line for line in str(error).splitlines() if line.startswith(("Candidate", "Did you mean"))
            ]
            return "; ".join([str(error).splitlines()[0], *hints])
    return None


_UNSTABLE = (
    "ago", "age", "pg_postmaster_start_time", "pg_conf_load_time",
    "current_time", "current_timestamp", "localtime", "localtimestamp", "current_setting", "getvariable",
)  # fmt: skip


def _refused(tree: Mapping[str, Any], unstable: set[str]) -> str | None:
    """What must not stand in a condition, from its parse tree."""
    if tree["error"]:
        return f"expected a SQL condition: {' '.join(tree['error_message'].split())}"
    if len(tree["statements"]) != 1:
        return "found several statements, expected one condition"
    statement = tree["statements"][0]["node"]
    if statement["type"] != "SELECT_NODE":
        return "found more than one query, expected one condition"
    for node in _nodes(statement["where_clause"]):
        if node.get("class") == "SUBQUERY":
            return "found a subquery, expected a condition over the row's own columns"
        # Some functions are written without brackets and parse as columns.
        names = {node.get("function_name"), *(node.get("column_names") or ())} & unstable
        if names:
            return f"found {names.pop()}, expected what is the same whenever the row is read again"
    return None


def _nodes(tree: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in a JSON tree."""
    if isinstance(tree, dict):
        yield tree
    children: Iterable[Any] = (
        tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    )
    for child in children:
        yield from _nodes(child)
