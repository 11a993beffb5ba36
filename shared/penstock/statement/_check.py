"""Checks each statement of a text by its syntax tree, or by its words where it has none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb

from penstock.errors import QueryError
from penstock.sql import literal
from penstock.statement._allowed import (
    refused_file,
    refused_function,
    refused_relation,
    refused_table_function,
    shown,
)
from penstock.statement._words import check_words, pieces

__all__ = ["check", "tree"]

_EXPECTED = "expected a query: SELECT, FROM, WITH, DESCRIBE, SHOW, SUMMARIZE, PIVOT, UNPIVOT or EXPLAIN"
_EXPLAIN = re.compile(
    r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*explain\b(?:\s+analyze\b)?", re.IGNORECASE | re.DOTALL
)
_OPTIONS = re.compile(r"\s*\([^()]*\)")


def check(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[str, ...]:
    """The statements of `sql` in order, each fit to run; nothing of it has run.

    `connection` is the one it will run on, already locked: DuckDB's parser itself opens files for
    some statements. QueryError names the place and what is refused, or carries the parser's words.
    """
    found = _parse(connection, sql)
    if any(not statement.query.strip() for statement in found):
        # PIVOT without IN is rewritten into several statements, none of which keeps its text.
        if len(several := pieces(sql)) > 1:
            return tuple(one for text in several for one in check(connection, text))
        _check_pivot(connection, found, sql)
        return (sql,)
    for statement in found:
        _check_one(connection, statement)
    return tuple(statement.query for statement in found)


def _parse(connection: duckdb.DuckDBPyConnection, sql: str) -> list[duckdb.Statement]:
    try:
        return connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(str(error)) from error


def _check_one(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> None:
    kind = statement.type
    if kind in (duckdb.StatementType.EXPLAIN, duckdb.StatementType.SELECT):
        _check_tree(connection, statement.query)
    else:
        raise QueryError(f"{_kind(statement)} is refused; {_EXPECTED}\n\n{shown(statement.query, 0)}")


def _check_pivot(connection: duckdb.DuckDBPyConnection, statements: list[duckdb.Statement], sql: str) -> None:
    """Refuse what is no PIVOT: each of its statements is a SELECT, or makes a type and has no text."""
    select, create = duckdb.StatementType.SELECT, duckdb.StatementType.CREATE
    for statement in statements:
        if statement.type not in (select, create) or (statement.type == create and statement.query.strip()):
            raise QueryError(f"{_kind(statement)} is refused; {_EXPECTED}\n\n{shown(sql, 0)}")
    check_words(connection, sql)


def _explained(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """The query that an EXPLAIN is about. EXPLAIN ANALYZE runs it, so it must be fit to run."""
    head = _EXPLAIN.match(sql)
    rest = sql[head.end() :] if head else sql
    without = rest[options.end() :] if (options := _OPTIONS.match(rest)) else rest
    for text in (rest, without):
        try:
            inner = connection.extract_statements(text)
        except duckdb.Error:
            continue
        if len(inner) == 1 and inner[0].type == duckdb.StatementType.SELECT and inner[0].query.strip():
            return text
    raise QueryError(f"EXPLAIN of anything but a query is refused; {_EXPECTED}\n\n{shown(sql, 0)}")


def tree(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[str, list[dict[str, Any]]]:
    """The query of `sql` (its end, when it begins with EXPLAIN) and the nodes of its syntax tree.

    Their `query_location` counts bytes of the query. QueryError when there is no tree to be had.
    """
    found = _parse(connection, sql)
    explains = len(found) == 1 and found[0].type == duckdb.StatementType.EXPLAIN
    query = _explained(connection, sql) if explains else sql
    row = connection.execute(f"SELECT json_serialize_sql({literal(query)})").fetchone()
    try:
        tree = json.loads(row[0]) if row else {"error": True}
    except RecursionError as error:
        raise QueryError("the statement is nested too deeply to be checked") from error
    if tree["error"]:
        raise QueryError(f"the statement cannot be checked: {tree.get('error_message', 'no syntax tree')}")
    return query, list(_nodes(tree["statements"]))


def _check_tree(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Refuse by the syntax tree of one SELECT or EXPLAIN."""
    query, nodes = tree(connection, sql)
    for node in nodes:
        if reason := _refused(node):
            raise QueryError(f"{reason}\n\n{shown(query, node.get('query_location', 0))}")


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _refused(node: dict[str, Any]) -> str:
    """Why a node of the tree is refused, or nothing."""
    if node.get("type") == "TABLE_FUNCTION":
        return refused_table_function(str(node["function"].get("function_name", "")))
    if node.get("type") == "BASE_TABLE":
        names = (node["catalog_name"], node["schema_name"], node["table_name"])
        return refused_file(*names) or refused_relation(*names)
    return refused_function(str(node.get("function_name", "")))


def _kind(statement: duckdb.Statement) -> str:
    return str(statement.type).rsplit(".", 1)[-1].replace("_", " ")
