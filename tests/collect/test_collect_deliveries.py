"""Deliveries: what comes again for a period takes the place of what stood, all of it at once."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.collect import rig as rigs
from tests.collect.deliveries import (
    CUR,
    FIRST,
    body,
    costs,
    export,
    legacy,
    parquet,
    text,
    written_at,
)
from tests.collect.rig import Rig
from tests.collect.runs import Runner
from tests.collect.store import Store
from tests.faults.crew import DeathError, FrailLedger, refuse_to_answer
from tests.sweep.deployment import Deployment

from penstock import collect, config
from penstock.collect import Report
from penstock.compact import Compactor, Options, Policy, Site
from penstock.errors import ConfigError
from penstock.hive import open_hive
from penstock.model import DataFile, ObjectRef

HOURS = [FIRST + dt.timedelta(hours=8 * number) for number in range(4)]
both = pytest.mark.parametrize("shared", ["sqlite", "dynamodb"], indirect=True)
shapes = pytest.mark.parametrize("deliver", [legacy, export])


@pytest.fixture
def shared(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> Iterator[Rig]:
    """A deployment with a partition of cost reports, in a directory or of the kind that a test asks for."""
    store.faults.clear()
    made = rigs.make(store, tmp_path, kind=getattr(request, "param", "sqlite"))
    made.configure(text(made))
    yield made
    made.close()


def handle(
    rig: Rig, *refs: ObjectRef, redrive: bool = False, step: Callable[[str], None] | None = None
) -> Report:
    """What a worker makes of the events of these objects."""
    worker: collect.Worker = rig.worker()
    if step is not None:
        worker.step = step
        worker.ledger = FrailLedger(worker.ledger, lambda: step("committed"))
    return worker.handle([rig.message(ref, redrive=redrive) for ref in refs])


def live(rig: Rig) -> list[DataFile]:
    """The live files of the partition."""
    return rig.live(CUR)


def settled(rig: Rig) -> None:
    """What is live stands; what stands and was never live is named by an intent."""
    assert {file.path for file in live(rig)} <= rig.standing()
    ever = {file.path for one in rig.open_ledger().commits(CUR, 0) for file in one.add}
    assert rig.standing() - ever <= {path for intent in rig.intents() for path in intent.paths}


def compact(rig: Rig, folder: Path) -> None:
    """Merge whatever is small, months later."""
    text_ = open_hive(rig.hive, rig.s3).read_bytes("_config/main.tpc").decode()
    now = FIRST + dt.timedelta(days=400)
    made = Compactor(
        site=Site(
            open_hive(rig.hive, rig.s3), rig.open_ledger(), dt.timedelta(hours=1), lambda: now, lambda _: None
        ),
        source=rig.ledger,
        options=Options(Policy(1 << 20, 64 << 20), 512, 1),
        read_config=lambda: config.loads({"main.tpc": text_}),
        folder=folder,
    )
    made.run()


@both
@shapes
def test_three_deliveries_leave_the_rows_of_the_last(
    shared: Rig, tmp_path: Path, deliver: Callable[..., object]
) -> None:
    """Objects wait for their manifest; each delivery takes the place of the one before, whatever its size."""
    for number, at in enumerate(HOURS[:3]):
        before = costs(shared)
        new = deliver(shared, f"a{number}", [number + 1.0] * (3 - number), at)
        report = handle(shared, *new.objects)  # type: ignore[attr-defined]
        assert (report.unwanted, costs(shared)) == (3 - number, before)
        report = handle(shared, *new.manifests)  # type: ignore[attr-defined]
        assert (report.again, report.bad, report.done) == ({}, 0, 3 - number)
        assert costs(shared) == [number + 1.0] * 4 * (3 - number)
    clean = rigs.make(shared.store, tmp_path, kind="sqlite", bucket=shared.bucket, text=text(shared))
    handle(clean, *new.manifests)  # type: ignore[attr-defined]
    assert rigs.differences(shared.rows(CUR.table, CUR), clean.rows(CUR.table, CUR)) == (0, 0)
    assert shared.intents() == []
    settled(shared)


def test_again_changes_nothing(shared: Rig) -> None:
    """Both manifests of an assembly are one delivery, and a message that comes twice is known."""
    new = legacy(shared, "a", [1.0, 2.0], FIRST)
    handle(shared, *new.manifests)
    head = shared.open_ledger().head(CUR).version
    report = handle(shared, *new.manifests, *new.manifests)
    assert (report.known, report.done, report.commits) == (2, 0, 0)
    assert shared.open_ledger().head(CUR).version == head
    assert costs(shared) == [1.0] * 4 + [2.0] * 4


@both
def test_an_older_delivery_that_comes_late_does_not_win(shared: Rig) -> None:
    """It is recorded, so that nobody asks for it again, and no row of it is seen."""
    old, new = (legacy(shared, name, [cost], at) for name, cost, at in zip("ab", (1.0, 2.0), HOURS))
    handle(shared, *new.manifests)
    report = handle(shared, old.manifests[0])
    assert (report.known, report.done, report.again) == (1, 0, {})
    assert costs(shared) == [2.0] * 4
    assert shared.records([old.manifests[0]], CUR)[old.manifests[0].key].stored == 0


def test_a_manifest_that_was_overwritten_is_passed_over(shared: Rig) -> None:
    """The message of a manifest that stands no more brings nothing; that of the one that stands does."""
    old = export(shared, "a", [1.0], HOURS[0])
    new = export(shared, "b", [2.0], HOURS[1])
    report = handle(shared, *old.manifests)
    assert (report.known, report.bad, report.again, costs(shared)) == (1, 0, {}, [])
    handle(shared, *new.manifests)
    assert costs(shared) == [2.0] * 4


def test_objects_of_the_next_delivery_await_their_manifest(shared: Rig) -> None:
    """Where deliveries are written over each other, the old manifest does not bring half of the next one."""
    old = export(shared, "a", [1.0, 1.0], HOURS[0])
    handle(shared, *old.manifests)
    key = old.objects[0].key
    again = export(shared, "b", [1.5, 1.5], HOURS[1])
    written_at(shared, shared.put(key, body(0, 4, 3.0)), HOURS[2])
    report = handle(shared, *again.manifests)
    assert "awaits a manifest of its own" in next(iter(report.again.values()))
    assert costs(shared) == [1.0] * 8
    last = export(shared, "c", [3.0, 3.0], HOURS[2])
    handle(shared, *last.manifests)
    assert costs(shared) == [3.0] * 8


def test_a_delivery_with_a_bad_object_replaces_nothing(shared: Rig) -> None:
    """Its manifest is recorded as bad, with the object's name; a redrive delivers it when it is mended."""
    handle(shared, *legacy(shared, "a", [1.0, 1.0], HOURS[0]).manifests)
    new = legacy(shared, "b", [2.0, 2.0], HOURS[1])
    shared.put(new.objects[1].key, body(1, 4, 2.0)[:-9])
    standing = shared.standing()
    report = handle(shared, new.manifests[0])
    assert (report.bad, report.again) == (1, {})
    assert new.objects[1].key in next(iter(report.reasons.values()))
    assert costs(shared) == [1.0] * 8
    assert (shared.standing(), shared.intents()) == (standing, [])
    shared.put(new.objects[1].key, body(1, 4, 2.0))
    assert handle(shared, new.manifests[0]).done == 0
    assert handle(shared, new.manifests[0], redrive=True).done == 2
    assert costs(shared) == [2.0] * 8


