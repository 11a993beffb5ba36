"""The ledger in one SQLite file: the embedded default, safe between threads and processes.

Every writing transaction begins IMMEDIATE, so writers stand in line for the whole of it and what
one reads stays true until it commits. The cases of `dynamodb` hold here by that alone; only the
answer can still be lost (a disk error at COMMIT), and then the log tells, as it does there.

    worker A   BEGIN IMMEDIATE ─ head is 4 ─ write 5 ─ COMMIT
    worker B   BEGIN IMMEDIATE ┄┄┄┄ waits ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄ head is 5 ─ HeadMoved, ROLLBACK
    death      anywhere before COMMIT: the journal is discarded, nothing was written
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from penstock.errors import ConfigError, OutcomeUnknown, Problem, Retry
from penstock.ledger import BEGINNING, Dropped, Floor, HeadMoved, codec
from penstock.ledger import sqlite_rows as rows
from penstock.model import (
    Commit,
    Head,
    Intent,
    Lease,
    ObjectRecord,
    PartitionId,
    Schema,
)

__all__ = ["SqliteLedger"]


class SqliteLedger:
    """`Ledger` in the file at `path`, made with its folder when it is not there.

    It holds no connection between calls, so one value serves threads, forks and processes. The
    file must be on a local disk: SQLite's locks do not hold on network shares
    (https://sqlite.org/wal.html). ConfigError when the file is no ledger or cannot be opened.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                Problem(str(self.path), 0, f"cannot make the ledger's folder: {error.strerror}")
            ) from error
        self._prepare()

    def partitions(self) -> list[PartitionId]:
        """See `Ledger.partitions`."""
        with self._reading() as db:
            found = db.execute("SELECT partition FROM head").fetchall()
        return sorted(PartitionId.parse(row[0]) for row in found)

    def head(self, partition: PartitionId) -> Head:
        """See `Ledger.head`."""
        with self._reading() as db:
            return rows.read_head(db, partition)

    def commits(self, partition: PartitionId, after: int, upto: int | None = None) -> Iterator[Commit]:
        """See `Ledger.commits`. Read a page at a time: a slow reader holds no transaction open."""
        last = self.head(partition).version if upto is None else upto
        while after < last:
            with self._reading() as db:
                found = db.execute(
                    "SELECT id, kind, time, version, objects, source, seen, now, lists FROM log"
                    " WHERE partition = ? AND version > ? AND version <= ? ORDER BY version LIMIT ?",
                    (str(partition), after, last, rows.PAGE),
                ).fetchall()
                begins = rows.read_begins(db, partition)
            if begins > after and not (found and found[0][3] == after + 1):
                raise Dropped(partition, after, begins)
            if not found:
                return
            for row in found:
                yield rows.read_commit(partition, row)
            after = found[-1][3]

    def begins(self, partition: PartitionId) -> int:
        """See `Ledger.begins`."""
        with self._reading() as db:
            return rows.read_begins(db, partition)

    def floor(self, partition: PartitionId) -> Floor:
        """See `Ledger.floor`."""
        with self._reading() as db:
            row = db.execute(
                "SELECT version, time, data FROM floor WHERE partition = ?", (str(partition),)
            ).fetchone()
        return Floor(row[0], codec.time_from_text(row[1]), row[2]) if row else BEGINNING

    def put_floor(self, partition: PartitionId, floor: Floor) -> None:
        """See `Ledger.put_floor`."""
        with self._writing() as db:
            codec.check_floor(floor, rows.read_head(db, partition), partition)
            db.execute(
                "INSERT INTO floor VALUES (?, ?, ?, ?) ON CONFLICT (partition) DO UPDATE SET"
                " version = excluded.version, time = excluded.time, data = excluded.data"
                " WHERE floor.version < excluded.version",
                (str(partition), floor.version, codec.time_to_text(floor.time), floor.data),
            )

    def drop(self, partition: PartitionId) -> int:
        """See `Ledger.drop`. One transaction: it is never interrupted half-way."""
        with self._writing() as db:
            return db.execute(
                "DELETE FROM log WHERE partition = ?1 AND version <="
                " (SELECT version FROM floor WHERE partition = ?1)",
                (str(partition),),
            ).rowcount

    def objects(self, partition: PartitionId, identities: Sequence[str]) -> dict[str, ObjectRecord]:
        """See `Ledger.objects`."""
        found: dict[str, ObjectRecord] = {}
        with self._reading() as db:
            for start in range(0, len(identities), rows.PAGE):
                found.update(rows.read_objects(db, partition, identities[start : start + rows.PAGE]))
        return found

    def contents(self, partition: PartitionId, place: str) -> list[ObjectRecord]:
        """See `Ledger.contents`."""
        with self._reading() as db:
            return rows.read_contents(db, partition, place)

    def attempt(self, commit: Commit) -> None:
        """See `Ledger.attempt`."""
        codec.check(commit)
        with self._writing() as db:
            head = rows.read_head(db, commit.partition)
            if head.version != commit.version - 1 and rows.landed(db, commit):
                return
            rows.refuse_taken(db, commit)
            rows.refuse_moved_cursor(db, commit)
            if head.version != commit.version - 1:
                raise HeadMoved(f"{commit.partition} stands at {head.version}, not {commit.version - 1}")
            rows.write(db, commit)

    def cursor(self, partition: PartitionId, source: str) -> str | None:
        """See `Ledger.cursor`."""
        with self._reading() as db:
            return rows.read_cursor(db, partition, source)

    def put_intent(self, intent: Intent) -> None:
        """See `Ledger.put_intent`."""
        row = (
            intent.commit_id,
            str(intent.partition),
            json.dumps(intent.paths),
            codec.time_to_text(intent.time),
        )
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO intent VALUES (?, ?, ?, ?)", row)

    def drop_intent(self, commit_id: str) -> None:
        """See `Ledger.drop_intent`."""
        with self._writing() as db:
            db.execute("DELETE FROM intent WHERE commit_id = ?", (commit_id,))

    def intents(self, before: dt.datetime) -> Iterator[Intent]:
        """See `Ledger.intents`."""
        with self._reading() as db:
            found = db.execute(
                "SELECT commit_id, partition, paths, time FROM intent"
                " WHERE time < ? ORDER BY time, commit_id",
                (codec.time_to_text(before),),
            ).fetchall()
        for commit_id, partition, paths, when in found:
            yield Intent(
                commit_id,
                PartitionId.parse(partition),
                tuple(json.loads(paths)),
                codec.time_from_text(when),
            )

    def acquire(self, name: str, owner: str, now: dt.datetime, until: dt.datetime) -> Lease | None:
        """See `Ledger.acquire`."""
        with self._writing() as db:
            taken = db.execute(
                "INSERT INTO lease VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
                " SET owner = excluded.owner, until = excluded.until"
                " WHERE lease.owner = excluded.owner OR lease.until <= ?",
                (name, owner, codec.time_to_text(until), codec.time_to_text(now)),
            ).rowcount
        return Lease(name, owner, until) if taken else None

    def release(self, name: str, owner: str) -> None:
        """See `Ledger.release`."""
        with self._writing() as db:
            db.execute("DELETE FROM lease WHERE name = ? AND owner = ?", (name, owner))

    def put_schema(self, schema: Schema) -> None:
        """See `Ledger.put_schema`."""
        row = (schema.table, schema.fingerprint, json.dumps(schema.columns))
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO schema VALUES (?, ?, ?)", row)

    def schemas(self, table: str) -> Mapping[str, Schema]:
        """See `Ledger.schemas`."""
        with self._reading() as db:
            found = db.execute("SELECT fingerprint, columns FROM schema WHERE name = ?", (table,)).fetchall()
        return {
            fingerprint: Schema(table, fingerprint, tuple((name, kind) for name, kind in json.loads(columns)))
            for fingerprint, columns in found
        }

    def set_checkpoint(self, partition: PartitionId, version: int) -> None:
        """See `Ledger.set_checkpoint`."""
        with self._writing() as db:
            head = rows.read_head(db, partition)
            if version > head.version:
                raise ValueError(f"{partition}: checkpoint {version} lies beyond the head {head.version}")
            db.execute(
                "UPDATE head SET checkpoint = max(checkpoint, ?) WHERE partition = ?",
                (version, str(partition)),
            )

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One connection in one read transaction: everything read is of one moment."""
        with self._transaction("BEGIN") as db:
            yield db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One connection in one write transaction, committed unless an error leaves it."""
        with self._transaction("BEGIN IMMEDIATE") as db:
            yield db

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with _faults(self.path):
            db = sqlite3.connect(self.path, timeout=rows.BUSY_SECONDS, isolation_level=None)
            try:
                db.execute(begin)
                yield db
                db.execute("COMMIT")
            finally:
                db.close()  # what was not committed is rolled back

    def _prepare(self) -> None:
        """Make the tables once; processes that start together wait for the first."""
        with _faults(self.path):
            db = sqlite3.connect(self.path, timeout=rows.BUSY_SECONDS, isolation_level=None)
            try:
                if rows.read_format(db) < rows.FORMAT:
                    rows.create(db)
                found = rows.read_format(db)
            finally:
                db.close()
        if found != rows.FORMAT:
            message = f"the ledger has format {found}, this Penstock reads {rows.FORMAT}"
            raise ConfigError(Problem(str(self.path), 0, message, "upgrade Penstock"))


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    """SQLite's codes as errors named for what the caller does (https://sqlite.org/rescode.html)."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL):
            raise Retry(f"ledger {path}: {error}") from error
        if code == sqlite3.SQLITE_IOERR:
            raise OutcomeUnknown(f"ledger {path}: {error}") from error
        if code in (
            sqlite3.SQLITE_CANTOPEN,
            sqlite3.SQLITE_NOTADB,
            sqlite3.SQLITE_READONLY,
            sqlite3.SQLITE_CORRUPT,
            sqlite3.SQLITE_PERM,
        ):
            raise ConfigError(
                Problem(str(path), 0, f"found {error}, expected a ledger of Penstock")
            ) from error
        raise
