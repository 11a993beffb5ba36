"""The worker: takes messages, or objects that were listed, through plan, batches and commits.

messages ─read─▶ objects ─wanted? known?─▶ per partition ─cut─▶ commits
one commit: fetch ─▶ convert ─▶ intent ─▶ put files ─▶ commit ─▶ forget the intent
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
import time as clock
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from penstock import aws, convert, workfolder
from penstock.collect import plan as planning
from penstock.collect import schemas
from penstock.collect.deliver import deliver
from penstock.collect.landing import land
from penstock.collect.plan import Plan, Task
from penstock.collect.reach import Clients, Gathered, gather, named, streamed
from penstock.collect.replaced import Standing
from penstock.collect.report import Report, again
from penstock.config import Config, Partition, Settings
from penstock.errors import Retry
from penstock.hive import Hive
from penstock.ledger import Ledger
from penstock.model import PartitionId, Schema

__all__ = ["FOREVER", "Worker"]

_NO_TIME = "no time left in this invocation"

FOREVER = 1 << 31
"""Milliseconds left where nothing ends an invocation."""


@dataclass(slots=True)
class _Budget:
    """Whether another commit fits into the time that is left, judged by the slowest one so far.

    By those of this call only: a slow hour of S3 must not keep a warm process from ever working again.
    """

    remaining_ms: Callable[[], int]
    slowest: float = 0.0

    def is_spent(self) -> bool:
        return self.remaining_ms() < self.slowest * 1500 + 5000

    @contextmanager
    def spending(self) -> Iterator[None]:
        started = clock.monotonic()
        try:
            yield
        finally:
            self.slowest = max(self.slowest, clock.monotonic() - started)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _nothing(step: str) -> None:
    """Nobody watches the steps."""
    del step


@dataclass(slots=True)
class Worker:
    """Everything that collecting needs, made once per process; it may be called again and again.

    `step` is told the name of each step as it is about to be taken: whoever wants to see what
    dying there does raises. `standing` has the live files of partitions where rows are replaced.
    """

    settings: Settings
    hive: Hive
    ledger: Ledger
    clients: Clients
    read_config: Callable[[], Config]
    folder: Path = field(default_factory=workfolder.make)
    now: Callable[[], dt.datetime] = _now
    step: Callable[[str], None] = _nothing
    standing: dict[PartitionId, Standing] = field(default_factory=dict)
    _engine: duckdb.DuckDBPyConnection | None = None
    _schemas: set[tuple[str, str]] = field(default_factory=set)

    def handle(
        self, messages: Sequence[tuple[str, str]], remaining_ms: Callable[[], int] = lambda: FOREVER
    ) -> Report:
        """Collect what the messages (id, body) name.

        `Report.again` holds the ids that must come again, with the reason. Objects of one message
        that are done stay done. Never raises for what data, AWS or time do; ConfigError for a
        wrong configuration, and our own bugs escape.
        """
        report = Report()
        try:
            config = self.read_config()
            made = planning.plan(
                messages, config, lambda ref, source: named(self.clients, ref, source), report
            )
        except Retry as error:
            report.again = dict.fromkeys((message_id for message_id, _ in messages), str(error))
            return report
        self._work(made, report, _Budget(remaining_ms))
        return report

    def collect(
        self,
        partition: Partition,
        tasks: Sequence[Task],
        remaining_ms: Callable[[], int] = lambda: FOREVER,
    ) -> Report:
        """Collect these objects into the partition; `Report.again` holds identities. Raises as `handle`."""
        report = Report(objects=len(tasks))
        wanted = {task.ref.identity: task for task in tasks}
        owners = {identity: {identity} for identity in wanted}
        self._work(Plan({partition.id: (partition, wanted)}, owners), report, _Budget(remaining_ms))
        return report

    def close(self) -> None:
        """Give the work folder back."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        workfolder.give_back(self.folder)

    def engine(self) -> duckdb.DuckDBPyConnection:
        """The connection that converts, opened when it is first asked for."""
        if self._engine is None:
            self._engine = convert.open_engine(
                self.folder, memory_mb=self.settings.memory_mb, threads=self.settings.threads
            )
        return self._engine

    def remember_schema(self, schema: Schema) -> None:
        """Put it into the ledger, once for each process.

        Retry when older files cannot be read as it: nothing of it is written until somebody has mended
        the table, and all others go on.
        """
        seen = (schema.table, schema.fingerprint)
        if seen in self._schemas:
            return
        known = self.ledger.schemas(schema.table)
        if reasons := schemas.refused(schema, known, self.hive, self.folder):
            raise Retry("; ".join(map(str, reasons)))
        if schema.fingerprint not in known:
            self.ledger.put_schema(schema)
        self._schemas.add(seen)

    @contextmanager
    def workplace(self) -> Iterator[Path]:
        """A folder inside the engine's for one commit."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _work(self, made: Plan, report: Report, budget: _Budget) -> None:
        for partition, wanted in made.tasks.values():
            if partition.replaces != "nothing":
                deliver(self, partition, wanted, made.owners, report, budget.is_spent)
                continue
            for batch in self._batches(partition, wanted, made.owners, report):
                if budget.is_spent():
                    again(report, made.owners, batch, _NO_TIME)
                    continue
                with budget.spending():
                    large = self._collect(partition, batch, made.owners, report)
                self._collect_large(partition, large, made.owners, report, budget)

    def _batches(
        self,
        partition: Partition,
        wanted: Mapping[str, Task],
        owners: Mapping[str, set[str]],
        report: Report,
    ) -> Iterator[list[Task]]:
        """The objects that the ledger does not know, cut by count and bytes."""
        try:
            known = self.ledger.objects(partition.id, list(wanted))
        except Retry as error:
            again(report, owners, list(wanted.values()), str(error))
            return
        limits = (self.settings.commit_objects, self.settings.commit_bytes)
        yield from planning.batches(wanted, known, report, *limits)

    def _collect(
        self, partition: Partition, batch: Sequence[Task], owners: Mapping[str, set[str]], report: Report
    ) -> list[Task]:
        """One batch to one commit; gives those of it that are too large to be read at once."""
        large: list[Task] = []
        with self.workplace() as folder:
            try:
                self.step("fetch")
                found = self.gather(partition, batch, folder)
                for task, reason in found.again:
                    again(report, owners, [task], reason)
                large = found.large
                land(self, partition, found, folder, report)
            except (Retry, OSError) as error:
                apart = {task.ref.identity for task in large}
                rest = [task for task in batch if task.ref.identity not in apart]
                again(report, owners, rest, self._why(error))
        return large

    def gather(self, partition: Partition, batch: Sequence[Task], folder: Path) -> Gathered:
        """The texts of a batch's objects."""
        settings = self.settings
        return gather(
            self.clients,
            partition,
            batch,
            folder,
            fetchers=settings.fetchers,
            most=settings.max_inflated_bytes,
        )

    def _collect_large(
        self,
        partition: Partition,
        tasks: Sequence[Task],
        owners: Mapping[str, set[str]],
        report: Report,
        budget: _Budget,
    ) -> None:
        """A commit for each object too large to be read at once."""
        for task in tasks:
            if budget.is_spent():
                again(report, owners, [task], _NO_TIME)
                continue
            with self.workplace() as folder:
                try:
                    with budget.spending():
                        found = self.streamed(partition, task, folder)
                        land(self, partition, found, folder, report)
                except (Retry, OSError, *aws.AwsError) as error:
                    again(report, owners, [task], self._why(error))

    def _why(self, error: Exception) -> str:
        """What a fault says; the system's own name no place where the work folder is full."""
        return f"work folder {self.folder}: {error}" if isinstance(error, OSError) else str(error)

    def streamed(self, partition: Partition, task: Task, folder: Path) -> Gathered:
        """The text of an object too large to be read at once, block by block."""
        return streamed(self.clients, partition, task, folder, most=self.settings.max_inflated_bytes)
