"""Says before a statement runs which files it may open: from DuckDB's plan and the catalogue alone.

The plan names the tables that are scanned and the conditions that reach them; the catalogue has
each file's extremes. What is counted is what may match by comparisons of bare columns, so that
more is never read than was said; joins and limits may let a scan end with less.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from penstock import statement
from penstock.catalogue.lake import META
from penstock.errors import QueryError
from penstock.query import pushdown
from penstock.query.running import faster, placed
from penstock.query.session import Session
from penstock.sql import literal

__all__ = ["Estimate", "Scan", "estimate"]

# What rules a file out, given a condition "column <sign> value" and the file's extremes.
_OUT = {
    "COMPARE_EQUAL": "({0} < {min} OR {0} > {max})",
    "COMPARE_GREATERTHAN": "{max} <= {0}",
    "COMPARE_GREATERTHANOREQUALTO": "{max} < {0}",
    "COMPARE_LESSTHAN": "{min} >= {0}",
    "COMPARE_LESSTHANOREQUALTO": "{min} > {0}",
}

# How the plan marks a condition that is checked again above the scan.
_OPTIONAL = re.compile(r"(^|\bAND )optional: ")


@dataclass(frozen=True, slots=True)
class Scan:
    """One reading of one table: what it may open, and out of how much. Sizes in bytes."""

    table: str
    files: int
    bytes: int
    rows: int
    of_files: int
    of_bytes: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a statement may open at most; none when the catalogue alone answers it."""

    scans: tuple[Scan, ...]

    @property
    def files(self) -> int:
        """Files that may be opened, counted once for each scan."""
        return sum(scan.files for scan in self.scans)

    @property
    def bytes(self) -> int:
        """Their sizes; what is read is less where not all columns are wanted."""
        return sum(scan.bytes for scan in self.scans)


def estimate(session: Session, sql: str) -> Estimate:
    """What running `sql` (one that `prepare` gave) may open; nothing is read of the hive.

    QueryError when it does not bind, or cannot be planned without reading (PIVOT without IN).
    """
    if not any(one.query.strip() for one in session.connection.extract_statements(sql)):
        raise QueryError("PIVOT without IN reads its columns from the rows: there is no estimate beforehand")
    query = _query(session, sql)
    pushdown.settle(session.connection, query)
    try:
        row = session.connection.execute(f"EXPLAIN (FORMAT json) {query}").fetchone()
    except duckdb.Error as error:
        raise QueryError(placed(session, sql, error)) from error
    plan = json.loads(row[1]) if row else []
    return Estimate(tuple(_scan(session, node) for node in _scans(plan)))


def _query(session: Session, sql: str) -> str:
    """The statement without an EXPLAIN of its own, as it would run."""
    try:
        query, _ = statement.tree(session.connection, sql)
    except QueryError:
        query = sql
    return faster(session, query)


def _scans(plan: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in plan:
        if node["name"].strip() == "DUCKLAKE_SCAN":
            yield node["extra_info"]
        yield from _scans(node["children"])


def _scan(session: Session, info: dict[str, Any]) -> Scan:
    table = str(info["Table"])
    given = info.get("Filters", [])
    kept = " AND ".join(
        f"data_file_id NOT IN ({_ruled_out(table, column, rule)})"
        for text in ([given] if isinstance(given, str) else given)
        for column, rule in _rules(session, text, table)
    )
    row = session.connection.execute(
        "SELECT count(*) FILTER (kept), sum(file_size_bytes) FILTER (kept), sum(record_count) FILTER (kept),"
        f" count(*), sum(file_size_bytes) FROM (SELECT *, {kept or 'true'} AS kept"
        f" FROM {META}.ducklake_data_file JOIN {META}.ducklake_table t USING (table_id)"
        f" WHERE t.table_name = {literal(table)})"
    ).fetchone()
    return Scan(table, *(int(number or 0) for number in row or (0, 0, 0, 0, 0)))


def _ruled_out(table: str, column: str, rule: str) -> str:
    return (
        f"SELECT data_file_id FROM {META}.ducklake_file_column_stats"
        f" JOIN {META}.ducklake_column c USING (table_id, column_id)"
        f" JOIN {META}.ducklake_table t USING (table_id)"
        f" WHERE t.table_name = {literal(table)} AND c.parent_column IS NULL"
        f" AND c.column_name = {literal(column)} AND {rule}"
    )


def _rules(session: Session, text: str, table: str) -> Iterator[tuple[str, str]]:
    """(column, SQL over a file's statistics that rules it out) for each part of a pushed-down condition."""
    types = dict(session.state.shapes[table])
    condition = _OPTIONAL.sub(r"\1", text)
    tree = _tree(session.connection, f"SELECT 1 WHERE {condition}")
    waiting = [tree["statements"][0]["node"]["where_clause"]] if tree else []
    while waiting:
        node = waiting.pop()
        if node["type"] == "CONJUNCTION_AND":
            waiting.extend(node["children"])
            continue
        compared = _compared(node)
        columns = {column for column, _, _ in compared}
        if len(columns) == 1 and (type_ := types.get(column := columns.pop())):
            low, high = f"TRY_CAST(min_value AS {type_})", f"TRY_CAST(max_value AS {type_})"
            values = [(sign, _constant(session.connection, tree, value)) for _, sign, value in compared]
            yield column, " AND ".join(f"({_OUT[s].format(v, min=low, max=high)})" for s, v in values)


def _compared(node: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """(column, sign, value) of each comparison of which one must hold; none when it is anything else.

    A file without statistics is never ruled out by them: null is not true.
    """
    if node["type"] in _OUT and node["right"]["class"] in ("CONSTANT", "CAST"):
        return [(_column(node["left"]), node["type"], node["right"])]
    if node["type"] == "COMPARE_IN":
        column = _column(node["children"][0])
        return [(column, "COMPARE_EQUAL", value) for value in node["children"][1:]]
    if node["type"] == "CONJUNCTION_OR":
        parts = [_compared(child) for child in node["children"]]
        return [one for part in parts for one in part] if all(parts) else []
    return []


def _column(node: dict[str, Any]) -> str:
    names = node.get("column_names", ())
    return str(names[0]) if len(names) == 1 else ""


def _tree(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    """The syntax tree; empty for what the plan writes in words of its own (a dynamic filter)."""
    row = connection.execute(f"SELECT json_serialize_sql({literal(sql)})").fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    return {} if tree["error"] else tree


def _constant(connection: duckdb.DuckDBPyConnection, tree: dict[str, Any], value: dict[str, Any]) -> str:
    """A value's expression as SQL, in brackets; NULL, which rules nothing out, where there is none."""
    query = {**tree["statements"][0]["node"], "select_list": [value], "where_clause": None}
    alone = {"error": False, "statements": [{**tree["statements"][0], "node": query}]}
    try:
        row = connection.execute(
            f"SELECT json_deserialize_sql({literal(json.dumps(alone))}::JSON)"
        ).fetchone()
    except duckdb.ParserException:  # infinity: DuckDB does not read what it writes of it
        return "(NULL)"
    return f"({row[0] if row else 'NULL'})"
