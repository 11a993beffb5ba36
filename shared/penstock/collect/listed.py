"""Looks at what a partition's sources hold, and keeps the names in a file: memory does not grow with them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TextIO

from penstock.collect.find import find, is_listed, nothing
from penstock.collect.plan import Task
from penstock.collect.worker import Worker
from penstock.config import Partition
from penstock.errors import ConfigError, Retry
from penstock.listing import Seen, Window
from penstock.model import ObjectRef
from penstock.sources import Configured

__all__ = ["Listed", "look", "write"]

_CHUNK = 1000


@dataclass(slots=True)
class Listed:
    """What was found: `found` objects, of which `known` are done and `bad` are known as bad, and the
    `wanted` ones with their `bytes`, which `tasks` gives.

    `changed` names files that held other rows before, and are left alone: nobody said what of the two
    stands. `notes` say of a source why it gave nothing or not all, `passed_over` names sources that
    only sweep collects. `redrive` asks for bad ones to be tried again.
    """

    path: Path
    sources: tuple[Configured, ...]
    found: int = 0
    known: int = 0
    bad: int = 0
    wanted: int = 0
    bytes: int = 0
    changed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    redrive: bool = False

    def tasks(self) -> Iterator[Task]:
        """The wanted objects in the order they were found, each time anew."""
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                yield _read(line, self.sources, redrive=self.redrive)


def look(
    worker: Worker,
    partition: Partition,
    window: Callable[[Configured], Window],
    folder: Path,
    *,
    now: dt.datetime,
    all_of_them: bool,
    tick: Callable[[], None],
    tell: Callable[[int], None] = lambda _: None,
) -> Listed:
    """List the sources, each in its window, and ask the ledger what is known.

    The wanted are those that the ledger does not know, or `all_of_them`. `folder` takes the list and
    what programs print. `tick` is called now and then; what it raises comes out. `tell` is told how many
    were found so far. What listing and
    ledger raise (Retry, ConfigError) ends that source, and is in the notes: what was found stays.
    """
    listed = Listed(folder / "listed.jsonl", partition.sources)
    with listed.path.open("w", encoding="utf-8") as file:
        for number, source in enumerate(partition.sources):
            if not is_listed(source):
                listed.passed_over.append(f"{source.type} {source.place}")
                continue
            seen = Seen(tick=tick)
            most = worker.settings.max_inflated_bytes
            tasks = find(
                worker.clients,
                partition,
                source,
                window(source),
                folder=folder,
                most=most,
                now=now,
                seen=seen,
            )
            before = listed.found
            try:
                while group := list(islice(tasks, _CHUNK)):
                    tick()
                    _sort_out(worker, partition, group, listed, file, number, all_of_them=all_of_them)
                    tell(listed.found)
                why = nothing(worker.clients, source, seen) if listed.found == before else ""
                listed.notes += [*seen.faults, *([why] if why else [])]
            except (ConfigError, Retry) as error:
                listed.notes += [*seen.faults, str(error)]
    return listed


def _sort_out(
    worker: Worker,
    partition: Partition,
    group: list[Task],
    listed: Listed,
    file: TextIO,
    number: int,
    *,
    all_of_them: bool,
) -> None:
    known = worker.ledger.objects(partition.id, [task.ref.identity for task in group])
    for task in group:
        record = known.get(task.ref.identity)
        listed.found += 1
        if record is None and not all_of_them and _is_changed(worker, partition, task):
            listed.changed.append(task.ref.key)
            continue
        listed.known += record is not None and record.state == "done"
        listed.bad += record is not None and record.state == "bad"
        if record is None or all_of_them:
            listed.wanted += 1
            listed.bytes += task.ref.size or 0
            write(file, task, number)


def _is_changed(worker: Worker, partition: Partition, task: Task) -> bool:
    """Whether a file held something else when it was collected: what it holds now may repeat those rows."""
    if task.ref.scheme != "file" or partition.says_replaces or partition.replaces != "nothing":
        return False
    before = worker.ledger.contents(partition.id, task.ref.uri)
    return any(record.rows_read for record in before)


def write(file: TextIO, task: Task, number: int) -> None:
    """Add an object to the list, by the source of that number."""
    ref = task.ref
    local = str(task.local) if task.local else None
    told = [number, ref.scheme, ref.bucket, ref.key, ref.version_id, ref.etag, ref.size, local]
    file.write(json.dumps(told, separators=(",", ":")) + "\n")


def _read(line: str, sources: tuple[Configured, ...], *, redrive: bool) -> Task:
    number, scheme, bucket, key, version_id, etag, size, local = json.loads(line)
    ref = ObjectRef(bucket, key, version_id, etag, size, scheme=scheme)
    return Task(ref, sources[number], redrive, Path(local) if local else None)