def test_a_delivery_that_is_not_whole_comes_again(shared: Rig) -> None:
    """An object that is missing soon after its manifest may be on its way; later it is missing for good."""
    handle(shared, *legacy(shared, "a", [1.0], HOURS[0]).manifests)
    soon = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    new = legacy(shared, "b", [2.0, 2.0], soon)
    shared.s3.delete_object(Bucket=shared.bucket, Key=new.objects[1].key)
    assert "not there yet" in next(iter(handle(shared, new.manifests[0]).again.values()))
    assert costs(shared) == [1.0] * 4
    written_at(shared, new.manifests[0], HOURS[1])
    assert handle(shared, new.manifests[0]).bad == 1
    assert costs(shared) == [1.0] * 4


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (b"{", "found no JSON"),
        (b"[]", "found no JSON object"),
        (b'{"reportKeys": 1}', "found no list of objects, expected reportKeys or dataFiles"),
        (b'{"reportKeys": ["a/b.csv.gz"]}', "tells no period"),
        (b'{"reportKeys": ["a/20260101-20260201/b.csv.gz", "a/20260201-20260301/b.csv.gz"]}', "one period"),
    ],
)
def test_odd_manifests(shared: Rig, manifest: bytes, reason: str) -> None:
    """Each is bad, with what was found."""
    ref = shared.put("a/20260101-20260201/b-Manifest.json", manifest)
    report = handle(shared, ref)
    assert reason in report.reasons[ref.identity]


