"""Rows and a source's position, in one commit."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from penstock import convert
from penstock.collect.landing import commit_id, converted, publish
from penstock.collect.reach import Gathered
from penstock.collect.report import Report
from penstock.collect.worker import Worker
from penstock.config import Partition
from penstock.errors import Retry
from penstock.model import CursorMove

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
        publish(worker, partition, made, records, report, name=name, now=now, marked=False, cursor=move)
    finally:
        shutil.rmtree(outputs, ignore_errors=True)
