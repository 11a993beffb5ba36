"""A hive to compact: files as collect writes them, a clock to turn, and readers of both kinds."""

from __future__ import annotations

import datetime as dt
import itertools
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.dataset as ds
from tests.collect.store import Store

from penstock import parquet
from penstock.collect.landing import commit_id
from penstock.compact import Compactor, Options, Policy, Site
from penstock.compact.fsck import listed
from penstock.compact.iceberg import open_home
from penstock.compact.live import is_hidden
from penstock.config import Config, Partition, Tier
from penstock.hive import Hive, data_path, open_hive
from penstock.ledger import Ledger
from penstock.ledger.commit import commit
from penstock.ledger.dynamodb import create_table
from penstock.ledger.floor import since
from penstock.ledger.open import open_ledger
from penstock.model import Commit, DataFile, PartitionId, Schema
from penstock.tables import Column, Syntax, Table
from penstock.tiers import TieredHive

LOGIN = Table(
    name="login",
    description="Logins.",
    reference="https://example.com",
    syntax=Syntax("json_text"),
    columns=(
        Column("n", "BIGINT", "n", "Number.", "n"),
        Column("what", "STRUCT(ip VARCHAR, port INTEGER)", "what", "From where.", "what"),
        Column("who", "VARCHAR", "who", "Who.", "who"),
    ),
    enrichment={"tp_timestamp": "t"},
    statistics=("n", "who"),
)
PROD = PartitionId("login", "prod")
DAY = dt.date(2026, 1, 31)
NOW = dt.datetime(2026, 2, 3, 12, tzinfo=dt.UTC)
GRACE = dt.timedelta(hours=1)
MIB = 1 << 20


