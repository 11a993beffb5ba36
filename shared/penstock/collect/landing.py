"""One commit from texts to the ledger: convert ─▶ intent ─▶ put files ─▶ commit ─▶ forget the intent.

Dying anywhere before the commit leaves files that no reader of the ledger sees and an intent that
names them; the message comes back and the work is done anew under another commit id. Dying after
it leaves an intent without meaning; the message comes back and finds its objects known (G1).
"""

from __future__ import annotations

import datetime as dt
import shutil
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from penstock import archive, convert
from penstock.collect.reach import Gathered
from penstock.collect.report import Report, count
from penstock.config import Partition
from penstock.errors import Conflict, OutcomeUnknown, Retry, Taken
from penstock.ledger.commit import commit
from penstock.model import CursorMove, Intent, ObjectRecord
from penstock.standardize import Recipe

if TYPE_CHECKING:
    from penstock.collect.worker import Worker

__all__ = [
    "SpoiltError",
    "commit_id",
    "converted",
    "delete",
    "forget",
    "land",
    "publish",
    "put",
    "require_fresh",
    "without",
]


_FRESH = dt.timedelta(hours=20)
"""Age of an intent up to which its files are committed: at a day (`compact.clean`) others delete them."""


class SpoiltError(Exception):
    """A member of an archive is bad after others gave rows; `record` is the whole object's."""

    def __init__(self, record: ObjectRecord) -> None:
        self.record = record
        super().__init__(record.identity)


def commit_id(now: dt.datetime) -> str:
    """A new commit's id: sorts by time, never comes twice."""
    return f"{now.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:16]}"


def require_fresh(name: str, intended: dt.datetime, now: dt.datetime) -> None:
    """Retry when the files of the commit `name` may be deleted: a laptop slept, or a line was slow."""
    if now - intended > _FRESH:
        put = f"{intended:%Y-%m-%dT%H:%MZ}"
        raise Retry(f"commit {name}: its files were announced {put}, too long ago to be committed")


def land(worker: Worker, partition: Partition, texts: Gathered, folder: Path, report: Report) -> None:
    """Convert and commit; objects that others took meanwhile are left to them."""
    while texts.sources or texts.bad:
        try:
            _once(worker, partition, texts, folder, report)
        except Taken as taken:
            # The files hold rows that are another commit's by now: written anew without them.
            report.known += len(taken.identities)
            texts = without(texts, taken.identities)
        except SpoiltError as spoilt:
            texts = without(texts, [spoilt.record.identity])
            texts.bad.append(spoilt.record)
        else:
            return


def without(texts: Gathered, identities: Sequence[str]) -> Gathered:
    """The same without these objects."""
    gone = set(identities)
    return replace(
        texts,
        sources=[one for one in texts.sources if texts.owner.get(one.identity, one.identity) not in gone],
        bad=[record for record in texts.bad if record.identity not in gone],
    )


def _once(worker: Worker, partition: Partition, texts: Gathered, folder: Path, report: Report) -> None:
    now = worker.now()
    name = commit_id(now)
    outputs = folder / name
    outputs.mkdir()
    worker.step("convert")
    try:
        made, records = converted(worker, partition, texts, name, now, outputs)
        done = [*texts.bad, *records]
        publish(worker, partition, made, done, report, name=name, now=now, marked=True)
    finally:
        shutil.rmtree(outputs, ignore_errors=True)


