"""Files move to the tiers of their partition: readers of both kinds see each row all the while (G3)."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.compact.test_faults import AT_THE_STORE, FLIP_STEPS, DeathError, clean, dying, settled
from tests.compact.yard import DAY, PROD, Yard

from penstock import query
from penstock.compact import Wanted, fsck
from penstock.compact.live import is_hidden
from penstock.config import Tier
from penstock.errors import OutcomeUnknown, QueryError
from penstock.hive import S3Hive
from penstock.places import HERE, Place
from penstock.query import pulling
from penstock.query.pulled import copies
from penstock.tiers import TieredHive

TIER_STEPS = ("tier intent", "tier copy", "tier copy one", "tier commit", "committed", "tier forget")
OLD = DAY - dt.timedelta(days=40)


def bucket(yard: Yard) -> Any:
    """The client of the yard's hive, None for a directory."""
    assert isinstance(yard.hive, TieredHive)
    return yard.hive.main.client if isinstance(yard.hive.main, S3Hive) else None


def cold(yard: Yard) -> str:
    """The root of a tier of the yard's own kind, made."""
    client = bucket(yard)
    if client is None:
        return str(yard.folder / "cold")
    name = f"cold-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    return f"s3://{name}/deep"


def look(yard: Yard, rows: list[tuple[Any, ...]]) -> None:
    """Each row is there once for the ledger's readers, and at least once for those that glob."""
    assert yard.rows() == rows
    shown = set(yard.rows(sorted(yard.shown()), "tp_id"))
    assert shown == set(yard.rows(columns="tp_id"))


def test_to_another_root_and_class(either: Yard) -> None:
    """Closed days go where their age says, by two commits each; younger ones stay."""
    root = cold(either)
    client = bucket(either)
    either.tiers = (Tier(30, Place(root)),)
    if client is not None:
        either.tiers = (*either.tiers, Tier(60, Place(root, "GLACIER_IR")))
    either.collect(1, 10)
    either.collect(1, 10, OLD)
    either.collect(1, 10, OLD - dt.timedelta(days=30))
    rows = either.rows()
    report = either.compactor().run()
    assert (report.failed, report.tiered_days, report.tiered_files) == ({}, 2, 2)
    kinds = [one.kind for one in either.commits()]
    assert kinds.count("tier") == 2
    places = {file.tp_date: Place.of(file.path) for file in either.live().values()}
    assert places == {
        DAY: HERE, OLD: Place(root), OLD - dt.timedelta(days=30): either.tiers[-1].place
    }  # fmt: skip
    look(either, rows)
    settled(either)
    look(either, rows)
    clean(either)
    assert either.compactor().run().tiered_days == 0, "it is there"
    if client is not None:
        found = client.list_objects_v2(Bucket=root.split("/")[2])["Contents"]
        classes = {one["Key"].endswith(".GLACIER_IR.parquet"): one["StorageClass"] for one in found}
        assert classes == {False: "STANDARD", True: "GLACIER_IR"}


def test_a_class_in_the_hive(either: Yard) -> None:
    """Without a root files stay in their folder; a hive in a directory has no classes and says so."""
    either.tiers = (Tier(30, Place("", "STANDARD_IA")),)
    either.collect(2, 10, OLD)
    rows = either.rows()
    report = either.compactor().run()
    client = bucket(either)
    if client is None:
        assert "expected a root on S3" in report.failed[f"tier {PROD}"]
        return
    settled(either)
    look(either, rows)
    clean(either)
    (path,) = either.live()
    assert path.endswith(".STANDARD_IA.parquet")
    name, _, prefix = either.hive.root.removeprefix("s3://").partition("/")
    assert client.head_object(Bucket=name, Key=f"{prefix}/{path}")["StorageClass"] == "STANDARD_IA"


@pytest.mark.parametrize("place", ["", "/deeper"])
def test_a_root_inside_the_hive_is_refused(yard: Yard, place: str) -> None:
    """Its files would be taken for the hive's own: nothing moves, and the reason is told."""
    yard.tiers = (Tier(30, Place(yard.hive.root + place)),)
    yard.collect(1, 10, OLD)
    report = yard.compactor().run()
    assert "expected one apart" in report.failed[f"tier {PROD}"]
    assert report.tiered_days == 0


@pytest.mark.parametrize(
    ("either", "step"),
    [("sqlite", s) for s in TIER_STEPS] + [("dynamodb", s) for s in TIER_STEPS],
    indirect=["either"],
)
def test_g3_death_in_a_move(either: Yard, step: str) -> None:
    """Dying at any step of the move changes no row; the next run makes up for it."""
    either.tiers = (Tier(30, Place(cold(either))),)
    either.collect(1, 20, OLD)
    either.collect(1, 20)
    rows = either.rows()
    with pytest.raises(DeathError):
        either.compactor(dying(step)).run()
    look(either, rows)
    either.turn(minutes=30)
    assert either.compactor().run().failed == {}
    look(either, rows)
    settled(either)
    look(either, rows)
    clean(either)
    assert {Place.of(path) for path in either.live()} == {HERE, either.tiers[0].place}