@dataclass
class Yard:
    """`turn` moves the clock. Rows are numbered by `n`, each once, and every row's `tp_id` is its own."""

    hive: Hive
    ledger: Ledger
    source: str
    folder: Path
    clock: dt.datetime = NOW
    table: Table = LOGIN
    retention: int | None = None
    tiers: tuple[Tier, ...] = ()
    unique_key: str | None = None
    tp_index: str | None = None
    export: str | None = None
    iceberg: str = ""
    glue: Any = None
    made: list[Compactor] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def turn(self, **by: float) -> None:
        """Let time go by."""
        self.clock += dt.timedelta(**by)

    def now(self) -> dt.datetime:
        """What the clock says."""
        return self.clock

    def config(self) -> Config:
        """One partition of the table."""
        one = Partition(
            PROD,
            self.table,
            (),
            tp_index=self.tp_index,
            retention=self.retention,
            tiers=self.tiers,
            unique_key=self.unique_key,
            export=self.export,
        )
        return Config({}, {PROD: one}, {})

    def compactor(
        self,
        step: Callable[[str], None] = lambda _: None,
        *,
        target: int = MIB,
        job: int = 64 * MIB,
        memory_mb: int = 512,
        grace: dt.timedelta = GRACE,
        history: dt.timedelta = dt.timedelta(),
        worth: int = 1,
        here: bool = True,
    ) -> Compactor:
        """A compactor; steps, and `committed` (through, unanswered), are told to `step`."""
        ledger: Any = Frail(self.ledger, lambda: step("committed"))
        made = Compactor(
            site=Site(self.hive, ledger, grace, self.now, step, history=history, here=here),
            source=self.source,
            options=Options(Policy(target, job), memory_mb, 1, worth),
            read_config=self.config,
            folder=Path(tempfile.mkdtemp(dir=self.folder)),
            iceberg=lambda: open_home(self.iceberg, self.hive, lambda: self.glue),
        )
        self.made.append(made)
        return made

    def collect(
        self, files: int = 1, rows: int = 10, day: dt.date = DAY, *, schema: Schema | None = None,
        index: str = "default", select: str = "", spread: bool = False,
    ) -> list[DataFile]:  # fmt: skip
        """Commit so many files of so many rows, one commit each; `spread` over the day, else narrow."""
        return [
            self._collect(rows, day, schema or self.table.schema(), index, select, spread)
            for _ in range(files)
        ]

    def _collect(
        self, rows: int, day: dt.date, schema: Schema, index: str, select: str, spread: bool
    ) -> DataFile:
        number = next(self._numbers)
        name = commit_id(self.clock)
        local = self.folder / f"{name}.parquet"
        seconds = "86399.0 * i / greatest(1, {rows} - 1)" if spread else "({number} * 60 + i) % 86400"
        values = {
            "n": f"{number} * 1000000 + i",
            "who": "'user ' || (i % 7)",
            "what": "{'ip': '10.0.0.' || (i % 250), 'port': i::INTEGER}",
            "tp_id": f"md5('{number}-' || i)",
            "tp_timestamp": f"TIMESTAMP '{day}' + to_seconds({seconds.format(rows=rows, number=number)})",
        }
        columns = ", ".join(f"({values.get(n, 'NULL')})::{t} AS {n}" for n, t in schema.columns)
        source = select or f"SELECT {columns} FROM range({rows}) t(i)"
        options = parquet.copy_options(schema.table, schema.fingerprint)
        with duckdb.connect() as db:
            row = db.execute(f"COPY ({source} ORDER BY tp_timestamp) TO '{local}' ({options})").fetchone()
        assert row is not None
        copied = parquet.Copied.of(row)
        path = data_path(schema.table, PROD.name, index, day, f"{name}-0.parquet")
        file = DataFile(
            path, schema.table, PROD.name, index, day, copied.rows, copied.bytes, copied.footer_bytes,
            schema.fingerprint, parquet.statistics(("tp_timestamp", *self.table.statistics), copied.told),
        )  # fmt: skip
        self.ledger.put_schema(schema)
        self.hive.upload(path, local)
        local.unlink()
        commit(self.ledger, partition=PROD, id=name, kind="collect", time=self.clock, add=[file])
        return file

    def add(self, files: Sequence[DataFile]) -> None:
        """Make files live that stand somewhere, or nowhere."""
        name = commit_id(self.clock)
        commit(self.ledger, partition=PROD, id=name, kind="collect", time=self.clock, add=files)

    def remove(self, paths: Sequence[str]) -> None:
        """Take live files out, as `penstock partition delete` does."""
        commit(
            self.ledger,
            partition=PROD,
            id=commit_id(self.clock),
            kind="delete",
            time=self.clock,
            remove=paths,
        )

    def commits(self) -> list[Commit]:
        """The whole log, with its floor where commits were dropped."""
        return list(since(self.ledger, PROD, 0))

    def live(self) -> dict[str, DataFile]:
        """The live files, by a fold over the log."""
        found: dict[str, DataFile] = {}
        for one in self.commits():
            for path in one.remove:
                del found[path]
            found |= {file.path: file for file in one.add}
        return found

    def shown(self) -> set[str]:
        """Parquet files that a reader that globs sees, at the roots of the tiers too."""
        return {path for path in self.standing() if not is_hidden(path)}

    def standing(self) -> set[str]:
        """Every Parquet file in the hive, and at the roots of its tiers."""
        roots = {tier.place.root for tier in self.tiers}
        return set(listed(Site(self.hive, self.ledger, GRACE), roots))

    def rows(self, paths: Sequence[str] | None = None, columns: str = "*") -> list[tuple[Any, ...]]:
        """The rows of the live files (or of these), sorted; missing columns are null."""
        wanted = sorted(self.live() if paths is None else paths)
        if not wanted:
            return []
        with tempfile.TemporaryDirectory() as folder, duckdb.connect() as db:
            for number, path in enumerate(wanted):
                self.hive.download(path, Path(folder, f"{number}.parquet"))
            files = f"read_parquet('{folder}/*.parquet', union_by_name = true)"
            return db.execute(f"SELECT {columns} FROM {files} ORDER BY tp_id").fetchall()

    def globbed(self, column: str = "tp_id") -> list[Any]:
        """What an engine without the ledger sees: pyarrow's dataset, which hides `_` and `.` as they do."""
        root = self.hive.root
        assert not root.startswith("s3://")
        found = ds.dataset(root, partitioning="hive", format="parquet")
        return sorted(found.to_table(columns=[column]).column(column).to_pylist())

    def close(self) -> None:
        """Give the folders back."""
        for one in self.made:
            one.close()


class Frail:
    """A ledger whose attempts reach `after` once they are written."""

    def __init__(self, ledger: Ledger, after: Callable[[], None]) -> None:
        self._ledger = ledger
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def attempt(self, commit: Commit) -> None:
        """Write it, and perhaps do not come back."""
        self._ledger.attempt(commit)
        self._after()


def _no_bucket() -> Any:
    raise AssertionError("a bucket was asked for")


def make(folder: Path, store: Store | None = None) -> Yard:
    """An empty hive in a directory with SQLite, or on `store` with DynamoDB."""
    if store is None:
        url = f"sqlite:///{folder}/ledger.sqlite"
        return Yard(TieredHive(open_hive(str(folder / "hive")), _no_bucket), open_ledger(url), url, folder)
    name = uuid.uuid4().hex[:12]
    client, dynamodb = store.client("s3"), store.client("dynamodb")
    client.create_bucket(Bucket=f"hive-{name}")
    create_table(dynamodb, f"ledger-{name}")
    hive = TieredHive(open_hive(f"s3://hive-{name}/root", client), lambda: client)
    url = f"dynamodb://ledger-{name}"
    return Yard(hive, open_ledger(url, dynamodb=dynamodb, blobs=hive), url, folder)
