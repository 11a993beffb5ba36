"""The worker: plans a batch of messages, and takes each commit through its steps.

    messages ─read─▶ objects ─wanted? known?─▶ per partition ─cut─▶ commits
    one commit: fetch ─▶ convert ─▶ intent ─▶ put files ─▶ commit ─▶ forget the intent

Dying anywhere before the commit leaves files that no reader of the ledger sees and an intent that
names them; the message comes back and the work is done anew under another commit id. Dying after
it leaves an intent without meaning; the message comes back and finds its objects known (G1).
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
import time as clock
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import duckdb

from penstock import aws, convert, fetch, notices
from penstock.config import Config, Partition, S3BucketSource, Settings
from penstock.errors import BadObject, OutcomeUnknown, Retry, Taken
from penstock.hive import Hive
from penstock.ledger import Ledger
from penstock.ledger.commit import commit
from penstock.model import Intent, ObjectRecord, ObjectRef, PartitionId
from penstock.standardize import Recipe

__all__ = ["Clients", "Report", "Worker", "commit_id"]

_NO_TIME = "no time left in this invocation"


class Clients(Protocol):
    """S3 clients by connection (`aws.<name>`)."""

    def __call__(self, connection: str) -> Any: ...


@dataclass(slots=True)
class Report:
    """What one call did: G2's numbers for the log, and what must come again with its reason."""

    objects: int = 0
    known: int = 0
    unwanted: int = 0
    done: int = 0
    bad: int = 0
    rows: int = 0
    stored: int = 0
    filtered: int = 0
    rejected: int = 0
    bytes: int = 0
    files: int = 0
    commits: int = 0
    retries: int = 0
    again: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Task:
    """An object that a partition wants, through one of its sources."""

    ref: ObjectRef
    source: S3BucketSource
    redrive: bool = False


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


def commit_id(now: dt.datetime) -> str:
    """A new commit's id: sorts by time, never comes twice."""
    return f"{now.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:16]}"


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _nothing(step: str) -> None:
    """Nobody watches the steps."""
    del step


