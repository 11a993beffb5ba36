"""Follows in the ledger what others collect, until every object is done, bad, or nothing moves any more."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterator
from itertools import islice

from penstock.collect.plan import Task
from penstock.collect.report import Report, count
from penstock.errors import Retry
from penstock.ledger import Ledger
from penstock.model import ObjectRecord, PartitionId

__all__ = ["EVERY", "PATIENCE", "follow"]

EVERY = 2.0
"""Seconds between looks: what is collected in between is seen with the next one."""

PATIENCE = 1200.0
"""Seconds without any object being finished after which there is nothing to wait for."""

_LOOKED_AT = 1000


def follow(
    ledger: Ledger,
    partition: PartitionId,
    tasks: Iterator[Task],
    tell: Callable[[Report], None],
    is_stopped: Callable[[], bool],
    *,
    since: int,
    redrive: bool = False,
    sleep: Callable[[float], None] = clock.sleep,
    time: Callable[[], float] = clock.monotonic,
) -> Report:
    """Wait until the objects are collected; `tell` is given what came with each look.

    It looks at some of them at a time, in their order, so asking costs about one read for each
    object. `since` is the partition's version before they were sent; with `redrive` what was recorded
    up to there is what is tried again. When it `is_stopped`, it ends
    with what was seen so far. Retry when nothing moves for `PATIENCE` seconds.
    """
    report = Report()
    versions: set[int] = set()
    waiting: dict[str, None] = {}
    moved = time()
    while True:
        more = islice(tasks, _LOOKED_AT - len(waiting))
        waiting |= dict.fromkeys(task.ref.identity for task in more)
        if not waiting or is_stopped():
            break
        try:
            known, fault = ledger.objects(partition, list(waiting)), ""
            found = {one: record for one, record in known.items() if record.version > since or not redrive}
        except Retry as error:  # the work goes on without us
            found, fault = {}, f" ({error})"
        if found:
            moved = time()
            tell(_seen(report, versions, list(found.values())))
            for identity in found:
                del waiting[identity]
        elif time() - moved > PATIENCE:
            raise Retry(
                f"{partition}: nothing was collected for {PATIENCE / 60:.0f} minutes, "
                f"{next(iter(waiting))} is still to come; the collect function's log and the dead-letter "
                f"queue tell why{fault}"
            )
        else:
            sleep(EVERY)
    if versions:
        commits = ledger.commits(partition, since)
        report.files = sum(len(one.add) for one in commits if one.version in versions)
    return report


def _seen(report: Report, versions: set[int], records: list[ObjectRecord]) -> Report:
    fresh = Report(objects=len(records))
    count(fresh, records)
    count(report, records)
    report.objects += len(records)
    versions |= {record.version for record in records}
    return fresh
