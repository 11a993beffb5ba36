"""G1 and G2 of a sweep that dies, runs out of time, or meets another one: nothing missing, nothing twice."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.collect.rig import PROD, Rig, differences, logs
from tests.collect.store import Fault, Store
from tests.faults.crew import DeathError
from tests.listing.bucket import Bucket
from tests.sweep.deployment import Deployment, at, remaining, running
from tests.sweep.test_sweep import days_of, identities, keys

from penstock import collect
from penstock.config import Partition
from penstock.hive import open_hive
from penstock.ledger import Ledger
from penstock.ledger.dynamodb import DynamoLedger
from penstock.model import ObjectRef
from penstock.sweep import Report

STEPS = ("lease", "list", "ask", "send", "sent", "move", "moved", "release")
"""Every step at which a sweep can die."""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches, and a move of the cursor behind each."""
    monkeypatch.setattr("penstock.sweep.sweeper._ASKED", 7)
    monkeypatch.setattr("penstock.sweep.sweeper._MOVE_EVERY", -1.0)


class Death:
    """Dies at the n-th time of a step, and does nothing any more: its lease stays."""

    def __init__(self, step: str, nth: int = 1) -> None:
        self.step, self.left, self.dead = step, nth, False

    def __call__(self, step: str) -> None:
        """Die here, or live."""
        self.left -= step == self.step
        if self.dead or not self.left:
            self.dead = True
            raise DeathError(step)


def die(deployment: Deployment, step: str, nth: int = 1, **settings: Any) -> None:
    """A sweep that dies there; then its lease runs out."""
    sweeper = deployment.sweeper(Death(step, nth), **settings)
    with pytest.raises(DeathError):
        sweeper.run(lambda: 90_000)
    deployment.now += dt.timedelta(minutes=5)


@pytest.mark.parametrize(
    ("step", "nth", "held"),
    [
        *((s, 1, 100_000) for s in STEPS),
        *((s, 3, 20) for s in STEPS if s not in ("lease", "release")),
        *((s, 2, 0) for s in ("list", "sent", "move")),
    ],
)
def test_g2_death_at_each_step(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, nth: int, held: int
) -> None:
    """A sweep that dies there, and one that goes on: all that is missing is queued, whichever way it is
    listed (all held at once, in parts, by folder).
    """
    monkeypatch.setattr("penstock.listing.held.HELD", held)
    tree = keys(40)
    with running(store, tmp_path, now="2026-02-01T00:00", bucket=Bucket(tree, page=10)) as deployment:
        deployment.bucket.modified = dict.fromkeys(tree, at("2026-01-31"))
        deployment.remember(identities(deployment, tree[::3]))
        die(deployment, step, nth)
        found = deployment.queued()
        deployment.remember(found)
        assert deployment.sweeper().run().failed == {}
        found += deployment.queued()
        assert sorted(found) == sorted({*identities(deployment, tree)} - {*identities(deployment, tree[::3])})


def test_g1_dying_sweeps_and_the_hive(store: Store, tmp_path: Path) -> None:
    """Sweeps that die at every step, collected in between: the rows are those of a clean pass."""
    with running(store, tmp_path, now="2026-02-01T00:00", kind="dynamodb") as deployment:
        rig = deployment.rig
        refs = [rig.put(one.key, one.body) for one in logs(16, 2, "dying")]
        deployment.now = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        days = (deployment.now - at("2026-01-30")).days
        for step in STEPS:
            die(deployment, step, 2 if step == "list" else 1, sweep_first_days=days)
        deployment.collect()
        while deployment.sweeper(sweep_first_days=days).run().queued:
            deployment.collect()
        assert same_as_clean(rig, refs, tmp_path)