@pytest.mark.parametrize(
    ("either", "step"),
    [("sqlite", s) for s in FLIP_STEPS] + [("dynamodb", s) for s in FLIP_STEPS if s in AT_THE_STORE],
    indirect=["either"],
)
def test_g3_death_in_a_moved_flip(either: Yard, step: str) -> None:
    """The same where the copies get their public names and the old files go."""
    either.tiers = (Tier(30, Place(cold(either))),)
    either.collect(1, 20, OLD)
    rows = either.rows()
    either.compactor().run()
    either.turn(hours=2)
    with pytest.raises(DeathError):
        either.compactor(dying(step)).run()
    look(either, rows)
    either.turn(minutes=30)
    settled(either)
    look(either, rows)
    clean(either)


def test_g3_lost_answers_and_two_at_once(either: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that never come, and four compactors while rows come late: each row stands once."""
    monkeypatch.setattr("penstock.ledger.commit.clock.sleep", lambda _: None)
    either.tiers = (Tier(30, Place(cold(either))),)
    for n in range(3):
        either.collect(2, 10, OLD - dt.timedelta(days=n))

    def lost(name: str) -> None:
        if name == "committed":
            raise OutcomeUnknown("the answer was lost")

    errors: list[BaseException] = []

    def work(step: Any) -> None:
        try:
            either.compactor(step).run()
        except BaseException as error:  # noqa: BLE001 - a thread's own; raised below
            errors.append(error)

    for _ in range(3):
        threads = [threading.Thread(target=work, args=(step,)) for step in (lost, lambda _: None) * 2]
        for thread in threads:
            thread.start()
        either.collect(1, 10, OLD)
        for thread in threads:
            thread.join()
        either.turn(hours=2)
    assert errors == []
    rows = either.rows(columns="tp_id")
    assert len(rows) == len(set(rows)) == 90
    settled(either)
    assert either.rows(columns="tp_id") == rows
    clean(either)
    assert {Place.of(path) for path in either.live()} == {either.tiers[0].place}


def test_late_rows_follow_and_are_merged_there(yard: Yard) -> None:
    """A late file moves after its day, and is merged with what is there."""
    yard.tiers = (Tier(30, Place(cold(yard))),)
    yard.collect(3, 10, OLD)
    settled(yard)
    yard.collect(1, 10, OLD)
    rows = yard.rows()
    for _ in range(6):
        assert yard.compactor().run().failed == {}
        look(yard, rows)
        yard.turn(hours=2)
    (path,) = yard.live()
    assert path.startswith(str(yard.folder / "cold/tp_table="))
    clean(yard)


def test_days_are_let_go_wherever_they_lie(either: Yard) -> None:
    """Retention removes the files of a tier as any other's."""
    either.tiers = (Tier(30, Place(cold(either))),)
    either.collect(2, 10, OLD)
    settled(either)
    either.retention = 35
    settled(either)
    assert either.live() == {}
    assert either.standing() == set()


def test_a_function_leaves_directories_to_their_machine(yard: Yard) -> None:
    """What lies in a directory, or belongs there, is not touched from elsewhere, and owed all the same."""
    yard.tiers = (Tier(30, Place(cold(yard))),)
    away = yard.compactor(here=False)
    yard.collect(2, 10, OLD)
    assert away.run().tiered_days == 0
    yard.turn(hours=2)
    away.run()
    assert yard.compactor().run().tiered_days == 1
    yard.turn(hours=2)
    standing = yard.standing()
    report = away.run()
    assert (report.failed, report.flipped) == ({}, 0)
    assert yard.standing() >= {path for path in standing if path.startswith("/")}
    settled(yard)
    clean(yard)


def test_g3_a_function_leaves_orphans_in_directories_to_their_machine(yard: Yard) -> None:
    """It cannot delete what an intent names there, so it keeps the intent for the machine that can."""
    yard.tiers = (Tier(30, Place(cold(yard))),)
    yard.collect(1, 10, OLD)
    with pytest.raises(DeathError):
        yard.compactor(dying("tier commit")).run()
    yard.turn(hours=25)
    assert yard.compactor(here=False).run().orphans == 0
    assert len(yard.standing()) == 2
    assert len([*yard.ledger.intents(yard.now())]) == 1
    settled(yard)
    clean(yard)


def test_queries_span_tiers(yard: Yard) -> None:
    """A locked session reads the roots that files lie at, and nothing beside them."""
    yard.tiers = (Tier(30, Place(cold(yard))),)
    yard.collect(1, 10, OLD)
    yard.collect(1, 10)
    yard.compactor().run()
    beside = yard.folder / "cold-not"
    beside.mkdir()
    secret = yard.folder / "cold" / "notes.csv"
    secret.write_text("a\n1\n")
    (beside / "notes.csv").write_text("a\n1\n")
    worker = yard.compactor()
    state = worker.look(yard.config())
    scratch = yard.folder / "spill"
    session = query.open_session(state, yard.hive.root, client=None, filters=query.Filters(), scratch=scratch)
    (one,) = query.prepare(session, "SELECT count(*), count(DISTINCT tp_id), max(n) FROM login")
    assert list(query.batches(query.run(session, one), ["#1", "#2"])) == [[(20, 20)]]
    (one,) = query.prepare(session, f"SELECT count(*) FROM login WHERE tp_date = '{OLD}'")
    assert query.estimate(session, one.replace("count(*)", "*")).files == 1
    with pytest.raises(QueryError, match="read_csv"):
        query.prepare(session, f"SELECT * FROM read_csv('{secret}')")
    allowed = session.connection.execute("SELECT current_setting('allowed_directories')").fetchone()
    assert allowed is not None
    assert set(allowed[0]) == {f"{yard.hive.root}/", f"{yard.folder}/cold/", f"{scratch}/"}
    session.close()


def test_pull_brings_what_tiers_keep(either: Yard) -> None:
    """Files of a bucket's tier have copies too, which queries read; a directory's are here already."""
    root = cold(either)
    either.tiers = (Tier(30, Place(root)),)
    either.collect(1, 10, OLD)
    either.collect(1, 10)
    settled(either)
    worker = either.compactor()
    state = worker.look(either.config())
    folder = either.folder / "pulled" / "hive"
    live = pulling.live(state, either.hive.root)
    if bucket(either) is None:
        assert len(live) == 1
        return
    assert pulling.fetch(either.hive, folder, live).files == 2
    assert set(copies(folder)) == {file.path for file in live} == set(either.live())
    assert pulling.missing(live, folder) == []
    nowhere = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none",
        endpoint_url="http://127.0.0.1:1",
    )  # fmt: skip
    session = query.open_session(
        state, either.hive.root, client=nowhere, filters=query.Filters(), scratch=either.folder,
        pulled=(folder,),
    )  # fmt: skip
    (one,) = query.prepare(session, "SELECT count(DISTINCT tp_id), max(n) FROM login")
    assert list(query.batches(query.run(session, one), ["#1"])) == [[(20,)]]
    session.close()
    assert pulling.drop(folder, [file.path for file in live]).files == 2
    assert pulling.tidy(folder, live).files == 0
    assert not list(folder.rglob("*.parquet"))


