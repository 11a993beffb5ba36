"""A person's run over one partition: list it, then collect here, or send it to the queue and follow."""

from __future__ import annotations

import datetime as dt
import tempfile
import time as clock
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from penstock.collect.bad import look_for_bad
from penstock.collect.find import is_here
from penstock.collect.follow import follow
from penstock.collect.listed import Listed, look
from penstock.collect.overwrite import Stopped, overwrite
from penstock.collect.plan import Task
from penstock.collect.report import Report, add
from penstock.collect.worker import FOREVER, Worker
from penstock.config import Config, Partition
from penstock.errors import ConfigError, PenstockError
from penstock.ledger import Ledger
from penstock.ledger.floor import since
from penstock.listing import Window
from penstock.model import PartitionId
from penstock.sources import Configured
from penstock.sources.file import FileSource
from penstock.sweep.queue import Queue

__all__ = ["FIRST", "Away", "Outcome", "Poll", "Range", "Watch", "run"]

FIRST = dt.timedelta(days=7)
"""How far back a run looks at least, when it is not told."""

_LATEST_COMMITS = 100
_SENT_AT_ONCE = 1000

State = Literal["done", "failed", "cancelled", "sent"]


@dataclass(frozen=True, slots=True)
class Range:
    """What to collect at `now`: from `start` (None: what is new) to before `end` (None: up to what comes
    while it runs); `overwrite` what is there, or `redrive` what is bad, whenever that was."""

    now: dt.datetime
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    overwrite: bool = False
    redrive: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """Who watches a run: is told what was listed (and meanwhile how many were `found`) and each step's
    report, and says when to stop.
    """

    listed: Callable[[Listed], None]
    tell: Callable[[Report], None]
    is_stopped: Callable[[], bool]
    found: Callable[[int], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Away:
    """The functions of a workspace on AWS: their queue, and the configuration they read."""

    queue: Queue
    read_config: Callable[[], Config]
    detach: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of a partition. `skipped` were known, `sent` went to the queue, `messages` say why not all
    is well; `failed` does not undo what was collected."""

    partition: PartitionId
    state: State = "done"
    found: int = 0
    skipped: int = 0
    bad_before: int = 0
    sent: int = 0
    report: Report = field(default_factory=Report)
    seconds: float = 0.0
    messages: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Poll = Callable[[Partition, Callable[[], int], Range], Report]
"""Asks the sources of a partition that announce nothing, in so many milliseconds."""


def run(
    worker: Worker,
    partition: Partition,
    asked: Range,
    watch: Watch,
    away: Away | None = None,
    poll: Poll | None = None,
) -> Outcome:
    """Collect a partition's objects in the range; here, unless there is somebody `away` to do it.

    What only this machine has is collected here in any case; sources that are polled are by `poll`,
    and left to the functions where they are at work. Never raises
    for what data, network or configuration of the source do: the outcome says so.
    """
    outcome = Outcome(partition.id)
    started = clock.monotonic()
    try:
        with tempfile.TemporaryDirectory(dir=worker.folder, ignore_cleanup_errors=True) as folder:
            passed_over = _run(worker, partition, asked, watch, away, outcome, Path(folder))
        if passed_over and asked.redrive:
            pass  # what is polled has no bad objects
        elif passed_over and poll and (away is None or asked.overwrite):
            _poll(poll, partition, asked, watch, outcome)
        else:
            outcome.notes += [f"{name} is collected by sweep" for name in passed_over]
    except Stopped:
        outcome.state = "cancelled"
    except (PenstockError, OSError) as error:  # OSError: no room for the list in the work folder
        outcome.state = "failed"
        outcome.messages.append(str(error))
    outcome.seconds = clock.monotonic() - started
    return outcome


def _run(
    worker: Worker,
    partition: Partition,
    asked: Range,
    watch: Watch,
    away: Away | None,
    outcome: Outcome,
    folder: Path,
) -> list[str]:
    """Everything that can be listed; gives the names of the sources that cannot."""
    start = asked.start or _recorded(worker.ledger, partition.id, asked.now)

    def window(source: Configured) -> Window:
        # Files of this machine are few and lie there as they came, whenever that was.
        whole = asked.start is None and isinstance(source, FileSource)
        return Window(None if whole else start, asked.end)

    def tick() -> None:
        if watch.is_stopped():
            raise Stopped

    if asked.redrive:
        listed = look_for_bad(worker, partition, folder, tick)
    else:
        again = asked.overwrite
        listed = look(
            worker, partition, window, folder, now=asked.now, all_of_them=again, tick=tick, tell=watch.found
        )
    outcome.found, outcome.bad_before = listed.found, listed.bad
    outcome.skipped = 0 if asked.overwrite else listed.known + listed.bad + len(listed.changed)
    if asked.redrive:  # of what is gone nobody can say more
        outcome.notes += listed.notes
    elif listed.notes or listed.changed:
        outcome.messages += [*listed.notes, *_of_changed(listed.changed)]
        outcome.state = "failed"
    watch.listed(listed)
    if asked.overwrite and listed.notes:  # a part of the range would keep its old rows
        outcome.messages.append("nothing was replaced")
        return listed.passed_over
    if asked.overwrite:
        windows = [window(source) for source in partition.sources]
        start_ = None if any(one.start is None for one in windows) else start
        whole = Window(start_, asked.end)
        outcome.report = overwrite(worker, partition, listed.tasks, whole, watch.tell, watch.is_stopped)
        _judge(outcome, stopped=False)
        return listed.passed_over
    if away is not None:
        _send(worker, partition, listed, watch, away, outcome)
    else:
        _here(worker, partition, listed.tasks(), watch, outcome)
    return listed.passed_over


def _of_changed(paths: list[str]) -> list[str]:
    """What a person has to decide of files that hold something else than when they were collected."""
    if not paths:
        return []
    are = "1 file holds" if len(paths) == 1 else f"{len(paths):,} files hold"
    return [
        f"{are} something else than when collected, {paths[0]} the first: not collected, as rows might "
        'be there twice; write replaces = "object" in the partition (what a file holds now takes the place '
        'of what it held) or "nothing" (it is added to that), or use --overwrite this time'
    ]


def _poll(poll: Poll, partition: Partition, asked: Range, watch: Watch, outcome: Outcome) -> None:
    """Ask the sources that announce nothing; they go on from where they were asked last."""
    report = poll(partition, lambda: 0 if watch.is_stopped() else FOREVER, asked)
    outcome.messages += report.again.values()
    outcome.notes += report.notes
    if asked.end and not asked.overwrite:
        outcome.notes.append(
            "sources that are polled go on from their position up to now; --to does not bound them"
        )
    if report.again:
        outcome.state = "failed"
    report.again = {}
    add(outcome.report, report)
    watch.tell(report)
    if watch.is_stopped():
        outcome.state = "cancelled"


def _recorded(ledger: Ledger, partition: PartitionId, now: dt.datetime) -> dt.datetime:
    """Where a run begins that is not told: seven days back, or at the newest day that is there, if older."""
    head = ledger.head(partition).version
    newest: dt.date | None = None
    after = head - _LATEST_COMMITS
    for commit in since(ledger, partition, after if after > ledger.begins(partition) else 0):
        days = [file.tp_date for file in commit.add if file.table == partition.table]
        newest = max([*days, newest] if newest else days, default=None)
    begin = now - FIRST
    if newest is not None:
        begin = min(begin, dt.datetime.combine(newest, dt.time(), dt.UTC) - dt.timedelta(days=1))
    return begin.replace(hour=0, minute=0, second=0, microsecond=0)


def _here(
    worker: Worker, partition: Partition, tasks: Iterator[Task], watch: Watch, outcome: Outcome
) -> None:
    stopped = False
    while group := list(islice(tasks, worker.settings.commit_objects)):
        report = worker.collect(partition, group, lambda: 0 if watch.is_stopped() else FOREVER)
        outcome.skipped += report.known
        stopped = watch.is_stopped()
        if stopped:
            report.again = {}  # they were not tried
        add(outcome.report, report)
        watch.tell(report)
        if stopped:
            break
    _judge(outcome, stopped=stopped)


def _judge(outcome: Outcome, *, stopped: bool) -> None:
    again = outcome.report.again
    if again:
        are = "1 object" if len(again) == 1 else f"{len(again):,} objects"
        outcome.messages += [f"{are} could not be had", *dict.fromkeys(again.values())]
        outcome.state = "failed"
    if stopped:
        outcome.state = "cancelled"


def _send(
    worker: Worker, partition: Partition, listed: Listed, watch: Watch, away: Away, outcome: Outcome
) -> None:
    """What the functions can reach goes to the queue, the rest is done here; then wait."""
    _require_deployed(partition, away)
    since = worker.ledger.head(partition.id).version

    def theirs() -> Iterator[Task]:
        return (task for task in listed.tasks() if not is_here(task.source))

    tasks = theirs()
    while group := list(islice(tasks, _SENT_AT_ONCE)):
        if watch.is_stopped():
            raise Stopped
        away.queue.send([task.ref for task in group], redrive=listed.redrive)
        outcome.sent += len(group)
    _here(worker, partition, (task for task in listed.tasks() if is_here(task.source)), watch, outcome)
    if away.detach and outcome.sent:
        outcome.state = "sent" if outcome.state == "done" else outcome.state
    elif outcome.sent:
        report = follow(
            worker.ledger,
            partition.id,
            theirs(),
            watch.tell,
            watch.is_stopped,
            since=since,
            redrive=listed.redrive,
        )
        add(outcome.report, replace(report, objects=0))
        if watch.is_stopped() and report.objects < outcome.sent:
            outcome.state = "cancelled"


def _require_deployed(partition: Partition, away: Away) -> None:
    """The functions go by their own configuration: what it lacks they would leave lying."""
    if all(is_here(source) for source in partition.sources):
        return
    found = away.read_config().partitions
    if partition.id not in found:
        known = ", ".join(map(str, sorted(found))) or "none"
        raise ConfigError(
            f'partition "{partition.id.table}" "{partition.id.name}": the functions do not know it, '
            f"only {known}; put its configuration under _config/ of the hive, or use --here"
        )
