"""Collects objects whose rows take the place of older ones: of the same object, or of its billing period.

    find what is delivered ─▶ newer than what stands? ─▶ stage all of it ─▶ rewrite what shares files
    one commit: older rows out, new rows in, the cursor of the scope from what stood to what stands

The cursor orders deliveries: an older one that comes late finds a newer stamp and is only recorded,
and of two at once the second is refused, looks again, and is older, newer or the same. Until the
commit readers see the delivery before, after it this one: never both, none or half (G3). Dying
before it leaves files that an intent names; the announcement comes back (G1). If one object of a
delivery is bad, nothing is replaced and the announcement is recorded as bad.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from penstock import aws
from penstock.collect import plan as planning
from penstock.collect import staging
from penstock.collect.landing import commit_id, forget
from penstock.collect.manifest import Delivery, Superseded, find
from penstock.collect.plan import Task
from penstock.collect.replaced import Standing
from penstock.collect.report import Report, add, count
from penstock.collect.report import again as come_again
from penstock.collect.staging import Staged, retaken, stage, take_back, write_records
from penstock.config import Partition
from penstock.errors import BadObject, OutcomeUnknown, Retry, Taken
from penstock.ledger.commit import commit
from penstock.model import CursorMove, ObjectRecord

if TYPE_CHECKING:
    from penstock.collect.worker import Worker

__all__ = ["deliver"]

_ATTEMPTS = 10


def deliver(
    worker: Worker,
    partition: Partition,
    wanted: Mapping[str, Task],
    owners: Mapping[str, set[str]],
    report: Report,
    is_spent: Callable[[], bool],
    *,
    again: bool = False,
) -> None:
    """Deliver what these objects announce; with `again` also what stands already.

    `report` is told everything, as `Worker.handle` does it. Never raises for what data, AWS or time do.
    """

    def guarded(task: Task, work: Callable[[], Delivery | None]) -> Delivery | None:
        try:
            return _recorded(worker, partition, task, report, work)
        except (Retry, OSError, *aws.AwsError) as error:
            come_again(report, owners, [task], str(error))
            return None

    found: list[Delivery] = []
    for task in _new(worker, partition, wanted, owners, report, again=again):
        if is_spent():
            come_again(report, owners, [task], "no time left in this invocation")
            continue
        delivery = guarded(task, partial(_look, worker, partition, task, report))
        found += [delivery] if delivery else []
    # The newest first: the older ones of its scope are then only recorded, as its other manifests are.
    tried: set[tuple[str, str]] = set()
    for one in sorted(found, key=lambda one: one.stamp, reverse=True):
        afresh = again and (one.cursor, one.id) not in tried
        tried.add((one.cursor, one.id))
        guarded(one.task, partial(_deliver, worker, partition, one, report, is_spent, again=afresh))


def _recorded(
    worker: Worker,
    partition: Partition,
    task: Task,
    report: Report,
    work: Callable[[], Delivery | None],
) -> Delivery | None:
    """Do the work; what can never be delivered is recorded as such."""
    try:
        return work()
    except Superseded:
        _note(worker, partition, ObjectRecord(task.ref.identity), report)
    except BadObject as bad:
        size = task.ref.size or 0
        record = ObjectRecord(task.ref.identity, "bad", bytes=size, reason=bad.reason)
        _note(worker, partition, record, report)
    return None


def _new(
    worker: Worker,
    partition: Partition,
    wanted: Mapping[str, Task],
    owners: Mapping[str, set[str]],
    report: Report,
    *,
    again: bool,
) -> list[Task]:
    """Those that the ledger does not know, or bad ones to be tried again."""
    if again:
        return list(wanted.values())
    try:
        known = worker.ledger.objects(partition.id, list(wanted))
    except Retry as error:
        come_again(report, owners, list(wanted.values()), str(error))
        return []
    return [task for batch in planning.batches(wanted, known, report, 1, 1) for task in batch]


def _look(worker: Worker, partition: Partition, task: Task, report: Report) -> Delivery | None:
    worker.step("look")
    delivery = find(worker, partition, task)
    if delivery is None:
        report.unwanted += 1
        _note(worker, partition, ObjectRecord(task.ref.identity, bytes=task.ref.size or 0), report)
    return delivery


def _note(worker: Worker, partition: Partition, record: ObjectRecord, report: Report) -> None:
    """Record an announcement that brings no row, so that it is known."""
    now = worker.now()
    worker.step("note")
    try:
        commit(
            worker.ledger,
            partition=partition.id,
            id=commit_id(now),
            kind="collect",
            time=now,
            done=[replace(record, redrive=True)],
        )
    except Taken:
        pass  # another worker was as far, or its rows stand: they stay
    else:
        report.commits += 1
    if record.state == "bad":
        count(report, [record])
    else:
        report.known += 1


def _deliver(
    worker: Worker,
    partition: Partition,
    delivery: Delivery,
    report: Report,
    is_spent: Callable[[], bool],
    *,
    again: bool,
) -> None:
    _standing(worker, partition, delivery, again=again)
    now = worker.now()
    staged = Staged(commit_id(now), now)
    told = Report()
    try:
        tasks = {task.ref.identity: task for task in delivery.tasks}
        limits = (worker.settings.commit_objects, worker.settings.commit_bytes)
        for batch in planning.batches(tasks, {}, Report(), *limits):
            if is_spent():
                raise Retry(f"{delivery.task.ref.uri}: no time left in this invocation")
            add(told, stage(worker, partition, batch, staged))
            _require_sound(delivery, staged)
        left = _replace(worker, partition, delivery, staged, told, again=again)
    except OutcomeUnknown:
        raise  # it may have been committed: the files stay, and the intent with them
    except (Superseded, BadObject):
        take_back(worker, staged, certain=True)
        raise
    except (Retry, OSError, *aws.AwsError):
        take_back(worker, staged, certain=False)
        raise
    # From here on the files are live.
    told.objects = 0
    add(report, told)
    worker.step("forget")
    forget(worker, staged.name, staged.paths)
    write_records(worker, partition, staged, left)


def _require_sound(delivery: Delivery, staged: Staged) -> None:
    """A delivery without one of its objects would be half of one."""
    for record in staged.bad:
        own = record.identity == delivery.task.ref.identity
        reason = record.reason if own else f"it names {record.identity}: {record.reason}"
        raise BadObject(delivery.task.ref.uri, reason)


def _standing(worker: Worker, partition: Partition, delivery: Delivery, *, again: bool) -> str | None:
    """The stamp of what stands of the scope; Superseded when this one is older, or stands already."""
    seen = worker.ledger.cursor(partition.id, delivery.cursor)
    if seen is not None:
        time, _, id_ = seen.partition(" ")
        is_same = id_ == delivery.id
        if (is_same and not again) or (not is_same and time > delivery.stamp.partition(" ")[0]):
            raise Superseded
    return seen


def _replace(
    worker: Worker, partition: Partition, delivery: Delivery, staged: Staged, told: Report, *, again: bool
) -> Sequence[ObjectRecord]:
    """The commit; gives the records that had no room in it."""
    announced = [delivery.record] if delivery.record else []

    def look(folder: Path) -> staging.Swap:  # noqa: ARG001 - what is taken is told without a list
        standing = worker.standing.setdefault(partition.id, Standing())
        standing.catch_up(worker.ledger, partition.id)
        # Read behind the files: a delivery that commits between the two moves it, and this one is refused.
        seen = _standing(worker, partition, delivery, again=again)
        return staging.Swap(
            standing.version,
            [file for file in standing.files.values() if delivery.scope.may_stand_in(file)],
            delivery.scope.condition(),
            retaken(worker, partition, [*announced, *staged.records]),
            CursorMove(delivery.cursor, seen, delivery.stamp),
        )

    return staging.swap(worker, partition, staged, look, told, _ATTEMPTS)