@dataclass(slots=True)
class Worker:
    """Everything that collecting needs, made once per process; `handle` may be called again and again.

    `step` is told the name of each step as it is about to be taken: whoever wants to see what
    dying there does raises.
    """

    settings: Settings
    hive: Hive
    ledger: Ledger
    clients: Clients
    read_config: Callable[[], Config]
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="penstock-")))
    now: Callable[[], dt.datetime] = _now
    step: Callable[[str], None] = _nothing
    _engine: duckdb.DuckDBPyConnection | None = None
    _schemas: set[tuple[str, str]] = field(default_factory=set)

    def handle(
        self, messages: Sequence[tuple[str, str]], remaining_ms: Callable[[], int] = lambda: 1 << 31
    ) -> Report:
        """Collect what the messages (id, body) name.

        `Report.again` holds the ids that must come again, with the reason. Objects of one message
        that are done stay done. Never raises for what data, AWS or time do; ConfigError for a
        wrong configuration, and our own bugs escape.
        """
        report = Report()
        budget = _Budget(remaining_ms)
        try:
            tasks, owners = self._plan(messages, report)
        except Retry as error:
            report.again = dict.fromkeys((message_id for message_id, _ in messages), str(error))
            return report
        for partition, wanted in tasks.values():
            for batch in self._batches(partition, wanted, owners, report):
                if budget.is_spent():
                    _again(report, owners, batch, _NO_TIME)
                    continue
                with budget.spending():
                    large = self._collect(partition, batch, owners, report)
                self._collect_large(partition, large, owners, report, budget)
        return report

    def close(self) -> None:
        """Give the work folder back."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _plan(
        self, messages: Sequence[tuple[str, str]], report: Report
    ) -> tuple[dict[PartitionId, tuple[Partition, dict[str, _Task]]], dict[str, set[str]]]:
        """Tasks by partition and identity, and which messages named each identity."""
        config = self.read_config()
        tasks: dict[PartitionId, tuple[Partition, dict[str, _Task]]] = {}
        owners: dict[str, set[str]] = defaultdict(set)
        for message_id, body in messages:
            try:
                notice = notices.read(body)
            except ValueError as error:
                report.again[message_id] = f"message {message_id}: {error}"
                continue
            for ref in notice.objects:
                report.objects += 1
                wanted = config.partitions_for(ref.bucket, ref.key)
                report.unwanted += not wanted
                if not wanted:
                    continue
                try:
                    ref = self._named(ref, wanted[0][1])
                except (Retry, BadObject) as error:
                    report.again[message_id] = str(error)
                    continue
                owners[ref.identity].add(message_id)
                for partition, source, _ in wanted:
                    _, own = tasks.setdefault(partition.id, (partition, {}))
                    before = own.get(ref.identity)
                    again = notice.redrive or (before is not None and before.redrive)
                    own[ref.identity] = _Task(ref, source, again)
        return tasks, owners

    def _named(self, ref: ObjectRef, source: S3BucketSource) -> ObjectRef:
        """The object with the version or ETag that its identity needs; asked of S3 if not told."""
        if ref.etag or (ref.version_id and ref.version_id != "null"):
            return ref
        try:
            head = self.clients(source.connection).head_object(Bucket=ref.bucket, Key=ref.key)
        except aws.AwsError as error:
            raise aws.fault(error, ref.uri, "s3:GetObject") from error
        return replace(
            ref,
            etag=head["ETag"].strip('"'),
            version_id=head.get("VersionId"),
            size=head.get("ContentLength", ref.size),
        )

    def _batches(
        self,
        partition: Partition,
        wanted: Mapping[str, _Task],
        owners: Mapping[str, set[str]],
        report: Report,
    ) -> Iterator[list[_Task]]:
        """The objects that the ledger does not know, cut by count and bytes."""
        try:
            known = self.ledger.objects(partition.id, list(wanted))
        except Retry as error:
            _again(report, owners, list(wanted.values()), str(error))
            return
        batch: list[_Task] = []
        size = 0
        for identity, task in wanted.items():
            record = known.get(identity)
            if record is not None and not (record.state == "bad" and task.redrive):
                report.known += 1
                continue
            bytes_ = task.ref.size or 0
            full = len(batch) >= self.settings.commit_objects or size + bytes_ > self.settings.commit_bytes
            if batch and full:
                yield batch
                batch, size = [], 0
            batch.append(task)
            size += bytes_
        if batch:
            yield batch

    def _collect(
        self, partition: Partition, batch: Sequence[_Task], owners: Mapping[str, set[str]], report: Report
    ) -> list[_Task]:
        """One batch to one commit; gives those of it that are too large to be read at once."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        large: list[_Task] = []
        try:
            self.step("fetch")
            sources, records, large = self._fetch(batch, folder, owners, report)
            if sources or records:
                self._commit(partition, sources, records, folder, report)
        except (Retry, OSError) as error:
            apart = {task.ref.identity for task in large}
            _again(report, owners, [task for task in batch if task.ref.identity not in apart], str(error))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return large

    def _fetch(
        self, batch: Sequence[_Task], folder: Path, owners: Mapping[str, set[str]], report: Report
    ) -> tuple[list[convert.Source], list[ObjectRecord], list[_Task]]:
        """Texts of the objects; records of those that are bad already; those that are too large."""
        sources: list[convert.Source] = []
        bad: list[ObjectRecord] = []
        large: list[_Task] = []

        def one(number: int, task: _Task) -> fetch.Fetched | BadObject | Retry | None:
            try:
                return fetch.fetch(
                    self.clients(task.source.connection),
                    task.ref,
                    folder / f"{number:06d}",
                    at_once=convert.AT_ONCE,
                    most=self.settings.max_inflated_bytes,
                )
            except fetch.TooLarge:
                return None
            # Made anew: the traceback of the one that was raised keeps its connection open.
            except BadObject as error:
                return BadObject(error.name, error.reason)
            except Retry as error:
                return Retry(str(error))
            except aws.AwsError as error:  # of making the client: a profile or a role that is not there
                return Retry(f"{task.ref.uri}: connection.{task.source.connection}: {error}")
            except OSError as error:
                return Retry(f"{task.ref.uri}: no room in the work folder: {error}")

        with ThreadPoolExecutor(min(self.settings.fetchers, len(batch))) as pool:
            results = list(pool.map(one, range(len(batch)), batch))
        for task, result in zip(batch, results, strict=True):
            if isinstance(result, fetch.Fetched):
                sources.append(_source(task, result, result.text))
            elif isinstance(result, BadObject):
                bad.append(
                    ObjectRecord(task.ref.identity, "bad", reason=result.reason, bytes=task.ref.size or 0)
                )
            elif isinstance(result, Retry):
                _again(report, owners, [task], str(result))
            else:
                large.append(task)
        redriven = {task.ref.identity for task in batch if task.redrive}
        return sources, [replace(record, redrive=record.identity in redriven) for record in bad], large

    def _collect_large(
        self,
        partition: Partition,
        tasks: Sequence[_Task],
        owners: Mapping[str, set[str]],
        report: Report,
        budget: _Budget,
    ) -> None:
        """A commit for each object too large to be read at once."""
        for task in tasks:
            if budget.is_spent():
                _again(report, owners, [task], _NO_TIME)
                continue
            folder = Path(tempfile.mkdtemp(dir=self.folder))
            try:
                with budget.spending():
                    self._collect_stream(partition, task, folder, report)
            except (Retry, OSError, *aws.AwsError) as error:
                _again(report, owners, [task], str(error))
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def _collect_stream(self, partition: Partition, task: _Task, folder: Path, report: Report) -> None:
        client = self.clients(task.source.connection)
        try:
            known, blocks = fetch.stream(client, task.ref, most=self.settings.max_inflated_bytes)
        except BadObject as error:
            record = ObjectRecord(
                task.ref.identity,
                "bad",
                bytes=task.ref.size or 0,
                reason=error.reason,
                redrive=task.redrive,
            )
            self._commit(partition, [], [record], folder, report)
        else:
            self._commit(partition, [_source(task, known, blocks)], [], folder, report)

    def _commit(
        self,
        partition: Partition,
        sources: Sequence[convert.Source],
        records: Sequence[ObjectRecord],
        folder: Path,
        report: Report,
    ) -> None:
        """Convert and commit; objects that others took meanwhile are left to them."""
        while sources or records:
            try:
                self._once(partition, sources, records, folder, report)
            except Taken as taken:
                # The files hold rows that are another commit's by now: written anew without them.
                report.known += len(taken.identities)
                gone = set(taken.identities)
                sources = [source for source in sources if source.identity not in gone]
                records = [record for record in records if record.identity not in gone]
            else:
                return

    def _once(
        self,
        partition: Partition,
        sources: Sequence[convert.Source],
        records: Sequence[ObjectRecord],
        folder: Path,
        report: Report,
    ) -> None:
        now = self.now()
        name = commit_id(now)
        outputs = folder / name
        outputs.mkdir()
        self.step("convert")
        made = convert.convert(
            self._converter(), _recipe(partition), sources, commit=name, time=now, folder=outputs
        )
        redriven = {source.identity for source in sources if source.redrive}
        done = [*records, *(replace(r, redrive=r.identity in redriven) for r in made.records)]
        paths = tuple(written.file.path for written in made.files)
        if paths:
            self._remember_schemas(partition, made)
            self.step("intent")
            self.ledger.put_intent(Intent(name, partition.id, paths, now))
            self.step("put")
            try:
                self._put(made)
            except Retry:
                # A put whose answer was lost may yet arrive: the intent stays, to clear that too.
                self._delete(paths)
                raise
        self.step("commit")
        try:
            landed = commit(
                self.ledger,
                partition=partition.id,
                id=name,
                kind="collect",
                time=now,
                add=[written.file for written in made.files],
                done=done,
            )
        except OutcomeUnknown:
            # It may have been committed: the files stay, and the intent with them.
            raise
        except (Taken, Retry):
            # Certainly not written, nor will it be: see `commit`.
            if self._delete(paths):
                self._forget(name, paths)
            raise
        finally:
            shutil.rmtree(outputs, ignore_errors=True)
        report.commits += 1
        report.retries += landed.retries
        report.files += len(paths)
        _count(report, done)
        self.step("forget")
        self._forget(name, paths)

    def _put(self, made: convert.Converted) -> None:
        with ThreadPoolExecutor(min(8, len(made.files))) as pool:
            for _ in pool.map(lambda w: self.hive.upload(w.file.path, w.local), made.files):
                self.step("put one")

    def _delete(self, paths: Sequence[str]) -> bool:
        """Take files back of a commit that did not come; False if some stay for the intent's clean-up."""
        try:
            for path in paths:
                self.hive.delete(path)
        except Retry:
            return False
        return True

    def _forget(self, name: str, paths: Sequence[str]) -> None:
        """Drop the intent. One that stays tells the truth still: the log says whether its commit came."""
        if paths:
            with suppress(Retry):
                self.ledger.drop_intent(name)

    def _remember_schemas(self, partition: Partition, made: convert.Converted) -> None:
        for written in made.files:
            seen = (written.file.table, written.file.schema)
            if seen not in self._schemas:
                self.ledger.put_schema(convert.schema_of(partition.table, written.file.table))
                self._schemas.add(seen)

    def _converter(self) -> duckdb.DuckDBPyConnection:
        if self._engine is None:
            self._engine = convert.open_engine(
                self.folder, memory_mb=self.settings.memory_mb, threads=self.settings.threads
            )
        return self._engine


def _source(task: _Task, fetched: fetch.Fetched, text: Any) -> convert.Source:
    return convert.Source(
        identity=task.ref.identity,
        name=task.ref.uri,
        type=task.source.type,
        source_name=task.ref.bucket,
        location=task.ref.key,
        text=text,
        inflated=fetched.inflated,
        bytes=fetched.bytes,
        modified=fetched.modified,
        redrive=task.redrive,
    )


def _recipe(partition: Partition) -> Recipe:
    return Recipe(partition.table, partition.id.name, partition.filter, partition.tp_index)


def _again(report: Report, owners: Mapping[str, set[str]], tasks: Sequence[_Task], reason: str) -> None:
    for task in tasks:
        for message_id in owners[task.ref.identity]:
            report.again.setdefault(message_id, reason)


def _count(report: Report, done: Sequence[ObjectRecord]) -> None:
    for record in done:
        report.done += record.state == "done"
        report.bad += record.state == "bad"
        report.rows += record.rows_read
        report.stored += record.stored
        report.filtered += record.filtered
        report.rejected += record.rejected
        report.bytes += record.bytes
        if record.state == "bad":
            report.reasons[record.identity] = record.reason
