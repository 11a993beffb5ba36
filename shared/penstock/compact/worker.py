"""The compactor: brings a hive into the shape that its ledger, configuration and clock ask for.

    settle ─▶ look (the catalogue at the head) ─▶ expire ─▶ merge … ─▶ tier … ─▶ clear orphans
           ─▶ publish ─▶ drop old commits

Every part starts from what the ledger says and ends in a commit, so it may be stopped anywhere and
started again, and several may run at once. What the time does not suffice for is left to the next
run, which finds it in the same way.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from penstock import catalogue, convert, workfolder
from penstock.catalogue import State, change
from penstock.catalogue.shape import Columns
from penstock.compact import clean, drop, expire, iceberg, plan, publish, settle, tier
from penstock.compact import reindex as reindexing
from penstock.compact.iceberg import Home
from penstock.compact.live import Group, Live, Wanted
from penstock.compact.plan import Job, Policy
from penstock.compact.rewrite import Bench, Rewritten, rewrite
from penstock.compact.site import Site
from penstock.config import Config, Partition
from penstock.errors import ConfigError, PenstockError, Retry
from penstock.model import REJECTED_TABLE, PartitionId
from penstock.standardize import index_value

__all__ = ["Compactor", "Options", "Report", "declared"]

_RESERVE_MS = 30_000
_BYTES_A_SECOND = 2 << 20
"""Of stored bytes on one vCPU, by measuring (`make bench`); a slower pace is learnt, a faster one is not."""

_BYTES_COPIED_A_SECOND = 20 << 20
"""Within S3, eight files at once; between a directory and a bucket it may take longer, and goes on later."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to compact: sizes of `plan.Policy` (bytes), and what DuckDB may have (MiB, threads).

    `worth` is how many commits of a log are dropped at least, when they are.
    """

    policy: Policy
    memory_mb: int
    threads: int
    worth: int = drop.WORTH


@dataclass(slots=True)
class Report:
    """What one run did, in numbers for the log; `failed` holds what could not be done, with the reason."""

    merges: int = 0
    files_in: int = 0
    files_out: int = 0
    rows: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    repeated: int = 0
    lost: int = 0
    retries: int = 0
    left: int = 0
    flipped: int = 0
    deleted: int = 0
    owed: int = 0
    expired_days: int = 0
    expired_files: int = 0
    expired_rows: int = 0
    tiered_days: int = 0
    tiered_files: int = 0
    tiered_bytes: int = 0
    orphans: int = 0
    exported_files: int = 0
    published_bytes: int = 0
    dropped: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def goes_on(self) -> bool:
        """Whether another run would get further: time ran out, and this one did some of the work."""
        return self.left > 0 and self.merges + self.tiered_days > 0


def _silent(line: str) -> None:
    """Nobody wants to see the progress."""
    del line


@dataclass(slots=True)
class Compactor:
    """Everything that compacting needs, made once per process; `run` may be called again and again.

    `source` names the ledger (its URL). `tell` is given a line for each thing that was done. `iceberg`
    opens the Iceberg catalogue, when a partition is exported to it.
    """

    site: Site
    source: str
    options: Options
    read_config: Callable[[], Config]
    folder: Path = field(default_factory=workfolder.make)
    tell: Callable[[str], None] = _silent
    iceberg: Callable[[], Home] | None = None
    _home: Home | None = None
    _engine: duckdb.DuckDBPyConnection | None = None

    def run(
        self,
        wanted: Wanted | None = None,
        remaining_ms: Callable[[], int] = lambda: 1 << 31,
        *,
        reindex: bool = False,
    ) -> Report:
        """Do what is due in the wanted groups (None: everywhere), as far as the time goes.

        With `reindex`, files are divided anew by their partition's tp_index instead of merged. Never
        raises for what the network or single files do: `Report.failed` says it. Retry when the
        ledger cannot be read at all; ConfigError for a wrong configuration.
        """
        wanted = wanted or Wanted()
        report = Report()
        config = self.read_config()
        # Before anything is deleted: what an engine is told to read has to be there.
        behind = self._export(config, report)
        self._settle(wanted, report, behind)
        state = self.look(config)
        self._judge(config, state, report)
        self._expire(config, state, wanted, report)
        jobs = self.plan(config, state, wanted, reindex=reindex)
        self._rewrite(config, state, jobs, report, remaining_ms, reindex=reindex)
        self._tier(config, state, wanted, report, remaining_ms, busy={job.group for job in jobs})
        self._finish(config, report)
        return report

    def look(self, config: Config) -> State:
        """The catalogue at the ledger's head."""
        path = self.folder / "penstock.ducklake"
        return publish.bring_up(path, self.site, source=self.source, declared=declared(config))

    def plan(self, config: Config, state: State, wanted: Wanted, *, reindex: bool = False) -> list[Job]:
        """What there is to merge, or to divide anew."""
        found = self.live(state).groups(wanted, at_least=1 if reindex else 2)
        groups = {g: [file for file in files if self.site.reaches(file.path)] for g, files in found.items()}
        if reindex:
            columns = {partition.id: partition.tp_index for partition in config.partitions.values()}
            return reindexing.jobs(groups, columns, self.options.policy)
        unique = frozenset(group for group in groups if _unique_key(config, group))
        return plan.jobs(groups, self.options.policy, self.site.now(), unique=unique)

    def live(self, state: State) -> Live:
        """The live files of a state."""
        return Live(state.path, self.site.hive.root)

    def close(self) -> None:
        """Give the work folder back."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        workfolder.give_back(self.folder)

    def _export(self, config: Config, report: Report, state: State | None = None) -> frozenset[PartitionId]:
        """Bring the Iceberg tables to `state` (None: as it is now); the partitions for which that failed."""
        exported = frozenset(p.id for p in config.partitions.values() if p.export)
        if not exported:
            return exported
        try:
            self._home = self._home or (self.iceberg() if self.iceberg else None)
            if self._home is None:
                raise ConfigError('export = "iceberg": found no catalogue for it')
            done = iceberg.publish(self.site, self._home, state or self.look(config), exported)
        except PenstockError as error:
            report.failed["iceberg"] = str(error)
            return exported
        report.exported_files += done.added
        report.failed |= {f"iceberg {table}": reason for table, reason in done.failed.items()}
        whole = REJECTED_TABLE not in done.failed
        return frozenset(p for p in exported if p.table in done.failed or not whole)

    def _settle(self, wanted: Wanted, report: Report, behind: Set[PartitionId]) -> None:
        for partition in self.site.ledger.partitions():
            if wanted.partitions is not None and partition not in wanted.partitions:
                continue
            if partition in behind:
                continue
            try:
                done = settle.settle(self.site, partition)
            except PenstockError as error:
                report.failed[str(partition)] = str(error)
                continue
            report.flipped += done.flipped
            report.deleted += done.deleted
            report.owed += done.owed
            report.lost += done.lost
            if done.flipped or done.deleted:
                self.tell(f"{partition}: {done.flipped} files shown, {done.deleted} deleted")

    def _judge(self, config: Config, state: State, report: Report) -> None:
        """Tell of tables that cannot read their files any more; those are merged with their old types."""
        found = change.held(state.path)
        for table, columns in declared(config).items():
            if reasons := change.unreadable(table, columns, found):
                report.failed[f"table {table}"] = "; ".join(map(str, reasons))

    def _expire(self, config: Config, state: State, wanted: Wanted, report: Report) -> None:
        keep = {
            partition.id: partition.retention
            for partition in config.partitions.values()
            if partition.retention is not None
            and partition.id in state.versions
            and (wanted.partitions is None or partition.id in wanted.partitions)
        }
        try:
            done = expire.expire(self.site, self.live(state), state.versions, keep)
        except Retry as error:
            report.failed["expire"] = str(error)
            return
        report.expired_days += done.days
        report.expired_files += done.files
        report.expired_rows += done.rows
        if done.days:
            self.tell(f"expired: {done.days} days, {done.files} files, {done.rows} rows")

    def _rewrite(
        self,
        config: Config,
        state: State,
        jobs: Sequence[Job],
        report: Report,
        remaining_ms: Callable[[], int],
        *,
        reindex: bool,
    ) -> None:
        """Job by job, as long as the next one fits into the time, judged by the slowest byte so far."""
        pace = float(_BYTES_A_SECOND)
        for job in jobs:
            if remaining_ms() < job.bytes / pace * 1500 + _RESERVE_MS:
                report.left += 1
                continue
            started = clock.monotonic()
            try:
                done = rewrite(
                    self.site,
                    self._bench(),
                    job,
                    base=state.versions[job.group.partition],
                    declared=declared(config).get(job.group.table),
                    unique_key=_unique_key(config, job.group),
                    index=index_value(config.partitions[job.group.partition].tp_index) if reindex else None,
                )
            except PenstockError as error:
                report.failed[str(job.group)] = str(error)
                continue
            pace = min(pace, max(1.0, job.bytes / max(0.001, clock.monotonic() - started)))
            _count(report, done)
            if done:
                self.tell(
                    f"{job.group}: {done.files_in} files to {done.files_out}, {done.rows} rows, "
                    f"{done.bytes_in} bytes to {done.bytes_out}"
                )

    def _tier(
        self,
        config: Config,
        state: State,
        wanted: Wanted,
        report: Report,
        remaining_ms: Callable[[], int],
        *,
        busy: Collection[Group],
    ) -> None:
        """Day by day, as long as there is time."""
        tiers = {
            one.id: one.tiers
            for one in config.partitions.values()
            if one.tiers
            and one.id in state.versions
            and (wanted.partitions is None or one.id in wanted.partitions)
            and self._is_apart(one, report)
        }
        for day in tier.due(self.live(state), tiers, wanted, self.site, busy):
            if remaining_ms() < day.bytes / _BYTES_COPIED_A_SECOND * 1000 + _RESERVE_MS:
                report.left += 1
                continue
            try:
                done = tier.move(self.site, day, state.versions[day.partition])
            except PenstockError as error:
                report.failed[f"tier {day}"] = str(error)
                continue
            if done is None:
                report.lost += 1
                continue
            report.tiered_days += 1
            report.tiered_files += done.files
            report.tiered_bytes += done.bytes
            self.tell(f"{day}: {done.files} files, {done.bytes} bytes to {day.place}")

    def _is_apart(self, partition: Partition, report: Report) -> bool:
        try:
            tier.require_apart(partition, self.site.hive.root)
        except ConfigError as error:
            report.failed[f"tier {partition.id}"] = str(error)
            return False
        return True

    def _finish(self, config: Config, report: Report) -> None:
        """Clear orphans against the newest state, publish it, and export it."""
        try:
            intents = clean.abandoned(self.site)
            state = self.look(config)
            report.orphans = clean.clear(self.site, intents, self.live(state)).files
            report.published_bytes = publish.publish(self.site, state).bytes
            for partition in state.versions:
                report.dropped += drop.drop(self.site, partition, worth=self.options.worth)
            self._export(config, report, state)
        except Retry as error:
            report.failed["publish"] = str(error)

    def _bench(self) -> Bench:
        work = self.folder / "work"
        if self._engine is None:
            self._engine = convert.open_engine(
                work, memory_mb=self.options.memory_mb, threads=self.options.threads
            )
        return Bench(self._engine, work, self.options.memory_mb)


def declared(config: Config) -> dict[str, Columns]:
    """The columns of every table there is, built in or configured, by name."""
    configured = {p.table.name: p.table.all_columns() for p in config.partitions.values()}
    return catalogue.built_in() | configured


def _unique_key(config: Config, group: Group) -> str | None:
    partition = config.partitions.get(group.partition)
    return partition.unique_key if partition and group.table == group.partition.table else None


def _count(report: Report, done: Rewritten | None) -> None:
    if done is None:
        report.lost += 1
        return
    report.merges += 1
    for name in ("files_in", "files_out", "rows", "bytes_in", "bytes_out", "repeated", "retries"):
        setattr(report, name, getattr(report, name) + getattr(done, name))
