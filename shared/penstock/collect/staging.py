"""Puts rows into the hive that no commit names yet, so that one commit can put them in place of others.

    fetch ─▶ convert ─▶ intent ─▶ put, batch by batch: nobody sees it
    rows of others that stand in the same files, written anew
    `swap`, one commit: old files out, both kinds of new files in
    the records that found no room in it: `write_records`

All files stand under one intent, renewed with each batch, and have hidden names as those of a merge.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from penstock.collect.landing import (
    SpoiltError,
    converted,
    delete,
    forget,
    put,
    require_fresh,
    without,
)
from penstock.collect.plan import Task
from penstock.collect.reach import Gathered
from penstock.collect.replaced import Origin, keep_others
from penstock.collect.report import Report, count
from penstock.config import Partition
from penstock.errors import Conflict, Retry, Taken
from penstock.hive import data_path
from penstock.ledger import MAX_OBJECTS
from penstock.ledger.commit import commit
from penstock.model import CursorMove, DataFile, Intent, ObjectRecord

if TYPE_CHECKING:
    from penstock.collect.worker import Worker

__all__ = ["Staged", "Swap", "retaken", "stage", "stage_texts", "swap", "take_back", "write_records"]


@dataclass(slots=True)
class Staged:
    """What stands in the hive under one intent and in no commit: `files` of new rows and `kept` ones, the
    records to come, and those of objects that are `bad`. `intended` is the time of the intent.
    """

    name: str
    time: dt.datetime
    files: list[DataFile] = field(default_factory=list)
    records: list[ObjectRecord] = field(default_factory=list)
    bad: list[ObjectRecord] = field(default_factory=list)
    origins: set[Origin] = field(default_factory=set)
    kept: list[DataFile] = field(default_factory=list)
    batches: int = 0
    intended: dt.datetime | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file that was put."""
        return tuple(file.path for file in (*self.files, *self.kept))


def stage(worker: Worker, partition: Partition, batch: Sequence[Task], staged: Staged) -> Report:
    """Put the new rows of a batch into the hive, in no commit yet; what that came to.

    Retry when an object cannot be had now.
    """
    told = Report(objects=len(batch))
    with worker.workplace() as folder:
        worker.step("fetch")
        found = worker.gather(partition, batch, folder)
        stage_texts(worker, partition, found, folder, staged, told)
    for task in found.large:
        with worker.workplace() as folder:
            texts = worker.streamed(partition, task, folder)
            stage_texts(worker, partition, texts, folder, staged, told)
    return told


def stage_texts(
    worker: Worker, partition: Partition, texts: Gathered, folder: Path, staged: Staged, told: Report
) -> None:
    """Put the rows of texts into the hive, in no commit yet."""
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
        stage_texts(worker, partition, rest, folder, staged, told)
        return
    staged.bad += [record for record in (*texts.bad, *records) if record.state == "bad"]
    bad = {record.identity for record in staged.bad}
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


def _intend(worker: Worker, partition: Partition, staged: Staged) -> None:
    """Name all that is put so far: one intent, renewed, so that its age is that of the last put.

    Retry when what was put may be deleted by now.
    """
    worker.step("intent")
    if staged.paths:
        _require_fresh(worker, staged)
        staged.intended = worker.now()
        worker.ledger.put_intent(Intent(staged.name, partition.id, staged.paths, staged.intended))


def _require_fresh(worker: Worker, staged: Staged) -> None:
    if staged.intended is not None:
        require_fresh(staged.name, staged.intended, worker.now())


def _keep(
    worker: Worker, partition: Partition, staged: Staged, files: Iterable[DataFile], taken: str
) -> list[str]:
    """Rewrite the rows of other objects that stand in the same files; the files to remove.

    `taken` is SQL that holds for the rows that are replaced.
    """
    remove: list[str] = []
    with worker.workplace() as folder:
        for number, file in enumerate(files):
            worker.step("rewrite")
            # A name of its own for each: DuckDB keeps what it read of a path, and may take it for the next.
            local, target = folder / f"old-{number}.parquet", folder / f"kept-{number}.parquet"
            try:
                worker.hive.download(file.path, local)
            except FileNotFoundError as error:
                raise Retry(f"{file.path}: it was removed while it was to be read: {error}") from error
            name = f"_{staged.name}-kept-{number}.parquet"
            path = data_path(file.table, file.partition, file.tp_index, file.tp_date, name)
            hit, kept = keep_others(worker.engine(), file, local, target, path, taken)
            if hit:
                remove.append(file.path)
            if kept is not None:
                staged.kept.append(kept)
                _intend(worker, partition, staged)
                worker.hive.upload(kept.path, target)
                worker.step("put one")
            local.unlink()
            target.unlink(missing_ok=True)
    return remove


def retaken(worker: Worker, partition: Partition, records: Sequence[ObjectRecord]) -> list[ObjectRecord]:
    """The records, each in place of the one that stands now."""
    known = worker.ledger.objects(partition.id, [record.identity for record in records])
    found: list[ObjectRecord] = []
    for record in records:
        old = known.get(record.identity)
        version = old.version if old is not None and old.state == "done" else 0
        found.append(replace(record, redrive=old is not None and not version, retake=version))
    return found


def _room(records: Sequence[ObjectRecord]) -> tuple[Sequence[ObjectRecord], Sequence[ObjectRecord]]:
    """The records that one commit takes, and the others: `write_records` is for those."""
    return records[:MAX_OBJECTS], records[MAX_OBJECTS:]


def write_records(
    worker: Worker, partition: Partition, staged: Staged, records: Sequence[ObjectRecord]
) -> None:
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


@dataclass(frozen=True, slots=True)
class Swap:
    """What is to be replaced as it was seen at the version `base`: live `files` that may hold it, SQL that
    holds for the rows `taken`; the records to come with the commit and the move of the cursor.
    """

    base: int
    files: Sequence[DataFile]
    taken: str
    records: Sequence[ObjectRecord] = ()
    cursor: CursorMove | None = None


def swap(
    worker: Worker,
    partition: Partition,
    staged: Staged,
    look: Callable[[Path], Swap],
    report: Report,
    attempts: int,
) -> Sequence[ObjectRecord]:
    """The commit, on top of whatever came between; gives the records that had no room in it.

    `look` sees what stands each time anew, with a folder for what it needs. Retry when others were
    first so often, and what `look` raises.
    """
    last: Conflict | None = None
    for _ in range(attempts):
        with worker.workplace() as folder:
            found = look(folder)
        remove = _keep(worker, partition, staged, found.files, found.taken)
        first, rest = _room(found.records)
        worker.step("commit")
        _require_fresh(worker, staged)
        try:
            landed = commit(
                worker.ledger,
                partition=partition.id,
                id=staged.name,
                kind="overwrite",
                time=staged.time,
                add=[*staged.files, *staged.kept],
                remove=remove,
                done=first,
                cursor=found.cursor,
                base=found.base,
            )
        except Conflict as conflict:  # a file was merged, an object taken or a cursor moved: look again
            last = conflict
            delete(worker, [file.path for file in staged.kept])
            staged.kept.clear()
            continue
        report.commits += 1
        report.retries += landed.retries
        report.files += len(staged.kept)
        return rest
    raise Retry(f"{partition.id}: others changed its files {attempts} times meanwhile: {last}") from last


def take_back(worker: Worker, staged: Staged, *, certain: bool) -> None:
    """Delete what was put. Unless it is `certain` that no put may yet arrive, and if a file stays, the
    intent stays too.
    """
    if delete(worker, staged.paths) and certain:
        forget(worker, staged.name, staged.paths)
