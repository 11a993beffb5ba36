"""Committing among others: the retry loop, lost answers, and any order of events."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger.stores import NOW, PARTITION, commit_of, data_file, record

from penstock.errors import Conflict, OutcomeUnknown, Retry, Taken
from penstock.ledger import HeadMoved, Ledger
from penstock.ledger.commit import Committed, commit
from penstock.ledger.sqlite import SqliteLedger
from penstock.model import Commit, CursorMove, DataFile, Head, ObjectRecord, PartitionId

WORKERS = 16
_numbers = itertools.count(1)


@dataclass
class Unreliable:
    """A ledger whose attempts go wrong by plan, one word for each attempt, "" when it runs out.

    "" works; "lost" applies, but its answer is lost; "unsent" never arrives, and nobody can know;
    "late" arrives only when the next attempt is made; "throttled" says that nothing was written.
    """

    ledger: Ledger
    plan: list[str]
    attempts: list[int] = field(default_factory=list)
    underway: Commit | None = None

    def head(self, partition: PartitionId) -> Head:
        return self.ledger.head(partition)

    def commits(self, partition: PartitionId, after: int, upto: int | None = None) -> Iterator[Commit]:
        return self.ledger.commits(partition, after, upto)

    def objects(self, partition: PartitionId, identities: Sequence[str]) -> dict[str, ObjectRecord]:
        return self.ledger.objects(partition, identities)

    def attempt(self, commit: Commit) -> None:
        self.attempts.append(commit.version)
        if self.underway:
            self.ledger.attempt(self.underway)
            self.underway = None
        what = self.plan.pop(0) if self.plan else ""
        if what == "throttled":
            raise Retry("throttled")
        if what == "late":
            self.underway = commit
        if what in ("", "lost"):
            self.ledger.attempt(commit)
        if what:
            raise OutcomeUnknown(what)


def no_wait(seconds: float) -> None:
    """Tests of the order of events need no waiting."""


def run(ledger: Any, commit_id: str = "mine", **more: Any) -> Committed:
    """Commit one file without waiting."""
    more.setdefault("add", [data_file(f"{commit_id}-0")])
    waits: Callable[[float], None] = more.pop("sleep", no_wait)
    return commit(ledger, partition=PARTITION, id=commit_id, kind="collect", time=NOW, sleep=waits, **more)


def ids(ledger: Ledger) -> list[str]:
    """The log as commit ids."""
    return [found.id for found in ledger.commits(PARTITION, 0)]


def test_commit_goes_on_top_of_others(ledger: Ledger) -> None:
    """A late object after a compaction: commits between the base and now do not stand in the way."""
    assert run(ledger, "c1", add=[data_file("a"), data_file("b")]) == Committed(1, 0)
    assert run(ledger, "c2", add=[data_file("ab")], remove=["a", "b"], base=1) == Committed(2, 0)
    assert run(ledger, "c3", done=[record("s3://b/late?etag=1")], base=1) == Committed(3, 0)
    assert ids(ledger) == ["c1", "c2", "c3"]


def test_stale_base_costs_nothing_when_the_head_is_read(ledger: Ledger) -> None:
    """A worker that loses a race it did not see coming tries once more, on top."""

    @dataclass
    class Overtaken(Unreliable):
        def attempt(self, commit: Commit) -> None:
            if not self.attempts:
                self.ledger.attempt(commit_of("first", commit.version))
            super().attempt(commit)

    assert run(Overtaken(ledger, [])) == Committed(2, 1)
    assert ids(ledger) == ["first", "mine"]


def test_removed_files_conflict(ledger: Ledger) -> None:
    """Two compactions of one file: the second is a Conflict that names it, and writes nothing."""
    run(ledger, "c1", add=[data_file("a"), data_file("b")])
    run(ledger, "c2", remove=["a"], base=1)
    with pytest.raises(Conflict, match=r"1 files to remove, a the first, .* commit c2 \(version 2\)"):
        run(ledger, "c3", remove=["a", "b"], base=1)
    assert ids(ledger) == ["c1", "c2"]


def test_taken_objects_are_told(ledger: Ledger) -> None:
    """Objects that another commit took are Taken, whatever the base, and nothing is written."""
    run(ledger, "c1", done=[record("1"), record("2")])
    for base in (None, 0, 1):
        with pytest.raises(Taken) as taken:
            run(ledger, "c2", done=[record("2"), record("3")], base=base)
        assert taken.value.identities == ("2",)
    assert ids(ledger) == ["c1"]


def test_moved_cursor_conflicts(ledger: Ledger) -> None:
    """Of two polls from one position, the second is a Conflict."""
    run(ledger, "c1", cursor=CursorMove("s", None, "1"))
    with pytest.raises(Conflict, match="cursor of s"):
        run(ledger, "c2", cursor=CursorMove("s", None, "2"))


@pytest.mark.parametrize("done", [(), (record("1"), record("2"))], ids=["no-objects", "objects"])
@pytest.mark.parametrize(
    "plan", [["lost"], ["unsent"], ["late"], ["unsent", "lost"], ["late", "unsent"], ["throttled", "late"]]
)
def test_g1_lost_answer_commits_once(ledger: Ledger, plan: list[str], done: tuple[ObjectRecord, ...]) -> None:
    """G1: whether or not an unanswered attempt came through, early or late, the commit lands once."""
    run(ledger, "before")
    result = run(Unreliable(ledger, list(plan)), done=done)
    assert result.version == 2
    assert ids(ledger) == ["before", "mine"]
    assert run(ledger, "after").version == 3


def test_lost_answer_with_the_head_moving_on(ledger: Ledger) -> None:
    """Our commit landed, its answer was lost, and others committed since: it is found in the log."""

    @dataclass
    class Busy(Unreliable):
        def attempt(self, commit: Commit) -> None:
            try:
                super().attempt(commit)
            finally:
                run(ledger, f"other{len(self.attempts)}")

    assert run(Busy(ledger, ["lost"])) == Committed(1, 1)
    assert ids(ledger) == ["mine", "other1"]


def test_unsent_with_the_head_moving_on(ledger: Ledger) -> None:
    """Our request never came and its version went to another: the commit goes on top, once."""

    @dataclass
    class Busy(Unreliable):
        def attempt(self, commit: Commit) -> None:
            try:
                super().attempt(commit)
            finally:
                if len(self.attempts) == 1:
                    run(ledger, "other")

    assert run(Busy(ledger, ["unsent"])) == Committed(2, 1)
    assert ids(ledger) == ["other", "mine"]


def test_doubt_is_told(ledger: Ledger) -> None:
    """As long as an attempt may yet come through, giving up is OutcomeUnknown and not plain Retry."""
    with pytest.raises(OutcomeUnknown, match=r"commit mine of aws_cloudtrail_log\.prod after 3 attempts"):
        run(Unreliable(ledger, ["unsent", "throttled", "throttled"]), attempts=3)
    with pytest.raises(Retry) as certain:
        run(Unreliable(ledger, ["throttled"] * 3), attempts=3)
    assert not isinstance(certain.value, OutcomeUnknown)

    class Settled(Unreliable):
        def attempt(self, commit: Commit) -> None:
            try:
                super().attempt(commit)
            finally:
                run(ledger, f"other{len(self.attempts)}")

    with pytest.raises(Retry) as settled:  # version 1 went to another: ours can never land there
        run(Settled(ledger, ["unsent", "throttled", "throttled"]), attempts=3)
    assert not isinstance(settled.value, OutcomeUnknown)


@pytest.mark.parametrize(("base", "done"), [(1, ()), (None, (record("1"),)), (1, (record("1"),))])
def test_call_repeated_after_unknown_outcome(
    ledger: Ledger, base: int | None, done: tuple[ObjectRecord, ...]
) -> None:
    """The whole call repeated finds its own commit, by the log since `base` or by its objects."""
    run(ledger, "before")
    with pytest.raises(OutcomeUnknown):
        run(Unreliable(ledger, ["lost"]), done=done, base=base, attempts=1)
    run(ledger, "between")
    assert run(ledger, done=done, base=base) == Committed(2, 0)
    assert ids(ledger) == ["before", "mine", "between"]
    with pytest.raises(Conflict, match="another content"):
        run(ledger, done=done, base=base, add=[data_file("other")])


def test_attempts_are_bounded_and_waits_grow(ledger: Ledger) -> None:
    """Waits are jittered, grow and are capped; attempts end."""
    waits: list[float] = []
    with pytest.raises(Retry, match="after 12 attempts: throttled"):
        run(Unreliable(ledger, ["throttled"] * 12), attempts=12, sleep=waits.append, random=lambda: 1.0)
    assert len(waits) == 11
    assert waits == sorted(waits)
    assert waits[0] < 0.1
    assert waits[-1] == 1.0
    with pytest.raises(ValueError, match="expected 1 or more"):
        run(ledger, attempts=0)


def test_sixteen_workers_all_get_through(open_again: Callable[[], Ledger]) -> None:
    """Sixteen at once on one partition: each lands once, the log has no gap, retries stay few.

    A reader looking all the while sees versions without gaps, and each version's objects.
    """
    ledger, start, over = open_again(), threading.Barrier(WORKERS + 1), threading.Event()

    def work(number: int) -> int:
        mine = open_again()
        start.wait()
        done = [record(f"s3://b/{number}-{one}?etag=1") for one in range(5)]
        return commit(
            mine,
            partition=PARTITION,
            id=f"worker{number}",
            kind="collect",
            time=NOW,
            add=[data_file(f"worker{number}")],
            done=done,
            random=random.Random(number).random,
        ).retries

    def read() -> int:
        looks, reader = 0, open_again()
        while not over.is_set():
            head = reader.head(PARTITION).version
            found = list(reader.commits(PARTITION, 0, head))
            assert [one.version for one in found] == list(range(1, head + 1))
            for one in found[-1:]:
                number = one.id.removeprefix("worker")
                names = [f"s3://b/{number}-{each}?etag=1" for each in range(5)]
                assert {each.version for each in reader.objects(PARTITION, names).values()} == {one.version}
            looks += 1
        return looks

    with ThreadPoolExecutor(WORKERS + 1) as pool:
        reading = pool.submit(read)
        working = [pool.submit(work, number) for number in range(WORKERS)]
        start.wait()
        try:
            retries = [one.result(timeout=120) for one in working]
        finally:
            over.set()
        looks = reading.result(timeout=60)
    print(f"retries of {WORKERS} workers: {sorted(retries)}, {sum(retries)} in all; {looks} looks")
    assert sorted(ids(ledger)) == sorted(f"worker{number}" for number in range(WORKERS))
    assert looks > 0
    assert max(retries) <= 24
    assert sum(retries) <= WORKERS * WORKERS // 2


# Any interleaving. A step is (worker, what): look at the log, try what was begun, try it and lose the
# answer, or begin anew.

STEPS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["look", "try", "try", "lose", "new"]),
        st.lists(
            st.tuples(st.sampled_from("abcdef"), st.sampled_from(["done", "bad"]), st.booleans()),
            max_size=3,
            unique_by=lambda one: one[0],
        ),
    ),
    max_size=40,
)


@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_g1_any_interleaving_replays_to_the_records(steps: list[tuple[int, str, list[Any]]]) -> None:
    """G1: whatever the order of attempts and lost answers, the log replays to the object records."""
    with TemporaryDirectory() as folder:
        ledger = SqliteLedger(Path(folder) / "ledger.db")
        interleave(ledger, steps)


@given(steps=STEPS)
@settings(max_examples=12, deadline=None)
def interleave_some(ledger: Ledger, steps: list[tuple[int, str, list[Any]]]) -> None:
    """A few examples, each in a partition of its own by way of fresh names."""
    interleave(ledger, steps)


def interleave(ledger: Ledger, steps: list[tuple[int, str, list[Any]]]) -> None:
    """Play the steps; then the log, replayed, must give exactly the records."""
    partition = PartitionId("t", f"p{next(_numbers)}")
    seen, begun, made = dict.fromkeys(range(4), 0), {}, {}
    for number, (worker, what, objects) in enumerate(steps):
        if what == "new" or worker not in begun:
            done = [ObjectRecord(name, state, redrive=again) for name, state, again in objects]
            begun[worker] = commit_of(f"c{number}", 1, partition=partition, done=done)
            made[f"c{number}"] = begun[worker]
        if what == "look":
            # Who looks after a lost answer looks for the own commit too: that is the protocol.
            read = list(ledger.commits(partition, seen[worker]))
            seen[worker] += len(read)
            if worker in begun and begun[worker].id in {found.id for found in read}:
                begun.pop(worker)
        if what in ("try", "lose"):
            try_one(ledger, replace(begun[worker], version=seen[worker] + 1))
            if what == "try":  # else the answer is lost and the worker will try the same again
                begun.pop(worker)
    log = list(ledger.commits(partition, 0))
    assert [found.version for found in log] == list(range(1, ledger.head(partition).version + 1))
    assert len({found.id for found in log}) == len(log)
    assert ledger.objects(partition, list("abcdef")) == replayed(log, made)


def try_one(ledger: Ledger, one: Commit) -> None:
    """One attempt, whatever comes of it."""
    try:
        ledger.attempt(one)
    except (HeadMoved, Taken):
        return


def replayed(log: list[Commit], made: dict[str, Commit]) -> dict[str, ObjectRecord]:
    """The records that the log alone implies, with the rules that must have held along the way."""
    records: dict[str, ObjectRecord] = {}
    for found in log:
        wanted = made[found.id]
        assert found.objects == len(wanted.done)
        for one in wanted.done:
            assert one.identity not in records or (one.redrive and records[one.identity].state == "bad")
            records[one.identity] = replace(one, version=found.version, redrive=False)
        assert {one.identity for one in found.done} == {
            one.identity for one in wanted.done if one.state == "bad"
        }
    return records


def test_g1_interleavings_on_dynamodb(dynamo: Ledger) -> None:
    """G1: the same on DynamoDB, with fewer examples."""
    interleave_some(dynamo)  # Hypothesis gives the steps


def test_files_of_a_commit_survive_the_loop(ledger: Ledger) -> None:
    """What `commit` writes is what was passed."""
    files: list[DataFile] = [data_file("x", rows=3)]
    run(ledger, "c1", add=files, remove=["y"], base=0)
    (found,) = ledger.commits(PARTITION, 0)
    assert (found.add, found.remove, found.kind) == (tuple(files), ("y",), "collect")
