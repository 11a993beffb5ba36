"""Types and patterns from the configuration, as DuckDB judges them."""

from __future__ import annotations

import re

import duckdb

from penstock.condition._tree import explained, locked, parsed
from penstock.readers.pattern import matched

__all__ = ["check_pattern", "read_type"]

_NAMES = {"ip": "ip", "cidr": "cidr", "inet": "ip"}
_SIMPLE = (
    "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
    "FLOAT", "DOUBLE", "VARCHAR", "BLOB", "DATE", "TIMESTAMP", "TIME", "INTERVAL", "DECIMAL", "UUID", "JSON",
)  # fmt: skip
_TIMES = re.compile(r"TIMESTAMP(?:_S|_MS|_NS| WITH TIME ZONE)\b")


def read_type(name: str) -> str:
    """DuckDB's name of a type as people write it; `ip` and `cidr` stay. ValueError when there is none."""
    if name.strip().lower() in _NAMES:
        return _NAMES[name.strip().lower()]
    expected = f"expected {', '.join(one.lower() for one in _SIMPLE)}, ip, cidr, or lists and structs of them"
    with locked() as connection:
        try:
            tree = parsed(connection, f"CAST(NULL AS {name}\n)")["statements"][0]["node"]["where_clause"]
            if (tree["class"], tree.get("child", {}).get("class")) != ("CAST", "CONSTANT"):
                raise ValueError
            # All times are kept in UTC, to the microsecond.
            found = _TIMES.sub("TIMESTAMP", str(connection.type(name)))
        except (duckdb.Error, ValueError):
            raise ValueError(expected) from None
    # Names of members stand in quotes where they are no plain words.
    words = re.findall(r"[A-Z][A-Z0-9_ ]*(?=\(|\[|\)|,|$)", re.sub(r'"(?:[^"]|"")*"', "x", found))
    wrong = [word for word in words if word.strip() not in (*_SIMPLE, "STRUCT", "MAP")]
    if wrong or re.search(r"\[\d+\]", found):
        raise ValueError(expected)
    return found


def check_pattern(pattern: str) -> str | None:
    """Why RE2 cannot run a pattern, or None."""
    match, _ = matched(pattern, "''")
    with locked() as connection:
        try:
            connection.execute(f"SELECT {match}").fetchall()
        except duckdb.Error as error:
            return f"it does not compile: {explained(error).removeprefix('Invalid Input Error: ')}"
    return None
