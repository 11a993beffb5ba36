"""Deleting is one commit: whole files go, cut ones are written anew, and dying anywhere is harmless (G3)."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.query.asking import Asker
from tests.query.hives import FIRST_DAY, LOGIN, Hive, rows_of, without_stats

from penstock.compact import Site
from penstock.compact.site import nothing
from penstock.delete import Deleted, Range, delete
from penstock.errors import PenstockError, Retry
from penstock.hive import open_hive
from penstock.model import DataFile, PartitionId

UTC = dt.UTC
OTHER = PartitionId("login", "other")


class Death(Exception):
    """A worker dies here."""


class Ground:
    """A hive of three days with eight rows each, at hours 0 to 7, and another partition."""

    def __init__(self, folder: Path) -> None:
        self.hive = Hive(folder)
        self.hive.days(3, rows=8)
        self.hive.commit(
            [self.hive.put(FIRST_DAY, rows_of(FIRST_DAY, 8, 100), partition=OTHER)], partition=OTHER
        )
        self.ask = Asker(self.hive)

    def site(self, step: Callable[[str], None] = nothing) -> Site:
        """Where a delete works; `step` may raise."""
        return Site(open_hive(self.hive.root), self.hive.ledger, grace=dt.timedelta(), step=step)

    def delete(self, wanted: Range, step: Callable[[str], None] = nothing) -> Deleted:
        """Delete from login.prod."""
        scratch = self.hive.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        return delete(self.site(step), self.ask.up, LOGIN, wanted, scratch=scratch)

    def rows(self, partition: PartitionId = LOGIN) -> list[int]:
        """The n of every row that a reader sees."""
        session = self.ask.session()
        sql = f"SELECT n FROM login WHERE tp_partition = '{partition.name}' ORDER BY n"
        return [int(n) for (n,) in session.connection.execute(sql).fetchall()]

    def live(self) -> dict[str, DataFile]:
        """The live files of login.prod."""
        found: dict[str, DataFile] = {}
        for one in self.hive.ledger.commits(LOGIN, 0):
            for path in one.remove:
                del found[path]
            found |= {file.path: file for file in one.add}
        return found

    def standing(self) -> set[str]:
        """Every file of login.prod in the hive."""
        root = Path(self.hive.root)
        return {p.relative_to(root).as_posix() for p in root.rglob("tp_partition=prod/**/*.parquet")}


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    """A fresh one."""
    made = Ground(tmp_path)
    yield made
    for session in made.ask.opened:
        session.close()


def at(day: int, hour: int = 0, minute: int = 0) -> dt.datetime:
    """A time on the day of that number, from 1."""
    return dt.datetime(2026, 1, day, hour, minute, tzinfo=UTC)


def test_everything_goes_in_one_commit(ground: Ground) -> None:
    """No range: all rows of the partition, no file is opened, the other partition keeps its own."""
    steps: list[str] = []
    done = ground.delete(Range(), steps.append)
    assert done == Deleted(rows=24, files=3, rewritten=0, version=2)
    assert steps == ["look", "commit", "forget"]
    assert ground.rows() == []
    assert ground.rows(OTHER) == list(range(100, 108))
    assert len(ground.standing()) == 3, "they stay for the grace period"
    [last] = ground.hive.ledger.commits(LOGIN, 1)
    assert (last.kind, len(last.remove), last.add) == ("delete", 3, ())


CASES = [
    (Range(at(2), at(2, 23)), list(range(8, 16)), 0),
    (Range(at(2, 3), None), list(range(11, 24)), 1),
    (Range(None, at(2, 3)), list(range(12)), 1),
    (Range(at(1, 6), at(3, 1)), list(range(6, 18)), 2),
    (Range(at(2, 3), at(2, 3)), [11], 1),
    (Range(at(1, 7, 1), at(2, 0)), [8], 1),
    (Range(at(2, 3, 1), at(2, 3, 59)), [], 0),
    (Range(at(4), None), [], 0),
    (Range(None, at(1)), [0], 1),
]


@pytest.mark.parametrize(("wanted", "gone", "rewritten"), CASES)
def test_rows_between_two_times_go(ground: Ground, wanted: Range, gone: list[int], rewritten: int) -> None:
    """Both ends included, as in a query; what is cut is written anew with the same columns and order."""
    done = ground.delete(wanted)
    assert (done.rows, done.rewritten) == (len(gone), rewritten)
    assert ground.rows() == [n for n in range(24) if n not in gone]
    assert done.version == (2 if gone else 0)
    assert sum(file.rows for file in ground.live().values()) == 24 - len(gone)


def test_what_a_query_shows_is_what_goes(ground: Ground) -> None:
    """--from and --to mean the same to both."""
    wanted = Range(at(1, 5), at(3, 2))
    session = ground.ask.session(from_=wanted.from_, to=wanted.to, partitions=("login.prod",))
    [(shown,)] = session.connection.execute("SELECT count(*) FROM login").fetchall()
    assert ground.delete(wanted).rows == shown


def test_a_rewritten_file_says_the_truth(ground: Ground) -> None:
    """Entry and footer agree, and compaction is told by the name to show it to those who glob."""
    ground.delete(Range(at(2, 3), None))
    [new] = [file for file in ground.live().values() if Path(file.path).name.startswith("_")]
    footer = pq.ParquetFile(Path(ground.hive.root, new.path)).metadata
    assert (new.rows, new.footer_bytes) == (footer.num_rows, footer.serialized_size) == (3, new.footer_bytes)
    assert new.bytes == Path(ground.hive.root, new.path).stat().st_size
    assert (new.stats["n"].min, new.stats["n"].max) == ("8", "10")
    assert new.stats["tp_timestamp"].max == "2026-01-02 02:00:00"


def test_files_without_statistics_are_looked_into(ground: Ground) -> None:
    """What the ledger does not know is read, and only what matches goes."""
    file = without_stats(ground.hive.put(FIRST_DAY, rows_of(FIRST_DAY, 4, 50)))
    ground.hive.commit([file])
    assert ground.delete(Range(at(1), at(1, 1))).rows == 4
    assert [n for n in ground.rows() if n >= 50 or n < 8] == [2, 3, 4, 5, 6, 7, 52, 53]


def test_rows_without_a_time_stay(ground: Ground) -> None:
    """They are in no range, so they go only with everything."""
    ground.hive.commit(
        [
            ground.hive.put(
                FIRST_DAY, rows_of(FIRST_DAY, 2, 50).replace("TIMESTAMP '2026-01-01'", "NULL::TIMESTAMP")
            )
        ]
    )
    ground.delete(Range(at(1), None))
    assert ground.rows() == [50, 51]
    ground.delete(Range())
    assert ground.rows() == []


STEPS = ["look", "fetch", "rewrite", "intent", "put", "put one", "commit", "forget"]
TIMES = [*((step, 1) for step in STEPS), ("fetch", 2), ("rewrite", 2), ("put one", 2)]


@pytest.mark.parametrize(("step", "time"), TIMES)
def test_dying_anywhere_shows_all_or_nothing(ground: Ground, step: str, time: int) -> None:
    """Readers see every row or the rest; run again it is done, and what is left over is in an intent."""
    count = 0

    def die(name: str) -> None:
        nonlocal count
        count += name == step
        if count == time and name == step:
            raise Death(step)

    wanted, rest = Range(at(1, 6), at(3, 1)), [*range(6), *range(18, 24)]
    try:
        ground.delete(wanted, die)
    except Death:
        assert ground.rows() == (rest if step == "forget" else list(range(24)))
    again = ground.delete(wanted)
    assert ground.rows() == rest
    assert again.rows in (0, 12)
    named = {path for intent in ground.hive.ledger.intents(at(1).replace(year=2100)) for path in intent.paths}
    removed = {path for one in ground.hive.ledger.commits(LOGIN, 0) for path in one.remove}
    assert ground.standing() - set(ground.live()) <= named | removed
    assert set(ground.live()) <= ground.standing()


def test_g2_a_delete_that_slept_for_a_day(ground: Ground) -> None:
    """Shut between put and commit, it names no file that was cleared meanwhile: nothing is deleted."""
    clock = at(3)

    def sleeps(name: str) -> None:
        nonlocal clock
        if name == "commit":
            clock += dt.timedelta(hours=25)

    site = replace(ground.site(sleeps), now=lambda: clock)
    scratch = ground.hive.folder / "scratch"
    scratch.mkdir()
    with pytest.raises(Retry, match="too long ago"):
        delete(site, ground.ask.up, LOGIN, Range(at(1, 6), at(3, 1)), scratch=scratch)
    assert ground.rows() == list(range(24))


def test_twice_is_once(ground: Ground) -> None:
    """The second time there is nothing to delete, and no commit."""
    wanted = Range(at(2, 3), None)
    assert ground.delete(wanted).rows == 13
    assert ground.delete(wanted) == Deleted()
    assert ground.hive.ledger.head(LOGIN).version == 2


def test_two_at_once(ground: Ground) -> None:
    """Both look at the same state and both write; one commits, the other finds it done."""
    both = threading.Barrier(2)
    met = threading.local()

    def meet(name: str) -> None:
        if name == "commit" and not getattr(met, "already", False):
            met.already = True
            both.wait(20)

    done: list[Deleted] = []
    threads = [
        threading.Thread(target=lambda: done.append(ground.delete(Range(at(2, 3), None), meet))) for _ in "ab"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    assert sorted(one.rows for one in done) == [0, 13]
    assert ground.rows() == list(range(11))
    assert len(ground.standing() - set(ground.live())) == 2, "the loser took its own file back"


def test_rows_that_come_meanwhile_stay(ground: Ground) -> None:
    """A commit between looking and deleting is kept whole: it was not looked at."""

    def come(name: str) -> None:
        if name == "commit":
            ground.hive.commit([ground.hive.put(FIRST_DAY, rows_of(FIRST_DAY, 2, 50))])

    ground.delete(Range(), come)
    assert ground.rows() == [50, 51]


def test_files_that_are_merged_meanwhile_are_found_under_their_new_names(ground: Ground) -> None:
    """A compaction in between is a Conflict: it looks again and deletes what stands there now."""
    merged: list[DataFile] = []

    def merge(name: str) -> None:
        if name == "commit" and not merged:
            old = [path for path in ground.live() if "2026-01-01" in path]
            merged.append(ground.hive.put(FIRST_DAY, rows_of(FIRST_DAY, 8)))
            ground.hive.commit(merged, old, kind="compact")

    assert ground.delete(Range(at(1, 2), None), merge).rows == 22
    assert ground.rows() == [0, 1]


def test_a_file_that_is_gone_is_said(ground: Ground) -> None:
    """Live in the ledger, not in the hive: nothing is deleted, and the file is named."""
    [path] = [path for path in ground.live() if "2026-01-02" in path]
    Path(ground.hive.root, path).unlink()
    with pytest.raises(PenstockError, match=r"f0002-0.parquet.*live in the ledger but not in the hive"):
        ground.delete(Range(at(2, 3), None))
    assert ground.hive.ledger.head(LOGIN).version == 1
