"""Old commits are dropped from the log: whoever reads it sees the same files before, meanwhile and after."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.compact.test_faults import DeathError, clean, dying, settled
from tests.compact.yard import DAY, PROD, Yard

from penstock import catalogue
from penstock.collect.bad import bad_objects
from penstock.collect.replaced import Standing, live_files
from penstock.compact import Compactor, drop
from penstock.compact.publish import PUBLISHED, rebuild
from penstock.ledger import floor as floors
from penstock.ledger.commit import commit
from penstock.listing import Window
from penstock.model import ObjectRecord

STEPS = ("finish drop", "floor", "drop")


def busy(yard: Yard) -> None:
    """Days of commits, all graces over, most of them behind the checkpoint; nothing was dropped yet."""
    worker = yard.compactor(worth=10**9)
    for _ in range(3):
        yard.collect(4, 10)
        worker.run()
        yard.turn(hours=25)
    worker.run()


def state_of(worker: Compactor, yard: Yard) -> set[str]:
    """The live files by a catalogue that is brought up."""
    return {path for path, *_ in worker.live(worker.look(yard.config())).paths()}


def test_dropped_when_nobody_needs_them(either: Yard) -> None:
    """Behind the checkpoint, the cursor of what is owed, and a day's age; the last commit stays."""
    busy(either)
    head = either.ledger.head(PROD)
    live = either.live()
    report = either.compactor(history=dt.timedelta(days=30)).run()
    assert (report.dropped, either.ledger.begins(PROD)) == (0, 0), "the history wants them"
    report = either.compactor().run()
    assert report.dropped > 0
    assert 0 < either.ledger.begins(PROD) < either.ledger.head(PROD).version
    assert either.live() == live
    assert either.compactor().run().dropped == 0
    assert either.ledger.head(PROD).version >= head.version


@pytest.mark.parametrize("step", STEPS)
def test_g3_death_in_a_drop(either: Yard, step: str) -> None:
    """Dying at any step changes nothing that a reader sees, and the next run makes up for it."""
    busy(either)
    live, rows = either.live(), either.rows()
    with pytest.raises(DeathError):
        either.compactor(dying(step)).run()
    assert either.live() == live
    either.turn(minutes=30)
    assert either.compactor().run().failed == {}
    assert either.live() == live
    assert either.rows() == rows
    either.collect(3, 10)
    settled(either)
    clean(either)


def test_g3_another_drops_fewer_meanwhile(either: Yard) -> None:
    """One that stalled past its lease, beside one whose clock is behind: no file is in the floor twice."""
    either.collect(1, 10, DAY - dt.timedelta(days=9))
    busy(either)
    begins: list[int] = []

    def meanwhile(step: str) -> None:
        if step == "floor" and not begins:
            site = replace(other.site, now=lambda: either.clock - dt.timedelta(hours=26))
            either.ledger.release(f"compact#{PROD}#drop", stalled.site.owner)
            assert drop.drop(site, PROD, worth=1) > 0
            begins.append(either.ledger.begins(PROD))

    stalled, other = either.compactor(meanwhile), either.compactor()
    dropped = drop.drop(stalled.site, PROD, worth=1)
    named = [file.path for one in either.commits() for file in one.add]
    assert begins[0] > 0
    assert len(named) == len(set(named))
    assert state_of(other, either) == set(either.live())
    assert dropped == 0


