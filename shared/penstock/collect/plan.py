"""Decides what a batch of messages asks for: which objects, for which partitions, through which source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from penstock import notices
from penstock.config import Config, Partition
from penstock.errors import BadObject, Retry
from penstock.model import ObjectRecord, ObjectRef, PartitionId
from penstock.sources import Configured
from penstock.sources.aws_s3_bucket import S3BucketSource

if TYPE_CHECKING:
    from penstock.collect.report import Report

__all__ = ["Plan", "Task", "batches", "plan"]

Name = Callable[[ObjectRef, S3BucketSource], ObjectRef]
"""Gives an object the version or ETag that its identity needs."""


@dataclass(frozen=True, slots=True)
class Task:
    """An object that a partition wants, through one of its sources.

    `local` is where it lies on this machine, if it does.
    """

    ref: ObjectRef
    source: Configured
    redrive: bool = False
    local: Path | None = None


@dataclass(slots=True)
class Plan:
    """Tasks by partition and identity, and which messages named each identity."""

    tasks: dict[PartitionId, tuple[Partition, dict[str, Task]]] = field(default_factory=dict)
    owners: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def plan(messages: Sequence[tuple[str, str]], config: Config, named: Name, report: Report) -> Plan:
    """What the messages (id, body) ask for; those that cannot be understood come again."""
    made = Plan()
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
                ref = named(ref, wanted[0][1])
            except (Retry, BadObject) as error:
                report.again[message_id] = str(error)
                continue
            made.owners[ref.identity].add(message_id)
            for partition, source, _ in wanted:
                _, own = made.tasks.setdefault(partition.id, (partition, {}))
                before = own.get(ref.identity)
                redrive = notice.redrive or (before is not None and before.redrive)
                own[ref.identity] = Task(ref, source, redrive)
    return made


def batches(
    wanted: Mapping[str, Task], known: Mapping[str, ObjectRecord], report: Report, objects: int, size: int
) -> Iterator[list[Task]]:
    """The objects that are not known, or bad and to be tried again, cut by count and bytes."""
    batch: list[Task] = []
    total = 0
    for identity, task in wanted.items():
        record = known.get(identity)
        if record is not None and not (record.state == "bad" and task.redrive):
            report.known += 1
            continue
        bytes_ = task.ref.size or 0
        if batch and (len(batch) >= objects or total + bytes_ > size):
            yield batch
            batch, total = [], 0
        batch.append(task)
        total += bytes_
    if batch:
        yield batch