def same_as_clean(rig: Rig, refs: Sequence[ObjectRef], folder: Path) -> bool:
    """Whether the hive holds what collecting these objects once, without any sweep, gives."""
    with running(rig.store, folder, now="2026-02-01T00:00") as clean:
        clean.rig.configure(f'partition "aws_cloudtrail_log" "prod" {{\n{_source(rig.bucket)}}}\n')
        worker = clean.rig.worker()
        assert worker.handle([clean.rig.message(*refs)]).again == {}
        rig.check(refs)
        assert differences(rig.rows(), clean.rig.rows()) == (0, 0)
        return set(rig.records(refs)) == {ref.key for ref in refs}


def _source(bucket: str) -> str:
    return f'source "aws_s3_bucket" {{\nbucket = "{bucket}"\n}}\n'


def test_g1_events_arrive_during_a_sweep(store: Store, tmp_path: Path) -> None:
    """Objects that land and are collected while a sweep lists: no row twice, none missing."""
    with running(store, tmp_path, now="2026-02-01T00:00", kind="dynamodb") as deployment:
        rig = deployment.rig
        samples = list(logs(18, 2, "arriving"))
        refs = [rig.put(one.key, one.body) for one in samples[:12]]
        worker = rig.worker()
        deployment.now = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        days = (deployment.now - at("2026-01-30")).days

        def arrive(step: str) -> None:
            if step in ("list", "ask", "send", "sent") and len(refs) < len(samples):
                new = rig.put(samples[len(refs)].key, samples[len(refs)].body)
                refs.append(new)
                event = [rig.message(new)] if len(refs) % 3 else []  # every third event is lost
                old = [rig.message(refs[len(refs) - 12])]
                assert worker.handle(event + old).again == {}

        assert deployment.sweeper(arrive, sweep_first_days=days).run().failed == {}
        assert len(refs) == len(samples)
        deployment.collect()
        assert deployment.sweeper(sweep_look_back_hours=days * 24).run().failed == {}
        deployment.collect()
        assert same_as_clean(rig, refs, tmp_path)


def test_two_sweeps_at_once(store: Store, tmp_path: Path) -> None:
    """The second finds the partition busy and does nothing; when the first is done it may."""
    tree = keys(20)
    with running(store, tmp_path, now="2026-02-01T00:00", bucket=Bucket(tree)) as deployment:
        deployment.bucket.modified = dict.fromkeys(tree, at("2026-01-31"))
        reports: list[Report] = []

        def meanwhile(step: str) -> None:
            if step == "send" and not reports:
                reports.append(deployment.sweeper(owner="second").run())

        first = deployment.sweeper(meanwhile, owner="first").run()
        assert reports[0].busy == [str(PROD)]
        assert (reports[0].requests, reports[0].queued, reports[0].moves) == (0, 0, 0)
        assert (first.queued, first.busy) == (20, [])
        assert sorted(deployment.queued()) == sorted(identities(deployment, tree))
        assert deployment.sweeper(owner="second").run().busy == []


@pytest.mark.parametrize("kind", ["sqlite", "dynamodb"])
def test_g2_two_sweeps_whose_lease_ran_out(store: Store, tmp_path: Path, kind: str) -> None:
    """A sweep that is so slow that another takes over stops at its cursor; nothing is missing."""
    tree = keys(30)
    with running(store, tmp_path, now="2026-02-01T00:00", bucket=Bucket(tree), kind=kind) as deployment:
        deployment.bucket.modified = dict.fromkeys(tree, at("2026-01-31"))
        reports: list[Report] = []

        def overtaken(step: str) -> None:
            if step == "sent" and not reports:
                deployment.now += dt.timedelta(hours=2)
                reports.append(deployment.sweeper(owner="second").run())

        slow = deployment.sweeper(overtaken, owner="first").run(lambda: 90_000)
        assert list(slow.failed) == [str(PROD)]
        assert "cursor" in slow.failed[str(PROD)]
        assert reports[0].failed == {}
        assert {*deployment.queued()} == {*identities(deployment, tree)}


