"""Finds the objects of a partition that could not be read, so that they are tried again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from penstock.collect import files
from penstock.collect.listed import Listed, write
from penstock.collect.plan import Task
from penstock.collect.worker import Worker
from penstock.config import Partition
from penstock.ledger import Ledger
from penstock.ledger.floor import since
from penstock.listing import Seen
from penstock.model import ObjectRecord, ObjectRef, PartitionId
from penstock.sources.aws_s3_bucket import S3BucketSource
from penstock.sources.file import FileSource

__all__ = ["bad_objects", "look_for_bad"]


def bad_objects(ledger: Ledger, partition: PartitionId) -> list[ObjectRecord]:
    """The objects of a partition that could not be read and are so still, the newest first.

    They are found by walking the partition's log.
    """
    found = {
        record.identity: record
        for commit in since(ledger, partition, 0)
        for record in commit.done
        if record.state == "bad"
    }
    now = ledger.objects(partition, list(found))
    return [record for identity in reversed(found) if (record := now.get(identity)) and record.state == "bad"]


def look_for_bad(worker: Worker, partition: Partition, folder: Path, tick: Callable[[], None]) -> Listed:
    """The bad objects that a source of the partition can give again; the others are in the notes.

    A file is taken as it is now. `folder` takes the list. Errors as of the ledger.
    """
    listed = Listed(folder / "listed.jsonl", partition.sources, redrive=True)
    records = bad_objects(worker.ledger, partition.id)
    here = _files(partition, tick) if any(one.identity.startswith("file:") for one in records) else {}
    listed.found, gone = len(records), ""
    with listed.path.open("w", encoding="utf-8") as file:
        for record in records:
            ref = ObjectRef.of(record.identity)
            task = here.get(ref.key) if ref.scheme == "file" else _of_bucket(partition, ref)
            if task is None:
                listed.bad += 1
                gone = gone or record.identity
                continue
            listed.wanted += 1
            listed.bytes += task.ref.size or record.bytes
            write(file, task, partition.sources.index(task.source))
    if gone:
        listed.notes.append(f"no source gives {listed.bad:,} of the bad objects any more, {gone} the first")
    return listed


def _files(partition: Partition, tick: Callable[[], None]) -> dict[str, Task]:
    """Every file that a source of this machine has, by its path."""
    found: dict[str, Task] = {}
    for source in partition.sources:
        if isinstance(source, FileSource):
            for ref in files.objects(source, seen=Seen(tick=tick)):
                found.setdefault(ref.key, Task(ref, source, local=Path(ref.key)))
    return found


def _of_bucket(partition: Partition, ref: ObjectRef) -> Task | None:
    for source in partition.sources:
        if not isinstance(source, S3BucketSource) or (ref.scheme, ref.bucket) != ("s3", source.bucket):
            continue
        if source.layout.match(ref.key) is not None:
            return Task(ref, source)
    return None
