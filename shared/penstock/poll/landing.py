"""Rows and a source's position, in one commit."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from penstock import convert
from penstock.collect.landing import commit_id, converted, delete, forget, put
from penstock.collect.reach import Gathered
from penstock.collect.report import Report, count
from penstock.collect.worker import Worker
from penstock.config import Partition
from penstock.errors import Conflict, OutcomeUnknown, Retry
from penstock.ledger.commit import commit
from penstock.model import CursorMove, Intent

__all__ = ["land"]


def land(
    worker: Worker,
    partition: Partition,
    sources: Sequence[convert.Source],
    move: CursorMove,
    folder: Path,
    report: Report,
) -> None:
    """Convert the texts and commit their rows with the position behind them.

    Conflict when the position was moved meanwhile by somebody else; Retry when nothing was written;
    OutcomeUnknown when it may have been: then the files stay, and the intent that names them.
    """
    now = worker.now()
    name = commit_id(now)
    outputs = folder / name
    outputs.mkdir()
    try:
        worker.step("convert")
        made, records = converted(worker, partition, Gathered(sources=list(sources)), name, now, outputs)
        bad = [record for record in records if record.state == "bad"]
        if bad:
            # The position would pass over it: nobody could have it again.
            raise Retry(f"{bad[0].identity}: {bad[0].reason}")
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
            landed = commit(
                worker.ledger,
                partition=partition.id,
                id=name,
                kind="collect",
                time=now,
                add=[written.file for written in made.files],
                cursor=move,
            )
        except OutcomeUnknown:
            raise
        except (Conflict, Retry):
            if delete(worker, paths):
                forget(worker, name, paths)
            raise
    finally:
        shutil.rmtree(outputs, ignore_errors=True)
    report.commits += 1
    report.retries += landed.retries
    report.files += len(paths)
    count(report, records)
    worker.step("forget")
    forget(worker, name, paths)
