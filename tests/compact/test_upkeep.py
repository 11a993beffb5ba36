"""Cleaning up, letting days go, publishing: nothing live is ever deleted, readers find whole partitions."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.compact.test_faults import DeathError, dying, settled
from tests.compact.yard import DAY, NOW, PROD, Yard

from penstock import catalogue, extensions
from penstock.compact import Site, Wanted
from penstock.compact.clean import ABANDONED, abandoned, clear
from penstock.compact.expire import first_kept
from penstock.compact.publish import PUBLISHED, publish, rebuild
from penstock.compact.settle import settle
from penstock.compact.tail import CLEANED, read
from penstock.model import Commit, Intent


def published(yard: Yard) -> catalogue.State:
    """What the published catalogue says of itself."""
    target = yard.folder / "published.ducklake"
    yard.hive.download(PUBLISHED, target)
    state = catalogue.read(target)
    assert state is not None
    return state


def test_orphans_of_the_dead_are_deleted(either: Yard) -> None:
    """Files of a worker that died before its commit go once its intent is a day old, not before."""
    either.collect(5)
    with pytest.raises(DeathError):
        either.compactor(dying("commit")).run()
    (orphan,) = either.standing() - set(either.live())
    either.collect(1, day=DAY - dt.timedelta(days=1))
    either.turn(hours=23)
    assert either.compactor().run().orphans == 0
    assert orphan in either.standing()
    either.turn(hours=2)
    assert either.compactor().run().orphans == 1
    assert orphan not in either.standing()
    assert list(either.ledger.intents(either.now())) == []


def test_every_name_is_proved(either: Yard) -> None:
    """An old intent that names live files, files owed to readers, and deleted ones: only orphans go."""
    live, *_ = either.collect(6)
    either.compactor().run()
    other = either.collect(1)[0]
    (merged,) = set(either.live()) - {other.path}
    stray = other.path.replace(".parquet", "-stray.parquet")
    either.hive.write_bytes(stray, b"x")
    names = (live.path, merged, other.path, stray, "tp_table=login/never.parquet")
    old = either.now() - ABANDONED - dt.timedelta(seconds=1)
    either.ledger.put_intent(Intent("old", PROD, names, old))
    before = either.standing()
    rows = either.rows()
    assert either.compactor().run().orphans == 2
    assert before - either.standing() == {stray}
    assert either.rows() == rows


def test_a_commit_in_between_is_seen(yard: Yard) -> None:
    """The ledger is read after the intents: a file committed between the two is live and stays."""
    file = yard.collect(1)[0]
    yard.ledger.put_intent(Intent("old", PROD, (file.path,), yard.now() - 2 * ABANDONED))
    site = Site(yard.hive, yard.ledger, dt.timedelta(), yard.now)
    intents = abandoned(site)
    late = yard.collect(1)[0]
    yard.ledger.put_intent(Intent("late", PROD, (late.path,), yard.now() - 2 * ABANDONED))
    worker = yard.compactor()
    live = worker.live(worker.look(yard.config()))
    assert clear(site, intents, live).files == 0
    assert {file.path, late.path} <= yard.standing()


def test_the_cursor_keeps_the_tail_short(either: Yard) -> None:
    """What was paid is not read again: the tail begins after the last version that owed something."""
    for _ in range(3):
        either.collect(4)
        for _ in range(3):
            either.compactor().run()
            either.turn(hours=2)
    tail = read(either.ledger, PROD)
    assert (tail.removed, tail.flips) == ((), ())
    assert int(either.ledger.cursor(PROD, CLEANED) or 0) >= tail.head - 1
    assert len(either.commits()) < 3 * (4 + 6)


def test_days_go_one_commit_each(either: Yard) -> None:
    """Days older than the retention go whole, their files after the grace, others and newer ones stay."""
    days = [NOW.date() - dt.timedelta(days=n) for n in (9, 10, 11, 12)]
    for day in days:
        either.collect(2, 10, day=day)
    either.retention = 10
    head = either.ledger.head(PROD).version
    report = either.compactor().run()
    assert (report.expired_days, report.expired_files, report.expired_rows) == (2, 4, 40)
    kinds = [one.kind for one in either.commits() if one.version > head]
    assert kinds.count("expire") == 2
    assert {file.tp_date for file in either.live().values()} == set(days[:2])
    assert len(either.standing()) > len(either.live())
    settled(either)
    assert {path.split("tp_date=")[1][:10] for path in either.standing()} <= {str(day) for day in days[:2]}


def test_first_kept() -> None:
    """A retention of 400 days keeps the day 400 days ago, in UTC."""
    berlin = dt.timezone(dt.timedelta(hours=2))
    assert first_kept(dt.datetime(2026, 1, 2, 1, tzinfo=berlin), 1) == dt.date(2025, 12, 31)


def test_expiring_what_is_hidden(either: Yard) -> None:
    """A day that goes between its merge and its flip takes the files that the merge replaced with it."""
    either.collect(4, 10)
    either.compactor().run()
    either.retention = 1
    either.compactor().run()
    assert either.live() == {}
    settled(either)
    assert either.standing() == set()


def test_published_and_attached(yard: Yard) -> None:
    """Each run leaves a catalogue that plain DuckDB attaches, at the head, with each row once."""
    yard.collect(7, 10)
    for _ in range(3):
        assert yard.compactor().run().published_bytes > 0
        state = published(yard)
        head = yard.ledger.head(PROD)
        assert state.versions == {PROD: head.version} == {PROD: head.checkpoint}
        with extensions.connect() as db:
            extensions.load(db, "ducklake")
            db.execute(f"ATTACH 'ducklake:{state.path}' AS logs (READ_ONLY)")
            found = db.execute("SELECT count(*), count(DISTINCT tp_id) FROM logs.login").fetchone()
        assert found == (70, 70)
        yard.turn(hours=2)
    assert yard.compactor().run().published_bytes == 0, "only when the head has moved"


def test_a_new_compactor_starts_from_the_published_state(yard: Yard) -> None:
    """Without a state of its own it reads the commits since the checkpoint and not the whole log."""
    yard.collect(20)
    yard.compactor().run()
    asked: list[int] = []

    class Watched:
        def __getattr__(self, name: str) -> object:
            return getattr(yard.ledger, name)

        def commits(self, partition: object, after: int, upto: int | None = None) -> object:
            asked.append(after)
            return yard.ledger.commits(partition, after, upto)  # type: ignore[arg-type]

    worker = yard.compactor()
    worker.site = Site(yard.hive, Watched(), worker.site.grace, yard.now)  # type: ignore[arg-type]
    yard.collect(1)
    worker.look(yard.config())
    assert asked
    assert min(asked) >= 21


def test_rebuilt_from_the_ledger(yard: Yard) -> None:
    """A spoilt published file is no state; made anew it says the same as the ledger."""
    yard.collect(5)
    worker = yard.compactor()
    worker.run()
    expected = {path for path, *_ in worker.live(published(yard)).paths()}
    yard.hive.write_bytes(PUBLISHED, b"no catalogue")
    fresh = yard.compactor()
    assert {path for path, *_ in fresh.live(fresh.look(yard.config())).paths()} == expected
    state = rebuild(Path(yard.folder, "new.ducklake"), fresh.site, source=yard.source, declared={})
    assert {path for path, *_ in fresh.live(state).paths()} == expected


def test_only_what_is_wanted(yard: Yard) -> None:
    """Days and partitions that were not asked for are left alone."""
    yard.collect(4)
    yard.collect(4, day=DAY - dt.timedelta(days=3))
    report = yard.compactor().run(Wanted(from_=DAY, to=DAY))
    assert report.merges == 1
    assert yard.compactor().run(Wanted(partitions=frozenset())).merges == 0
    assert yard.compactor().run(Wanted(to=DAY)).merges == 1


def test_statistics_survive_the_catalogue(yard: Yard) -> None:
    """What planning reads from the catalogue is what the ledger says of each file."""
    yard.collect(3, 20, index="a'b%")
    worker = yard.compactor()
    groups = worker.live(worker.look(yard.config())).groups(Wanted())
    assert {file.path: file for files in groups.values() for file in files} == yard.live()


def test_a_tail_with_a_name_that_came_back(yard: Yard) -> None:
    """A path that is live again is owed to nobody, however it was removed before."""
    file = yard.collect(1)[0]
    head = yard.ledger.head(PROD).version
    yard.ledger.attempt(Commit("out", PROD, "tier", yard.now(), head + 1, remove=(file.path,)))
    assert [one.path for one in read(yard.ledger, PROD).removed] == [file.path]
    yard.ledger.attempt(Commit("in", PROD, "tier", yard.now(), head + 2, add=(file,)))
    assert read(yard.ledger, PROD).removed == ()
    settled(yard)
    assert yard.standing() == {file.path}


def test_rows_of_a_merge_that_was_replaced_unflipped(yard: Yard) -> None:
    """Where a hidden file is replaced by another before its flip, its inputs stand until that one's."""
    yard.collect(3, 10)
    yard.compactor().run()
    before = yard.rows()
    (hidden,) = yard.live().values()
    local = yard.folder / "again.parquet"
    yard.hive.download(hidden.path, local)
    path = hidden.path.replace("-0.parquet", "-9.parquet")
    yard.hive.upload(path, local)
    head = yard.ledger.head(PROD).version
    again = Commit(
        "again", PROD, "overwrite", yard.now(), head + 1, (replace(hidden, path=path),), (hidden.path,)
    )
    yard.ledger.attempt(again)
    yard.turn(minutes=59)
    yard.compactor().run()
    assert yard.rows(sorted(yard.shown())) == before
    yard.turn(minutes=2)
    yard.compactor().run()
    assert yard.rows(sorted(yard.shown())) == before
    assert len(yard.shown()) == 1