def test_a_manifest_of_another_log_is_passed_over(shared: Rig) -> None:
    """One that names nothing the layout wants is known from then on."""
    shared.configure(text(shared, source="    file_layout = `^mine/`\n"))
    new = legacy(shared, "a", [1.0], FIRST)
    report = handle(shared, *new.manifests)
    assert (report.unwanted, costs(shared)) == (2, [])
    assert handle(shared, *new.manifests).known == 2


def test_other_reports_and_periods_stay(shared: Rig, tmp_path: Path) -> None:
    """Also when a compaction has put their rows into one file with those that are replaced."""
    for report, cost in (("cost", 1.0), ("team", 5.0)):
        for number, at in enumerate(HOURS[:2]):
            handle(shared, *legacy(shared, f"{report}{number}", [cost + number], at, report=report).manifests)
    assert costs(shared) == [2.0] * 4 + [6.0] * 4
    compact(shared, tmp_path)
    assert len([file for file in live(shared) if file.table == CUR.table]) == 3
    handle(shared, *legacy(shared, "cost9", [9.0], HOURS[2]).manifests)
    assert costs(shared) == [6.0] * 4 + [9.0] * 4
    compact(shared, tmp_path)
    handle(shared, *legacy(shared, "team9", [7.0], HOURS[2], report="team").manifests)
    assert costs(shared) == [7.0] * 4 + [9.0] * 4
    settled(shared)


def test_only_files_that_may_hold_them_are_looked_into(shared: Rig) -> None:
    """The ledger tells where the rows of a file come from: files of other reports are left alone."""
    for report in ("cost", "team", "zone"):
        handle(shared, *legacy(shared, report, [1.0], HOURS[0], report=report).manifests)
    steps: list[str] = []
    handle(shared, *legacy(shared, "new", [2.0], HOURS[1], report="team").manifests, step=steps.append)
    assert steps.count("rewrite") == len({"01", "02", "03"})  # a file a day
    assert costs(shared) == [1.0] * 8 + [2.0] * 4


