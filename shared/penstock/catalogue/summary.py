"""Says what the hive holds, partition by partition, from the catalogue alone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from penstock import extensions
from penstock.catalogue import State
from penstock.catalogue.files import LIVE_FILES
from penstock.model import REJECTED_TABLE, PartitionId
from penstock.sql import literal

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


_HOLDINGS = f"""
SELECT table_name, partition_name, own_table, count(*), sum(record_count), sum(file_size_bytes),
    min(first_time), max(last_time), min(tp_date), max(tp_date)
FROM ({LIVE_FILES}) GROUP BY ALL ORDER BY ALL
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
