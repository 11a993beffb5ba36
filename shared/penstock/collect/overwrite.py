"""Collects objects again and replaces their rows in one commit: remove + add, with their records.

    new or bad ones   collected as ever, in commits of their own
    the others        fetch ─▶ convert ─▶ intent ─▶ put, batch by batch: nobody sees it
                      live files with their old rows ─▶ the rows of other objects, rewritten
                      commit: old files out, both kinds of new files in

Until that commit readers see the old rows, after it the new ones (G3). The files have hidden names,
as those of a merge: readers that glob see the old ones until compaction gives them public names.
Dying before the commit leaves the old rows, and an intent that names what was put.
`docs/decisions/overwrite.md` says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from penstock import aws
from penstock.collect.deliver import deliver
from penstock.collect.landing import commit_id, forget
from penstock.collect.plan import Task, batches
from penstock.collect.replaced import live_files, remember
from penstock.collect.report import Report, add
from penstock.collect.staging import Staged, Swap, retaken, stage, swap, take_back, write_records
from penstock.collect.worker import Worker
from penstock.config import Partition
from penstock.errors import ConfigError, OutcomeUnknown, Retry
from penstock.listing import Window
from penstock.model import DataFile, ObjectRecord

__all__ = ["Stopped", "overwrite"]

_ATTEMPTS = 5
_CHUNK = 1000  # objects that the ledger is asked about at once


class Stopped(Exception):
    """The person asked to stop; nothing was replaced."""


def overwrite(
    worker: Worker,
    partition: Partition,
    tasks: Callable[[], Iterator[Task]],
    window: Window,
    tell: Callable[[Report], None],
    is_stopped: Callable[[], bool],
) -> Report:
    """Replace the rows of the objects that `tasks` gives (each time anew, in the same order).

    `window` is the range they were found in, `tell` is given the report of each step. The report holds
    in `again` what could not be had: then nothing was replaced, but new objects may have been added.
    An object that cannot be read any more keeps its old rows and is reported as bad. Raises Retry,
    Stopped and ConfigError: nothing was replaced. OutcomeUnknown: it may have been.
    """
    if partition.replaces != "nothing":
        return _each(worker, partition, tasks, tell, is_stopped)
    report = Report()
    versions = _versions(worker, partition, tasks)
    had_rows = bool(versions or _live(worker, partition, versions, window)[1])
    for group in _groups(tasks(), worker.settings.commit_objects):
        if is_stopped():
            raise Stopped
        fresh = worker.collect(partition, [replace(task, redrive=True) for task in group])
        if had_rows:  # what it collected is read again below, and counted there
            fresh = Report(
                bad=fresh.bad,
                files=fresh.files,
                commits=fresh.commits,
                retries=fresh.retries,
                again=fresh.again,
                reasons=fresh.reasons,
            )
        add(report, fresh)
        tell(fresh)
    if report.again or not had_rows:
        return report
    staged = Staged(commit_id(worker.now()), worker.now())
    try:
        for batch in _done_before(worker, partition, tasks, report):
            if is_stopped():
                raise Stopped
            told = stage(worker, partition, batch, staged)
            add(report, replace(told, objects=0))
            tell(told)
        left = _replace(worker, partition, staged, window, report)
    except OutcomeUnknown:
        raise  # it may have been committed: the files stay, and the intent with them
    except (Stopped, Retry, ConfigError) as fault:
        take_back(worker, staged, certain=isinstance(fault, Stopped))
        raise
    except (OSError, *aws.AwsError) as fault:
        take_back(worker, staged, certain=False)
        raise Retry(f"{partition.id}: {fault}") from fault
    # From here on the files are live.
    worker.step("forget")
    forget(worker, staged.name, staged.paths)
    write_records(worker, partition, staged, left)
    return report


def _each(
    worker: Worker,
    partition: Partition,
    tasks: Callable[[], Iterator[Task]],
    tell: Callable[[Report], None],
    is_stopped: Callable[[], bool],
) -> Report:
    """Where new rows take the place of older ones anyway: what stands is delivered once more."""
    report = Report()
    for group in _groups(tasks(), worker.settings.commit_objects):
        if is_stopped():
            raise Stopped
        told = Report(objects=len(group))
        wanted = {task.ref.identity: task for task in group}
        deliver(worker, partition, wanted, {one: {one} for one in wanted}, told, is_stopped, again=True)
        add(report, told)
        tell(told)
    return report


def _groups(tasks: Iterator[Task], size: int) -> Iterator[list[Task]]:
    while group := list(islice(tasks, size)):
        yield group


def _versions(worker: Worker, partition: Partition, tasks: Callable[[], Iterator[Task]]) -> set[int]:
    """The versions at which the objects that are done were recorded."""
    found: set[int] = set()
    for group in _groups(tasks(), _CHUNK):
        known = worker.ledger.objects(partition.id, [task.ref.identity for task in group])
        found |= {record.version for record in known.values() if record.state == "done"}
    return found


def _live(
    worker: Worker, partition: Partition, versions: set[int], window: Window
) -> tuple[int, dict[str, DataFile]]:
    head = worker.ledger.head(partition.id).version
    return head, live_files(worker.ledger, partition.id, versions, window, head)


def _done_before(
    worker: Worker, partition: Partition, tasks: Callable[[], Iterator[Task]], report: Report
) -> Iterator[list[Task]]:
    """The objects whose rows are replaced, in batches; each once, though two sources may name it."""
    seen: set[str] = set()
    for group in _groups(tasks(), _CHUNK):
        wanted = {task.ref.identity: task for task in group if task.ref.identity not in seen}
        seen |= wanted.keys()
        known = worker.ledger.objects(partition.id, list(wanted))
        done = {one: task for one, task in wanted.items() if one in known and known[one].state == "done"}
        report.objects += len(wanted)
        settings = worker.settings
        yield from batches(done, {}, report, settings.commit_objects, settings.commit_bytes)


def _replace(
    worker: Worker, partition: Partition, staged: Staged, window: Window, report: Report
) -> Sequence[ObjectRecord]:
    """The commit; gives the records that had no room in it."""
    if not staged.records:
        return []

    def look(folder: Path) -> Swap:
        records = retaken(worker, partition, staged.records)
        base, files = _live(worker, partition, {record.retake for record in records}, window)
        taken = remember(worker.engine(), staged.origins, folder)
        return Swap(base, [*files.values()], taken, records)

    return swap(worker, partition, staged, look, report, _ATTEMPTS)
