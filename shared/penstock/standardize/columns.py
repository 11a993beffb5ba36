"""A row's columns: the table's own, the common ones, and what divides a partition."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from penstock.readers import Pieces
from penstock.sql import identifier, literal, timestamp
from penstock.standardize.unmapped import unmapped
from penstock.tables import COMMON_COLUMNS, Column, Table

__all__ = ["ROW_ID", "finished", "index_value", "null_columns"]

ROW_ID = "id_prefix || to_base(_row, 16, 8)"
"""SQL over raw rows for `tp_id`."""

_LONGEST_INDEX = 240

# Flow logs have a time in their names: …_vpcflowlogs_us-east-1_fl-0123abcd_20260131T1005Z_5e6f7a8b.log.gz
_OBJECT_TIME = (
    "coalesce(try_strptime(regexp_extract(tp_source_location, '_(\\d{8}T\\d{4})Z_[^/]*$', 1), '%Y%m%dT%H%M'), "
    "_modified)"
)

# What an expression calls by these names is no constant.
_ROW = re.compile(r"\b(?:r|rest|_modified)\b")

_SET_ELSEWHERE = (
    "tp_id", "tp_date", "tp_index", "tp_table", "tp_partition",
    "tp_source_type", "tp_source_name", "tp_source_location",
)  # fmt: skip
_EMPTY = {c.name: "NULL" for c in COMMON_COLUMNS if c.name not in _SET_ELSEWHERE}
_TYPES = {c.name: c.type for c in COMMON_COLUMNS}


def finished(
    table: Table,
    pieces: Pieces,
    read: str,
    ingested: dt.datetime,
    *,
    ordered: bool,
    lacks: frozenset[str] = frozenset(),
) -> str:
    """The raw rows `read` with the columns that a row has wherever it goes.

    `lacks` are fields of the table that they have not. `ordered`: by their times.
    """
    made = _timing(table) if ordered else ()
    if ordered and "_modified" in table.enrichment["tp_timestamp"]:
        read = _by_time(table, pieces.inherited(read), lacks, made, "_object")
    else:
        # What is looked up afterwards need not be sorted.
        read = pieces.inherited(_by_time(table, read, lacks, made, "_piece") if ordered else read)
    own = "".join(
        f"{identifier(c.name) if c in made else _made(c, lacks)} AS {identifier(c.name)}, "
        for c in table.columns
    )
    kept = "r, rest" if pieces.unknown else "r"
    first = (
        f"SELECT {own}{kept}, _object, _row, _modified, {ROW_ID} AS tp_id, "
        f"tp_source_type, tp_source_name, tp_source_location FROM ({read})"
    )
    common = ", ".join(
        f"({_without(lacks, sql)})::{_TYPES[name]} AS {name}"
        for name, sql in _common(table, ingested).items()
    )
    rest = _without(lacks, unmapped(table, "rest" if pieces.unknown else None))
    return f"SELECT * EXCLUDE ({kept}), ({rest})::JSON AS unmapped, {common} FROM ({first})"


def null_columns(table: Table, lacks: frozenset[str]) -> str:
    """Of rows that lack these fields, one row: the list of the columns that are null in all of them.

    They are made of fields that no row has, or of nothing: constants, which are looked at here.
    """
    own = {column.name: _without(lacks, column.expression) for column in table.columns}
    constant = {
        column.name: f"({own[column.name]})::{column.type}"
        for column in table.columns
        if own[column.name] != column.expression and not _ROW.search(own[column.name])
    }
    common = {
        name: sql
        for name, sql in {**_EMPTY, **table.enrichment}.items()
        if name not in ("tp_timestamp", "tp_ingest_timestamp")
        and not _ROW.search(sql)
        and not (_words(sql) & own.keys()) - constant.keys()
    }
    made = ", ".join(f"{sql} AS {identifier(name)}" for name, sql in constant.items())
    told = ", ".join(
        f"CASE WHEN ({sql}) IS NULL THEN {literal(name)} END"
        for name, sql in {**{name: identifier(name) for name in constant}, **common}.items()
    )
    return f"SELECT list_filter([{told}], lambda name: name IS NOT NULL) FROM (SELECT {made or 'NULL'})"


def index_value(column: str | None) -> str:
    """SQL for a row's value of tp_index, when the partition divides by `column` (None: not at all)."""
    if column is None:
        return "'default'"
    value = f"nullif({identifier(column)}::VARCHAR, '')"
    # It names a folder: 255 bytes at most, escaped. What is longer keeps its beginning and a digest.
    long = f"strlen({value}) > 80 AND strlen(url_encode({value})) > {_LONGEST_INDEX}"
    short = f"left({value}, 16) || '-' || md5({value})"
    return f"coalesce(CASE WHEN {long} THEN {short} ELSE {value} END, 'default')"


def _common(table: Table, ingested: dt.datetime) -> dict[str, str]:
    """SQL over the table's own columns and the raw row for each common column that is set here."""
    filled = {**_EMPTY, **table.enrichment, "tp_ingest_timestamp": timestamp(ingested)}
    if table.undated:
        late = f"CASE WHEN {table.undated} THEN {_OBJECT_TIME} END"
        filled["tp_timestamp"] = f"coalesce({filled['tp_timestamp']}, {late})"
    filled["tp_timestamp"] = _kept_here(filled["tp_timestamp"])
    return filled


def _kept_here(time: str) -> str:
    """The time, made once: DuckDB moves a filter down to the raw rows and makes there what it looks at,
    for each comparison and for the column again, but not what calls a function that is not pure.
    """
    return f"CASE WHEN _row < 0 THEN error('no row is numbered so')::TIMESTAMP ELSE {time} END"


def _timing(table: Table) -> tuple[Column, ...]:
    """The columns that a row's time is made of."""
    words = _words(table.enrichment["tp_timestamp"])
    return tuple(column for column in table.columns if column.name in words)


def _words(expression: str) -> set[str]:
    return set(re.findall(r"\w+", expression))


def _by_time(table: Table, read: str, lacks: frozenset[str], made: Sequence[Column], number: str) -> str:
    """The raw rows in the order of their times, then of the `number` of their object, with the
    columns `made` that the times come from.
    """
    columns = "".join(f", {_made(c, lacks)} AS {identifier(c.name)}" for c in made)
    order = _without(lacks, table.enrichment["tp_timestamp"])
    return f"SELECT * FROM (SELECT *{columns} FROM ({read})) ORDER BY {order}, {number}, _row"


def _made(column: Column, lacks: frozenset[str]) -> str:
    """SQL over raw rows for a column's value."""
    return f"({_without(lacks, column.expression)})::{column.type}"


def _without(lacks: frozenset[str], expression: str) -> str:
    """The expression where the raw rows have no such fields: nulls that cost nothing instead."""
    if not lacks:
        return expression
    return re.sub(
        r'\br\.(?:"((?:[^"]|"")*)"|(\w+))',
        lambda found: "NULL::VARCHAR" if (found[1] or found[2]).replace('""', '"') in lacks else found[0],
        expression,
    )
