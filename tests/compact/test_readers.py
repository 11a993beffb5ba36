"""What readers see while a hive is compacted: those of the ledger one state, those that glob no gap (G3)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest
from tests.compact.test_faults import settled
from tests.compact.yard import DAY, GRACE, PROD, Yard

from penstock.compact import Site
from penstock.compact.live import is_hidden
from penstock.compact.settle import settle


@dataclass
class Readers:
    """Threads that look at a hive until they are stopped; `times` bounds how often one looks at least."""

    look: Callable[[duckdb.DuckDBPyConnection], tuple[int, ...]]
    count: int
    seen: Counter[tuple[int, ...]] = field(default_factory=Counter)
    errors: list[BaseException] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Readers:
        """Begin."""
        self._threads = [threading.Thread(target=self._read) for _ in range(self.count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, and raise what a reader met."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self.errors:
            raise self.errors[0]

    def wait(self, looks: int) -> None:
        """Until so many looks were taken in all."""
        while sum(self.seen.values()) < looks and not self.errors:
            time.sleep(0.01)

    def _read(self) -> None:
        try:
            with duckdb.connect(config={"threads": 1}) as db:
                while not self._stop.is_set():
                    self.seen[self.look(db)] += 1
        except BaseException as error:  # noqa: BLE001 - a thread's own; raised in the end
            self.errors.append(error)


def sums(db: duckdb.DuckDBPyConnection, files: list[str]) -> tuple[int, ...]:
    """Count, distinct ids, and a sum over the rows of these files."""
    found = db.execute(
        "SELECT count(*), count(DISTINCT tp_id), coalesce(sum(n), 0)::BIGINT FROM read_parquet(?)", [files]
    ).fetchone()
    assert found is not None
    return tuple(map(int, found))


def compacting(yard: Yard, readers: Readers, rounds: int, looks: int) -> None:
    """Merge, flip and clean in turns while the readers look: a few looks between any two steps."""

    def slowly(step: str) -> None:
        if step in ("committed", "copy", "copy one", "delete one", "clean", "note"):
            readers.wait(sum(readers.seen.values()) + 2)

    for _ in range(rounds):
        assert yard.compactor(slowly, target=40_000).run().failed == {}
        yard.turn(hours=2)
    readers.wait(looks)


@pytest.mark.parametrize(("files", "looks"), [(100, 400), pytest.param(1000, 10_000, marks=pytest.mark.soak)])
def test_g3_readers_of_the_ledger(yard: Yard, files: int, looks: int) -> None:
    """Readers that count and sum through the ledger all the while see one and the same state."""
    yard.collect(files, 20)

    def look(db: duckdb.DuckDBPyConnection) -> tuple[int, ...]:
        return sums(db, [str(Path(yard.hive.root, path)) for path in yard.live()])

    with duckdb.connect() as db:
        expected = look(db)
    with Readers(look, 8) as readers:
        compacting(yard, readers, 3, looks)
    assert sum(readers.seen.values()) >= looks
    assert set(readers.seen) == {expected} == {(files * 20, files * 20, expected[2])}
    assert len(yard.live()) < files / 10


@pytest.mark.parametrize(("files", "looks"), [(60, 200), pytest.param(1000, 10_000, marks=pytest.mark.soak)])
def test_g3_readers_that_glob(yard: Yard, files: int, looks: int) -> None:
    """Readers that list the folder and skip `_` never miss a row, whatever step compaction is at.

    A file that vanished between the list and the reading fails the look, as it fails theirs: it is
    looked again.
    """
    yard.collect(files, 20)

    def look(db: duckdb.DuckDBPyConnection) -> tuple[int, ...]:
        while True:
            shown = [str(Path(yard.hive.root, path)) for path in yard.shown()]
            try:
                return sums(db, shown)
            except duckdb.IOException:
                continue

    with Readers(look, 4) as readers:
        compacting(yard, readers, 3, looks)
        settled(yard)
    assert {distinct for _, distinct, _ in readers.seen} == {files * 20}
    counts = {count for count, _, _ in readers.seen}
    assert min(counts) == files * 20
    assert max(counts) <= 2 * files * 20
    assert {sums_[0] for sums_ in [look(duckdb.connect())]} == {files * 20}


def test_g3_how_long_a_row_can_be_seen_twice(
    either: Yard, record_property: Callable[[str, object], None]
) -> None:
    """Only from a flip's first copy to its last deletion: measured, printed and bounded."""
    files = 50
    either.collect(files, 20)
    either.compactor().run()
    either.turn(seconds=GRACE.total_seconds() + 1)
    times: dict[str, float] = {}

    def step(name: str) -> None:
        if name == "copy":
            assert either.shown() == shown  # nothing is to be seen before
        times[name] = time.monotonic()

    shown = either.shown()
    settle(Site(either.hive, either.ledger, GRACE, either.now, step), PROD)
    twice = times["flip forget"] - times["copy"]
    print(f"rows of {files} files could be seen twice for {twice * 1000:.0f} ms")
    record_property("seen_twice_ms", round(twice * 1000))
    assert twice < 5
    assert len(either.shown()) == 1
    assert {path for path in either.standing() if not is_hidden(path)} == either.shown()


def test_g3_a_long_query_finds_its_files(yard: Yard) -> None:
    """Who read the ledger before a merge or a flip can open every file of it until the grace is over."""
    yard.collect(8, 20)
    before = sorted(yard.live())
    yard.compactor().run()
    hidden = sorted(yard.live())
    yard.turn(minutes=59)
    yard.compactor().run()
    assert len(yard.rows(before)) == len(yard.rows(hidden)) == 160
    yard.turn(minutes=2)
    yard.compactor().run()
    assert not set(before) & yard.standing()
    assert len(yard.rows(hidden)) == 160, "the hidden file was removed by the flip, its grace begins there"
    yard.turn(minutes=61)
    yard.compactor().run()
    assert not set(hidden) & yard.standing()
    assert len(yard.rows()) == 160


def test_g3_independent_engines(yard: Yard) -> None:
    """pyarrow's dataset, with the name rules of Athena, Trino and Spark, sees each row once."""
    yard.collect(10, 20)
    yard.collect(3, 20, day=DAY.replace(day=30), index="a b/c")
    ids = yard.globbed()
    for _ in range(4):
        assert yard.compactor().run().failed == {}
        assert yard.globbed() == ids
        yard.turn(hours=2)
    assert yard.globbed("tp_index").count("a b/c") == 60
