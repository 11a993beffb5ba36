"""Small hives for the tests of the catalogue and of queries: Parquet by DuckDB, commits in SQLite."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from penstock.hive import data_path
from penstock.ledger.sqlite import SqliteLedger
from penstock.model import ColumnStats, Commit, CommitKind, DataFile, PartitionId, Schema

__all__ = ["FIRST_DAY", "LOGIN", "Hive", "rows_of", "upload", "without_stats"]

FIRST_DAY = dt.date(2026, 1, 1)
LOGIN = PartitionId("login", "prod")
NOON = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
_STATISTICS = ("tp_timestamp", "n")


@dataclass
class Hive:
    """A hive in a directory with its ledger; `put` writes a file, `commit` makes it live."""

    folder: Path
    ledger: SqliteLedger = field(init=False)
    count: int = 0
    known: list[Schema] = field(default_factory=list)
    engine: duckdb.DuckDBPyConnection = field(default_factory=duckdb.connect, repr=False)

    def __post_init__(self) -> None:
        self.ledger = SqliteLedger(self.folder / "ledger.db")

    @property
    def root(self) -> str:
        """The hive's root."""
        return str(self.folder / "hive")

    def put(
        self,
        day: dt.date,
        select: str,
        *,
        partition: PartitionId = LOGIN,
        index: str = "default",
        stem: str = "",
    ) -> DataFile:
        """Write what `select` gives as a file of `partition` on `day`; its entry for a commit."""
        self.count += 1
        name = f"{stem or f'f{self.count:04}'}-0.parquet"
        path = data_path(partition.table, partition.name, index, day, name)
        target = Path(self.root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.engine.execute(f"COPY ({select}) TO '{target}'")
        schema = _schema(self.engine, partition.table, select)
        stats = _stats(self.engine, schema, target)
        if schema not in self.known:
            self.ledger.put_schema(schema)
            self.known.append(schema)
        footer = pq.ParquetFile(target).metadata
        return DataFile(
            path=path,
            table=partition.table,
            partition=partition.name,
            tp_index=index,
            tp_date=day,
            rows=footer.num_rows,
            bytes=target.stat().st_size,
            footer_bytes=footer.serialized_size,
            schema=schema.fingerprint,
            stats=stats,
        )

    def commit(
        self,
        add: Sequence[DataFile] = (),
        remove: Sequence[str] = (),
        *,
        partition: PartitionId = LOGIN,
        kind: CommitKind = "collect",
    ) -> Commit:
        """Make it the partition's next version."""
        self.count += 1
        version = self.ledger.head(partition).version + 1
        commit = Commit(f"c{self.count:06}", partition, kind, NOON, version, tuple(add), tuple(remove))
        self.ledger.attempt(commit)
        return commit

    def days(self, count: int, *, rows: int = 3) -> list[DataFile]:
        """One live file for each of `count` days from FIRST_DAY, `rows` rows each, in one commit.

        A row has n (counts on over the days), who, what (a struct) and tp_timestamp at hours 0, 1 …
        """
        files = []
        for number in range(count):
            day = FIRST_DAY + dt.timedelta(days=number)
            files.append(self.put(day, rows_of(day, rows, number * rows)))
        self.commit(files)
        return files


def rows_of(day: dt.date, rows: int, first: int = 0) -> str:
    """A SELECT of login rows on `day`."""
    return (
        f"SELECT {first} + i AS n, 'user ' || i AS who, {{'ip': '10.0.0.' || i}} AS what, 'id' || n AS tp_id,"
        f" TIMESTAMP '{day}' + INTERVAL 1 HOUR * i AS tp_timestamp FROM range({rows}) t(i) ORDER BY ALL"
    )


def _schema(connection: duckdb.DuckDBPyConnection, table: str, select: str) -> Schema:
    found = connection.execute(f"DESCRIBE {select}").fetchall()
    columns = tuple((name, type_) for name, type_, *_ in found)
    return Schema(table, f"{zlib.crc32(repr(columns).encode()):08x}", columns)


def _stats(connection: duckdb.DuckDBPyConnection, schema: Schema, file: Path) -> Mapping[str, ColumnStats]:
    found = {}
    for name, _ in schema.columns:
        if name in _STATISTICS:
            row = connection.execute(
                f"SELECT min({name})::VARCHAR, max({name})::VARCHAR, count(*) - count({name}) FROM '{file}'"
            ).fetchone()
            assert row is not None
            found[name] = ColumnStats(*row)
    return found


def without_stats(file: DataFile) -> DataFile:
    """The same file as a ledger that kept no statistics would know it."""
    return replace(file, stats={})


def upload(client: Any, hive: Hive, files: Sequence[DataFile], bucket: str, prefix: str) -> None:
    """Put files of a hive in a directory under a bucket's prefix, with a boto3 client."""
    for file in files:
        body = Path(hive.root, file.path).read_bytes()
        client.put_object(Bucket=bucket, Key=f"{prefix}/{file.path}", Body=body)
