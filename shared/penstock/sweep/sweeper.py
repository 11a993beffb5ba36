"""The sweeper: what a source lists and the ledger does not know goes to the queue.

    lease ─▶ position ─▶ list ─▶ ask the ledger ─▶ send what is missing ─▶ move the cursor ─▶ …

Dying anywhere loses nothing: the cursor only moves behind objects that are on the queue or known.
What is sent twice is collected once (G1). Where a sweep ends for lack of time, the next one goes on.
"""

from __future__ import annotations

import datetime as dt
import time as clock
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from penstock import aws, collect
from penstock.collect.landing import commit_id
from penstock.config import Config, Partition, Settings
from penstock.errors import ConfigError, Conflict, Retry
from penstock.ledger import Ledger
from penstock.ledger.commit import commit
from penstock.listing import Seen, parts
from penstock.model import CursorMove, ObjectRef
from penstock.poll import is_polled
from penstock.sources.aws_s3_bucket import S3BucketSource
from penstock.sweep.position import Extent, Pass, Position, begin, cursor_name
from penstock.sweep.queue import Queue
from penstock.sweep.report import Report

__all__ = ["Sweeper"]

_ASKED = 1000  # objects asked for and sent at once
_MOVE_EVERY = 60.0  # seconds between moves of the cursor: each is a commit that collecting waits for
_RESERVE = 60.0  # seconds to finish what was begun: a batch to send, or what was polled to commit
_BACKLOG = 1000  # messages on the queue above which no new pass begins: it would send them again
_LEASE_MARGIN = dt.timedelta(minutes=1)


class _OutOfTime(Exception):
    """The time of this sweep is spent."""


@dataclass(slots=True)
class _Run:
    """One call: its configuration, what it did, and the sources that are done (partition and cursor)."""

    config: Config
    report: Report = field(default_factory=Report)
    done: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Task:
    """One pass over one source. Objects younger than `end` are left to their events and to the next
    pass, which begins at `next`; those that it would not find are taken now.
    """

    config: Config
    partition: Partition
    source: S3BucketSource
    end: dt.datetime
    next: dt.datetime

    def wants(self, ref: ObjectRef) -> bool:
        """Whether the partition takes this object, by this source, in this pass."""
        for partition, source, captures in self.config.partitions_for(ref.bucket, ref.key):
            if partition is self.partition and source is self.source:
                span = source.layout.span(captures)
                settled = ref.last_modified is None or ref.last_modified < self.end
                return settled or (span is not None and span[1] <= self.next)
        return False


@dataclass(slots=True)
class _Batch:
    """Objects found since the batch before, and the pass as it stands behind them (None: through)."""

    refs: list[ObjectRef]
    behind: Pass | None
    last: bool


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _nothing(step: str) -> None:
    """Nobody watches the steps."""
    del step


