"""Puts data files into a DuckLake catalogue and takes them out, many at a time.

Each step is one statement over an Arrow table, so that 100,000 files take seconds. Removed files
are deleted for good: the catalogue holds one state, its history is the ledger's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import duckdb
import pyarrow as pa

from penstock.errors import PenstockError
from penstock.model import DataFile

__all__ = ["add", "remove", "total"]

_PER_FILE = ("ducklake_file_column_stats", "ducklake_file_partition_value", "ducklake_data_file")

_FILES = pa.schema(
    {
        "id": pa.int64(),
        "uri": pa.string(),
        "tp_table": pa.string(),
        "tp_partition": pa.string(),
        "tp_index": pa.string(),
        "tp_date": pa.string(),
        "rows": pa.int64(),
        "bytes": pa.int64(),
        "footer": pa.int64(),
        "fingerprint": pa.string(),
    }
)
_STATS = pa.schema(
    {
        "id": pa.int64(),
        "column": pa.string(),
        "rows": pa.int64(),
        "nulls": pa.int64(),
        "min": pa.string(),
        "max": pa.string(),
    }
)

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
    connection.register("files", _files(first, files))
    connection.register("stats", _stats(first, files, comparable))
    inserted = _one(connection, _INSERT_FILES.format(meta=meta))
    if inserted != len(files):  # an inner join let some fall: they would be hidden from readers
        raise PenstockError(f"catalogue: inserted {inserted} files, expected {len(files)}")
    connection.execute(_INSERT_VALUES.format(meta=meta))
    connection.execute(_INSERT_STATS.format(meta=meta))
    connection.unregister("files")
    connection.unregister("stats")


def remove(connection: duckdb.DuckDBPyConnection, meta: str, uris: Sequence[str]) -> None:
    """Delete the files and all that is known of them; unknown ones are passed over."""
    connection.register("gone", pa.table({"uri": pa.array(uris, pa.string())}))
    ids = f"SELECT data_file_id FROM {meta}.ducklake_data_file WHERE path IN (SELECT uri FROM gone)"
    for table in _PER_FILE:
        connection.execute(f"DELETE FROM {meta}.{table} WHERE data_file_id IN ({ids})")
    connection.unregister("gone")


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


def _files(first: int, files: Sequence[tuple[str, DataFile]]) -> pa.Table:
    columns = {
        "id": range(first, first + len(files)),
        "uri": (uri for uri, _ in files),
        "tp_table": (file.table for _, file in files),
        "tp_partition": (file.partition for _, file in files),
        "tp_index": (file.tp_index for _, file in files),
        "tp_date": (file.tp_date.isoformat() for _, file in files),
        "rows": (file.rows for _, file in files),
        "bytes": (file.bytes for _, file in files),
        "footer": (file.footer_bytes for _, file in files),
        "fingerprint": (file.schema for _, file in files),
    }
    return pa.table({name: list(values) for name, values in columns.items()}, schema=_FILES)


def _stats(
    first: int, files: Sequence[tuple[str, DataFile]], comparable: Mapping[tuple[str, str], Set[str]]
) -> pa.Table:
    found = [
        (number, column, file.rows, stats.nulls, stats.min, stats.max)
        for number, (_, file) in enumerate(files, start=first)
        for column, stats in file.stats.items()
        if column in comparable[file.table, file.schema]
    ]
    columns = list(zip(*found, strict=True)) if found else [()] * len(_STATS)
    return pa.table({name: list(values) for name, values in zip(_STATS.names, columns)}, schema=_STATS)


def _one(connection: duckdb.DuckDBPyConnection, statement: str) -> int:
    found = connection.execute(statement).fetchone()
    return int(found[0]) if found else 0