@both
def test_more_objects_than_a_commit_holds(shared: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows change in one commit all the same; the records that find no room follow."""
    monkeypatch.setattr("penstock.collect.staging.MAX_OBJECTS", 3)
    handle(shared, *legacy(shared, "a", [1.0] * 4, HOURS[0], rows=1).manifests)
    head = shared.open_ledger().head(CUR).version
    new = legacy(shared, "b", [2.0] * 7, HOURS[1], rows=1)
    handle(shared, new.manifests[0])
    told = [(one.objects, bool(one.add)) for one in shared.open_ledger().commits(CUR, head)]
    assert told == [(3, True), (3, False), (2, False)]
    assert costs(shared) == [2.0] * 7
    assert {record.stored for record in shared.records(new.objects, CUR).values()} == {1}


def test_g3_readers_see_one_delivery_or_the_next(shared: Rig) -> None:
    """Two readers count all the while: never both, none or half."""
    handle(shared, *legacy(shared, "a", [1.0] * 3, HOURS[0]).manifests)
    seen: set[int] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(sum(file.rows for file in live(shared)))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number, (objects, rows) in enumerate(((5, 4), (2, 4))):
        new = legacy(shared, f"b{number}", [2.0] * objects, HOURS[1 + number], rows=rows)
        handle(shared, *new.all)
    done.set()
    for reader in readers:
        reader.join()
    assert seen <= {12, 20, 8}
    assert sum(file.rows for file in live(shared)) == 8


STEPS = {
    **dict.fromkeys(("fetch", "convert", "intent", "put", "put one", "rewrite", "record"), 2),
    **dict.fromkeys(("look", "commit", "committed", "forget"), 1),
}


@pytest.mark.parametrize("step", STEPS)
def test_g3_death_at_each_step(shared: Rig, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the commit the old delivery stands, after it the new one; the message comes again."""
    monkeypatch.setattr("penstock.collect.staging.MAX_OBJECTS", 2)
    shared.settings["PENSTOCK_COMMIT_OBJECTS"] = "2"
    handle(shared, *legacy(shared, "a", [1.0] * 5, HOURS[0]).manifests)
    new = legacy(shared, "b", [2.0] * 6, HOURS[1])
    times = {"left": STEPS[step]}

    def watch(name: str) -> None:
        times["left"] -= name == step
        if name == step and times["left"] == 0:
            raise DeathError(step)

    with pytest.raises(DeathError):
        handle(shared, new.manifests[0], step=watch)
    after = step in ("committed", "forget", "record")
    assert costs(shared) == ([2.0] * 24 if after else [1.0] * 20)
    settled(shared)
    for _ in range(2):
        assert handle(shared, *new.manifests).again == {}
        assert costs(shared) == [2.0] * 24
    settled(shared)


@both
def test_the_answer_of_a_commit_is_lost(shared: Rig) -> None:
    """The worker finds that it was written: the delivery stands, once."""
    handle(shared, *legacy(shared, "a", [1.0], HOURS[0]).manifests)
    new = legacy(shared, "b", [2.0], HOURS[1])
    report = handle(shared, new.manifests[0], step=refuse_to_answer)
    assert (report.again, report.done, report.commits) == ({}, 1, 1)
    assert costs(shared) == [2.0] * 4
    assert handle(shared, new.manifests[0]).known == 1
    assert costs(shared) == [2.0] * 4
    settled(shared)


@both
@pytest.mark.parametrize("inner", ["older", "same", "newer"])
def test_two_at_once(shared: Rig, inner: str) -> None:
    """One inside the other, before its commit: the newest stands, and nobody's files are left over."""
    handle(shared, *legacy(shared, "start", [0.5], HOURS[0]).manifests)
    made = {
        name: legacy(shared, name, [cost], at)
        for name, cost, at in zip(("older", "same", "newer"), (1.0, 2.0, 3.0), HOURS[1:], strict=True)
    }
    ran: list[Report] = []

    def step(name: str) -> None:
        if name == "commit" and not ran:
            ran.append(Report())
            ran.append(handle(shared, made[inner].manifests[0]))

    outer = handle(shared, made["same"].manifests[0], step=step)
    assert (ran[1].again, outer.again) == ({}, {})
    assert costs(shared) == ([3.0] if inner == "newer" else [2.0]) * 4
    assert shared.intents() == []
    settled(shared)


def test_a_persons_run_finds_manifests(shared: Rig) -> None:
    """`penstock collect` delivers the newest of each period, and again with `--overwrite`."""
    for number, at in enumerate(HOURS[:3]):
        legacy(shared, f"a{number}", [number + 1.0], at)
    runner = Runner(shared, text(shared))
    start = FIRST - dt.timedelta(days=1)
    outcome = runner(start, partition=CUR)
    assert (outcome.state, outcome.messages, outcome.found) == ("done", [], 4)
    assert costs(shared) == [3.0] * 4
    again = runner(start, partition=CUR)
    assert (again.skipped, again.report.done) == (4, 0)
    filtered = Runner(shared, text(shared, "  filter = \"identity_line_item_id <> '0-0'\"\n"))
    outcome = filtered(start, partition=CUR, overwrite=True)
    assert (outcome.state, outcome.messages, outcome.report.done) == ("done", [], 1)
    assert costs(shared) == [3.0] * 3
    settled(shared)


def test_reports_in_parquet(shared: Rig) -> None:
    """For Athena a report lies beside its manifests, by year and month, and is written over."""
    for number, at in enumerate(HOURS[:2]):
        key = "billing/cost/cost/year=2026/month=1/cost-00001.snappy.parquet"
        ref = shared.put(key, parquet(2 + number, number + 1.0))
        manifest = json.dumps({"assemblyId": f"a{number}", "reportKeys": [key]}).encode()
        told = shared.put("billing/cost/20260101-20260201/cost-Manifest.json", manifest)
        for one in (ref, told):
            written_at(shared, one, at)
        assert handle(shared, ref, told).done == 1
        assert costs(shared) == [number + 1.0] * (2 + number)


def test_nothing_is_replaced_when_told_so(shared: Rig) -> None:
    """`replaces = "nothing"` takes each object as it comes, without a manifest."""
    shared.configure(text(shared, '  replaces = "nothing"\n'))
    one, two = (legacy(shared, name, [1.0], at) for name, at in zip("ab", HOURS))
    report = handle(shared, *one.all, *two.all)
    assert (report.done, report.unwanted) == (2, 3 + 1)
    assert costs(shared) == [1.0] * 8


OBJECT = '  replaces = "object"\n'


@both
def test_an_object_that_is_written_over(shared: Rig) -> None:
    """Its rows take the place of those it had, and of no other object's."""
    shared.configure(text(shared, OBJECT))
    key, other = "r/data/p/one.csv.gz", "r/data/p/one.csv.gz.csv.gz"
    stays = shared.put(other, body(7, 2, 7.0))
    for number, rows in enumerate((4, 6, 1)):
        ref = shared.put(key, body(0, rows, number + 1.0))
        written_at(shared, ref, HOURS[number])
        assert handle(shared, ref, stays).again == {}
        assert costs(shared) == [number + 1.0] * rows + [7.0] * 2
    settled(shared)


def test_an_older_version_that_comes_late(shared: Rig) -> None:
    """Each version of a versioned bucket can be read: the one that stands wins, whatever comes when."""
    shared.configure(text(shared, OBJECT))
    shared.s3.put_bucket_versioning(Bucket=shared.bucket, VersioningConfiguration={"Status": "Enabled"})
    one, two, three = (shared.put("r/data/p/one.csv.gz", body(0, n, n)) for n in (1, 2, 3))
    for ref in (two, three, one, two):
        assert handle(shared, ref).again == {}
    assert costs(shared) == [3.0] * 3
    assert len(shared.records([one], CUR)) == 1


def test_a_file_that_changed(shared: Rig, tmp_path: Path) -> None:
    """A local file that was appended to counts as it is now; its neighbour stays."""
    home = tmp_path / "reports"
    home.mkdir()
    source = f'  source "file" {{\n    paths = ["{home}"]\n  }}\n'
    config_ = f'partition "aws_cost_and_usage_report" "prod" {{\n{source}{OBJECT}}}\n'
    (home / "other.csv.gz").write_bytes(body(9, 2, 9.0))
    runner = Runner(shared, config_)
    for rows in (1, 3, 2):
        (home / "one.csv.gz").write_bytes(body(0, rows, float(rows)))
        assert runner(partition=CUR).state == "done"
        assert costs(shared) == [float(rows)] * rows + [9.0] * 2
        assert runner(partition=CUR).skipped == 2


def test_wrong_arguments(shared: Rig) -> None:
    """What cannot be is said with the line, and what was expected."""
    for table, value, message in (
        (
            "aws_cloudtrail_log",
            "delivery",
            "aws_cloudtrail_log knows no manifests, expected nothing or object",
        ),
        ("aws_cost_and_usage_report", "all", "expected nothing, object or delivery"),
    ):
        wrong = text(shared, f'  replaces = "{value}"\n').replace("aws_cost_and_usage_report", table)
        with pytest.raises(ConfigError, match=message):
            config.loads({"main.tpc": wrong})


def test_the_sweep_finds_manifests(shared: Rig) -> None:
    """Those whose event was lost are sent and delivered; objects are no business of the queue."""
    made = [legacy(shared, name, [cost], at) for name, cost, at in zip("ab", (1.0, 2.0), HOURS, strict=False)]
    queue = shared.store.client("sqs").create_queue(QueueName=f"{shared.bucket}-queue")["QueueUrl"]
    there = Deployment(shared, queue, FIRST + dt.timedelta(days=3))
    assert there.sweeper().run().failed == {}
    there.collect()
    assert costs(shared) == [2.0] * 4
    wanted = [made[0].manifests[0], *made[1].manifests]  # the period's own was written over
    assert {record.state for record in shared.records(wanted, CUR).values()} == {"done"}
    there.now += dt.timedelta(hours=6)
    assert there.sweeper().run().queued == 0
