"""Dropping the oldest commits: the floor says what they amounted to, and who asks for them finds out."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.ledger import stores
from tests.ledger.stores import NOW, PARTITION, commit_of, data_file, record

from penstock.errors import OutcomeUnknown, PenstockError, Taken
from penstock.ledger import BEGINNING, Dropped, Ledger, floor
from penstock.ledger import dynamodb_items as items
from penstock.ledger.commit import commit
from penstock.ledger.dynamodb import DynamoLedger
from penstock.ledger.sqlite import SqliteLedger
from penstock.model import Commit, DataFile, PartitionId


def numbered(version: int, **more: Any) -> Commit:
    """A commit named by its version."""
    return commit_of(f"c{version}", version, **more)


def history(ledger: Ledger, count: int, start: int = 1) -> list[Commit]:
    """Commits that add a file each and, from the third on, remove the one that came two before."""
    made = []
    for version in range(start, start + count):
        remove = [data_file(f"{version - 2}").path] if version % 3 == 0 else []
        bad = [record(f"bad-{version}", state="bad", reason="torn")] if version == 2 else []
        one = numbered(version, add=[data_file(f"{version}")], remove=remove, done=bad)
        ledger.attempt(one)
        made.append(one)
    return made


def live(ledger: Ledger) -> dict[str, DataFile]:
    """A fold over the log from its beginning."""
    found: dict[str, DataFile] = {}
    for one in floor.since(ledger, PARTITION, 0):
        for path in one.remove:
            del found[path]
        found |= {file.path: file for file in one.add}
    return found


def floored(ledger: Ledger, upto: int) -> int:
    """Drop all commits up to a version; how many went."""
    begins = ledger.begins(PARTITION)
    ledger.set_checkpoint(PARTITION, upto)
    ledger.put_floor(
        PARTITION, floor.fold(ledger.floor(PARTITION), list(ledger.commits(PARTITION, begins, upto)))
    )
    return ledger.drop(PARTITION)


def test_nothing_was_dropped(ledger: Ledger) -> None:
    """A log is whole until then, that of an unknown partition too."""
    history(ledger, 2)
    for partition in (PARTITION, PartitionId("no", "one")):
        assert (ledger.begins(partition), ledger.floor(partition), ledger.drop(partition)) == (
            0,
            BEGINNING,
            0,
        )


def test_the_floor_takes_their_place(ledger: Ledger, open_again: Callable[[], Ledger]) -> None:
    """The same files are live before and after, step by step, and bad objects are not forgotten."""
    history(ledger, 9)
    expected = live(ledger)
    assert floored(ledger, 4) == 4
    assert (ledger.begins(PARTITION), live(ledger)) == (4, expected)
    assert floored(ledger, 8) == 4
    assert live(open_again()) == expected
    assert [one.version for one in ledger.commits(PARTITION, 8)] == [9]
    assert [one.identity for one in floor.bad(ledger.floor(PARTITION))] == ["bad-2"]
    assert ledger.floor(PARTITION).time == NOW
    assert ledger.drop(PARTITION) == 0


def test_rows_are_traced_through_the_floor(ledger: Ledger) -> None:
    """Each file knows the versions that its rows may have come with: its own, and those it replaced."""
    history(ledger, 4)
    floored(ledger, 2)
    ledger.attempt(numbered(5, add=[data_file("5")], remove=[data_file("2").path, data_file("3").path]))
    overwritten = replace(numbered(6, add=[data_file("6")]), kind="overwrite")
    ledger.attempt(overwritten)
    ledger.attempt(numbered(7))
    floored(ledger, 6)
    found = {Path(one.file.path).stem: (one.first, one.last) for one in floor.files(ledger.floor(PARTITION))}
    assert found == {"4": (4, 4), "5": (1, 5), "6": (0, floor.EVER)}


def test_who_asks_for_them_finds_out(ledger: Ledger) -> None:
    """From the beginning, from the middle, up to a version before the floor: never an empty answer."""
    history(ledger, 9)
    floored(ledger, 6)
    for after, upto in ((0, None), (3, None), (5, None), (0, 6), (2, 4)):
        with pytest.raises(Dropped) as told:
            list(ledger.commits(PARTITION, after, upto))
        assert told.value.begins == 6
    assert [one.version for one in ledger.commits(PARTITION, 6)] == [7, 8, 9]


def test_a_reader_in_the_middle(ledger: Ledger) -> None:
    """One who has read some commits when the rest goes sees the rest, or is told; never a gap."""
    history(ledger, 9)
    reading = ledger.commits(PARTITION, 0)
    seen = [next(reading).version]
    floored(ledger, 6)
    with suppress(Dropped):
        seen += [one.version for one in reading]
    assert seen == list(range(1, len(seen) + 1))


def test_a_floor_never_moves_back(ledger: Ledger) -> None:
    """Nor beyond a checkpoint, nor over the last commit, whose item tells what came last."""
    history(ledger, 6)
    old = floor.fold(BEGINNING, list(ledger.commits(PARTITION, 0, 2)))
    beyond = floor.fold(BEGINNING, list(ledger.commits(PARTITION, 0, 5)))
    every = floor.fold(BEGINNING, list(ledger.commits(PARTITION, 0)))
    floored(ledger, 4)
    ledger.put_floor(PARTITION, old)
    assert ledger.begins(PARTITION) == 4
    with pytest.raises(ValueError, match="checkpoint 4"):
        ledger.put_floor(PARTITION, beyond)
    ledger.set_checkpoint(PARTITION, 6)
    with pytest.raises(ValueError, match=r"commit but one \(5\)"):
        ledger.put_floor(PARTITION, every)


def test_g1_memory_outlives_the_log(ledger: Ledger) -> None:
    """Objects of dropped commits are still taken; who began before the floor is told that nobody knows."""
    known = record("x")
    ledger.attempt(numbered(1, done=[known]))
    history(ledger, 5, start=2)
    floored(ledger, 4)
    more: dict[str, Any] = {"partition": PARTITION, "kind": "collect", "time": NOW, "sleep": lambda _: None}
    with pytest.raises(Taken):
        commit(ledger, id="again", done=[known], **more)
    with pytest.raises(OutcomeUnknown, match="begins after 4"):
        commit(ledger, id="late", base=2, add=[data_file("late")], **more)
    assert ledger.head(PARTITION).version == 6


def test_long_bases_stand_in_the_hive(dynamo: DynamoLedger, blobs: stores.DirectoryBlobs) -> None:
    """A list too long for an item is put beside, and those that went leave nothing behind."""
    dynamo.attempt(numbered(1, add=[data_file(f"{Random(n).getrandbits(256):x}") for n in range(9000)]))
    history(dynamo, 6, start=2)
    assert len(blobs.paths()) == 1
    floored(dynamo, 3)
    (first,) = blobs.paths()
    assert first.endswith("/000000000003.json.gz")
    floored(dynamo, 5)
    assert blobs.paths() == [first.replace("3.json", "5.json")]
    assert len(list(floor.files(dynamo.floor(PARTITION)))) == 9000 + 4
    blobs.delete(blobs.paths()[0])
    with pytest.raises(PenstockError, match="is gone from the hive"):
        dynamo.floor(PARTITION)


def test_g3_dying_while_dropping(dynamo: DynamoLedger) -> None:
    """After any number of deletions the log reads as before; the next drop deletes the rest."""
    history(dynamo, 9)
    expected = live(dynamo)
    left = [3]

    def die(**_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    dynamo.client.meta.events.register("before-send.dynamodb.DeleteItem", die)
    with pytest.raises(KeyboardInterrupt):
        floored(dynamo, 7)
    dynamo.client.meta.events.unregister("before-send.dynamodb.DeleteItem", die)
    assert live(dynamo) == expected
    with pytest.raises(Dropped):
        list(dynamo.commits(PARTITION, 0))
    assert [one.version for one in dynamo.commits(PARTITION, 3)] == [4, 5, 6, 7, 8, 9]
    assert dynamo.drop(PARTITION) == 4
    assert live(dynamo) == expected


def test_two_drop_at_once(ledger: Ledger, open_again: Callable[[], Ledger]) -> None:
    """Several with floors of their own: the newest stands, and no commit above it is gone."""
    history(ledger, 12)
    expected = live(ledger)
    ledger.set_checkpoint(PARTITION, 10)
    floors = [floor.fold(BEGINNING, list(ledger.commits(PARTITION, 0, upto))) for upto in (4, 7, 10, 10)]

    def work(one: Any) -> None:
        other = open_again()
        other.put_floor(PARTITION, one)
        other.drop(PARTITION)

    threads = [threading.Thread(target=work, args=(one,)) for one in floors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (ledger.begins(PARTITION), live(ledger)) == (10, expected)
    assert [one.version for one in ledger.commits(PARTITION, 10)] == [11, 12]


def test_an_older_file_learns_to_drop(tmp_path: Path) -> None:
    """A SQLite ledger of the format before gets what it lacks, and keeps what it has."""
    path = tmp_path / "ledger.db"
    history(SqliteLedger(path), 3)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DROP TABLE floor")
        db.execute("PRAGMA user_version = 1")
    again = SqliteLedger(path)
    assert floored(again, 2) == 2
    assert len(live(again)) == 2


def test_items_have_keys_of_their_own() -> None:
    """The floor of one partition is not another's."""
    assert items.floor_key(PARTITION) != items.floor_key(PartitionId("aws_cloudtrail_log", "prod#"))
