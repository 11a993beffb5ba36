"""Conditions of partitions: checked before any log is read, over the row alone."""

from __future__ import annotations

import duckdb

from penstock.condition._tree import explained, locked, parsed, refused, unstable
from penstock.tables import Table

__all__ = ["check_expression"]


def check_expression(table: Table, expression: str) -> str | None:
    """What is wrong with a filter over the table's columns, or None.

    It must be one boolean expression that binds, over the row alone: no subquery, no statement, no
    file, nothing that differs from one run to the next (G5). It is run once, on a row of nulls.
    """
    columns = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in table.all_columns())
    condition = f"({expression}\n)"
    with locked() as connection:
        try:
            tree = parsed(connection, expression)
            own = {name.lower() for name, _ in table.all_columns()}
            named = unstable() - own | {"tp_ingest_timestamp"}
            wrong = refused(tree["statements"][0]["node"]["where_clause"], named)
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
        except ValueError as error:
            return str(error)
        except duckdb.Error as error:
            return explained(error)
    return None
