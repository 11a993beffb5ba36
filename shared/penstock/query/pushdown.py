"""Keeps out of DuckLake's own statements what would not stay a text there (G6).

DuckLake chooses files by a statement over its metadata, and writes the constants of a condition into
it. One that holds a NUL is cut there, so that the next is read as SQL; and words such as
`{SNAPSHOT_ID}` are replaced in all of it. (So in DuckLake of DuckDB 1.5.5; a test shows whether it
still is.) Constants come from the statement, or, where tables are joined, from rows: what a log holds.

And DuckDB 1.5.5 passes over files and row groups where a column is null, for `n = 5 OR n IS DISTINCT
FROM 6`.

So each statement is planned first. Where its plan shows such a text or condition, none is handed to
the scans: more files are opened, and the answer is right. Where rows of one side of a join would
choose files of the other, they do not.
"""

from __future__ import annotations

import re

import duckdb

from penstock import statement
from penstock.errors import QueryError
from penstock.sql import literal

__all__ = ["SETTING", "settle"]

SETTING = "disabled_optimizers"
"""The one setting that changes while a session is open."""

_ROWS = "join_filter_pushdown"
_ALL = f"filter_pushdown,{_ROWS}"
_SUSPECT = re.compile(r"\\u0000|\bchr\(0\)|\{[A-Z_]+\}|\bDISTINCT FROM\b.* OR | OR .*\bDISTINCT FROM\b")
# Functions that make any character; and where there is no plan, whatever else could make such a text.
_CHARACTERS = re.compile(r"\b(?:chr|decode|format|printf|from_\w+|unbin|unhex|url_decode)\b", re.IGNORECASE)
_MAKES = re.compile(rf"{_CHARACTERS.pattern}|\\|\{{[A-Z_]|\0|->|json", re.IGNORECASE)
# What may be another when the statement runs than when it is planned.
_CLOCK = re.compile(
    r"\b(?:now|today|current_\w+|\w*current_timestamp|transaction_timestamp|local\w+|txid\w+)\b",
    re.IGNORECASE,
)
_JOIN = re.compile(r'name: "\w*JOIN"\n(?:(?! *(?:children|- name):).*\n)*')
# DuckDB's own, to read the other columns of the first rows alone (late materialization).
_OWN = re.compile(r'"filename = filename"\n.*"file_row_number = file_row_number"')
_NAMES_OWN = re.compile(r"filename|file_row_number", re.IGNORECASE)


def settle(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Let conditions reach the scans as far as is safe for `sql`, one checked statement that runs next."""
    connection.execute(f"SET {SETTING} = ''")
    connection.execute(f"SET {SETTING} = {literal(_off(connection, sql))}")


def _off(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    try:
        query, _ = statement.tree(connection, sql)
        row = connection.execute(f"EXPLAIN (FORMAT yaml) {query}").fetchone()
    except (QueryError, duckdb.Error):  # PIVOT without IN, or it does not bind
        return _ALL if _MAKES.search(sql) else _ROWS
    plan = str(row[1]) if row else ""
    if _SUSPECT.search(plan) or (_CHARACTERS.search(sql) and _CLOCK.search(sql)):
        return _ALL
    joins = _JOIN.findall(plan)
    is_own = not _NAMES_OWN.search(sql) and all(map(_OWN.search, joins))
    return "" if is_own else _ROWS
