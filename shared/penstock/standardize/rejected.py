"""Rows that cannot be stored: which they are, why, and how they stand in the table `tp_rejected`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from penstock import tables
from penstock.model import REJECTED_TABLE
from penstock.readers import Piece
from penstock.sql import identifier, literal
from penstock.tables import Table

__all__ = ["rejected_rows", "whole"]

# Readers that keep nanoseconds (Spark, pandas) cannot hold times beyond this year.
_EARLIEST, _LATEST = "TIMESTAMP '1970-01-01'", "TIMESTAMP '2262-01-01'"
_POSSIBLE = f"coalesce(tp_timestamp >= {_EARLIEST} AND tp_timestamp < {_LATEST}, false)"


def whole(table: Table) -> str:
    """Whether a row has all that it must have: SQL over it, never null."""
    there = "".join(f" AND {identifier(name)} IS NOT NULL" for name in table.required)
    return f"({_POSSIBLE}{there})" if there else _POSSIBLE


def rejected_rows(table: Table, source: str, pieces: Sequence[Piece]) -> str:
    """The rows of `source` in the shape of the table `tp_rejected`.

    They have the columns of the table, and beside them what was read (see `Recipe.rejects`).
    """
    time = f"coalesce({_line_time(pieces)}, _modified, tp_ingest_timestamp)"
    filled = {
        "raw": "_text",
        "reason": _reason(table),
        "row_number": "_row + 1",
        "table_name": literal(table.name),
        "tp_timestamp": time,
        "tp_date": f"{time}::DATE",
        "tp_index": literal(table.name),
    } | {
        name: name
        for name in (
            "tp_id",
            "tp_ingest_timestamp",
            "tp_source_location",
            "tp_source_name",
            "tp_source_type",
        )
    }
    columns = ", ".join(
        f"({filled.get(name, 'NULL')})::{type_} AS {identifier(name)}"
        for name, type_ in tables.find(REJECTED_TABLE).all_columns()
        if name not in ("tp_table", "tp_partition")
    )
    return f"SELECT {columns} FROM ({source}) ORDER BY tp_timestamp, tp_id"


def _line_time(pieces: Sequence[Piece]) -> str:
    """SQL over rows: the time of their line where it is known, and each line is a row; else null."""
    told = "".join(
        f" WHEN {piece.object} THEN epoch_ms({list(piece.times)}[_row + 1])"
        for piece in pieces
        if piece.times and len(piece.times) == piece.rows and not piece.first_row
    )
    return f"CASE _object{told} END" if told else "NULL::TIMESTAMP"


def _reason(table: Table) -> str:
    """Why a row is rejected: SQL over it, what was read of it and why nothing was."""
    time = table.enrichment["tp_timestamp"]
    source = next((c.key for c in table.columns if c.name == time), "") or _first_read(time)
    name = literal(source or "tp_timestamp")
    found = f"(_read->>{literal(_member(source))})" if source else "NULL"
    return (
        f"CASE WHEN {whole(table)} THEN 'the filter of the partition fails on this row' "
        f"WHEN _refusal IS NOT NULL THEN _refusal {_missing(table)}"
        f"WHEN tp_timestamp IS NULL AND {found} IS NULL THEN {name} || ' is missing' "
        f"WHEN tp_timestamp IS NULL THEN {name} || ': found ' || (_read->{literal(_member(source))})::VARCHAR "
        f"|| ', expected a time such as 2026-01-31T23:59:59Z' "
        f"ELSE {name} || ': found ' || tp_timestamp::VARCHAR || ', expected a time from 1970 to 2261' END"
    )


def _missing(table: Table) -> str:
    """Why a row without one of the required columns is rejected."""
    cases = []
    columns = {column.name: column for column in table.columns}
    for required in table.required:
        column = columns.get(required)
        found = "NULL"
        if column and column.key:
            found = f"(_read->{literal(_member(column.key))})::VARCHAR"
        told = literal(f"the required column {required} is empty")
        wrong = literal(f", expected {column.type}" if column else "")
        cases.append(
            f"WHEN {_POSSIBLE} AND {identifier(required)} IS NULL THEN "
            f"{told} || coalesce(': found ' || nullif({found}, 'null') || {wrong}, '') "
        )
    return "".join(cases)


def _first_read(expression: str) -> str:
    """The first raw field that an expression reads."""
    found = re.search(r'\br\."((?:[^"]|"")*)"', expression)
    return found[1].replace('""', '"') if found else ""


def _member(name: str) -> str:
    """What takes a member out of a JSON object by its name, whatever sign that begins with."""
    return f'$."{name}"' if name.startswith(("$", "/")) else name
