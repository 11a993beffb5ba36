"""Lets comparisons with now() choose files: a statement's text with its clock readings in plain UTC.

now() has a time zone and `tp_timestamp` has none, so DuckDB compares them by casting the column
(https://duckdb.org/docs/stable/sql/data_types/timestamp), and a cast column has no statistics:
`tp_timestamp > now() - INTERVAL 7 DAY` would open every file. Sessions run in UTC, where
`now()::TIMESTAMP` is the same instant and compares with the bare column. Only a reading that is
compared is rewritten, alone or with intervals added and taken, or cut by date_trunc; in all other
places its type can be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import duckdb

from penstock import statement

__all__ = ["in_utc"]

_CLOCK = re.compile(
    rb"(?:now|transaction_timestamp|get_current_timestamp)\s*\(\s*\)|current_timestamp\b(?!\s*\()",
    re.IGNORECASE,
)
_NAMES = frozenset({"now", "transaction_timestamp", "get_current_timestamp", "current_timestamp"})
_THROUGH = frozenset({"+", "-", "date_trunc"})
_SIDES = ("left", "right", "input", "lower", "upper")


def in_utc(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """`sql` (one checked statement) with compared clock readings cast to TIMESTAMP."""
    if not _CLOCK.search(sql.encode()):
        return sql
    inner, nodes = statement.tree(connection, sql)
    data = inner.encode()
    readings = {place for node in nodes if _compares(node) for place in _readings(node)}
    for place in sorted(readings, reverse=True):
        if match := _CLOCK.match(data, place):
            data = data[: match.end()] + b"::TIMESTAMP" + data[match.end() :]
    return sql[: len(sql) - len(inner)] + data.decode()


def _compares(node: dict[str, Any]) -> bool:
    """Whether it compares a bare column with something."""
    sides = [node[side] for side in _SIDES if isinstance(node.get(side), dict)]
    named = node.get("class") in ("COMPARISON", "BETWEEN")
    return named and any(side.get("class") == "COLUMN_REF" and not _reads_clock(side) for side in sides)


def _readings(comparison: dict[str, Any]) -> Iterator[int]:
    waiting = [comparison[side] for side in _SIDES if isinstance(comparison.get(side), dict)]
    while waiting:
        node = waiting.pop()
        if _reads_clock(node):
            yield int(node["query_location"])
        elif node.get("class") == "FUNCTION" and node["function_name"] in _THROUGH:
            waiting.extend(node["children"])


def _reads_clock(node: dict[str, Any]) -> bool:
    if node.get("class") == "COLUMN_REF":
        return [name.lower() for name in node["column_names"]] == ["current_timestamp"]
    return node.get("class") == "FUNCTION" and node["function_name"].lower() in _NAMES