def publish(
    worker: Worker,
    partition: Partition,
    made: convert.Converted,
    records: Sequence[ObjectRecord],
    report: Report,
    *,
    name: str,
    now: dt.datetime,
    marked: bool,
    cursor: CursorMove | None = None,
) -> None:
    """Put the files and commit them under the id `name`: with the records if they are to be `marked` as
    collected, with the source's position if it moved.

    Taken or Conflict when others were first; Retry when nothing was written; OutcomeUnknown when it
    may have been: then the files stay, and the intent that names them.
    """
    paths = tuple(written.file.path for written in made.files)
    if paths:
        worker.step("intent")
        worker.ledger.put_intent(Intent(name, partition.id, paths, now))
        worker.step("put")
        try:
            put(worker, made)
        except Retry:
            # A put whose answer was lost may yet arrive: the intent stays, to clear that too.
            delete(worker, paths)
            raise
    worker.step("commit")
    try:
        if paths:
            require_fresh(name, now, worker.now())
        landed = commit(
            worker.ledger,
            partition=partition.id,
            id=name,
            kind="collect",
            time=now,
            add=[written.file for written in made.files],
            done=records if marked else (),
            cursor=cursor,
        )
    except OutcomeUnknown:
        # It may have been committed: the files stay, and the intent with them.
        raise
    except (Conflict, Retry):
        # Certainly not written, nor will it be: see `commit`.
        if delete(worker, paths):
            forget(worker, name, paths)
        raise
    report.commits += 1
    report.retries += landed.retries
    report.files += len(paths)
    count(report, records)
    worker.step("forget")
    forget(worker, name, paths)


def converted(
    worker: Worker, partition: Partition, texts: Gathered, name: str, now: dt.datetime, folder: Path
) -> tuple[convert.Converted, list[ObjectRecord]]:
    """The texts as Parquet files in `folder` under the commit id `name`, and a record for each object.

    SpoiltError when an archive gave rows and is bad all the same: convert again without it.
    """
    made = convert.convert(
        worker.engine(), _recipe(partition), texts.sources, commit=name, time=now, folder=folder
    )
    for written in made.files:
        worker.remember_schema(convert.schema_of(partition.table, written.file.table))
    return made, _of_objects(texts, made.records)


def _recipe(partition: Partition) -> Recipe:
    return Recipe(partition.table, partition.id.name, partition.filter, partition.tp_index)


def _of_objects(texts: Gathered, records: Sequence[ObjectRecord]) -> list[ObjectRecord]:
    """A record for each object, added up from those of its texts."""
    sums: dict[str, _Sum] = {}
    for source, record in zip(texts.sources, records, strict=True):
        identity = texts.owner.get(source.identity, source.identity)
        sums.setdefault(identity, _Sum(ObjectRecord(identity, bytes=source.bytes, redrive=source.redrive)))
        member = archive.parted(source.location)[1] if identity != source.identity else ""
        sums[identity].add(record, f"member {member}: " if member else "")
    for one in sums.values():
        if one.reason and (one.record.stored or one.record.rejected):
            raise SpoiltError(one.result())
    return [one.result() for one in sums.values()]


@dataclass(slots=True)
class _Sum:
    """What the texts of one object come to; bad with the reason of the first one that is."""

    record: ObjectRecord
    reason: str = ""

    def add(self, one: ObjectRecord, place: str) -> None:
        if one.state == "bad":
            self.reason = self.reason or f"{place}{one.reason}"
        before = self.record
        self.record = replace(
            before,
            rows_read=before.rows_read + one.rows_read,
            stored=before.stored + one.stored,
            filtered=before.filtered + one.filtered,
            rejected=before.rejected + one.rejected,
        )

    def result(self) -> ObjectRecord:
        if not self.reason:
            return self.record
        return ObjectRecord(
            self.record.identity,
            "bad",
            bytes=self.record.bytes,
            reason=self.reason,
            redrive=self.record.redrive,
        )


def put(worker: Worker, made: convert.Converted) -> None:
    """Upload the files. Retry when the hive cannot take one now."""
    if made.files:
        with ThreadPoolExecutor(min(8, len(made.files))) as pool:
            for _ in pool.map(lambda w: worker.hive.upload(w.file.path, w.local), made.files):
                worker.step("put one")


def delete(worker: Worker, paths: Sequence[str]) -> bool:
    """Take files back of a commit that did not come; False if some stay for the intent's clean-up."""
    try:
        for path in paths:
            worker.hive.delete(path)
    except Retry:
        return False
    return True


def forget(worker: Worker, name: str, paths: Sequence[str]) -> None:
    """Drop the intent. One that stays tells the truth still: the log says whether its commit came."""
    if paths:
        with suppress(Retry):
            worker.ledger.drop_intent(name)
