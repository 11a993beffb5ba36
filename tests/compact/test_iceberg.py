"""Iceberg tables show what the ledger has live, to engines that know nothing of Penstock (G3)."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.catalog.sql import SqlCatalog
from tests.collect.store import Store
from tests.compact import yard as yards
from tests.compact.test_changes import collect, table
from tests.compact.test_faults import DeathError, dying
from tests.compact.yard import DAY, PROD, Yard

from penstock import extensions
from penstock.collect.landing import commit_id
from penstock.compact import iceberg
from penstock.compact.iceberg.publish import _PROPERTIES
from penstock.compact.worker import Compactor
from penstock.config import Tier
from penstock.ledger.commit import commit
from penstock.model import REJECTED_TABLE
from penstock.places import Place

PAST = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=2)
"""A day that is closed, whatever the time of today is."""


@pytest.fixture
def exported(yard: Yard) -> Yard:
    """A hive of today that is exported: Iceberg's snapshots bear the time of the machine."""
    yard.export, yard.clock = "iceberg", dt.datetime.now(dt.UTC)
    return yard


def listed(yard: Yard, name: str = "login") -> Any:
    """The table as pyiceberg finds it, with its own way to files."""
    uri = f"sqlite:///{yard.hive.root}/_iceberg/catalog.sqlite"
    with contextlib.closing(SqlCatalog("penstock", uri=uri)) as catalog:
        return catalog.load_table(f"penstock.{name}")


def ids(yard: Yard, snapshot: int | None = None) -> list[str]:
    """The rows' ids that pyiceberg reads."""
    found = listed(yard).scan(selected_fields=("tp_id",), snapshot_id=snapshot).to_arrow()
    return sorted(found.column("tp_id").to_pylist())


def asked(yard: Yard, select: str, name: str = "login") -> list[tuple[Any, ...]]:
    """What DuckDB's own reader of Iceberg answers."""
    with duckdb.connect() as db:
        extensions.load(db, "avro", "iceberg")
        place = listed(yard, name).metadata_location
        return db.execute(select.replace("login", f"iceberg_scan('{place}')")).fetchall()


def truth(yard: Yard) -> list[str]:
    """The ids of the ledger's live rows."""
    return [row[0] for row in yard.rows(columns="tp_id")]


def run(yard: Yard, step: Callable[[str], None] = lambda _: None) -> Compactor:
    """One run of which nothing failed."""
    compactor = yard.compactor(step)
    assert compactor.run().failed == {}
    return compactor


def test_every_change_shows_whole_and_can_be_gone_back_to(exported: Yard) -> None:
    """Collect, merge, flip, delete and expire, read by two engines; each snapshot stays as it was."""
    seen: dict[int, list[str]] = {}

    def check() -> None:
        run(exported)
        assert ids(exported) == truth(exported)
        assert (
            asked(exported, "SELECT count(*), count(DISTINCT tp_id) FROM login")[0]
            == (len(truth(exported)),) * 2
        )
        seen[listed(exported).current_snapshot().snapshot_id] = ids(exported)

    exported.collect(3, 10, PAST)
    exported.collect(1, 5, PAST, index="o'd/d %=é")
    check()
    exported.collect(9, 4, exported.clock.date())
    check()
    exported.remove([next(iter(exported.live()))])
    check()
    for snapshot, rows in seen.items():
        assert ids(exported, snapshot) == rows
    assert len(seen) == 3
    exported.turn(hours=2)  # the merged file gets its public name, and old snapshots go
    check()
    exported.turn(hours=2)
    check()
    assert exported.standing() == set(exported.live())
    exported.retention = 1
    exported.turn(days=3)
    check()
    assert truth(exported) == []
    exported.turn(hours=1)
    run(exported)
    assert len(listed(exported).snapshots()) == 1


