"""Keeps on disk, within a limit, the ranges of the hive's files that were read, for the next command.

Files of a hive never change, so a range is good for ever and is kept by file and offset, in pieces of
up to PIECE bytes, in an SQLite file that several processes share. What was used longest ago goes
first. It is for speed alone: whatever is wrong with it, it remembers nothing and says so to nobody.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["PIECE", "Gap", "Piece", "Ranges"]

PIECE = 1 << 20
"""Most bytes of one piece: what is held in memory at a time, and what is evicted at a time."""

_PAGE = 16_384  # bytes
_FREED = 0.1  # of the limit, at least, when it is full
_FRESH = 3600  # seconds after which a use is noted again
_PATIENCE = 5.0  # seconds to wait for another process
_TROUBLE = (sqlite3.Error, OSError)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS piece (
    id INTEGER PRIMARY KEY, file TEXT NOT NULL, first INTEGER NOT NULL, bytes INTEGER NOT NULL,
    used INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_file ON piece (file, first);
CREATE INDEX IF NOT EXISTS by_use ON piece (used, id, bytes);
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes [first, end) of a file that are here, as part of what is kept under `id` from `start` on."""

    first: int
    end: int
    id: int
    start: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes [first, end) of a file that are not here."""

    first: int
    end: int


@dataclass(slots=True)
class Ranges:
    """The cache in the file `path`, at most `limit` bytes. Threads may share it, and so may processes."""

    path: Path
    limit: int
    clock: Callable[[], float] = time.time
    _db: sqlite3.Connection | None = None
    _closed: bool = False
    _used: set[int] = field(default_factory=set)
    _one: threading.Lock = field(default_factory=threading.Lock)

    def plan(self, file: str, first: int, end: int) -> list[Piece | Gap]:
        """Bytes [first, end) of the file in order: pieces that are here, and at most one gap.

        Whatever lies between two gaps is part of the gap: one request is cheaper than two.
        """
        try:
            rows = self._rows(
                "SELECT id, first, bytes, used FROM piece"
                " WHERE file = ? AND first > ? AND first < ? ORDER BY first",
                (file, first - PIECE, end),
            )  # fmt: skip
        except _TROUBLE:
            return [Gap(first, end)]
        found: list[Piece | Gap] = []
        at = first
        now = int(self.clock())
        for id_, start, size, used in rows:
            if start + size <= at:
                continue
            if start > at:
                found.append(Gap(at, start))
            found.append(Piece(max(at, start), min(end, start + size), id_, start))
            at = min(end, start + size)
            if now - used > _FRESH:
                self._used.add(id_)
            if at == end:
                break
        if at < end:
            found.append(Gap(at, end))
        return _one_gap(found)

    def read(self, piece: Piece) -> bytes | None:
        """Its bytes; None when it went meanwhile."""
        try:
            rows = self._rows(
                "SELECT substr(body, ?, ?) FROM piece WHERE id = ? AND first = ?",
                (piece.first - piece.start + 1, piece.end - piece.first, piece.id, piece.start),
            )  # fmt: skip
        except _TROUBLE:
            return None
        body: bytes = rows[0][0] if rows else b""
        return body if len(body) == piece.end - piece.first else None

    def keep(self, file: str, first: int, body: bytes) -> None:
        """Remember bytes of the file; they take the place of what was used longest ago."""
        if len(body) > min(PIECE, self.limit // 2) or not body:
            return
        with suppress(*_TROUBLE), self._one:
            db = self._connection()
            try:
                self._insert(db, file, first, body)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                    raise
                self._make_room(db, len(body))
                self._insert(db, file, first, body)

    def close(self) -> None:
        """Note what was used, and let go of the file. Whoever comes later finds nothing and keeps nothing."""
        with self._one:
            with suppress(*_TROUBLE):
                if self._used:
                    now = int(self.clock())
                    with self._connection() as db:
                        db.executemany(
                            "UPDATE piece SET used = ? WHERE id = ?", [(now, id_) for id_ in self._used]
                        )
            self._closed = True
            if self._db is not None:
                self._db.close()

    def _rows(self, sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        with self._one:
            return self._connection().execute(sql, values).fetchall()

    def _insert(self, db: sqlite3.Connection, file: str, first: int, body: bytes) -> None:
        with db:
            db.execute("DELETE FROM piece WHERE file = ? AND first >= ? AND first + bytes <= ?",
                       (file, first, first + len(body)))  # fmt: skip
            db.execute(
                "INSERT INTO piece (file, first, bytes, used, body) VALUES (?, ?, ?, ?, ?)",
                (file, first, len(body), int(self.clock()), body),
            )

    def _make_room(self, db: sqlite3.Connection, needed: int) -> None:
        least = max(needed * 2, int(self.limit * _FREED))
        freed, gone = 0, []
        with db:
            for id_, size in db.execute("SELECT id, bytes FROM piece ORDER BY used, id"):
                gone.append((id_,))
                freed += size
                if freed >= least:
                    break
            db.executemany("DELETE FROM piece WHERE id = ?", gone)

    def _connection(self) -> sqlite3.Connection:
        """One for all threads: there are as many as open files, and each would have its own page cache."""
        if self._closed:
            raise sqlite3.ProgrammingError("it is closed")
        if self._db is None:
            self._db = _open(self.path, self.limit)
        return self._db


def _one_gap(found: Sequence[Piece | Gap]) -> list[Piece | Gap]:
    gaps = [n for n, part in enumerate(found) if isinstance(part, Gap)]
    if len(gaps) < 2:
        return list(found)
    return [
        *found[: gaps[0]],
        Gap(found[gaps[0]].first, found[gaps[-1]].end),
        *found[gaps[-1] + 1 :],
    ]


def _open(path: Path, limit: int) -> sqlite3.Connection:
    """The file, made if need be, for its owner alone; what is no such file is made anew."""
    try:
        return _prepared(path, limit)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    return _prepared(path, limit)


def _prepared(path: Path, limit: int) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    db = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=False)
    try:
        db.execute(f"PRAGMA page_size = {_PAGE}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # never torn; a power cut may take the latest
        db.executescript(_SCHEMA)
        _bound(db, limit)
    except BaseException:
        db.close()
        raise
    return db


def _bound(db: sqlite3.Connection, limit: int) -> None:
    """SQLite itself keeps the limit, whichever process writes; one that was made smaller empties the file."""
    most = max(8, limit // _PAGE)
    if db.execute(f"PRAGMA max_page_count = {most}").fetchone()[0] <= most:
        return
    with db:
        db.execute("DELETE FROM piece")
    db.execute("VACUUM")
    db.execute(f"PRAGMA max_page_count = {most}")
