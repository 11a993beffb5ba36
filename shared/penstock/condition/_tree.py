"""Expressions from the configuration as DuckDB parses them, and what must not stand in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from functools import cache
from typing import Any

import duckdb

__all__ = ["explained", "locked", "nodes", "parsed", "refused", "unstable"]


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """Opened once: a configuration may have hundreds of expressions, and opening costs more than parsing."""
    database = duckdb.connect(
        config={"enable_external_access": False, "memory_limit": "256MiB", "threads": 1}
    )
    database.execute("SET GLOBAL TimeZone = 'UTC'")
    database.execute("SET lock_configuration = true")
    return database


@contextmanager
def locked() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can touch nothing."""
    with _database().cursor() as connection:
        yield connection


def explained(error: Exception) -> str:
    """What DuckDB says is wrong, in one line."""
    hints = [line for line in str(error).splitlines() if line.startswith(("Candidate", "Did you mean"))]
    return "; ".join([str(error).splitlines()[0], *hints])


_UNSTABLE = (
    "ago", "age", "pg_postmaster_start_time", "pg_conf_load_time", "current_time", "current_timestamp",
    "current_date", "localtime", "localtimestamp", "current_setting", "getvariable", "getenv", "version",
    "current_user", "session_user", "current_role", "current_catalog", "json_serialize_plan",
)  # fmt: skip


@cache
def unstable() -> frozenset[str]:
    """Functions that answer otherwise another time, or look at more than their arguments."""
    with locked() as connection:
        ((found,),) = connection.execute(
            "SELECT list(DISTINCT function_name) FROM duckdb_functions() "
            "WHERE stability <> 'CONSISTENT' OR macro_definition ILIKE '%SELECT%'"
        ).fetchall()
    return frozenset((*found, *_UNSTABLE))


def parsed(connection: duckdb.DuckDBPyConnection, expression: str) -> dict[str, Any]:
    """The parse tree of a statement whose WHERE is the expression. ValueError when it is none."""
    tree = _tree(connection, expression)
    if tree["error"]:
        raise ValueError(f"expected a SQL expression: {' '.join(tree['error_message'].split())}")
    if len(tree["statements"]) != 1:
        raise ValueError("found several statements, expected one expression")
    # What closes our bracket and goes on makes another statement than a plain expression does.
    plain = _tree(connection, "1")["statements"][0]["node"]
    found = tree["statements"][0]["node"]
    if found["type"] != plain["type"]:
        raise ValueError("found more than one query, expected one expression")
    if {**found, "where_clause": None} != {**plain, "where_clause": None}:
        raise ValueError("found more than one expression, expected one")
    return tree


def _tree(connection: duckdb.DuckDBPyConnection, expression: str) -> dict[str, Any]:
    statement = f"SELECT 1 FROM t WHERE ({expression}\n)"
    ((text,),) = connection.execute("SELECT json_serialize_sql(?)", [statement]).fetchall()
    tree: dict[str, Any] = json.loads(text)
    return tree


_FOREIGN = {
    "SUBQUERY": "a subquery",
    "WINDOW": "a window function",
    "PARAMETER": "a parameter",
    "POSITIONAL_REFERENCE": "a number of a column",
    "STAR": "a star",
    "DEFAULT": "DEFAULT",
}


def refused(where: Mapping[str, Any], named: Set[str]) -> str | None:
    """What must not stand in an expression, from its parse tree; `named` are functions that must not."""
    for node in nodes(where):
        kind = _FOREIGN.get(str(node.get("class")))
        if kind:
            return f"found {kind}, expected an expression over the row's own columns"
        # Some functions are written without brackets and parse as columns.
        names = {
            str(node.get("function_name")).lower(),
            *map(str.lower, node.get("column_names") or ()),
        } & named
        if names:
            return f"found {names.pop()}, expected what is the same whenever the row is read again"
    return None


def nodes(tree: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in a JSON tree."""
    if isinstance(tree, dict):
        yield tree
    children: Iterable[Any] = (
        tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    )
    for child in children:
        yield from nodes(child)