def test_columns_of_the_path_and_statistics(exported: Yard) -> None:
    """They stand in no file and are read all the same; engines pass over files by what the ledger knows."""
    exported.collect(4, 10, PAST, spread=True)
    exported.collect(1, 1, PAST, index="o'd/d %=é")
    exported.collect(1, 1, PAST - dt.timedelta(days=1))
    with pytest.raises(DeathError):
        exported.compactor(dying("exported")).run()
    names = "tp_table, tp_partition, tp_index, tp_date"
    expected = [
        ("login", "prod", "default", PAST - dt.timedelta(days=1), 1),
        ("login", "prod", "default", PAST, 40),
        ("login", "prod", "o'd/d %=é", PAST, 1),
    ]
    assert asked(exported, f"SELECT {names}, count(*) FROM login GROUP BY ALL ORDER BY ALL") == expected
    rows = listed(exported).scan().to_arrow().select(names.split(", ")).to_pylist()
    assert sorted({tuple(row.values()) for row in rows}) == [row[:4] for row in expected]
    for condition, files in (
        (f"tp_date = '{PAST}'", 5),
        ("tp_index = 'default'", 5),
        ("n >= 3000000 and n < 4000000", 1),
        (f"tp_timestamp < '{PAST}T00:00:00'", 1),
        ("who > 'user 7'", 0),
    ):
        scan = listed(exported).scan(row_filter=condition)
        assert (condition, len(list(scan.plan_files()))) == (condition, files)


@pytest.mark.parametrize("step", ["export", "export commit", "exported"])
def test_g3_death_in_an_export(exported: Yard, step: str) -> None:
    """Whatever it dies at, the table shows one state whole, and the next run brings it up."""
    exported.collect(3, 10)
    run(exported)
    before = ids(exported)
    exported.collect(2, 10)
    exported.remove([next(iter(exported.live()))])
    with pytest.raises(DeathError):
        exported.compactor(dying(step)).run()
    assert ids(exported) in (before, truth(exported))
    assert (ids(exported) == truth(exported)) == (step == "exported")
    for _ in range(2):
        run(exported)
        assert ids(exported) == truth(exported)
    versions = listed(exported).current_snapshot().summary.additional_properties
    assert versions[f"penstock.version.{PROD}"] == str(exported.ledger.head(PROD).version)


def test_g3_two_at_once(exported: Yard) -> None:
    """Both want to add the same files: one does, the other looks again and finds them there."""
    exported.collect(3, 10)
    run(exported)
    before = len(listed(exported).snapshots())
    exported.collect(2, 10)
    barrier = threading.Barrier(2, timeout=60)
    waited: set[int] = set()

    def together(step: str) -> None:
        if step == "export commit" and threading.get_ident() not in waited:
            waited.add(threading.get_ident())
            barrier.wait()

    found: list[iceberg.Published] = []

    def work() -> None:
        compactor = exported.compactor(together)
        home = iceberg.open_home("", exported.hive, lambda: None)
        state = compactor.look(exported.config())
        found.append(iceberg.publish(compactor.site, home, state, {PROD}))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.failed for one in found] == [{}, {}]
    assert sorted(one.added for one in found) == [0, 2]
    assert ids(exported) == truth(exported)
    assert len(listed(exported).snapshots()) == before + 1


def test_an_older_state_does_not_win(exported: Yard) -> None:
    """Who looked at the ledger before another published takes nothing back."""
    exported.collect(2, 10)
    slow = exported.compactor()
    state = slow.look(exported.config())
    exported.collect(1, 10)
    run(exported)
    home = iceberg.open_home("", exported.hive, lambda: None)
    assert iceberg.publish(slow.site, home, state, {PROD}) == iceberg.Published()
    assert ids(exported) == truth(exported)


def test_columns_come_and_types_widen_or_wait(exported: Yard) -> None:
    """Iceberg promotes fewer types than Penstock casts: such files wait until they are merged."""
    exported.table = table(c="INTEGER")
    collect(exported, 1, c=("INTEGER", "1"))
    run(exported)
    exported.table = table(c="BIGINT", d="STRUCT(x VARCHAR)")
    collect(exported, 2, c=("BIGINT", "2"), d=("STRUCT(x VARCHAR)", "{'x': 'y'}"))
    with pytest.raises(DeathError):
        exported.compactor(dying("exported")).run()  # before the two are merged
    expected = [(1, None), (2, {"x": "y"})]
    assert asked(exported, "SELECT c, d FROM login ORDER BY 1") == expected
    rows = listed(exported).scan(selected_fields=("c", "d")).to_arrow().to_pylist()
    assert sorted((row["c"], row["d"]) for row in rows) == expected
    exported.table = table(c="VARCHAR", d="STRUCT(x VARCHAR)")
    with pytest.raises(DeathError):
        exported.compactor(dying("merge")).run()
    assert asked(exported, "SELECT c, d FROM login ORDER BY 1") == expected
    compactor = exported.compactor()
    home = iceberg.open_home("", exported.hive, lambda: None)
    state = compactor.look(exported.config())
    (reason,) = iceberg.publish(compactor.site, home, state, {PROD}).failed.values()
    assert re.fullmatch(
        r"login.c: found (INTEGER|BIGINT) in 1 live files, which Iceberg does not read as VARCHAR; .*", reason
    )
    exported.turn(minutes=30)
    assert list(exported.compactor().run().failed) == ["iceberg login"]  # before they were merged
    run(exported)
    assert asked(exported, "SELECT c, d FROM login ORDER BY 1") == [("1", None), ("2", {"x": "y"})]


