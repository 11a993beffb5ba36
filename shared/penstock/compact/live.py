"""Finds the live files in a catalogue: by group, the unit that is merged, and by path, as proof.

A group is what stands in one folder of the hive: one table, partition, tp_index and day. The
catalogue is a DuckLake file at a known version of each partition (`catalogue.State`); it is read as
the plain DuckDB file it is.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import duckdb

from penstock import extensions
from penstock.catalogue.lake import root
from penstock.model import REJECTED_TABLE, ColumnStats, DataFile, PartitionId
from penstock.sql import literal

__all__ = ["Group", "Live", "Wanted", "hidden", "is_hidden", "public"]


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """A folder of the hive. `partition` is whose commits change it (of rejected rows: their table's)."""

    partition: PartitionId
    table: str
    tp_index: str
    tp_date: dt.date

    def __str__(self) -> str:
        return f"{self.table}.{self.partition.name}/{self.tp_index}/{self.tp_date}"

    @classmethod
    def of(cls, file: DataFile) -> Group:
        """The group that a file stands in."""
        table = file.tp_index if file.table == REJECTED_TABLE else file.table
        return cls(PartitionId(table, file.partition), file.table, file.tp_index, file.tp_date)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which groups are looked at: partitions (None: all), and days from and to, both ends included."""

    partitions: frozenset[PartitionId] | None = None
    from_: dt.date | None = None
    to: dt.date | None = None

    def covers(self, group: Group) -> bool:
        """Whether the group is among them."""
        return (
            (self.partitions is None or group.partition in self.partitions)
            and (self.from_ is None or group.tp_date >= self.from_)
            and (self.to is None or group.tp_date <= self.to)
        )


def is_hidden(path: str) -> bool:
    """Whether readers that glob pass the file over: Hive, Athena, Trino and Spark skip names with `_`."""
    return PurePosixPath(path).name.startswith("_")


def public(path: str) -> str:
    """The name that a hidden file gets once readers that glob are to see it."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{name.removeprefix('_')}"


def hidden(path: str) -> str:
    """The name that a file bore until its flip, if it was made by a merge."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/_{name.removeprefix('_')}"


@dataclass(frozen=True, slots=True)
class Live:
    """The live files of the catalogue at `path`; `hive` is the root that its URIs begin with."""

    path: Path
    hive: str

    def groups(self, wanted: Wanted, *, at_least: int = 1) -> dict[Group, tuple[DataFile, ...]]:
        """The files of every wanted group that has `at_least` so many, by group, in order of path."""
        found: dict[Group, list[DataFile]] = defaultdict(list)
        days = "".join(
            f" AND tp_date {sign} '{day.isoformat()}'"
            for sign, day in ((">=", wanted.from_), ("<=", wanted.to))
            if day is not None
        )
        with self._open() as db:
            for row in db.execute(_FILES.format(days=days, at_least=at_least)).fetchall():
                file = self._file(row)
                found[Group.of(file)].append(file)
        return {group: tuple(files) for group, files in found.items() if wanted.covers(group)}

    def among(self, paths: Sequence[str]) -> frozenset[str]:
        """Those of the paths that are live."""
        with self._open() as db:
            rows = db.execute(
                "SELECT path FROM lake.main.ducklake_data_file WHERE path IN (SELECT unnest($1::VARCHAR[]))",
                [[self.uri(path) for path in paths]],
            ).fetchall()
        return frozenset(self._relative(uri) for (uri,) in rows)

    def paths(self) -> Iterator[tuple[str, int, int, int]]:
        """(path, rows, bytes, bytes of the footer) of every live file, in order of path."""
        with self._open() as db:
            found = db.execute(
                "SELECT path, record_count, file_size_bytes, footer_size"
                " FROM lake.main.ducklake_data_file ORDER BY path"
            )
            while rows := found.fetchmany(1000):
                yield from ((self._relative(uri), *numbers) for uri, *numbers in rows)

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with extensions.connect(threads=1) as db:
            db.execute(f"ATTACH {literal(str(self.path))} AS lake (READ_ONLY)")
            yield db

    def uri(self, path: str) -> str:
        """Where a file stands: under the root, unless a tier keeps it elsewhere."""
        return path if path.startswith("/") or "://" in path else root(self.hive) + path

    def _relative(self, uri: str) -> str:
        return uri.removeprefix(root(self.hive))

    def _file(self, row: tuple[Any, ...]) -> DataFile:
        uri, table, partition, index, day, rows, size, footer, schema, stats = row
        return DataFile(
            path=self._relative(uri),
            table=table,
            partition=partition,
            tp_index=index,
            tp_date=dt.date.fromisoformat(day),
            rows=rows,
            bytes=size,
            footer_bytes=footer,
            schema=schema,
            stats=dict(_statistics(stats)),
        )


def _statistics(found: Iterable[dict[str, Any]]) -> Iterator[tuple[str, ColumnStats]]:
    for one in found or ():
        yield one["name"], ColumnStats(one["low"], one["high"], one["nulls"])


# Partition keys are numbered as `lake.PARTITION_KEYS` lists them.
_FILES = """
WITH keyed AS (
    SELECT data_file_id, max(partition_value) FILTER (partition_key_index = 0) AS tp_table,
        max(partition_value) FILTER (partition_key_index = 1) AS tp_partition,
        max(partition_value) FILTER (partition_key_index = 2) AS tp_index,
        max(partition_value) FILTER (partition_key_index = 3) AS tp_date
    FROM lake.main.ducklake_file_partition_value GROUP BY 1
), wanted AS (
    SELECT * FROM keyed WHERE true{days}
    QUALIFY count(*) OVER (PARTITION BY tp_table, tp_partition, tp_index, tp_date) >= {at_least}
), told AS (
    SELECT s.data_file_id,
        list({{'name': column_name, 'low': min_value, 'high': max_value, 'nulls': null_count}}) AS stats
    FROM lake.main.ducklake_file_column_stats s
    JOIN wanted USING (data_file_id)
    JOIN lake.main.ducklake_column c ON c.table_id = s.table_id AND c.column_id = s.column_id
        AND c.end_snapshot IS NULL
    WHERE c.column_name NOT IN ('tp_table', 'tp_partition', 'tp_index', 'tp_date')
    GROUP BY 1
)
SELECT d.path, w.tp_table, w.tp_partition, w.tp_index, w.tp_date, d.record_count, d.file_size_bytes,
    d.footer_size, m.fingerprint, told.stats
FROM wanted w
JOIN lake.main.ducklake_data_file d USING (data_file_id)
JOIN lake.penstock.schema m USING (mapping_id)
LEFT JOIN told USING (data_file_id)
ORDER BY d.path
"""
