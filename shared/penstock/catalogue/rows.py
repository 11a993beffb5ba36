"""Puts data files into a DuckLake catalogue and takes them out, many at a time.

Each step is one statement over a table of its own, filled column by column, so that 100,000 files
take seconds. Removed files are deleted for good: the catalogue holds one state, its history is the
ledger's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

import duckdb

from penstock.errors import PenstockError
from penstock.model import DataFile

__all__ = ["add", "remove", "total"]

_PER_FILE = ("ducklake_file_column_stats", "ducklake_file_partition_value", "ducklake_data_file")

_FILES = {
    "id": "BIGINT",
    "uri": "VARCHAR",
    "tp_table": "VARCHAR",
    "tp_partition": "VARCHAR",
    "tp_index": "VARCHAR",
    "tp_date": "VARCHAR",
    "rows": "BIGINT",
    "bytes": "BIGINT",
    "footer": "BIGINT",
    "fingerprint": "VARCHAR",
}
_STATS = {
    "id": "BIGINT",
    "column": "VARCHAR",
    "rows": "BIGINT",
    "nulls": "BIGINT",
    "min": "VARCHAR",
    "max": "VARCHAR",
}

# Positional, in the order of the tables that the pinned extension creates.
_INSERT_FILES = """
INSERT INTO {meta}.ducklake_data_file
SELECT f.id, t.table_id, (SELECT max(snapshot_id) FROM {meta}.ducklake_snapshot), NULL, NULL,
    f.uri, false, 'parquet', f.rows, f.bytes, f.footer,
    coalesce(s.next_row_id, 0) + sum(f.rows) OVER (PARTITION BY t.table_id ORDER BY f.id) - f.rows,
    p.partition_id, NULL, m.mapping_id, NULL
FROM files f
JOIN {meta}.ducklake_table t ON t.table_name = f.tp_table AND t.end_snapshot IS NULL
JOIN {meta}.ducklake_partition_info p ON p.table_id = t.table_id AND p.end_snapshot IS NULL
JOIN {meta}.penstock.schema m ON m.tp_table = f.tp_table AND m.fingerprint = f.fingerprint
LEFT JOIN (
    SELECT table_id, max(row_id_start + record_count) AS next_row_id FROM {meta}.ducklake_data_file GROUP BY 1
) s ON s.table_id = t.table_id
ORDER BY f.id
"""

_INSERT_VALUES = """
INSERT INTO {meta}.ducklake_file_partition_value
SELECT f.id, d.table_id, k.key, k.value
FROM files f
JOIN {meta}.ducklake_data_file d ON d.data_file_id = f.id,
LATERAL (VALUES (0, f.tp_table), (1, f.tp_partition), (2, f.tp_index), (3, f.tp_date)) k (key, value)
ORDER BY f.id
"""

# A path column's one value is its minimum and maximum: DuckLake prunes by these rows.
_INSERT_STATS = """
INSERT INTO {meta}.ducklake_file_column_stats
SELECT s.id, d.table_id, c.column_id, NULL, s.rows - s.nulls, s.nulls, s.min, s.max, NULL, NULL
FROM (
    FROM stats
    UNION ALL BY NAME
    SELECT id, unnest(['tp_table', 'tp_partition', 'tp_index', 'tp_date']) AS "column", rows, 0 AS nulls,
        unnest([tp_table, tp_partition, tp_index, tp_date]) AS min, min AS max
    FROM files
) s
JOIN {meta}.ducklake_data_file d ON d.data_file_id = s.id
JOIN {meta}.ducklake_column c ON c.table_id = d.table_id AND c.column_name = s.column
    AND c.parent_column IS NULL AND c.end_snapshot IS NULL
ORDER BY s.id
"""


# A footer's timestamps are exact, so DuckDB may answer min() and max() by them; texts it cuts short.
_INSERT_EXTREMES = """
INSERT INTO {meta}.ducklake_table_column_stats
SELECT table_id, column_id, sum(null_count) > 0, NULL,
    min(TRY_CAST(s.min_value AS TIMESTAMP)), max(TRY_CAST(s.max_value AS TIMESTAMP)), NULL
FROM {meta}.ducklake_file_column_stats s
JOIN {meta}.ducklake_column c USING (table_id, column_id)
WHERE c.column_name = 'tp_timestamp' AND c.column_type = 'timestamp' AND c.parent_column IS NULL
    AND c.end_snapshot IS NULL