def test_nothing_is_deleted_that_the_table_still_names(exported: Yard) -> None:
    """While the export fails, which is said, removed files stay; afterwards they go."""
    exported.collect(9, 10)
    run(exported)
    removed = exported.standing() - set(exported.live())
    exported.iceberg = "sqlite:////dev/null/none"
    for _ in range(2):
        exported.turn(hours=5)
        (reason,) = exported.compactor().run().failed.values()
        assert "/dev/null/none" in reason
        assert removed < exported.standing()
        assert len(ids(exported)) == 90
    exported.iceberg = ""
    for _ in range(2):
        run(exported)
        exported.turn(hours=5)
    assert removed.isdisjoint(exported.standing())
    assert ids(exported) == truth(exported)


def test_rejected_rows_and_partitions_that_are_exported_no_more(exported: Yard) -> None:
    """`tp_rejected` is a table like the others; a partition that leaves takes its files along."""
    run_ = exported.collect(2, 3)
    (first, _) = run_
    rejected = replace(
        first,
        path=first.path.replace("tp_table=login", f"tp_table={REJECTED_TABLE}").replace("default", "login"),
        table=REJECTED_TABLE,
        tp_index="login",
    )
    exported.ledger.put_schema(replace(exported.table.schema(), table=REJECTED_TABLE))
    exported.hive.copy(first.path, rejected.path)
    exported.add([rejected])
    run(exported)
    assert asked(exported, "SELECT count(*), min(tp_index) FROM login", REJECTED_TABLE) == [(3, "login")]
    compactor = exported.compactor()
    home = iceberg.open_home("", exported.hive, lambda: None)
    state = compactor.look(exported.config())
    other = replace(PROD, name="other")
    assert iceberg.publish(compactor.site, home, state, {other}).failed == {}
    assert ids(exported) == []


def test_many_files_in_many_folders(exported: Yard) -> None:
    """Manifests are put together, and a delete across hundreds of folders is one snapshot."""
    (one,) = exported.collect()
    days = [DAY - dt.timedelta(days=number) for number in range(1, 601)]
    many = [
        replace(one, path=one.path.replace(str(one.tp_date), str(day)), tp_date=day, tp_index=f"i{day.day}")
        for day in days
    ]
    exported.add(many)
    compactor = exported.compactor()
    home = iceberg.open_home("", exported.hive, lambda: None)

    def publish() -> iceberg.Published:
        return iceberg.publish(compactor.site, home, compactor.look(exported.config()), {PROD})

    assert publish().added == 601
    exported.remove([file.path for file in many])
    assert publish() == iceberg.Published(1, 0, 600)
    assert ids(exported) == truth(exported)


@pytest.fixture(scope="module")
def cloud(store: Store) -> Store:
    """Where S3, DynamoDB and Glue are."""
    return store


def test_glue(cloud: Store, tmp_path: Path) -> None:
    """In AWS the tables are in Glue and their metadata in the bucket; others find them by their names."""
    yard = yards.make(tmp_path, cloud)
    yard.export, yard.clock = "iceberg", dt.datetime.now(dt.UTC)
    yard.glue, yard.iceberg = cloud.client("glue"), "glue://logs"
    try:
        yard.collect(9, 10)
        assert set(yard.compactor().run().failed.values()) == {
            "configuration: login: found no database logs in the catalogue",
            "configuration: tp_rejected: found no database logs in the catalogue",
        }
        yard.glue.create_database(DatabaseInput={"Name": "logs"})
        run(yard)
        yard.collect(1, 10)
        run(yard)
        endpoint = cloud.client("s3").meta.endpoint_url
        keys = {"s3.access-key-id": "x", "s3.secret-access-key": "x", "s3.region": "us-east-1"}
        others = GlueCatalog("any", client=cloud.client("glue"), **{"s3.endpoint": endpoint, **keys})
        found = others.load_table("logs.login").scan(selected_fields=("tp_id", "tp_partition")).to_arrow()
        assert sorted(found.column("tp_id").to_pylist()) == truth(yard)
        assert set(found.column("tp_partition").to_pylist()) == {"prod"}
    finally:
        yard.close()


