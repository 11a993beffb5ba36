"""The statements of the SQLite ledger: its tables, and what one transaction reads and writes.

Every function here runs inside a transaction that `sqlite` began.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from penstock.errors import Conflict, Taken
from penstock.ledger import codec
from penstock.model import Commit, CursorMove, Head, ObjectRecord, PartitionId

__all__ = [
    "BUSY_SECONDS",
    "FORMAT",
    "PAGE",
    "create",
    "landed",
    "read_begins",
    "read_commit",
    "read_contents",
    "read_cursor",
    "read_format",
    "read_head",
    "read_objects",
    "refuse_moved_cursor",
    "refuse_taken",
    "write",
]

FORMAT = 2
BUSY_SECONDS = 30.0
PAGE = 200
_SCHEMA = """
CREATE TABLE head (partition TEXT PRIMARY KEY, version INTEGER NOT NULL, checkpoint INTEGER NOT NULL);
CREATE TABLE log (
    partition TEXT, version INTEGER, id TEXT NOT NULL, kind TEXT NOT NULL, time TEXT NOT NULL,
    objects INTEGER NOT NULL, source TEXT, seen TEXT, now TEXT, digest TEXT NOT NULL,
    lists BLOB NOT NULL, PRIMARY KEY (partition, version));
CREATE TABLE object (
    partition TEXT, identity TEXT, state TEXT NOT NULL, rows_read INTEGER NOT NULL,
    stored INTEGER NOT NULL, filtered INTEGER NOT NULL, rejected INTEGER NOT NULL,
    bytes INTEGER NOT NULL, reason TEXT NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (partition, identity)) WITHOUT ROWID;
CREATE TABLE cursor (partition TEXT, source TEXT, position TEXT NOT NULL, PRIMARY KEY (partition, source));
CREATE TABLE intent (
    commit_id TEXT PRIMARY KEY, partition TEXT NOT NULL, paths TEXT NOT NULL, time TEXT NOT NULL);
CREATE TABLE lease (name TEXT PRIMARY KEY, owner TEXT NOT NULL, until TEXT NOT NULL);
CREATE TABLE schema (name TEXT, fingerprint TEXT, columns TEXT NOT NULL, PRIMARY KEY (name, fingerprint));
"""
_FLOOR = """
CREATE TABLE floor (partition TEXT PRIMARY KEY, version INTEGER NOT NULL, time TEXT NOT NULL,
    data BLOB NOT NULL)
"""


def create(db: sqlite3.Connection) -> None:
    """Make the tables of an empty file, or what an older one lacks: of processes that start together one
    is first.
    """
    _switch_to_wal(db)
    db.execute("BEGIN IMMEDIATE")
    found = read_format(db)
    if found == 0:
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
    if found < FORMAT:
        db.execute(_FLOOR)
        db.execute(f"PRAGMA user_version = {FORMAT}")
    db.execute("COMMIT")


def read_format(db: sqlite3.Connection) -> int:
    """The format the file was made with; 0 when it is empty."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def read_head(db: sqlite3.Connection, partition: PartitionId) -> Head:
    """The partition's head; `Head(0, 0)` when it never had a commit."""
    row = db.execute("SELECT version, checkpoint FROM head WHERE partition = ?", (str(partition),)).fetchone()
    return Head(*row) if row else Head()


def read_begins(db: sqlite3.Connection, partition: PartitionId) -> int:
    """The version of the log's floor."""
    row = db.execute("SELECT version FROM floor WHERE partition = ?", (str(partition),)).fetchone()
    return int(row[0]) if row else 0


def read_cursor(db: sqlite3.Connection, partition: PartitionId, source: str) -> str | None:
    """The source's position; None when it never moved."""
    row = db.execute(
        "SELECT position FROM cursor WHERE partition = ? AND source = ?", (str(partition), source)
    ).fetchone()
    return row[0] if row else None


_RECORDS = (
    "SELECT identity, state, rows_read, stored, filtered, rejected, bytes, reason, version FROM object"
    " WHERE partition = ?"
)


