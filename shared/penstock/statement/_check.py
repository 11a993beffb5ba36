"""Decides whether a person's SQL may run: only what reads the hive's tables (G6).

DuckDB's own lock (no external access, configuration locked) refuses local files, other buckets,
ATTACH, INSTALL and SET. It lets COPY into the hive, secrets and the environment through, and where
it refuses, it speaks of settings. So each statement is looked at first, by the syntax tree that
DuckDB's parser gives: its kind, every function it calls, every name it reads from. Table functions
are allowed by name, so a new one is refused until somebody has thought about it; scalar functions
are refused by name, and a test walks those with side effects whenever DuckDB's pin moves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb

from penstock.errors import QueryError
from penstock.sql import literal

__all__ = ["ALLOWED_TABLE_FUNCTIONS", "REFUSED_FUNCTIONS", "check", "tree"]

ALLOWED_TABLE_FUNCTIONS = frozenset(
    {
        "duckdb_columns",
        "duckdb_functions",
        "duckdb_keywords",
        "duckdb_schemas",
        "duckdb_tables",
        "duckdb_types",
        "duckdb_views",
        "generate_series",
        "icu_calendar_names",
        "json_each",
        "json_tree",
        "pg_timezone_names",
        "pragma_show",
        "pragma_table_info",
        "pragma_version",
        "range",
        "repeat",
        "repeat_row",
        "summary",
        "test_all_types",
        "unnest",
    }
)

REFUSED_FUNCTIONS = frozenset(
    {
        "current_setting",
        "currval",
        "getenv",
        "getvariable",
        "json_execute_serialized_sql",
        "nextval",
        "sleep_ms",
        "stats",
        "which_secret",
        "write_log",
    }
)

_REFUSED_RELATIONS = frozenset({"duckdb_databases", "duckdb_logs", "pg_prepared_statements", "pg_settings"})
"""DuckDB's views that show where files lie, how it is set, or the requests it sent."""

_EXPECTED = "expected a query: SELECT, FROM, WITH, DESCRIBE, SHOW, SUMMARIZE, PIVOT, UNPIVOT or EXPLAIN"
_METADATA = "__ducklake_metadata"
_FILE_LIKE = re.compile(r"[/\\:*?\[]|\.[a-z0-9]+(\.[a-z0-9]+)?$", re.IGNORECASE)
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
        _check_pivot(found, sql)
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
        raise QueryError(f"{_kind(statement)} is refused; {_EXPECTED}\n\n{_shown(statement.query, 0)}")


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
    raise QueryError(f"EXPLAIN of anything but a query is refused; {_EXPECTED}\n\n{_shown(sql, 0)}")


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
            raise QueryError(f"{reason}\n\n{_shown(query, node.get('query_location', 0))}")


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
        name = str(node["function"].get("function_name", "")).lower()
        if name not in ALLOWED_TABLE_FUNCTIONS:
            return f"the function {name}() is refused; expected a table or one of {_some()}"
    if str(node.get("function_name", "")).lower() in REFUSED_FUNCTIONS:
        return (
            f"the function {node['function_name']}() is refused: it reads or changes what is not in the hive"
        )
    if node.get("type") == "BASE_TABLE" and _shows_too_much(node):
        return f"{node['table_name']} is refused: it shows more than the hive; expected a table of the hive"
    if node.get("type") == "BASE_TABLE" and not node["schema_name"] and _FILE_LIKE.search(node["table_name"]):
        return (
            f"files cannot be read: found {node['table_name']!r}, expected a table (SHOW TABLES lists them)"
        )
    return ""


def _shows_too_much(node: dict[str, Any]) -> bool:
    name = node["table_name"].lower()
    places = (node["catalog_name"].lower(), node["schema_name"].lower())
    return (
        name.startswith("pragma_")
        or name in _REFUSED_RELATIONS
        or any(place.startswith(_METADATA) for place in places)
    )


def _check_pivot(statements: list[duckdb.Statement], sql: str) -> None:
    """Refuse by the words of the text: stricter than the tree, which cannot be had here.

    A refused function's name may not stand anywhere, nor any word that begins another statement.
    """
    select, create = duckdb.StatementType.SELECT, duckdb.StatementType.CREATE
    for statement in statements:
        if statement.type not in (select, create) or (statement.type == create and statement.query.strip()):
            raise QueryError(f"{_kind(statement)} is refused; {_EXPECTED}")
    for offset, word in _words(sql):
        if word in _REFUSED_RELATIONS or word.startswith((_METADATA, "pragma_")):
            raise QueryError(f"{word} is refused beside PIVOT\n\n{_shown(sql, offset)}")
        if word in REFUSED_FUNCTIONS or (_called(sql, offset, word) and _table_function(word)):
            raise QueryError(f"the function {word}() is refused beside PIVOT\n\n{_shown(sql, offset)}")
        if word.startswith("'") and _FILE_LIKE.search(word.strip("'")) and _follows_from(sql, offset):
            raise QueryError(f"files cannot be read: found {word}\n\n{_shown(sql, offset)}")


def _words(sql: str) -> Iterator[tuple[int, str]]:
    tokens = [offset for offset, _ in duckdb.tokenize(sql)]
    for offset, end in zip(tokens, [*tokens[1:], len(sql)], strict=True):
        yield offset, sql[offset:end].strip().strip('"').lower()


def _called(sql: str, offset: int, word: str) -> bool:
    return sql[offset:].lstrip('"')[len(word) :].lstrip('"').lstrip().startswith("(")


def _table_function(word: str) -> bool:
    reads = word.startswith(("read_", "duckdb_", "parquet_", "pragma_", "sniff_", "ducklake_", "query"))
    return (
        reads or word in ("glob", "histogram", "histogram_values")
    ) and word not in ALLOWED_TABLE_FUNCTIONS


def _follows_from(sql: str, offset: int) -> bool:
    return re.search(r"(\bfrom|\bjoin|\bpivot|,)\s*$", sql[:offset], re.IGNORECASE) is not None


def _kind(statement: duckdb.Statement) -> str:
    return str(statement.type).rsplit(".", 1)[-1].replace("_", " ")


def _some() -> str:
    return ", ".join(sorted(n for n in ALLOWED_TABLE_FUNCTIONS if "_" not in n)) + " …"


def _shown(sql: str, location: int) -> str:
    """The line of `sql` with a caret under byte `location`, as DuckDB shows its own errors."""
    data = sql.encode()
    at = len(data[: location if location < len(data) else 0].decode(errors="ignore"))
    if not location:
        at = len(sql) - len(sql.lstrip())
    begin = sql.rfind("\n", 0, at) + 1
    line = sql[begin:].split("\n", 1)[0]
    prefix = f"LINE {sql.count(chr(10), 0, at) + 1}: "
    return f"{prefix}{line}\n{' ' * (len(prefix) + at - begin)}^"
