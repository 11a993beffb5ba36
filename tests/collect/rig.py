"""One deployment for a test: buckets, hive, ledger, configuration; workers on it; and what it holds."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from infra.samples import SampleObject
from tests.collect.store import Store

from infra import samples
from penstock import collect, config, notices
from penstock.hive import open_hive
from penstock.ledger import Ledger
from penstock.ledger.dynamodb import create_table
from penstock.ledger.open import open_ledger
from penstock.model import REJECTED_TABLE, DataFile, Intent, ObjectRecord, ObjectRef, PartitionId

PROD = PartitionId("aws_cloudtrail_log", "prod")

ONE_PARTITION = """
partition "aws_cloudtrail_log" "prod" {
  source "aws_s3_bucket" {
    bucket = "%s"
  }
}
"""


@dataclass
class Rig:
    """`bucket` holds the logs; `hive` and `ledger` are as settings write them."""

    store: Store
    folder: Path
    bucket: str
    hive: str
    ledger: str
    settings: dict[str, str] = field(default_factory=dict)
    workers: list[collect.Worker] = field(default_factory=list)
    _ids: Any = field(default_factory=itertools.count)

    @property
    def s3(self) -> Any:
        """A client for the test's own doing."""
        return self.store.client("s3")

    def configure(self, text: str = "") -> None:
        """Write the configuration."""
        body = (text or ONE_PARTITION % self.bucket).encode()
        open_hive(self.hive, self.s3).write_bytes("_config/main.tpc", body)

    def worker(self, *, tries: int = 2, **settings: object) -> collect.Worker:
        """A worker as the function makes it; settings by their field's name."""
        environ = {"PENSTOCK_HIVE": self.hive, "PENSTOCK_LEDGER": self.ledger, **self.settings}
        environ |= {f"PENSTOCK_{name.upper()}": str(value) for name, value in settings.items()}
        made = collect.prepare(config.settings_from_env(environ), self.store.account_trying(tries))
        self.workers.append(made)
        return made

    def open_ledger(self) -> Ledger:
        """The ledger, for looking."""
        dynamodb = self.store.client("dynamodb")
        return open_ledger(self.ledger, dynamodb=dynamodb, blobs=open_hive(self.hive, self.s3))

    def put(self, key: str, body: bytes, bucket: str = "") -> ObjectRef:
        """Put a log object; its name as an event tells it."""
        answer = self.s3.put_object(Bucket=bucket or self.bucket, Key=key, Body=body)
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return ObjectRef(bucket or self.bucket, key, answer.get("VersionId"), etag, len(body))

    def message(self, *refs: ObjectRef, redrive: bool = False) -> tuple[str, str]:
        """A message in Penstock's own form, with an id of its own."""
        return f"m{next(self._ids)}", notices.compose(refs, redrive=redrive)

    def live(self, partition: PartitionId = PROD) -> list[DataFile]:
        """The files of the ledger's live set."""
        files: dict[str, DataFile] = {}
        for commit in self.open_ledger().commits(partition, 0):
            for path in commit.remove:
                del files[path]
            files |= {file.path: file for file in commit.add}
        return list(files.values())

    def intents(self) -> list[Intent]:
        """What workers said they would write, and did not forget."""
        return list(self.open_ledger().intents(dt.datetime.max.replace(tzinfo=dt.UTC)))

    def standing(self) -> set[str]:
        """Every Parquet file in the hive, live or not."""
        if not self.hive.startswith("s3://"):
            root = Path(self.hive)
            return {str(path.relative_to(root)) for path in root.rglob("*.parquet")}
        bucket, _, prefix = self.hive.removeprefix("s3://").partition("/")
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/tp_table=")
        return {
            entry["Key"].removeprefix(f"{prefix}/") for page in pages for entry in page.get("Contents", [])
        }

    def rows(self, table: str = PROD.table, partition: PartitionId = PROD) -> pa.Table:
        """The rows that a reader of the ledger sees, with the columns that stand in the path."""
        files = [file.path for file in self.live(partition) if file.table == table]
        if not files:
            return pa.table({})
        hive = open_hive(self.hive, self.s3)
        with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
            for path in files:
                target = Path(folder, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(hive.read_bytes(path))
            found = connection.execute(
                "SELECT * FROM read_parquet(?, hive_partitioning = true, hive_types_autocast = false)",
                [[str(Path(folder, path)) for path in files]],
            )
            return found.to_arrow_table()

    def records(self, refs: Sequence[ObjectRef], partition: PartitionId = PROD) -> dict[str, ObjectRecord]:
        """What the ledger remembers, by key."""
        known = self.open_ledger().objects(partition, [ref.identity for ref in refs])
        return {ref.key: known[ref.identity] for ref in refs if ref.identity in known}

    def check(self, refs: Sequence[ObjectRef], partition: PartitionId = PROD) -> None:
        """G2: of every object rows read = stored + filtered + rejected, and the files hold those sums."""
        records = self.records(refs, partition).values()
        for record in records:
            assert record.rows_read == record.stored + record.filtered + record.rejected, record
        for table, number in (
            (partition.table, sum(record.stored for record in records)),
            (REJECTED_TABLE, sum(record.rejected for record in records)),
        ):
            told = sum(file.rows for file in self.live(partition) if file.table == table)
            assert (table, told) == (table, number)
            assert (table, self.rows(table, partition).num_rows) == (table, number)

    def close(self) -> None:
        """Close every worker, and drop the table: moto copies all there are for every transaction."""
        for worker in self.workers:
            worker.close()
        if self.ledger.startswith("dynamodb://"):
            self.store.client("dynamodb").delete_table(TableName=self.ledger.removeprefix("dynamodb://"))


def make(store: Store, folder: Path, *, kind: str = "dynamodb", bucket: str = "", text: str = "") -> Rig:
    """An empty deployment with a configuration: hive on S3 and DynamoDB, or a directory and SQLite."""
    name = uuid.uuid4().hex[:12]
    client = store.client("s3")
    if not bucket:
        bucket = f"logs-{name}"
        client.create_bucket(Bucket=bucket)
    if kind == "dynamodb":
        client.create_bucket(Bucket=f"hive-{name}")
        create_table(store.client("dynamodb"), f"ledger-{name}")
        rig = Rig(store, folder, bucket, f"s3://hive-{name}/root", f"dynamodb://ledger-{name}")
    else:
        home = folder / f"hive-{name}"
        rig = Rig(store, folder, bucket, str(home), f"sqlite:///{folder}/ledger-{name}.sqlite")
    rig.configure(text)
    return rig


def differences(one: pa.Table, other: pa.Table) -> tuple[int, int]:
    """Rows of each, as multisets, that the other lacks; when they were ingested does not count."""
    if one.num_rows == other.num_rows == 0:
        return 0, 0
    with duckdb.connect() as connection:
        connection.register("one", one)
        connection.register("other", other)
        columns = "* EXCLUDE (tp_ingest_timestamp)"
        counts = [
            connection.execute(
                f"SELECT count(*) FROM (SELECT {columns} FROM {a} EXCEPT ALL SELECT {columns} FROM {b})"
            ).fetchone()
            for a, b in (("one", "other"), ("other", "one"))
        ]
    return counts[0][0], counts[1][0]  # type: ignore[index]


START = dt.datetime(2026, 1, 31, 22, 0, tzinfo=dt.UTC)


@cache
def logs(count: int, events: int = 3, seed: str = "collect") -> tuple[SampleObject, ...]:
    """Sound log objects around a midnight."""
    span = dt.timedelta(hours=4)
    return tuple(samples.objects(seed, count, events, START, span=span, with_story=False))