def read_objects(
    db: sqlite3.Connection, partition: PartitionId, identities: Sequence[str]
) -> dict[str, ObjectRecord]:
    """The records of those that are known, at most a page of them."""
    marks = ", ".join("?" * len(identities))
    rows = db.execute(f"{_RECORDS} AND identity IN ({marks})", (str(partition), *identities))
    return {row[0]: ObjectRecord(*row) for row in rows}


def read_contents(db: sqlite3.Connection, partition: PartitionId, place: str) -> list[ObjectRecord]:
    """The records of all that a file held."""
    first, behind = f"{place}?etag=", f"{place}?etag>"  # the sign behind =
    rows = db.execute(f"{_RECORDS} AND identity >= ? AND identity < ?", (str(partition), first, behind))
    return [ObjectRecord(*row) for row in rows]


def read_commit(partition: PartitionId, row: tuple[Any, ...]) -> Commit:
    """A row of `log` (id, kind, time, version, objects, source, seen, now, lists) as a commit."""
    commit_id, kind, when, version, objects, source, seen, now, data = row
    lists = codec.decode_lists(data, version)
    return Commit(
        id=commit_id,
        partition=partition,
        kind=kind,
        time=codec.time_from_text(when),
        version=version,
        add=lists.add,
        remove=lists.remove,
        done=lists.bad,
        cursor=None if source is None else CursorMove(source, seen, now),
        objects=objects,
    )


def landed(db: sqlite3.Connection, commit: Commit) -> bool:
    """Whether this very commit already stands at its version: an answer was lost, not the commit."""
    row = db.execute(
        "SELECT id, digest FROM log WHERE partition = ? AND version = ?",
        (str(commit.partition), commit.version),
    ).fetchone()
    return codec.is_same(commit, *row) if row else False


def refuse_taken(db: sqlite3.Connection, commit: Commit) -> None:
    """Raise Taken when objects in `done` are known, but for those that may be replaced."""
    known = read_objects(db, commit.partition, [record.identity for record in commit.done])
    taken = [record.identity for record in commit.done if not _may_stand(record, known.get(record.identity))]
    if taken:
        raise Taken(taken)


def _may_stand(record: ObjectRecord, known: ObjectRecord | None) -> bool:
    """Whether what is known of an object may give way; what is to be taken anew must be as it was seen."""
    if record.retake:
        return known is not None and known.state == "done" and known.version == record.retake
    return known is None or (record.redrive and known.state == "bad")


def refuse_moved_cursor(db: sqlite3.Connection, commit: Commit) -> None:
    """Raise Conflict when the cursor is not where the caller saw it."""
    move = commit.cursor
    if move is None:
        return
    found = read_cursor(db, commit.partition, move.source)
    if found != move.seen:
        raise Conflict(f"{commit.partition}: cursor of {move.source} is at {found!r}, expected {move.seen!r}")


def write(db: sqlite3.Connection, commit: Commit) -> None:
    """Write the head, the log, the objects and the cursor of a commit that applies."""
    partition, move = str(commit.partition), commit.cursor
    db.execute(
        "INSERT INTO head VALUES (?, ?, 0) ON CONFLICT (partition) DO UPDATE SET version = excluded.version",
        (partition, commit.version),
    )
    db.execute(
        "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            partition,
            commit.version,
            commit.id,
            commit.kind,
            codec.time_to_text(commit.time),
            len(commit.done),
            *((move.source, move.seen, move.now) if move else (None, None, None)),
            codec.digest(commit),
            codec.encode_lists(commit),
        ),
    )
    records = [codec.recorded(record, commit.version) for record in commit.done]
    db.executemany(
        "INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                partition,
                one.identity,
                one.state,
                one.rows_read,
                one.stored,
                one.filtered,
                one.rejected,
                one.bytes,
                one.reason,
                one.version,
            )
            for one in records
        ],
    )
    if move:
        db.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?, ?)", (partition, move.source, move.now))


def _switch_to_wal(db: sqlite3.Connection) -> None:
    """Readers do not wait for writers in WAL. SQLite's busy timeout does not cover this switch."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
