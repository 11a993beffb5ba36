"""What only the SQLite ledger must withstand: other processes, foreign files, a held lock."""

from __future__ import annotations

import multiprocessing
import random
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from tests.ledger.stores import NOW, PARTITION, commit_of, data_file, record

from penstock.errors import ConfigError, Retry
from penstock.ledger import sqlite_rows
from penstock.ledger.commit import commit
from penstock.ledger.sqlite import SqliteLedger

PROCESSES = 16


def work(path: str, number: int) -> list[int]:
    """One process: open the ledger and commit three times; gives its retries."""
    ledger = SqliteLedger(path)
    return [
        commit(
            ledger,
            partition=PARTITION,
            id=f"{number}-{turn}",
            kind="collect",
            time=NOW,
            add=[data_file(f"{number}-{turn}")],
            done=[record(f"s3://b/{number}-{turn}?etag=1")],
            random=random.Random(number).random,
        ).retries
        for turn in range(3)
    ]


def test_sixteen_processes_all_get_through(tmp_path: Path) -> None:
    """Processes that open one new file and commit at once all get through; none sees a lock."""
    path = tmp_path / "new" / "ledger.db"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        retries = list(pool.map(work, [str(path)] * PROCESSES, range(PROCESSES)))
    print(f"retries of {PROCESSES} processes: {retries}, {sum(map(sum, retries))} in all")
    ledger = SqliteLedger(path)
    found = [one.id for one in ledger.commits(PARTITION, 0)]
    assert sorted(found) == sorted(f"{number}-{turn}" for number in range(PROCESSES) for turn in range(3))
    assert max(map(max, retries)) <= 24


def test_log_is_read_in_pages(tmp_path: Path) -> None:
    """A log of more commits than one page holds is read without gaps, also while it grows."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    last = sqlite_rows.PAGE + 5
    for version in range(1, last + 1):
        ledger.attempt(commit_of(f"c{version}", version, add=[]))
    seen = []
    for one in ledger.commits(PARTITION, 0):
        seen.append(one.version)
        if one.version == 3:
            ledger.attempt(commit_of("late", last + 1))  # no reader holds a lock between pages
    assert seen == list(range(1, last + 1))


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    """What is no ledger, or one of a later Penstock, is a ConfigError that names the file."""
    noise = tmp_path / "noise.db"
    noise.write_bytes(b"not a database, but long enough to be looked at " * 100)
    with pytest.raises(ConfigError, match=r"noise\.db: found .*, expected a ledger of Penstock"):
        SqliteLedger(noise)
    with pytest.raises(ConfigError, match="cannot make the ledger's folder"):
        SqliteLedger(noise / "below" / "ledger.db")
    later = tmp_path / "later.db"
    SqliteLedger(later)
    db = sqlite3.connect(later)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ConfigError, match="has format 99, this Penstock reads 2"):
        SqliteLedger(later)


def test_locked_ledger_is_retry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that holds the file longer than the busy timeout is Retry; reading goes on meanwhile."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    ledger.attempt(commit_of("c1", 1))
    monkeypatch.setattr(sqlite_rows, "BUSY_SECONDS", 0.05)
    holder = sqlite3.connect(ledger.path, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(Retry, match=r"ledger\.db: database is locked"):
            ledger.attempt(commit_of("c2", 2))
        assert ledger.head(PARTITION).version == 1
    finally:
        holder.close()
    ledger.attempt(commit_of("c2", 2))


def test_death_inside_a_commit_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies between two statements of a commit leaves no part of it."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    whole = sqlite_rows.write

    def dies(db: sqlite3.Connection, one: object) -> None:
        whole(db, one)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(sqlite_rows, "write", dies)
    with pytest.raises(KeyboardInterrupt):
        ledger.attempt(commit_of("c1", 1, done=[record("s3://b/1?etag=1")]))
    monkeypatch.undo()
    assert ledger.head(PARTITION).version == 0
    assert ledger.objects(PARTITION, ["s3://b/1?etag=1"]) == {}
    ledger.attempt(commit_of("c1", 1, done=[record("s3://b/1?etag=1")]))
