"""`--overwrite`: old rows out and new rows in, in one step, and no other row touched."""

from __future__ import annotations

import datetime as dt
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.collect import rig as rigs
from tests.collect.rig import PROD, Rig, logs
from tests.collect.runs import NOW, Runner, bucket, folder, lay, partition, sums
from tests.collect.store import Store

from infra import samples
from penstock.collect.run import Outcome, Range, Watch, run
from penstock.compact import tail
from penstock.compact.live import is_hidden
from penstock.hive import open_hive
from penstock.ledger.commit import commit
from penstock.model import REJECTED_TABLE, ObjectRef

DAY = dt.timedelta(days=1)
both = pytest.mark.parametrize("shared", ["sqlite", "dynamodb"], indirect=True)
MIDNIGHT = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
FILTER = "  filter = \"event_source <> 'ec2.amazonaws.com'\"\n"


@pytest.fixture
def shared(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> Iterator[Rig]:
    """A deployment in a directory, or of the kind that a test asks for."""
    store.faults.clear()
    made = rigs.make(store, tmp_path, kind=getattr(request, "param", "sqlite"))
    yield made
    made.close()


def fill(rig: Rig, count: int = 12) -> tuple[samples.SampleObject, ...]:
    """Objects around a midnight, in the bucket and not collected yet."""
    objects = logs(count, 6)
    for one in objects:
        rig.put(one.key, one.body)
    return objects


def anew(rig: Rig, text: str, folder_: Path) -> Rig:
    """The same bucket collected once with another configuration, in a hive of its own."""
    made = rigs.make(rig.store, folder_, kind="sqlite", bucket=rig.bucket)
    Runner(made, text)(MIDNIGHT - 2 * DAY)
    return made


@both
def test_a_whole_range_with_another_filter(shared: Rig, tmp_path: Path) -> None:
    """Rows and records are as if it had been collected so from the start; one commit shows all of it."""
    fill(shared)
    plain, filtered = (partition(bucket(shared.bucket), more=more) for more in ("", FILTER))
    Runner(shared, plain)(MIDNIGHT - 2 * DAY)
    before, version = shared.rows().num_rows, shared.open_ledger().head(PROD).version
    outcome = Runner(shared, filtered, {"PENSTOCK_COMMIT_OBJECTS": "5"})(MIDNIGHT - 2 * DAY, overwrite=True)
    assert (outcome.state, sums(outcome)) == ("done", (12, 12, 0, 0))
    assert 0 < outcome.report.filtered == before - shared.rows().num_rows
    (only,) = shared.open_ledger().commits(PROD, version)
    assert (only.kind, only.objects, bool(only.remove)) == ("overwrite", 12, True)
    assert rigs.differences(shared.rows(), anew(shared, filtered, tmp_path).rows()) == (0, 0)
    refs = [ObjectRef(shared.bucket, one.key, None, one.etag) for one in logs(12, 6)]
    records = shared.records(refs)
    assert sum(record.stored for record in records.values()) == shared.rows().num_rows
    assert sum(record.filtered for record in records.values()) == outcome.report.filtered


def test_g3_readers_that_glob_see_the_old_rows_for_the_time_being(shared: Rig) -> None:
    """New files are hidden from them; compaction owes each its public name, and the old ones their end."""
    fill(shared, 6)
    runner = Runner(shared, partition(bucket(shared.bucket)))
    runner(MIDNIGHT - 2 * DAY)
    public = {file.path for file in shared.live()}
    runner(MIDNIGHT, overwrite=True)
    new = {file.path for file in shared.live()} - public
    assert new
    assert all(is_hidden(path) for path in new)
    assert {path for path in shared.standing() if not is_hidden(path)} == public
    (flip,) = tail.read(shared.open_ledger(), PROD).flips
    assert {file.path for file in flip.hidden} == new
    assert {one.path for one in flip.replaces} == public - {file.path for file in shared.live()}


def test_a_part_leaves_the_rest(shared: Rig, tmp_path: Path) -> None:
    """Of files that hold rows of both, those of objects outside of the range stay, whatever their day."""
    fill(shared)
    plain = partition(bucket(shared.bucket))
    Runner(shared, plain)(MIDNIGHT - 2 * DAY)
    assert {str(file.tp_date) for file in shared.live()} == {"2026-01-31", "2026-02-01"}
    filtered = partition(bucket(shared.bucket), more=FILTER)
    outcome = Runner(shared, filtered)(MIDNIGHT, MIDNIGHT + DAY, overwrite=True)
    assert (outcome.state, 0 < outcome.found < 12) == ("done", True)
    expected = rigs.make(shared.store, tmp_path, kind="sqlite", bucket=shared.bucket)
    Runner(expected, filtered)(MIDNIGHT, MIDNIGHT + DAY)
    Runner(expected, plain)(MIDNIGHT - 2 * DAY)
    assert rigs.differences(shared.rows(), expected.rows()) == (0, 0)
    kept = [file for file in shared.live() if "-kept-" in file.path]
    assert kept
    assert all(file.stats["tp_timestamp"].min for file in kept)


def test_twice_is_once(shared: Rig) -> None:
    """The same again changes no row; the files of the first go."""
    fill(shared)
    runner = Runner(shared, partition(bucket(shared.bucket)))
    runner(MIDNIGHT - 2 * DAY)
    rows = shared.rows()
    for _ in range(2):
        assert runner(MIDNIGHT - 2 * DAY, overwrite=True).state == "done"
        assert rigs.differences(shared.rows(), rows) == (0, 0)


@both
def test_more_objects_than_a_commit_holds(shared: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows change in one commit all the same; the records that find no room follow, and lead on."""
    monkeypatch.setattr("penstock.collect.staging.MAX_OBJECTS", 5)
    fill(shared)
    Runner(shared, partition(bucket(shared.bucket)))(MIDNIGHT - 2 * DAY)
    filtered = Runner(shared, partition(bucket(shared.bucket), more=FILTER))
    outcome = filtered(MIDNIGHT - 2 * DAY, overwrite=True)
    rows = shared.rows()
    commits = list(shared.open_ledger().commits(PROD, 1))
    assert [(one.kind, one.objects, bool(one.add)) for one in commits] == [
        ("overwrite", 5, True),
        ("overwrite", 5, False),
        ("overwrite", 2, False),
    ]
    refs = [ObjectRef(shared.bucket, one.key, None, one.etag) for one in logs(12, 6)]
    assert sum(record.filtered for record in shared.records(refs).values()) == outcome.report.filtered
    assert filtered(MIDNIGHT - 2 * DAY, overwrite=True).state == "done"
    assert rigs.differences(shared.rows(), rows) == (0, 0)


def test_an_object_that_two_sources_name(shared: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is replaced once, however far apart they name it."""
    monkeypatch.setattr("penstock.collect.overwrite._CHUNK", 4)
    fill(shared, 6)
    runner = Runner(shared, partition(bucket(shared.bucket), bucket(shared.bucket)))
    runner(MIDNIGHT - 2 * DAY)
    rows = shared.rows()
    assert runner(MIDNIGHT - 2 * DAY, overwrite=True).report.done == 6
    assert rigs.differences(shared.rows(), rows) == (0, 0)


def test_rows_that_were_deleted_come_back(shared: Rig) -> None:
    """Objects that are known and have no row any more are read again like the others."""
    fill(shared, 4)
    runner = Runner(shared, partition(bucket(shared.bucket)))
    runner(MIDNIGHT - 2 * DAY)
    rows = shared.rows()
    commit(
        shared.open_ledger(),
        partition=PROD,
        id="delete-1",
        kind="delete",
        time=dt.datetime(2026, 2, 2, tzinfo=dt.UTC),
        remove=[file.path for file in shared.live()],
    )
    assert runner(MIDNIGHT - 2 * DAY).report.done == 0
    assert runner(MIDNIGHT - 2 * DAY, overwrite=True).report.done == 4
    assert rigs.differences(shared.rows(), rows) == (0, 0)


def test_new_objects_of_the_range(shared: Rig) -> None:
    """They are collected as ever; a range where nothing was is only collected."""
    objects = fill(shared, 8)
    runner = Runner(shared, partition(bucket(shared.bucket)))
    assert sums(runner(MIDNIGHT - 2 * DAY, overwrite=True)) == (8, 8, 0, 0)
    assert sum(report.objects for report in runner.told) == 8
    assert [one.kind for one in shared.open_ledger().commits(PROD, 0)] == ["collect"]
    more = logs(4, 6, "more")
    for one in more:
        shared.put(one.key, one.body)
    outcome = runner(MIDNIGHT - 2 * DAY, overwrite=True)
    assert sums(outcome) == (12, 12, 0, 0)
    assert shared.rows().num_rows == sum(one.stored for one in (*objects, *more))


def test_a_file_that_was_edited(shared: Rig, tmp_path: Path) -> None:
    """Its old rows go, whatever it was before: a longer file, a shorter one, an archive."""
    one, two, three = logs(3, 4)
    lay(tmp_path / "logs", [one, two])
    runner = Runner(shared, partition(folder(tmp_path / "logs")))
    runner()
    path = tmp_path / "logs" / one.key
    path.write_bytes(three.body)
    assert runner().state == "failed"  # the file is not what it was; nobody said what counts
    assert shared.rows().num_rows == 8
    assert runner(overwrite=True).state == "done"
    found = shared.rows().to_pylist()
    assert {(row["tp_source_location"]) for row in found} == {
        str(path),
        str(tmp_path / "logs" / two.key),
    }
    assert len(found) == 8
    for members in ((one, two), (three,)):
        with zipfile.ZipFile(path, "w") as pack:
            for number, member in enumerate(members):
                pack.writestr(f"{number}.gz", member.body)
        runner(overwrite=True)
        assert shared.rows().num_rows == 4 + sum(member.stored for member in members)


@both
def test_an_object_that_cannot_be_read_any_more_keeps_its_rows(shared: Rig) -> None:
    """What was good once is not lost to a limit or a mistake of today; it is told."""
    objects = fill(shared, 4)
    large = logs(1, 40, "large")[0]
    shared.put(large.key, large.body)
    Runner(shared, partition(bucket(shared.bucket)))(MIDNIGHT - 2 * DAY)
    rows = shared.rows()
    strict = {"PENSTOCK_MAX_INFLATED_BYTES": "30000"}
    outcome = Runner(shared, partition(bucket(shared.bucket)), strict)(MIDNIGHT - 2 * DAY, overwrite=True)
    assert (outcome.state, sums(outcome)) == ("done", (5, 4, 0, 1))
    assert "beyond the limit" in next(iter(outcome.report.reasons.values()))
    assert rigs.differences(shared.rows(), rows) == (0, 0)
    ref = ObjectRef(shared.bucket, large.key, None, large.etag)
    assert shared.records([ref])[large.key].state == "done"
    assert len(objects) == 4


def test_rejected_rows_are_replaced_too(shared: Rig) -> None:
    """They are rows of the object as the others are."""
    odd = next(one for one in samples.bad_objects("overwrite") if one.rejected and one.stored)
    shared.put(odd.key, odd.body)
    runner = Runner(shared, partition(bucket(shared.bucket)))
    day = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    runner(day)
    assert shared.rows(REJECTED_TABLE).num_rows == odd.rejected
    assert runner(day, overwrite=True).state == "done"
    assert shared.rows(REJECTED_TABLE).num_rows == odd.rejected
    assert shared.rows().num_rows == odd.stored
    assert len(list(shared.open_ledger().commits(PROD, 0))) == 2


@both
def test_files_merged_meanwhile(shared: Rig) -> None:
    """A compaction between looking and committing: it looks again, and the rows are right."""
    fill(shared)
    runner = Runner(shared, partition(bucket(shared.bucket)))
    runner(MIDNIGHT - 2 * DAY)
    rows = shared.rows()
    merged: list[str] = []

    def step(name: str) -> None:
        if name == "commit" and not merged:
            merged.append(_rename(shared))

    outcome = runner(MIDNIGHT - 2 * DAY, overwrite=True, step=step)
    assert outcome.state == "done"
    assert rigs.differences(shared.rows(), rows) == (0, 0)
    assert merged[0] not in {file.path for file in shared.live()}


def _rename(rig: Rig) -> str:
    """What a compaction does to a live file, at its smallest: the same rows under another name."""
    file = rig.live()[0]
    path = file.path.replace(".parquet", "-merged.parquet")
    hive = open_hive(rig.hive, rig.s3)
    hive.write_bytes(path, hive.read_bytes(file.path))
    commit(
        rig.open_ledger(),
        partition=PROD,
        id=f"merge-{file.path[-12:]}",
        kind="compact",
        time=dt.datetime(2026, 2, 2, tzinfo=dt.UTC),
        add=[replace(file, path=path)],
        remove=[file.path],
    )
    return path


def test_rows_that_a_compaction_moved_are_found(shared: Rig) -> None:
    """Old rows are followed through merged files, also to days outside of the range."""
    fill(shared)
    runner = Runner(shared, partition(bucket(shared.bucket)))
    runner(MIDNIGHT - 2 * DAY)
    rows = shared.rows()
    for _ in shared.live():
        _rename(shared)
    assert runner(MIDNIGHT, MIDNIGHT + DAY, overwrite=True).state == "done"
    assert rigs.differences(shared.rows(), rows) == (0, 0)


@both
def test_two_at_once(shared: Rig) -> None:
    """One inside the other: the rows are right, and nobody's files are left over."""
    fill(shared, 6)
    runner = Runner(shared, partition(bucket(shared.bucket)))
    runner(MIDNIGHT - 2 * DAY)
    rows = shared.rows()
    inner: list[Outcome] = []

    def step(name: str) -> None:
        if name == "commit" and not inner:
            inner.append(runner(MIDNIGHT - 2 * DAY, overwrite=True))

    outer = runner(MIDNIGHT - 2 * DAY, overwrite=True, step=step)
    assert [inner[0].state, outer.state] == ["done", "done"]
    assert rigs.differences(shared.rows(), rows) == (0, 0)
    assert shared.intents() == []


@both
def test_g3_readers_see_the_old_number_or_the_new_one(shared: Rig) -> None:
    """Two readers count all the while: no other number is ever seen, and both are."""
    fill(shared)
    Runner(shared, partition(bucket(shared.bucket)))(MIDNIGHT - 2 * DAY)
    old = sum(file.rows for file in shared.live())
    seen: set[int] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(sum(file.rows for file in shared.live() if file.table == PROD.table))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    filtered = Runner(shared, partition(bucket(shared.bucket), more=FILTER), {"PENSTOCK_COMMIT_OBJECTS": "4"})
    outcome = filtered(MIDNIGHT - 2 * DAY, overwrite=True)
    done.set()
    for reader in readers:
        reader.join()
    seen.add(sum(file.rows for file in shared.live()))
    assert seen == {old, old - outcome.report.filtered}


def test_stopped(shared: Rig) -> None:
    """Nothing is replaced, nothing is left behind."""
    fill(shared, 6)
    runner = Runner(shared, partition(bucket(shared.bucket)), {"PENSTOCK_COMMIT_OBJECTS": "2"})
    runner(MIDNIGHT - 2 * DAY)
    version, standing = shared.open_ledger().head(PROD).version, shared.standing()
    runner.told.clear()
    runner.stop_at = lambda: len(runner.told) > 4
    outcome = runner(MIDNIGHT - 2 * DAY, overwrite=True)
    assert outcome.state == "cancelled"
    assert (shared.open_ledger().head(PROD).version, shared.standing()) == (version, standing)
    assert shared.intents() == []


def test_an_object_that_cannot_be_had_stops_it(shared: Rig, tmp_path: Path) -> None:
    """All or nothing: the old rows stay, the run fails and says which object."""
    lay(tmp_path / "logs", logs(4))
    runner = Runner(shared, partition(folder(tmp_path / "logs")))
    runner()
    rows, standing = shared.rows(), shared.standing()
    gone = tmp_path / "logs" / logs(4)[1].key

    def step(name: str) -> None:
        if name == "fetch":
            gone.unlink(missing_ok=True)

    outcome = runner(overwrite=True, step=step)
    assert outcome.state == "failed"
    assert gone.name in outcome.messages[0]
    assert rigs.differences(shared.rows(), rows) == (0, 0)
    assert shared.standing() == standing


@pytest.mark.parametrize(
    ("archive", "other"),
    [("x.1", "x.12"), ("a!/b.zip", "a!/c.gz"), ("a", "a!/b.gz"), ("a!/b", "a%21/b"), ("a!/b", "a%2521/b")],
)
def test_g2_names_much_like_that_of_an_archive(shared: Rig, tmp_path: Path, archive: str, other: str) -> None:
    """Rows of another object, which is gone by now, stay when the archive is collected again."""
    one, two = logs(2, 4)
    packed, plain = tmp_path / "logs" / archive, tmp_path / "logs" / other
    for path in (packed, plain):
        path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(packed, "w") as pack:
        pack.writestr("b.gz", one.body)
    plain.write_bytes(two.body)
    runner = Runner(shared, partition(folder(tmp_path / "logs")))
    runner()
    rows = shared.rows()
    plain.unlink()
    assert runner(overwrite=True).state == "done"
    assert rigs.differences(shared.rows(), rows) == (0, 0)


@pytest.mark.parametrize("late", ["fetch", "commit"])
def test_g2_an_overwrite_that_slept_for_a_day(shared: Rig, late: str) -> None:
    """Shut between two batches, or before its commit, it replaces nothing by files that may be cleared."""
    fill(shared)
    runner = Runner(shared, partition(bucket(shared.bucket)), {"PENSTOCK_COMMIT_OBJECTS": "5"})
    runner(MIDNIGHT - 2 * DAY)
    rows, clock = shared.rows(), NOW

    def sleeps(step: str) -> None:
        nonlocal clock
        if step == late and shared.intents():
            clock += dt.timedelta(hours=25)

    worker = runner.worker(sleeps)
    worker.now = lambda: clock
    watch = Watch(runner.listed.append, runner.told.append, lambda: False)
    asked = Range(NOW, MIDNIGHT - 2 * DAY, overwrite=True)
    outcome = run(worker, runner.config.partitions[PROD], asked, watch)
    assert (outcome.state, "too long ago" in outcome.messages[0]) == ("failed", True)
    assert rigs.differences(shared.rows(), rows) == (0, 0)
    assert shared.standing() == {file.path for file in shared.live()}