def test_g3_two_drop_while_rows_come(either: Yard) -> None:
    """Four compactors at one log, readers and a collector beside them: no row is lost or doubled."""
    busy(either)
    errors: list[BaseException] = []
    stop = threading.Event()

    def work(call: object) -> None:
        try:
            assert callable(call)
            call()
        except BaseException as error:  # noqa: BLE001 - a thread's own; raised below
            errors.append(error)

    def read() -> None:
        worker = either.compactor()
        while not stop.is_set():
            assert len(state_of(worker, either)) >= 1

    reader = threading.Thread(target=work, args=(read,))
    reader.start()
    threads = [threading.Thread(target=work, args=(either.compactor().run,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    either.collect(3, 10)
    for thread in threads:
        thread.join()
    stop.set()
    reader.join()
    assert errors == []
    assert either.ledger.begins(PROD) > 0
    ids = either.rows(columns="tp_id")
    assert len(ids) == len(set(ids)) == 150
    settled(either)
    assert either.rows(columns="tp_id") == ids


def test_a_reader_with_an_old_catalogue_starts_over(either: Yard) -> None:
    """One whose own state is older than the log finds out, and has the newest all the same."""
    either.collect(3, 10)
    reader = either.compactor()
    state_of(reader, either)
    busy(either)
    either.compactor().run()
    seen = catalogue.read(reader.folder / "penstock.ducklake")
    assert seen is not None
    assert seen.versions[PROD] < either.ledger.begins(PROD)
    assert state_of(reader, either) == set(either.live())


def test_rebuilt_without_the_published_catalogue(either: Yard) -> None:
    """The floor is enough: neither the published file nor the dropped commits are wanted."""
    busy(either)
    either.compactor().run()
    either.hive.delete(PUBLISHED)
    fresh = either.compactor()
    state = rebuild(Path(either.folder, "new.ducklake"), fresh.site, source=either.source, declared={})
    assert {path for path, *_ in fresh.live(state).paths()} == set(either.live())
    assert state_of(fresh, either) == set(either.live())


def test_an_emptied_partition_goes_on(either: Yard) -> None:
    """Where its log begins with nothing (all was deleted), states from there on are read as ever."""
    files = [file.path for file in either.collect(4, 10)]
    commit(
        either.ledger, partition=PROD, id="gone", kind="delete", time=either.now(), remove=list(either.live())
    )
    emptied = either.ledger.head(PROD).version
    either.turn(hours=25)
    either.collect(1, 10)
    worker = either.compactor(worth=1)
    worker.run()
    either.turn(hours=2)
    worker.run()
    floor = either.ledger.floor(PROD)
    assert floor.version == emptied, "the case that is meant"
    assert not list(floors.files(floor))
    assert not set(files) & set(either.live())
    either.hive.delete(PUBLISHED)
    state = rebuild(Path(either.folder, "new.ducklake"), worker.site, source=either.source, declared={})
    assert {path for path, *_ in worker.live(state).paths()} == set(either.live()) != set()
    either.collect(2, 10)
    assert state_of(either.compactor(), either) == set(either.live())


def test_what_else_reads_the_log(yard: Yard) -> None:
    """A worker that remembers, an overwrite that looks for rows, a list of bad objects: all as before."""
    torn = ObjectRecord("s3://b/torn?etag=1", "bad", reason="torn")
    commit(yard.ledger, partition=PROD, id="torn", kind="collect", time=yard.now(), done=[torn])
    remembering = Standing()
    remembering.catch_up(yard.ledger, PROD)
    other = yard.collect(1, 10, DAY - dt.timedelta(days=9))[0]
    version = yard.ledger.head(PROD).version
    busy(yard)
    window = Window(dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 1, 2, tzinfo=dt.UTC))

    def answers() -> object:
        fresh = Standing()
        fresh.catch_up(yard.ledger, PROD)
        remembering.catch_up(yard.ledger, PROD)
        head = yard.ledger.head(PROD).version
        found = live_files(yard.ledger, PROD, {version}, window, head)
        assert remembering.files == fresh.files == yard.live()
        return set(found), [one.identity for one in bad_objects(yard.ledger, PROD)]

    before = answers()
    assert before == ({other.path}, [torn.identity])
    assert yard.compactor().run().dropped > 0
    assert answers() == before


def test_the_rows_of_an_object_are_traced(yard: Yard) -> None:
    """Where its file was merged and the merge's commit dropped, the merged file is found."""
    yard.collect(4, 10)
    busy(yard)
    window = Window(dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 1, 2, tzinfo=dt.UTC))
    settled(yard)
    assert yard.ledger.begins(PROD) > 5
    found = live_files(yard.ledger, PROD, {2}, window, yard.ledger.head(PROD).version)
    assert set(found) == set(yard.live())