def test_an_overwrite_and_a_tier_show_whole(exported: Yard) -> None:
    """Old rows and new ones change places in one snapshot; files at another root are read where they are."""
    exported.tiers = (Tier(1, Place(str(exported.folder / "cold"))),)
    exported.collect(3, 10, PAST)
    run(exported)
    before, old = ids(exported), list(exported.live())
    (new,) = exported.collect(1, 7, PAST)
    exported.remove([new.path])
    commit(
        exported.ledger, partition=PROD, id=commit_id(exported.clock), kind="collect", time=exported.clock,
        add=[new], remove=old,
    )  # fmt: skip
    run(exported)
    assert len(truth(exported)) == 7
    shown = [ids(exported, snapshot.snapshot_id) for snapshot in listed(exported).snapshots()]
    assert [rows for n, rows in enumerate(shown) if rows != shown[n - 1] or not n] == [
        before,
        truth(exported),
    ]
    for _ in range(4):
        exported.turn(days=1)
        run(exported)
        assert ids(exported) == truth(exported)
        assert asked(exported, "SELECT count(*) FROM login") == [(7,)]
    (path,) = exported.live()
    assert Place.of(path) == exported.tiers[0].place
    assert exported.standing() == {path}


def test_manifests_stay_few(exported: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a request of every query, so they are put together: the files in them stay the same."""
    monkeypatch.setattr(sys.modules["penstock.compact.iceberg.publish"], "_MANIFESTS", 4)
    most = 0
    for _ in range(12):
        exported.collect(1, 2)
        with pytest.raises(DeathError):
            exported.compactor(dying("exported")).run()
        table = listed(exported)
        most = max(most, len(table.current_snapshot().manifests(table.io)))
        assert ids(exported) == truth(exported)
    assert 3 < most < 7


def test_metadata_does_not_grow_with_age(exported: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no snapshot names any more goes; what one names stays, and can be gone back to."""
    monkeypatch.setattr("penstock.compact.iceberg.leftovers.PREVIOUS", 4)
    monkeypatch.setitem(_PROPERTIES, "write.metadata.previous-versions-max", "4")
    counted: list[int] = []
    for n in range(16):
        exported.collect(2, 2)
        exported.remove([min(exported.live())])
        exported.turn(hours=1)  # as long as a snapshot is kept
        run(exported)
        table = listed(exported)
        for snapshot in table.snapshots():
            assert len(ids(exported, snapshot.snapshot_id)) >= n
        assert ids(exported) == truth(exported)
        counted.append(len(list(Path(exported.hive.root, "_iceberg/login/metadata").iterdir())))
    assert max(counted[10:]) <= counted[9], counted


def test_snapshots_stay_as_long_as_their_files(exported: Yard) -> None:
    """One that stood for hours can be gone back to for the whole history after it was replaced."""

    def run() -> None:
        assert exported.compactor(history=dt.timedelta(hours=3)).run().failed == {}

    exported.collect(1, 10)
    run()
    (first,) = listed(exported).snapshots()
    before = ids(exported)
    exported.turn(hours=9)
    (old,) = exported.live()
    exported.remove([old])
    for _ in range(2):
        exported.collect(1, 3)
        run()
        assert ids(exported, first.snapshot_id) == before
        exported.turn(hours=2)
    run()
    assert first.snapshot_id not in {one.snapshot_id for one in listed(exported).snapshots()}
    run()
    assert old not in exported.standing()
    assert ids(exported) == truth(exported)


def test_a_snapshot_that_somebody_else_made(exported: Yard) -> None:
    """An engine's maintenance knows nothing of our properties: the table goes on showing what is live."""
    exported.collect(2, 3)
    run(exported)
    table = listed(exported)
    with table.transaction() as change, change.update_snapshot().merge_append() as theirs:
        assert theirs.snapshot_id
    table.catalog.close()
    assert f"penstock.version.{PROD}" not in listed(exported).current_snapshot().summary.additional_properties
    for _ in range(3):
        exported.collect(1, 3)
        run(exported)
        assert ids(exported) == truth(exported)
        exported.turn(hours=2)
