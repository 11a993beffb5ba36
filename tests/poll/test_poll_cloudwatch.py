"""Log groups polled from (moto's) CloudWatch Logs: each event once, whatever comes late or dies."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from tests.collect.rig import Rig
from tests.poll.group import AUDIT, CONFIG, Group

from penstock.poll import cloudwatch


def test_each_event_once(rig: Rig) -> None:
    """What was polled is not polled again; what is new is."""
    group = Group(rig)
    group.put("a", "b", seconds_ago=120)
    group.put("c", stream="audit-2", seconds_ago=60)
    report = group.poll()
    assert (report.rows, report.stored, report.commits) == (3, 3, 1)
    assert group.poll().stored == 0
    group.put("d", seconds_ago=20)
    assert group.poll().stored == 1
    assert group.names() == Counter("abcd")
    rows = rig.rows(AUDIT.table, AUDIT)
    assert set(rows["tp_source_type"].to_pylist()) == {"aws_cloudwatch_log_group"}
    assert set(rows["tp_source_name"].to_pylist()) == {group.name}
    assert set(rows["tp_source_location"].to_pylist()) == {"audit-1", "audit-2"}


def test_late_events_inside_the_overlap(rig: Rig) -> None:
    """An event that arrives behind the position is found, its neighbours of the same time not doubled."""
    group = Group(rig)
    group.put("a", "b", seconds_ago=100)
    group.poll()
    group.put("late", seconds_ago=200)
    group.put("equal", seconds_ago=100)
    assert group.poll().stored == 2
    group.put("too late", seconds_ago=4000)
    assert group.poll().stored == 0
    assert group.names() == Counter(["a", "b", "late", "equal"])


def test_the_last_moments_wait(rig: Rig) -> None:
    """Events of the last seconds may have neighbours on their way: the next poll takes them."""
    group = Group(rig)
    group.put("now", seconds_ago=1)
    assert group.poll().stored == 0
    group.now += dt.timedelta(seconds=60)
    assert group.poll().stored == 1


def test_streams_by_pattern(rig: Rig) -> None:
    """Only streams that match; a star does not cross a slash."""
    group = Group(rig, 'log_stream_names = ["kube-*", "x/?"]')
    group.put("a", stream="kube-apiserver-audit-1")
    group.put("b", stream="x/1")
    group.put("c", stream="kube/other")
    group.put("d", stream="authenticator")
    group.poll()
    assert group.names() == Counter("ab")


def test_more_than_one_batch(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backlog is taken in several commits, cut between times; equal times stay together."""
    monkeypatch.setattr(cloudwatch, "_MOST_BYTES", 300)
    group = Group(rig)
    for second in range(12):
        group.put(f"{second}-0", f"{second}-1", stream=f"audit-{second % 3}", seconds_ago=400 - second)
    report = group.poll()
    assert report.stored == 24
    assert report.commits > 3
    assert set(group.names().values()) == {1}


def test_more_than_one_page(rig: Rig) -> None:
    """Pages are followed to their end."""
    group = Group(rig)
    for first in range(0, 10_500, 3_500):
        group.put(*(str(n) for n in range(first, first + 3_500)), seconds_ago=300 - first / 100)
    assert group.poll().stored == 10_500


@pytest.mark.parametrize("step", ["poll", "convert", "intent", "put", "put one", "commit", "forget"])
def test_death_at_each_step(rig: Rig, step: str) -> None:
    """Rows and position move together: whatever a poll dies at, the next one ends as a clean one would."""
    group = Group(rig)
    group.put("a", "b", seconds_ago=100)
    worker = group.worker()

    def die(name: str) -> None:
        if name == step:
            raise KeyboardInterrupt

    worker.step = die
    with pytest.raises(KeyboardInterrupt):
        group.poll(worker)
    group.poll()
    assert group.names() == Counter("ab")


def test_two_at_once(rig: Rig) -> None:
    """Of two polls from one position one is refused, and leaves nothing behind."""
    group = Group(rig)
    group.put("a", "b", seconds_ago=100)
    first = group.worker()

    def meanwhile(step: str) -> None:
        if step == "commit":
            first.step = lambda _: None
            group.poll()

    first.step = meanwhile
    assert group.poll(first).stored == 0
    assert group.names() == Counter("ab")
    assert len(rig.standing()) == len(rig.live(AUDIT))
    assert rig.intents() == []


def test_where_it_begins(rig: Rig) -> None:
    """Seven days back, or where one says."""
    group = Group(rig)
    group.put("old", seconds_ago=8 * 86_400)
    group.put("new", seconds_ago=6 * 86_400)
    group.poll(since=group.now - dt.timedelta(days=9))
    assert group.names() == Counter(["old", "new"])
    other = Group(rig)
    other.put("old", seconds_ago=8 * 86_400)
    other.put("newer", seconds_ago=6 * 86_400)
    assert other.poll().stored == 1


def test_a_group_that_is_gone(rig: Rig) -> None:
    """It is named, comes again later, and nothing is lost when it is back."""
    group = Group(rig)
    group.put("a", seconds_ago=100)
    group.poll()
    group.logs.delete_log_group(logGroupName=group.name)
    (reason,) = group.poll().again.values()
    assert group.name in reason
    assert "does not exist, or is being deleted" in reason
    assert group.names() == Counter("a")


def test_one_group_that_fails(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group that is deleted meanwhile, or may not be read, keeps the others of its source from nothing."""
    one = Group(rig, beginning="/several/a")
    two = Group(rig, beginning="/several/b")
    rig.configure(CONFIG.format(arguments='log_group_prefix = "/several/"'))
    one.put("a", seconds_ago=100)
    two.put("b", seconds_ago=100)
    groups = cloudwatch.groups
    monkeypatch.setattr(cloudwatch, "groups", lambda *given: ["/several/a-gone", *groups(*given)])
    report = one.poll()
    assert (report.stored, one.names()) == (2, Counter("ab"))
    (reason,) = report.again.values()
    assert "/several/a-gone: it does not exist, or is being deleted" in reason


def test_groups_by_prefix(rig: Rig) -> None:
    """All groups that begin so, each with a position of its own."""
    first, second = Group(rig, beginning="/team/web"), Group(rig, beginning="/team/web")
    first.put("a", seconds_ago=50)
    second.put("b", seconds_ago=50)
    rig.configure(CONFIG.format(arguments='log_group_prefix = "/team/web-"'))
    assert first.poll().stored == 2
    assert first.names() == Counter("ab")


def test_the_services_filter(rig: Rig) -> None:
    """The pattern is handed on as it stands."""
    group = Group(rig, 'filter_pattern = "wanted"')
    group.put("wanted", "other", seconds_ago=50)
    group.poll()
    assert group.names() == Counter(["wanted"])
