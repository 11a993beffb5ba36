"""Says what the hive holds, partition by partition, from the catalogue alone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from penstock import extensions
from penstock.catalogue import State
from penstock.catalogue.lake import literal
from penstock.model import REJECTED_TABLE, PartitionId

__all__ = ["Holding", "holdings"]


@dataclass(frozen=True, slots=True)
class Holding:
    """The live files of one partition in one table: how many, their rows and bytes.

    `table` is the partition's own, or tp_rejected for the rows that were rejected on the way to it.
    `first` and `last` are the extremes of tp_timestamp (None: not known), the days those of tp_date.
    """

    partition: PartitionId
    table: str
    files: int
    rows: int
    bytes: int
    first: dt.datetime | None
    last: dt.datetime | None
    first_day: dt.date
    last_day: dt.date


_HOLDINGS = """
SELECT t.table_name, p.partition_value,
    -- Rejected rows have the name of the table they were meant for as their index.
    CASE WHEN t.table_name = $rejected THEN i.partition_value ELSE t.table_name END,
    count(*), sum(f.record_count), sum(f.file_size_bytes),
    min(TRY_CAST(s.min_value AS TIMESTAMP)), max(TRY_CAST(s.max_value AS TIMESTAMP)),
    min(TRY_CAST(d.partition_value AS DATE)), max(TRY_CAST(d.partition_value AS DATE))
FROM lake.main.ducklake_data_file f
JOIN lake.main.ducklake_table t USING (table_id)
JOIN lake.main.ducklake_file_partition_value p
    ON p.data_file_id = f.data_file_id AND p.partition_key_index = 1
JOIN lake.main.ducklake_file_partition_value i
    ON i.data_file_id = f.data_file_id AND i.partition_key_index = 2
JOIN lake.main.ducklake_file_partition_value d
    ON d.data_file_id = f.data_file_id AND d.partition_key_index = 3
LEFT JOIN lake.main.ducklake_column c
    ON c.table_id = t.table_id AND c.column_name = 'tp_timestamp' AND c.parent_column IS NULL
LEFT JOIN lake.main.ducklake_file_column_stats s
    ON s.data_file_id = f.data_file_id AND s.column_id = c.column_id
GROUP BY ALL ORDER BY ALL
"""


def holdings(state: State) -> list[Holding]:
    """What each partition of each table holds, `tp_rejected` among them, by name; no request is made."""
    with extensions.connect() as connection:
        connection.execute(f"ATTACH {literal(str(state.path))} AS lake (READ_ONLY)")
        found = connection.execute(_HOLDINGS, {"rejected": REJECTED_TABLE}).fetchall()
    return [
        Holding(PartitionId(own, name), table, int(files), int(rows), int(size), _utc(low), _utc(high), *days)
        for table, name, own, files, rows, size, low, high, *days in found
    ]


def _utc(time: dt.datetime | None) -> dt.datetime | None:
    return time.replace(tzinfo=dt.UTC) if time is not None else None