GROUP BY table_id, column_id
HAVING count(TRY_CAST(s.min_value AS TIMESTAMP)) = count(TRY_CAST(s.max_value AS TIMESTAMP))
    AND count(TRY_CAST(s.min_value AS TIMESTAMP)) =
        (SELECT count(*) FROM {meta}.ducklake_data_file f WHERE f.table_id = s.table_id)
"""


def add(
    connection: duckdb.DuckDBPyConnection,
    meta: str,
    files: Sequence[tuple[str, DataFile]],
    comparable: Mapping[tuple[str, str], Set[str]],
) -> None:
    """Insert (uri, file) pairs; their tables and mappings must stand.

    `comparable` names, by table and schema, the columns whose statistics are kept: those that have
    the same type in the file and in the catalogue (as texts, 10 comes before 9).
    """
    first = _one(connection, f"SELECT coalesce(max(data_file_id), 0) + 1 FROM {meta}.ducklake_data_file")
    _fill(connection, "files", _FILES, _files(first, files))
    _fill(connection, "stats", _STATS, _stats(first, files, comparable))
    inserted = _one(connection, _INSERT_FILES.format(meta=meta))
    if inserted != len(files):  # an inner join let some fall: they would be hidden from readers
        raise PenstockError(f"catalogue: inserted {inserted} files, expected {len(files)}")
    connection.execute(_INSERT_VALUES.format(meta=meta))
    connection.execute(_INSERT_STATS.format(meta=meta))
    connection.execute("DROP TABLE temp.files")
    connection.execute("DROP TABLE temp.stats")


def remove(connection: duckdb.DuckDBPyConnection, meta: str, uris: Sequence[str]) -> None:
    """Delete the files and all that is known of them; unknown ones are passed over."""
    _fill(connection, "gone", {"uri": "VARCHAR"}, [list(uris)])
    ids = f"SELECT data_file_id FROM {meta}.ducklake_data_file WHERE path IN (SELECT uri FROM gone)"
    for table in _PER_FILE:
        connection.execute(f"DELETE FROM {meta}.{table} WHERE data_file_id IN ({ids})")
    connection.execute("DROP TABLE temp.gone")


def total(connection: duckdb.DuckDBPyConnection, meta: str) -> None:
    """Bring each table's totals and the next file's number to what the rows say."""
    connection.execute(f"DELETE FROM {meta}.ducklake_table_stats")
    connection.execute(
        f"INSERT INTO {meta}.ducklake_table_stats SELECT table_id, sum(record_count),"
        f" max(row_id_start + record_count), sum(file_size_bytes) FROM {meta}.ducklake_data_file GROUP BY 1"
    )
    connection.execute(f"DELETE FROM {meta}.ducklake_table_column_stats")
    connection.execute(_INSERT_EXTREMES.format(meta=meta))
    connection.execute(
        f"UPDATE {meta}.ducklake_snapshot SET next_file_id ="
        f" (SELECT coalesce(max(data_file_id), 0) + 1 FROM {meta}.ducklake_data_file)"
        f" WHERE snapshot_id = (SELECT max(snapshot_id) FROM {meta}.ducklake_snapshot)"
    )


def _fill(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    types: Mapping[str, str],
    columns: Iterable[list[object]],
) -> None:
    """A temporary table of these columns; without Arrow, which the functions do not carry."""
    listed = ", ".join(f'unnest(${n}::{type_}[]) AS "{c}"' for n, (c, type_) in enumerate(types.items(), 1))
    connection.execute(f"CREATE TEMP TABLE {name} AS SELECT {listed}", list(columns))


def _files(first: int, files: Sequence[tuple[str, DataFile]]) -> list[list[object]]:
    return [
        list(range(first, first + len(files))),
        [uri for uri, _ in files],
        [file.table for _, file in files],
        [file.partition for _, file in files],
        [file.tp_index for _, file in files],
        [file.tp_date.isoformat() for _, file in files],
        [file.rows for _, file in files],
        [file.bytes for _, file in files],
        [file.footer_bytes for _, file in files],
        [file.schema for _, file in files],
    ]


def _stats(
    first: int, files: Sequence[tuple[str, DataFile]], comparable: Mapping[tuple[str, str], Set[str]]
) -> list[list[object]]:
    found = [
        (number, column, file.rows, stats.nulls, stats.min, stats.max)
        for number, (_, file) in enumerate(files, start=first)
        for column, stats in file.stats.items()
        if column in comparable[file.table, file.schema]
    ]
    return [list(values) for values in zip(*found, strict=True)] if found else [[] for _ in _STATS]


def _one(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    found = connection.execute(statement).fetchone()
    return int(found[0]) if found else 0