def test_fsck_looks_at_tiers(yard: Yard) -> None:
    """What is missing there is told; what stands there unasked for is told and left."""
    root = cold(yard)
    yard.tiers = (Tier(30, Place(root)),)
    yard.collect(2, 10, OLD)
    settled(yard)
    (path,) = yard.live()
    stray = path.replace(".parquet", "0.parquet")
    yard.hive.write_bytes(stray, b"x")
    data = yard.hive.read_bytes(path)
    yard.hive.write_bytes(path, data[:-20])
    worker = yard.compactor()
    standing = fsck.listed(worker.site, {root})
    found = fsck.check(worker.site, standing, worker.live(worker.look(yard.config())))
    assert [(one.fault, one.path) for one in found.findings] == [
        ("size", path), ("unreadable", path), ("orphan", stray)
    ]  # fmt: skip
    yard.turn(days=2)
    done, left = fsck.repair(worker.site, found, standing)
    assert (done, len(left)) == ([], 3)
    assert stray in yard.standing()
    folder, _, name = path.rpartition("/")
    yard.hive.write_bytes(f"{folder}/_{name}", data)
    standing = fsck.listed(worker.site, {root})
    done, left = fsck.repair(worker.site, found, standing)
    assert yard.hive.read_bytes(path) == data


def test_hidden_files_and_busy_days_wait(yard: Yard) -> None:
    """A day that is merged in this run moves after its flip."""
    yard.tiers = (Tier(30, Place(cold(yard))),)
    yard.collect(3, 10, OLD)
    report = yard.compactor().run()
    assert (report.merges, report.tiered_days) == (1, 0)
    assert all(map(is_hidden, yard.live()))
    assert yard.compactor().run(Wanted(to=OLD)).tiered_days == 0
    yard.turn(hours=2)
    assert yard.compactor().run(Wanted(from_=DAY)).tiered_days == 0
    assert yard.compactor().run(Wanted(to=OLD)).tiered_days == 1


def test_between_a_directory_and_a_bucket(either: Yard, store: Any) -> None:
    """A hive on S3 keeps old days in a directory, and one in a directory in a bucket."""
    client = store.client("s3")
    assert isinstance(either.hive, TieredHive)
    either.hive = TieredHive(either.hive.main, lambda: client)
    name = f"cold-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    root = f"s3://{name}/x" if bucket(either) is None else str(Path(either.folder, "cold"))
    either.tiers = (Tier(30, Place(root)),)
    either.collect(1, 10, OLD)
    rows = either.rows()
    settled(either)
    look(either, rows)
    clean(either)
    assert {Place.of(path) for path in either.live()} == {Place(root)}
