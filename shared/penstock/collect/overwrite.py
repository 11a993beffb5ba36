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

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from penstock import aws
from penstock.collect.landing import SpoiltError, commit_id, converted, delete, forget, put, without
from penstock.collect.plan import Task, batches
from penstock.collect.reach import Gathered
from penstock.collect.replaced import Origin, keep_others, live_files, remember
from penstock.collect.report import Report, add, count
from penstock.collect.worker import Worker
from penstock.config import Partition
from penstock.errors import ConfigError, Conflict, OutcomeUnknown, Retry, Taken
from penstock.hive import data_path
from penstock.ledger import MAX_OBJECTS
from penstock.ledger.commit import commit
from penstock.listing import Window
from penstock.model import DataFile, Intent, ObjectRecord

__all__ = ["Stopped", "overwrite"]

_ATTEMPTS = 5
_CHUNK = 1000  # objects that the ledger is asked about at once


class Stopped(Exception):
    """The person asked to stop; nothing was replaced."""


@dataclass(slots=True)
class _Staged:
    """What stands in the hive under one intent and in no commit: new files, and the records to come."""

    name: str
    time: dt.datetime
    files: list[DataFile] = field(default_factory=list)
    records: list[ObjectRecord] = field(default_factory=list)
    origins: set[Origin] = field(default_factory=set)
    kept: list[DataFile] = field(default_factory=list)
    batches: int = 0

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(file.path for file in (*self.files, *self.kept))


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
    staged = _Staged(commit_id(worker.now()), worker.now())
    try:
        for batch in _done_before(worker, partition, tasks, report):
            if is_stopped():
                raise Stopped
            tell(_stage(worker, partition, batch, staged, report))
        left = _replace(worker, partition, staged, window, report)
    except OutcomeUnknown:
        raise  # it may have been committed: the files stay, and the intent with them
    except (Stopped, Retry, ConfigError) as fault:
        _take_back(worker, staged, fault)
        raise
    except (OSError, *aws.AwsError) as fault:
        _take_back(worker, staged, fault)
        raise Retry(f"{partition.id}: {fault}") from fault
    # From here on the files are live.
    worker.step("forget")
    forget(worker, staged.name, staged.paths)
    _record(worker, partition, staged, left)
    return report


def _take_back(worker: Worker, staged: _Staged, fault: BaseException) -> None:
    """Delete what was put; where a put may yet arrive, or a file stays, the intent stays too."""
    gone = delete(worker, staged.paths)
    if gone and isinstance(fault, Stopped):
        forget(worker, staged.name, staged.paths)


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


def _stage(
    worker: Worker, partition: Partition, batch: Sequence[Task], staged: _Staged, report: Report
) -> Report:
    """Put the new rows of a batch into the hive, in no commit yet; what that came to."""
    told = Report(objects=len(batch))
    with worker.workplace() as folder:
        worker.step("fetch")
        found = worker.gather(partition, batch, folder)
        _stage_texts(worker, partition, found, folder, staged, told)
    for task in found.large:
        with worker.workplace() as folder:
            texts = worker.streamed(partition, task, folder)
            _stage_texts(worker, partition, texts, folder, staged, told)
    add(report, replace(told, objects=0))
    return told


def _stage_texts(
    worker: Worker, partition: Partition, texts: Gathered, folder: Path, staged: _Staged, told: Report
) -> None:
    if texts.again:
        task, reason = texts.again[0]
        raise Retry(f"{len(texts.again)} objects cannot be had now, {task.ref.uri} the first: {reason}")
    worker.step("convert")
    name = f"_{staged.name}-{staged.batches:05d}"
    staged.batches += 1
    try:
        made, records = converted(worker, partition, texts, name, staged.time, _within(folder, name))
    except SpoiltError as spoilt:
        rest = without(texts, [spoilt.record.identity])
        rest.bad.append(spoilt.record)
        _stage_texts(worker, partition, rest, folder, staged, told)
        return
    bad = {record.identity for record in (*texts.bad, *records) if record.state == "bad"}
    staged.records += [record for record in records if record.identity not in bad]
    staged.origins |= {
        Origin.of(one, archive=one.identity in texts.owner)
        for one in texts.sources
        if texts.owner.get(one.identity, one.identity) not in bad
    }
    staged.files += [written.file for written in made.files]
    _intend(worker, partition, staged)
    worker.step("put")
    put(worker, made)
    told.files += len(made.files)
    count(told, [*texts.bad, *records])