def test_g2_many_sweeps_in_threads(store: Store, tmp_path: Path) -> None:
    """Four sweeps begun together: one works, or one after the other; all is queued."""
    tree = keys(30)
    with running(store, tmp_path, now="2026-02-01T00:00", bucket=Bucket(tree), kind="dynamodb") as deployment:
        deployment.bucket.modified = dict.fromkeys(tree, at("2026-01-31"))
        reports: list[Report] = []
        sweepers = [deployment.sweeper(owner=f"s{n}") for n in range(4)]
        threads = [threading.Thread(target=lambda one=one: reports.append(one.run())) for one in sweepers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(reports) == 4
        assert [report.failed for report in reports] == [{}] * 4
        assert {*deployment.queued()} == {*identities(deployment, tree)}


class Clock:
    """Time that passes with each step."""

    def __init__(self, per_step: float = 1.0) -> None:
        self.time, self.per_step = 1000.0, per_step

    def __call__(self) -> float:
        """Now, in seconds."""
        return self.time

    def tick(self, step: str) -> None:
        """A step takes its time."""
        self.time += self.per_step


def timed(deployment: Deployment, seconds: float, **settings: Any) -> Report:
    """A sweep that has so many seconds, a step taking one."""
    clock = Clock()
    sweeper = deployment.sweeper(clock.tick, **settings)
    sweeper.monotonic = clock
    return sweeper.run(remaining(seconds + 60, clock))


def interrupted_by_time(deployment: Deployment, **settings: Any) -> list[str]:
    """Three sweeps without the time to finish, then one that has it."""
    for _ in range(3):
        report = timed(deployment, 120, **settings)
        assert report.goes_on
        assert report.unfinished == [str(PROD)]
    assert timed(deployment, 10_000, **settings).unfinished == []
    return deployment.queued()


def interrupted_by_death(deployment: Deployment, **settings: Any) -> list[str]:
    """Three sweeps that die, then one that lives."""
    for step, nth in (("moved", 5), ("sent", 9), ("list", 60)):
        die(deployment, step, nth, **settings)
    assert deployment.sweeper(**settings).run().unfinished == []
    return deployment.queued()


@pytest.mark.parametrize("held", [50, 0], ids=["by key in parts", "by folder"])
@pytest.mark.parametrize("interrupted", [interrupted_by_time, interrupted_by_death])
def test_a_backfill_of_90_days_interrupted_three_times(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    interrupted: Callable[..., list[str]],
    held: int,
) -> None:
    """Newest day first, the same objects in the same order as without interruption, each once."""
    monkeypatch.setattr("penstock.listing.held.HELD", held)
    tree = keys(360, days=95, regions=2)
    settings: dict[str, Any] = {"sweep_first_days": 90}
    order: list[list[str]] = []
    for run in (lambda deployment, **more: interrupted(deployment, **more), None):
        with running(store, tmp_path, now="2026-02-01T00:00", bucket=Bucket(tree, page=20)) as deployment:
            deployment.bucket.modified = dict.fromkeys(tree, at("2026-01-31"))
            if run:
                found = run(deployment, **settings)
            else:
                assert deployment.sweeper(**settings).run().unfinished == []
                found = deployment.queued()
            order.append([one.split("/", 3)[3] for one in dict.fromkeys(found)])
    assert order[0] == order[1]
    assert days_of(order[0]) == sorted(days_of(order[0]), reverse=True)
    assert len({*days_of(order[0])}) == 90


def test_g2_what_cannot_be_put_in_order_in_time(store: Store, tmp_path: Path) -> None:
    """A pass whose time is over before its keys are all listed goes on by folder, newest first."""
    tree = keys(200, days=7)
    with running(store, tmp_path, now="2026-02-01T00:00", bucket=Bucket(tree, page=2)) as deployment:
        deployment.bucket.modified = dict.fromkeys(tree, at("2026-01-31"))
        first = timed(deployment, 90)
        assert (first.queued, first.moves, first.goes_on) == (0, 1, True)
        while timed(deployment, 90).goes_on:
            pass
        found = list(dict.fromkeys(deployment.queued()))
        assert sorted(found) == sorted(identities(deployment, tree))
        assert days_of(found) == sorted(days_of(found), reverse=True)
        asked = deployment.bucket.asked
        assert asked["list_objects_v2"] > 0
        # The next pass tries again.
        deployment.remember(found)
        asked.clear()
        deployment.now += dt.timedelta(hours=1)
        assert timed(deployment, 300).unfinished == []
        assert asked["list_objects_v2"] == 0


def test_a_fair_share(store: Store, tmp_path: Path) -> None:
    """A partition with much to list does not keep another from being swept."""
    tree = keys(700, days=7)
    text = "".join(
        f'partition "aws_cloudtrail_log" "{name}" {{\n{_source(bucket)}}}\n'
        for name, bucket in (("big", "big-bucket"), ("small", "small-bucket"))
    )
    buckets = {"big-bucket": Bucket(tree, page=5), "small-bucket": Bucket(keys(3), page=5)}

    class Both:
        def __getattr__(self, name: str) -> Any:
            return lambda **more: getattr(buckets[more["Bucket"]], name)(**more)

    with running(store, tmp_path, now="2026-02-01T00:00", bucket=Both(), text=text) as deployment:
        for bucket in buckets.values():
            bucket.modified = dict.fromkeys(bucket.keys, at("2026-01-31"))
        report = timed(deployment, 150)
        assert report.unfinished == ["aws_cloudtrail_log.big"]
        assert len([one for one in deployment.queued() if "small-bucket" in one]) == 3
        rounds = 0
        while (report := timed(deployment, 150)).goes_on:
            rounds += 1
        assert (report.unfinished, 1 < rounds < 20) == ([], True)


def test_versions_on_two_pages(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that runs out between two versions of one key loses neither."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    with running(store, tmp_path, now="2026-02-01T00:00") as deployment:
        rig = deployment.rig
        rig.s3.put_bucket_versioning(Bucket=rig.bucket, VersioningConfiguration={"Status": "Enabled"})
        refs = [rig.put(key, bytes([n])) for key in keys(4, days=1, regions=1) for n in range(3)]
        deployment.now = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        days = (deployment.now - at("2026-01-30")).days
        for seconds in (12.5, 13.5, 14.5, 15.5, 60):
            timed(deployment, seconds, sweep_first_days=days)
        assert {*deployment.queued()} == {ref.identity for ref in refs}


def test_a_backlog_holds_the_next_pass(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While much waits on the queue no new pass begins: it would send again what waits there."""
    monkeypatch.setattr("penstock.sweep.sweeper._BACKLOG", 1)
    tree = keys(40)
    with running(store, tmp_path, now="2026-02-01T00:00", bucket=Bucket(tree)) as deployment:
        deployment.bucket.modified = dict.fromkeys(tree, at("2026-01-31"))
        assert timed(deployment, 30).goes_on
        assert timed(deployment, 1000).unfinished == []  # the pass under way goes on
        deployment.now += dt.timedelta(hours=1)
        held = deployment.sweeper().run()
        assert (held.held, held.requests, held.queued) == ([str(PROD)], 0, 0)
        deployment.remember(deployment.queued())
        freed = deployment.sweeper().run()
        assert (freed.held, freed.queued, freed.known > 0) == ([], 0, True)


def impatient(rig: Rig) -> Ledger:
    """The rig's ledger; it does not wait between its tries."""
    client, blobs = rig.store.client("dynamodb"), open_hive(rig.hive, rig.s3)
    return DynamoLedger(client, rig.ledger.removeprefix("dynamodb://"), blobs, sleep=lambda _: None)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (Fault("slow down", "LIST", "logs-", times=50), "SlowDown"),
        (Fault("reset", "LIST", "logs-", times=50), "Connection"),
        (Fault("throttled", "BatchGetItem", times=50), "Throttling"),
        (Fault("throttled", "PutItem", times=50), "Throttling"),
        (Fault("denied", "SendMessageBatch", times=50), "sqs:SendMessage"),
        (Fault("lost", "SendMessageBatch", times=2), "sqs:SendMessage"),
        (Fault("lost", "SendMessageBatch", times=1), ""),
    ],
    ids=lambda value: f"{value.kind} {value.operation} {value.times}" if isinstance(value, Fault) else None,
)
def test_g2_services_on_a_bad_day(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Fault, why: str
) -> None:
    """What a service refuses is in the report, and the next sweep queues what this one did not."""
    monkeypatch.setattr("penstock.ledger.commit.clock.sleep", lambda _: None)
    tree = keys(9)
    with running(store, tmp_path, now="2026-02-01T00:00", kind="dynamodb") as deployment:
        refs = [deployment.rig.put(key, b"x") for key in tree]
        deployment.now = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        settings = {"sweep_first_days": (deployment.now - at("2026-01-20")).days}
        store.faults.append(fault)
        sweeper = deployment.sweeper(**settings)  # type: ignore[arg-type]
        sweeper.ledger = impatient(deployment.rig)
        report = sweeper.run()
        assert [why in reason for reason in report.failed.values()] == ([True] if why else [])
        store.faults.clear()
        found = deployment.queued()
        deployment.remember(list({*found}))
        assert deployment.sweeper(**settings).run().failed == {}  # type: ignore[arg-type]
        assert {*found, *deployment.queued()} == {ref.identity for ref in refs}


POLLED = """
partition "aws_cloudtrail_log" "polled" {
  source "aws_cloudwatch_log_group" {
    log_group_name = "trail"
  }
}
partition "aws_cloudtrail_log" "prod" {
  source "aws_s3_bucket" {
    bucket = "some-bucket"
  }
}
"""


def test_what_is_polled(store: Store, tmp_path: Path) -> None:
    """Polled sources get their turn and share of time; what fails or is not through is in the report."""
    turns: list[str] = []
    answers = {"trail": collect.Report(rows=3, commits=1)}
    clock = Clock()

    def polled(partition: Partition, remaining_ms: Callable[[], int]) -> collect.Report:
        turns.append(str(partition.id))
        assert 60_000 < remaining_ms() <= 160_000
        return answers["trail"]

    with running(store, tmp_path, now="2026-02-01T00:00", bucket=Bucket([]), text=POLLED) as deployment:
        sweeper = deployment.sweeper(clock.tick)
        sweeper.monotonic, sweeper.poll = clock, polled
        report = sweeper.run(remaining(160, clock))
        assert turns == ["aws_cloudtrail_log.polled"]
        assert (report.rows, report.failed, report.unfinished) == (3, {}, [])
        answers["trail"] = collect.Report(again={"trail": "trail: is being deleted"})
        report = sweeper.run(remaining(160, clock))
        assert report.failed == {"aws_cloudtrail_log.polled": "trail: is being deleted"}
        clock.per_step = 40.0
        answers["trail"] = collect.Report(rows=1, commits=1)
        sweeper.poll = lambda *_: (clock.tick(""), clock.tick(""), answers["trail"])[-1]  # type: ignore[func-returns-value]
        report = sweeper.run(remaining(160, clock), only=["aws_cloudtrail_log.polled"])
        assert (report.unfinished, report.goes_on) == (["aws_cloudtrail_log.polled"], True)
        assert report.requests == 0


def test_no_time_at_all(store: Store, tmp_path: Path) -> None:
    """Without the time for one request a sweep says so, and is not run again at once for ever."""
    with running(store, tmp_path, now="2026-02-01T00:00", bucket=Bucket(keys(3))) as deployment:
        report = deployment.sweeper().run(lambda: 10_000)
        assert report.unfinished == [str(PROD)]
        assert (report.requests, report.goes_on) == (0, False)
        for _ in range(2):
            report = timed(deployment, 3)
        assert (report.unfinished, report.goes_on) == ([str(PROD)], False)