def test_g3_a_flip_done_anew_while_orphans_are_cleared(either: Yard) -> None:
    """The intent of a flip that died names a file that another's flip makes live: it is not an orphan."""
    either.collect(6)
    either.compactor().run()
    either.turn(hours=2)
    with pytest.raises(DeathError):
        either.compactor(dying("flip commit")).run()
    either.turn(hours=25)
    rows = either.rows()
    clearing = either.compactor()
    intents = abandoned(clearing.site)
    live = clearing.live(clearing.look(either.config()))
    assert settle(either.compactor().site, PROD).flipped == 1
    clear(clearing.site, intents, live)
    assert either.rows() == rows
    settled(either)
    assert either.rows() == rows
    assert list(either.ledger.intents(either.now())) == []


def test_g3_an_older_state_is_not_published_over_a_newer_one(yard: Yard) -> None:
    """Who looked before another published finds out: the newer state stays, whatever came to the head."""
    yard.collect(3)
    slow = yard.compactor()
    state = slow.look(yard.config())
    acquire = slow.site.ledger.acquire

    class Stalled:
        def __getattr__(self, name: str) -> Any:
            return getattr(yard.ledger, name)

        def acquire(self, *told: Any) -> Any:
            yard.collect(3)
            assert yard.compactor().run().published_bytes > 0
            return acquire(*told)

    assert not publish(replace(slow.site, ledger=Stalled()), state).put
    assert published(yard).versions == {PROD: yard.ledger.head(PROD).checkpoint}