def _within(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made


def _intend(worker: Worker, partition: Partition, staged: _Staged) -> None:
    """Name all that is put so far: one intent, renewed, so that its age is that of the last put."""
    worker.step("intent")
    if staged.paths:
        worker.ledger.put_intent(Intent(staged.name, partition.id, staged.paths, worker.now()))


def _replace(
    worker: Worker, partition: Partition, staged: _Staged, window: Window, report: Report
) -> list[ObjectRecord]:
    """The commit, on top of whatever came between; gives the records that had no room in it."""
    last: Conflict | None = None
    if not staged.records:
        return []
    for _ in range(_ATTEMPTS):
        records = _retaken(worker, partition, staged)
        base, files = _live(worker, partition, {record.retake for record in records}, window)
        remove = _keep(worker, partition, staged, files)
        worker.step("commit")
        try:
            landed = commit(
                worker.ledger,
                partition=partition.id,
                id=staged.name,
                kind="overwrite",
                time=staged.time,
                add=[*staged.files, *staged.kept],
                remove=remove,
                done=records[:MAX_OBJECTS],
                base=base,
            )
        except Conflict as conflict:  # a file was merged or an object taken meanwhile: look again
            last = conflict
            delete(worker, [file.path for file in staged.kept])
            staged.kept.clear()
            continue
        report.commits += 1
        report.retries += landed.retries
        report.files += len(staged.kept)
        return records[MAX_OBJECTS:]
    raise Retry(f"{partition.id}: others changed its files {_ATTEMPTS} times meanwhile: {last}") from last


def _retaken(worker: Worker, partition: Partition, staged: _Staged) -> list[ObjectRecord]:
    """The new records, each in place of the one that stands now."""
    known = worker.ledger.objects(partition.id, [record.identity for record in staged.records])
    versions = {identity: record.version for identity, record in known.items()}
    return [
        replace(record, redrive=False, retake=versions.get(record.identity, 0)) for record in staged.records
    ]


def _keep(worker: Worker, partition: Partition, staged: _Staged, files: dict[str, DataFile]) -> list[str]:
    """Rewrite the rows of other objects that stand in the same files; the files to remove."""
    remove: list[str] = []
    with worker.workplace() as folder:
        remember(worker.engine(), staged.origins, folder)
        for number, file in enumerate(files.values()):
            worker.step("rewrite")
            local, target = folder / "old.parquet", folder / "kept.parquet"
            try:
                worker.hive.download(file.path, local)
            except FileNotFoundError as error:
                raise Retry(f"{file.path}: it was removed while it was to be read: {error}") from error
            name = f"_{staged.name}-kept-{number}.parquet"
            path = data_path(file.table, file.partition, file.tp_index, file.tp_date, name)
            hit, kept = keep_others(worker.engine(), file, local, target, path)
            if hit:
                remove.append(file.path)
            if kept is not None:
                staged.kept.append(kept)
                _intend(worker, partition, staged)
                worker.hive.upload(kept.path, target)
                worker.step("put one")
    return remove


def _record(worker: Worker, partition: Partition, staged: _Staged, records: Sequence[ObjectRecord]) -> None:
    """Write the records that the commit had no room for; the rows are right without them."""
    for number, start in enumerate(range(0, len(records), MAX_OBJECTS)):
        worker.step("record")
        try:
            commit(
                worker.ledger,
                partition=partition.id,
                id=f"{staged.name}-records-{number}",
                kind="overwrite",
                time=staged.time,
                done=records[start : start + MAX_OBJECTS],
            )
        except Taken:
            continue  # another overwrite has newer ones
