"""What the views of a session leave out: times, partitions and indexes that were not asked for.

Values are resolved here, against the catalogue, so that DuckLake can choose files by them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from penstock import catalogue
from penstock.catalogue.shape import Columns
from penstock.errors import UsageError
from penstock.model import REJECTED_TABLE, PartitionId
from penstock.sql import literal, timestamp

__all__ = ["Filters", "NamedViews", "chosen_partitions", "conditions", "index_values", "matching"]


@dataclass(frozen=True, slots=True)
class Filters:
    """What the views leave out: times outside [from_, to] (both ends in), other partitions, other indexes.

    Patterns take `*` and `?`; a partition's is `table.partition` or bare: a table if one matches,
    else a partition of any table. Case does not matter. Empty means all.
    """

    from_: dt.datetime | None = None
    to: dt.datetime | None = None
    partitions: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NamedViews:
    """A DuckDB schema of views: of the tables that `tables` (patterns) choose, narrowed by `filters`.

    Unlike a session's own filters, patterns that choose nothing (yet) are no mistake. `materialized`:
    the files that it may open are kept here.
    """

    name: str
    tables: tuple[str, ...]
    filters: Filters
    materialized: bool = False

    def shows(self, table: str) -> bool:
        """Whether it has a view of this table."""
        return any(_glob(pattern).fullmatch(table) for pattern in self.tables)

    def shows_index(self, value: str) -> bool:
        """Whether its views have rows of this tp_index."""
        patterns = self.filters.indexes
        return not patterns or any(_glob(pattern).fullmatch(value) for pattern in patterns)

    def partitions(self, state: catalogue.State) -> frozenset[PartitionId] | None:
        """The partitions that its filters choose; None for all."""
        if not self.filters.partitions:
            return None
        known = catalogue.partitions_of(state)
        return frozenset().union(*(matching(known, pattern) for pattern in self.filters.partitions))


def chosen_partitions(state: catalogue.State, patterns: Sequence[str]) -> frozenset[PartitionId] | None:
    """The partitions that the patterns choose; None for all. UsageError for a pattern that fits none."""
    if not patterns:
        return None
    known = catalogue.partitions_of(state)
    chosen: set[PartitionId] = set()
    for pattern in patterns:
        found = matching(known, pattern)
        if not found:
            listed = ", ".join(map(str, known)) or "none at all"
            raise UsageError(f"--partition {pattern}: no partition matches; there are {listed}")
        chosen |= found
    return frozenset(chosen)


def matching(known: Sequence[PartitionId], pattern: str) -> set[PartitionId]:
    """Those of `known` that one pattern names; see Filters."""
    table, dot, name = pattern.partition(".")
    if dot:
        return {p for p in known if _glob(table).fullmatch(p.table) and _glob(name).fullmatch(p.name)}
    by_table = {p for p in known if _glob(pattern).fullmatch(p.table)}
    return by_table or {p for p in known if _glob(pattern).fullmatch(p.name)}


def _glob(pattern: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def conditions(
    table: str,
    columns: Columns,
    filters: Filters,
    *,
    chosen: frozenset[PartitionId] | None,
    indexes: Sequence[str],
) -> list[str]:
    """The WHERE of a table's view, to be joined by AND; `indexes` are all its values of tp_index."""
    where: list[str] = []
    names = {name for name, _ in columns}
    for bound, sign in ((filters.from_, ">="), (filters.to, "<=")):
        if bound is not None:
            utc = bound.astimezone(dt.UTC)
            where.append(f"tp_date {sign} DATE '{utc:%Y-%m-%d}'")
            if "tp_timestamp" in names:
                where.append(f"tp_timestamp {sign} {timestamp(bound)}")
    if chosen is not None:
        where.append(_one_of_partitions(table, columns, chosen))
    if filters.indexes:
        patterns = [_glob(pattern) for pattern in filters.indexes]
        where.append(_one_of("tp_index", [v for v in indexes if any(p.fullmatch(v) for p in patterns)]))
    return where


def _one_of_partitions(table: str, columns: Columns, chosen: frozenset[PartitionId]) -> str:
    if table == REJECTED_TABLE and "table_name" in dict(columns):
        # Rows of every table's partitions stand here, so the pair must fit.
        pairs = ", ".join(f"({literal(p.table)}, {literal(p.name)})" for p in sorted(chosen))
        names = _one_of("tp_partition", sorted({p.name for p in chosen}))
        return f"{names} AND (table_name, tp_partition) IN ({pairs})"
    return _one_of("tp_partition", sorted(p.name for p in chosen if p.table == table))


def _one_of(column: str, values: Sequence[str]) -> str:
    return f"{column} IN ({', '.join(map(literal, values))})" if values else "false"


def index_values(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Every value of tp_index among the table's live files, sorted."""
    found = connection.execute(
        "SELECT DISTINCT v.partition_value FROM __ducklake_metadata_lake.ducklake_file_partition_value v"
        " JOIN __ducklake_metadata_lake.ducklake_table t USING (table_id)"
        f" WHERE t.table_name = {literal(table)} AND v.partition_key_index = 2 ORDER BY 1"
    ).fetchall()
    return [value for (value,) in found]
