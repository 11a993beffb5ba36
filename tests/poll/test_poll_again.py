"""A range of a log group again: its rows go and come in one commit, and no others."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable

import pytest
from tests.collect.rig import Rig
from tests.poll.group import AUDIT, Group

from penstock import poll
from penstock.collect import Report
from penstock.listing import Window
from penstock.model import REJECTED_TABLE
from penstock.poll import cloudwatch

HOUR = 3600.0


def again(group: Group, first: float, last: float, step: Callable[[str], None] | None = None) -> Report:
    """Overwrite from so many hours ago to so many."""
    worker = group.worker()
    if step:
        worker.step = step
    start, end = (group.now - dt.timedelta(hours=hours) for hours in (first, last))
    services = lambda service, _connection, _region: group.rig.store.client(service)  # noqa: E731
    partition = worker.read_config().partitions[AUDIT]
    return poll.poll_again(worker, partition, services, window=Window(start, end))


def polled(rig: Rig, arguments: str = "") -> Group:
    """A group with events of six hours, polled; one tells a time inside of the range that it lies out of."""
    group = Group(rig, arguments)
    for hours in range(1, 7):
        group.put(f"{hours}-a", f"{hours}-b", seconds_ago=hours * HOUR, stream=f"audit-{hours % 2}")
    group.put("early", seconds_ago=4.9 * HOUR, own=4.1 * HOUR)
    group.put("late", seconds_ago=1.8 * HOUR, own=2.1 * HOUR)
    group.put("out", seconds_ago=2.5 * HOUR, own=5.2 * HOUR)
    assert group.poll().stored == 15
    return group


def timeless(group: Group, hours: float) -> None:
    """An event of so many hours ago, in the stream of the others, that tells no time."""
    when = int((group.now - dt.timedelta(hours=hours)).timestamp() * 1000)
    events = [{"timestamp": when, "message": '{"kind": "Event"}'}]
    group.logs.put_log_events(logGroupName=group.name, logStreamName="audit-1", logEvents=events)


def filtered(group: Group) -> None:
    """From now on only some rows are wanted."""
    source = f'source "aws_cloudwatch_log_group" {{\n log_group_name = "{group.name}"\n }}'
    where = "filter = \"audit_id not like '%-b'\""
    group.rig.configure(f'partition "aws_eks_audit_log" "prod" {{\n{source}\n{where}\n}}\n')


def test_the_rows_of_the_range_are_replaced(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """By their own times, with what the configuration says now; polling goes on as if nothing had been."""
    monkeypatch.setattr(cloudwatch, "_MOST_BYTES", 300)
    group = polled(rig)
    before = group.names()
    filtered(group)
    report = again(group, 4.5, 1.9)
    assert (report.again, report.commits, report.stored) == ({}, 1, 5)
    assert group.names() == before - Counter(["4-b", "3-b", "2-b"])
    assert again(group, 4.5, 1.9).stored == 5
    assert group.names() == before - Counter(["4-b", "3-b", "2-b"])
    group.put("new", seconds_ago=30)
    assert group.poll().stored == 1
    assert set(group.names().values()) == {1}


def test_what_is_gone_stays_and_what_comes_late_is_polled(rig: Rig) -> None:
    """Rows of a stream that was deleted stay; up to the present the range ends where polling looks again."""
    group = polled(rig)
    group.put("x", seconds_ago=100)
    assert group.poll().stored == 1
    group.logs.delete_log_stream(logGroupName=group.name, logStreamName="audit-0")
    group.put("overlooked", seconds_ago=2 * HOUR)  # too late for any poll
    group.put("behind", seconds_ago=90)  # the next one finds it
    before = group.names()
    assert again(group, 8, 0).again == {}
    assert group.names() == before + Counter(["overlooked"])
    assert group.poll().stored == 1
    assert group.names() == before + Counter(["overlooked", "behind"])


def test_what_the_group_may_have_forgotten_stays(rig: Rig) -> None:
    """The hive outlives the retention of a group: rows from beyond it (less a day) are not replaced."""
    group = Group(rig)
    group.put("old-b", seconds_ago=49 * HOUR)
    group.put("young-b", "young-a", seconds_ago=5 * HOUR)
    assert group.poll().stored == 3
    group.logs.put_retention_policy(logGroupName=group.name, retentionInDays=3)
    filtered(group)
    told = again(group, 60, 1)
    until = f"{group.now - dt.timedelta(days=2):%Y-%m-%d %H:%M} UTC"
    note = (
        f"{group.name}: rows before {until} stay as they are: its retention may have forgotten their events"
    )
    assert (told.stored, told.notes) == (1, [f"log group {note}"])
    assert again(group, 40, 1).notes == []
    assert group.names() == Counter(["old-b", "young-a"])
    group.logs.delete_log_group(logGroupName=group.name)
    assert "does not exist, or is being deleted" in str(again(group, 60, 1).again)
    assert group.names() == Counter(["old-b", "young-a"])


def test_rejected_rows_are_replaced_too(rig: Rig) -> None:
    """They carry the time of the events they came with."""
    group = polled(rig)
    when = int((group.now - dt.timedelta(hours=3)).timestamp() * 1000)
    events = [{"timestamp": when, "message": "no JSON"}]
    for stream in ("odd-1", "odd-2"):
        group.logs.create_log_stream(logGroupName=group.name, logStreamName=stream)
        group.logs.put_log_events(logGroupName=group.name, logStreamName=stream, logEvents=events)
    for hours in ((4, 2), (4, 2), (6, 5), (2, 1)):
        assert again(group, *hours).again == {}
        assert rig.rows(REJECTED_TABLE, AUDIT).num_rows == 2


def test_g2_rejected_rows_are_of_the_time_of_their_event(rig: Rig) -> None:
    """Whatever came with them: a range without the event leaves them, one with it has them once."""
    group = Group(rig)
    for hours in (2.2, 0.7):
        group.put(f"e-{hours}", seconds_ago=hours * HOUR)
    for hours in (3, 1):
        timeless(group, hours)
    assert group.poll().rejected == 2
    times = [group.now.replace(tzinfo=None) - dt.timedelta(hours=at) for at in (3, 1)]
    for first, last in ((None, None), (4, 2), (2, 0.9), (2.5, 2), (2, 1.5)):
        if first is not None:
            assert again(group, first, last or 0).again == {}
        rows = rig.rows(REJECTED_TABLE, AUDIT)
        assert sorted(rows["tp_timestamp"].to_pylist()) == times, (first, last)
        assert group.names() == Counter(["e-2.2", "e-0.7"])


@pytest.mark.parametrize("step", ["convert", "intent", "put", "put one", "rewrite", "commit", "forget"])
def test_g3_death_at_each_step(rig: Rig, step: str) -> None:
    """The old rows stand until the commit, the new ones behind it; again it ends as a clean run."""
    group = polled(rig)
    before = group.names()
    filtered(group)

    def die(name: str) -> None:
        if name == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again(group, 4.5, 1.9, die)
    wanted = before - Counter(["4-b", "3-b", "2-b"])
    assert group.names() == (wanted if step == "forget" else before)
    assert again(group, 4.5, 1.9).again == {}
    assert group.names() == wanted


def test_polled_meanwhile(rig: Rig) -> None:
    """Another poll that moves the position ends it: nothing is replaced, nothing lost."""
    group = polled(rig)
    before = group.names()
    filtered(group)
    group.put("new", seconds_ago=30)

    def interrupt(name: str) -> None:
        if name == "commit" and "new" not in group.names():
            assert group.poll().stored == 1

    told = again(group, 4.5, 1.9, interrupt).again
    assert "it was polled meanwhile; nothing was replaced" in str(told)
    assert group.names() == before + Counter(["new"])


def test_what_cannot_be_replaced(rig: Rig) -> None:
    """An API has no ranges; of two sources with one group nobody can tell the rows apart. Both are told."""
    group = Group(rig)
    same = f'source "aws_cloudwatch_log_group" {{\n log_group_name = "{group.name}"\n }}\n'
    api = 'source "http" {\n url = "http://127.0.0.1:9/events"\n }\n'
    rig.configure(f'partition "aws_eks_audit_log" "prod" {{\n{same}{same}{api}}}\n')
    told = again(group, 4, 1).again
    assert f"another source of the partition, {group.name}, may have the same log group" in told[group.name]
    assert "http http://127.0.0.1:9/events: --overwrite cannot replace its rows" in str(told)
