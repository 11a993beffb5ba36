"""Lets comparisons with times choose files: a statement's text, spelt so that bare columns are compared.

    in_utc   clock readings in plain UTC, which compare with `tp_timestamp` as it is
    by_day   conditions on `tp_date` that also name the days of the times in them

now() has a time zone and `tp_timestamp` has none, so DuckDB compares them by casting the column
(https://duckdb.org/docs/stable/sql/data_types/timestamp), and a cast column has no statistics:
`tp_timestamp > now() - INTERVAL 7 DAY` would open every file. Sessions run in UTC, where
`now()::TIMESTAMP` is the same instant and compares with the bare column. Only a reading that is
compared is rewritten, alone or with intervals added and taken, or cut by date_trunc; in all other
places its type can be seen.

`tp_date >= current_date - INTERVAL 7 DAY` has the same trouble: a date less an interval is a TIMESTAMP,
so `tp_date` is cast. Before such a condition comes another that follows from it and compares days.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb

from penstock import statement
from penstock.sql import identifier, literal

__all__ = ["by_day", "in_utc"]

_CLOCK = re.compile(
    rb"(?:now|transaction_timestamp|get_current_timestamp)\s*\(\s*\)|current_timestamp\b(?!\s*\()",
    re.IGNORECASE,
)
_NAMES = frozenset({"now", "transaction_timestamp", "get_current_timestamp", "current_timestamp"})
_THROUGH = frozenset({"+", "-", "date_trunc"})
_OF_TIME = _NAMES | _THROUGH | {"current_date", "today", "trunc"}
_INTERVALS = re.compile(r"to_(?:seconds|minutes|hours|days|weeks|months|years)")
_BOUNDS = {
    "COMPARE_GREATERTHAN": ("right", None),
    "COMPARE_GREATERTHANOREQUALTO": ("right", None),
    "COMPARE_LESSTHAN": (None, "right"),
    "COMPARE_LESSTHANOREQUALTO": (None, "right"),
    "COMPARE_EQUAL": ("right", "right"),
    "COMPARE_BETWEEN": ("lower", "upper"),
}
"""Which side of a condition bounds its column from below, which from above."""
_DAY = re.compile(r"\btp_date\b.*(?:interval|timestamp|now|date_trunc|to_)", re.IGNORECASE | re.DOTALL)
_NAMED = re.compile(rb"(?:(?:[\w\x80-\xff]+|\"[^\"]*\")\s*\.\s*)*(?:tp_date\b|\"tp_date\")", re.IGNORECASE)
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


def by_day(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """`sql` (one checked statement) with the days of the times that `tp_date` is compared with.

    What is put before a condition follows from it whatever the column is, so no answer changes. Only
    conditions of a WHERE that are joined by AND and OR are looked at: before those it can stand, if
    they are written as the tree has them, the column and then the sign. The tree has `NOT (a >= b)`
    as `a < b` that begins at NOT (https://github.com/duckdb/duckdb, transform_bool_expr.cpp).
    """
    if not _DAY.search(sql):
        return sql
    inner, nodes = statement.tree(connection, sql)
    data = inner.encode()
    found = [one for node in nodes for one in _conditions(node.get("where_clause"))]
    for condition in sorted(found, key=lambda one: int(_column(one)["query_location"]), reverse=True):
        place = int(_column(condition)["query_location"])
        named = _NAMED.match(data, place)
        sign = int(condition["query_location"])
        if named and named.end() <= sign and not data[named.end() : sign].strip():
            days = "".join(f"{day} AND " for day in _days(connection, condition))
            data = data[:place] + days.encode() + data[place:]
    return sql[: len(sql) - len(inner)] + data.decode()


def _conditions(node: object) -> Iterator[dict[str, Any]]:
    """Of a condition, the parts that hold `tp_date` itself against something."""
    if not isinstance(node, dict):
        return
    if node.get("class") == "CONJUNCTION":
        for child in node["children"]:
            yield from _conditions(child)
    elif node.get("type") in _BOUNDS and _column(node).get("column_names", [""])[-1].lower() == "tp_date":
        yield node


def _column(condition: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = condition["input" if condition["class"] == "BETWEEN" else "left"]
    return found


def _days(connection: duckdb.DuckDBPyConnection, condition: dict[str, Any]) -> Iterator[str]:
    """What follows from a condition: the first day that the column may be, the last one."""
    name = ".".join(identifier(part) for part in _column(condition)["column_names"])
    lower, upper = _BOUNDS[condition["type"]]
    if lower and _is_time(condition[lower]):
        yield f"{name} >= ({_text(connection, condition[lower])})::DATE"
    if upper and _is_time(condition[upper]):
        yield f"{name} <= ({_text(connection, condition[upper])})::DATE + 1"


def _is_time(node: dict[str, Any]) -> bool:
    """Whether it is a time for which a date is cast, made of constants and the clock alone."""
    if node["class"] == "CAST":
        return node["cast_type"]["id"].startswith("TIMESTAMP") and _is_fixed(node)
    return node["class"] in ("FUNCTION", "COLUMN_REF") and _is_fixed(node)


def _is_fixed(node: dict[str, Any]) -> bool:
    kind = node.get("class")
    if kind == "FUNCTION":
        name = node["function_name"].lower()
        return bool(name in _OF_TIME or _INTERVALS.fullmatch(name)) and all(map(_is_fixed, node["children"]))
    if kind == "COLUMN_REF":
        return [name.lower() for name in node["column_names"]] in (["current_timestamp"], ["current_date"])
    return kind == "CONSTANT" or (kind == "CAST" and _is_fixed(node["child"]))


def _text(connection: duckdb.DuckDBPyConnection, node: dict[str, Any]) -> str:
    """An expression as SQL."""
    ((plain,),) = connection.execute("SELECT json_serialize_sql('SELECT 1')").fetchall()
    whole = json.loads(plain)
    whole["statements"][0]["node"]["select_list"] = [node]
    given = f"SELECT json_deserialize_sql({literal(json.dumps(whole))}::JSON)"
    ((text,),) = connection.execute(given).fetchall()
    return str(text).removeprefix("SELECT ")
