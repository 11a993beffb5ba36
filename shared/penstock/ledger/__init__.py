"""The ledger: the ordered record of what was collected and which files are live.

`Ledger` is the contract; `sqlite` and `dynamodb` keep it, and one behaviour suite
(`tests/ledger/`) holds both to it. Every change of the hive is one `attempt` of a commit;
`commit.commit` wraps it with the retries that a moving head needs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from penstock.errors import Retry
from penstock.model import (
    Commit,
    Head,
    Intent,
    Lease,
    ObjectRecord,
    PartitionId,
    Schema,
)

__all__ = ["BEGINNING", "CLEANED", "MAX_OBJECTS", "Blobs", "Dropped", "Floor", "HeadMoved", "Ledger"]

MAX_OBJECTS = 95
"""Objects one commit may mark: DynamoDB takes 100 items a transaction, the rest is the ledger's own."""


CLEANED = "_cleaned"
"""The cursor whose position is the version up to which every removed file was deleted."""


@dataclass(frozen=True, slots=True)
class Floor:
    """What dropped commits amount to, up to that of `version`, made at `time`; `floor` reads `data`."""

    version: int
    time: dt.datetime
    data: bytes


BEGINNING = Floor(0, dt.datetime.min.replace(tzinfo=dt.UTC), b"")
"""Where a log begins of which nothing was dropped."""


class Dropped(Retry):
    """Commits that were asked for are not in the log any more: begin with its floor, `begins`."""

    def __init__(self, partition: PartitionId, after: int, begins: int) -> None:
        self.begins = begins
        super().__init__(f"{partition}: found no commits after {after}, the log begins after {begins}")


class HeadMoved(Exception):
    """`attempt` lost the race for the head; nothing was written. Read what came between, try again."""


class Blobs(Protocol):
    """The hive as a place for lists too long for a ledger's item; paths are relative to its root."""

    def write_bytes(self, path: str, data: bytes) -> None:
        """Write the whole object, replacing it; Retry when the store cannot take it now."""
        ...

    def read_bytes(self, path: str) -> bytes:
        """Read the whole object; FileNotFoundError when it is not there."""
        ...

    def delete(self, path: str) -> None:
        """Take the object away; nothing happens when it is not there."""
        ...


class Ledger(Protocol):
    """What both stores do. Times are passed in; nothing here reads a clock but for its own backoff."""

    def partitions(self) -> list[PartitionId]:
        """Every partition that ever had a commit, sorted."""
        ...

    def head(self, partition: PartitionId) -> Head:
        """The newest version, read consistently; `Head(0, 0)` for an unknown partition."""
        ...

    def commits(self, partition: PartitionId, after: int, upto: int | None = None) -> Iterator[Commit]:
        """The commits with after < version <= upto (or all), oldest first, whole, without gaps.

        Lists that stand outside the item (see docs/ledger.md) are read back here. Dropped, perhaps
        after some of them, when the log begins later: `floor.whole` begins where it does.
        """
        ...

    def begins(self, partition: PartitionId) -> int:
        """The version of the log's floor: the commits after it are there, older ones may be. 0: all are."""
        ...

    def floor(self, partition: PartitionId) -> Floor:
        """What the commits up to `begins` amount to; BEGINNING when nothing was dropped."""
        ...

    def put_floor(self, partition: PartitionId, floor: Floor) -> None:
        """Let the log begin with `floor`, whole or not at all; never moves back.

        ValueError when a checkpoint does not cover it, or no commit would be left.
        """
        ...

    def drop(self, partition: PartitionId) -> int:
        """Delete the commits that the floor covers, with their lists; how many there were.

        Interrupted, it leaves some of them; run again, it deletes the rest.
        """
        ...

    def objects(self, partition: PartitionId, identities: Sequence[str]) -> dict[str, ObjectRecord]:
        """The records of those that are known; unknown ones are absent. Any number may be asked."""
        ...

    def contents(self, partition: PartitionId, place: str) -> list[ObjectRecord]:
        """The records of all that a file of one machine ever held: identities `<place>?etag=…`.

        `place` is its URI, `file:///…`. Objects of a bucket are not looked for in this way.
        """
        ...

    def attempt(self, commit: Commit) -> None:
        """Write `commit` as version `commit.version`, all or nothing.

        It applies only if the head stands at `commit.version - 1`, no object in `done` exists
        (one marked bad may be replaced by a record with `redrive`, one that is done by a record
        whose `retake` is the version it has), and the cursor is where `cursor.seen` says. More
        than MAX_OBJECTS objects: ValueError.

        Where several things stand in the way, the one that trying on top cannot mend is told:
        Taken, then Conflict for a moved cursor, then HeadMoved; after each of them nothing was
        written. Retry: nothing was written (throttled, or unreachable before sending).
        OutcomeUnknown: it may have been. An attempt repeated with the same commit and version
        after OutcomeUnknown succeeds if the first one did; a commit's id with another content is
        a Conflict. What is remembered of a record has its version set, `redrive` and `retake`
        cleared and its reason cut to `codec.REASON_LIMIT`.
        """
        ...

    def cursor(self, partition: PartitionId, source: str) -> str | None:
        """A source's position; None when it never moved."""
        ...

    def put_intent(self, intent: Intent) -> None:
        """Remember what is about to be written. Same id again replaces it."""
        ...

    def drop_intent(self, commit_id: str) -> None:
        """Forget it (its commit came, or its files are gone). Absent: nothing happens."""
        ...

    def intents(self, before: dt.datetime) -> Iterator[Intent]:
        """Those older than `before`, oldest first."""
        ...

    def acquire(self, name: str, owner: str, now: dt.datetime, until: dt.datetime) -> Lease | None:
        """Take or renew the lease; None when another owner holds it past `now`."""
        ...

    def release(self, name: str, owner: str) -> None:
        """Give it back; nothing happens when another owner holds it."""
        ...

    def put_schema(self, schema: Schema) -> None:
        """Remember a table's columns under their fingerprint. Idempotent."""
        ...

    def schemas(self, table: str) -> Mapping[str, Schema]:
        """All schemas the table's files were written with, by fingerprint."""
        ...

    def set_checkpoint(self, partition: PartitionId, version: int) -> None:
        """Note that a published catalogue covers `version`; never moves back.

        ValueError when it lies beyond the head.
        """
        ...