@dataclass(slots=True)
class Sweeper:
    """Everything that sweeping needs, made once per process; `run` may be called again and again.

    `poll` collects what the polled sources of a partition have, in so many milliseconds. `owner`
    names this process in its leases. `step` is told the name of each step as it is about to
    be taken: whoever wants to see what dying there does raises.
    """

    settings: Settings
    ledger: Ledger
    queue: Queue
    clients: Callable[[str], Any]
    read_config: Callable[[], Config]
    poll: Callable[[Partition, Callable[[], int]], collect.Report]
    owner: str
    now: Callable[[], dt.datetime] = _now
    monotonic: Callable[[], float] = clock.monotonic
    step: Callable[[str], None] = _nothing

    def run(self, remaining_ms: Callable[[], int] = lambda: 900_000, only: Collection[str] = ()) -> Report:
        """Sweep every partition of the configuration, each with a fair share of the time left.

        `only` names some (`table.partition`) that an earlier run left unfinished. What AWS or time
        do to one partition is in the report; Retry and ConfigError escape only for a configuration
        that cannot be had.
        """
        run = _Run(self.read_config())
        waiting = [one for one in run.config.partitions.values() if not only or str(one.id) in only]
        while waiting and (left := remaining_ms() / 1000 - _RESERVE) > 0:
            unfinished = []
            for number, partition in enumerate(waiting):
                share = max(0.0, left) / (len(waiting) - number)
                if not self._partition(run, partition, share):
                    unfinished.append(partition)
                left = remaining_ms() / 1000 - _RESERVE
            waiting = unfinished
        run.report.unfinished = [str(partition.id) for partition in waiting]
        return run.report

    def _partition(self, run: _Run, partition: Partition, seconds: float) -> bool:
        """Sweep the sources of a partition, one sweep at a time; False when time ran out."""
        name, lease = str(partition.id), f"sweep#{partition.id}"
        deadline = self.monotonic() + seconds
        until = self.now() + dt.timedelta(seconds=seconds + _RESERVE) + _LEASE_MARGIN
        if not any(isinstance(one, S3BucketSource) or is_polled(one) for one in partition.sources):
            return True
        try:
            self.step("lease")
            if self.ledger.acquire(lease, self.owner, self.now(), until) is None:
                run.report.busy.append(name)
                return True
            try:
                return self._sources(run, partition, deadline)
            finally:
                self.step("release")
                with suppress(Retry):
                    self.ledger.release(lease, self.owner)
        except (ConfigError, Conflict, Retry) as error:
            run.report.failed[name] = str(error)
            return True

    def _sources(self, run: _Run, partition: Partition, deadline: float) -> bool:
        """List the buckets of a partition, and poll what sends no events; False when time ran out."""
        for source in partition.sources:
            if not isinstance(source, S3BucketSource):
                continue
            done = (str(partition.id), cursor_name(source))
            if done not in run.done:
                if not self._source(run, partition, source, deadline):
                    return False
                run.done.add(done)
        return self._poll(run, partition, deadline) if any(map(is_polled, partition.sources)) else True

    def _poll(self, run: _Run, partition: Partition, deadline: float) -> bool:
        """Collect what the polled sources have that is new."""

        def left() -> int:
            return max(0, int((deadline + _RESERVE - self.monotonic()) * 1000))

        self.step("poll")
        polled = self.poll(partition, left)
        run.report.rows += polled.rows
        run.report.moves += polled.commits
        if left() <= _RESERVE * 1000:
            return False
        if polled.again:
            raise Retry("; ".join(polled.again.values()))
        return True

    def _source(self, run: _Run, partition: Partition, source: S3BucketSource, deadline: float) -> bool:
        """Take one source's pass as far as time allows; False when that is not to its end."""
        name = cursor_name(source)
        cursor = self.ledger.cursor(partition.id, name)
        position = Position.from_text(cursor)
        if position.current is None and position.until and self.queue.waiting() > _BACKLOG:
            run.report.held.append(str(partition.id))
            return True
        extent = self._extent()
        current = begin(position, extent, self.now())
        task = _Task(run.config, partition, source, current.end, current.end - extent.look_back)

        def tick() -> None:
            self.step("list")
            if self.monotonic() >= deadline:
                raise _OutOfTime

        seen = Seen(tick=tick)
        moved = self.monotonic()
        behind: Pass | None = current
        try:
            for batch in _batches(source, self._client(source), current, seen):
                self._send_missing(task, batch.refs, run.report)
                behind = batch.behind
                if batch.last or self.monotonic() - moved > _MOVE_EVERY:
                    done = Position(current.end) if behind is None else replace(position, current=behind)
                    cursor = self._move(partition, CursorMove(name, cursor, done.to_text()), run.report)
                    moved = self.monotonic()
        finally:
            run.report.requests += seen.requests
            run.report.keys += seen.keys
        return behind is None

    def _client(self, source: S3BucketSource) -> Any:
        try:
            return self.clients(source.connection)
        except aws.AwsError as error:  # a profile or a role that is not there
            raise Retry(f"{source.place}: connection.{source.connection}: {error}") from error

    def _extent(self) -> Extent:
        return Extent(
            first=dt.timedelta(days=self.settings.sweep_first_days),
            look_back=dt.timedelta(hours=self.settings.sweep_look_back_hours),
            settle=dt.timedelta(minutes=self.settings.sweep_settle_minutes),
        )

    def _send_missing(self, task: _Task, refs: Sequence[ObjectRef], report: Report) -> None:
        """Put on the queue what the partition wants of these and does not have."""
        wanted = [ref for ref in refs if task.wants(ref)]
        report.objects += len(wanted)
        if not wanted:
            return
        self.step("ask")
        known = self.ledger.objects(task.partition.id, [ref.identity for ref in wanted])
        missing = [ref for ref in wanted if ref.identity not in known]
        report.known += len(wanted) - len(missing)
        if missing:
            self.step("send")
            self.queue.send(missing)
            self.step("sent")
            report.queued += len(missing)

    def _move(self, partition: Partition, move: CursorMove, report: Report) -> str:
        """Move a cursor, by a commit that does nothing else; where it stands then."""
        if move.now != move.seen:
            self.step("move")
            now = self.now()
            commit(
                self.ledger, partition=partition.id, id=commit_id(now), kind="sweep", time=now, cursor=move
            )
            self.step("moved")
            report.moves += 1
        return move.now


def _batches(source: S3BucketSource, client: Any, current: Pass, seen: Seen) -> Iterator[_Batch]:
    """What is left of the pass, cut so that all versions of a key are in one batch."""
    refs: list[ObjectRef] = []
    behind = current
    found = parts(
        source,
        client,
        current.window,
        left=current.left,
        after=current.after,
        by_folder=current.by_folder,
        newest_first=current.newest_first,
        seen=seen,
    )
    try:
        for stretch, listed in found:
            for ref in listed:
                if len(refs) >= _ASKED and ref.key != refs[-1].key:
                    behind = current.at(stretch, seen.behind) if seen.behind else behind
                    yield _Batch(refs, behind, last=False)
                    refs = []
                refs.append(ref)
            behind = current.at(stretch, seen.behind)
        yield _Batch(refs, None, last=True)
    except _OutOfTime:
        # Further versions of the last key may stand on the page that was not asked for.
        refs = [ref for ref in refs if ref.key != seen.key]
        if seen.key and seen.behind:
            behind = current.at(stretch, seen.behind)
        if behind is current and seen.requests:
            # What is held until it can be put in order was not all found in the time there is.
            behind = replace(current, by_folder=True)
        yield _Batch(refs, behind, last=True)
