"""Reads off the ledger's log what compaction still owes: flips, and removed files to delete.

The log itself is the record: a commit that added hidden files is flipped once none of them is live
under its hidden name, and a removed file is owed a deletion until the cursor `CLEANED` has passed
the commit that removed it. The cursor stands at the newest version up to which nothing is owed, so
only the commits after it are read, however long the log is.

    version    41        42             43       44             45
               collect   compact        collect  flip           collect
               +a +b     -a -b +_ab     +c       -_ab +ab       …
    owed       at 43 + grace: the flip of 42, then a and b; at 44 + grace: _ab; then the cursor is 45
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from penstock.compact.live import is_hidden
from penstock.ledger import CLEANED, Ledger
from penstock.model import DataFile, PartitionId

__all__ = ["CLEANED", "Flip", "Removed", "Tail", "read"]


@dataclass(frozen=True, slots=True)
class Removed:
    """A file that a commit took out: no reader that begins now sees it, some may still read it."""

    path: str
    version: int
    time: dt.datetime


@dataclass(frozen=True, slots=True)
class Flip:
    """A commit whose hidden files readers that glob are still to see, and what those files replace."""

    commit: str
    version: int
    time: dt.datetime
    hidden: tuple[DataFile, ...]
    replaces: tuple[Removed, ...]


@dataclass(frozen=True, slots=True)
class Tail:
    """What is owed at version `head`, with everything up to `cleaned` done; oldest first.

    `removed` are the files that no flip has to come before. `seen` is where the cursor stands.
    """

    partition: PartitionId
    seen: str | None
    cleaned: int
    head: int
    flips: tuple[Flip, ...]
    removed: tuple[Removed, ...]

    def due(self, before: dt.datetime) -> tuple[Removed, ...]:
        """The removed files that may be deleted, when a grace period began at `before`."""
        return tuple(one for one in self.removed if one.time <= before)

    def names(self) -> frozenset[str]:
        """Every path that is owed a deletion: not live, and not to be deleted as an orphan either."""
        waiting = (one for flip in self.flips for one in flip.replaces)
        return frozenset(one.path for one in (*self.removed, *waiting))

    def paid(self, deleted: Iterable[Removed]) -> int:
        """Where the cursor may go once `deleted` are gone."""
        gone = {one.path for one in deleted}
        owed = [one.version for one in self.removed if one.path not in gone]
        owed += [flip.version for flip in self.flips]
        return min(owed) - 1 if owed else self.head


def read(ledger: Ledger, partition: PartitionId) -> Tail:
    """What the log of `partition` owes, up to its head."""
    seen = ledger.cursor(partition, CLEANED)
    cleaned = head = int(seen or 0)
    removed: dict[str, tuple[str, Removed]] = {}
    hidden: dict[str, tuple[str, DataFile]] = {}
    made: dict[str, tuple[int, dt.datetime]] = {}
    for commit in ledger.commits(partition, cleaned):
        head = commit.version
        again = any(is_hidden(file.path) for file in commit.add)
        for path in commit.remove:
            owner, _ = hidden.pop(path, ("", None))
            if again and owner:
                # What the hidden file was to replace now waits for the one that replaces it.
                removed |= {p: (commit.id, one) for p, (of, one) in removed.items() if of == owner}
            removed[path] = (commit.id, Removed(path, commit.version, commit.time))
        for file in commit.add:
            removed.pop(file.path, None)  # a name that is live again is owed to nobody
            if is_hidden(file.path):
                hidden[file.path] = (commit.id, file)
                made[commit.id] = (commit.version, commit.time)
    flips = _flips(hidden, removed.values(), made)
    waiting = {flip.commit for flip in flips}
    free = tuple(one for commit_id, one in removed.values() if commit_id not in waiting)
    return Tail(partition, seen, cleaned, head, flips, free)


def _flips(
    hidden: dict[str, tuple[str, DataFile]],
    removed: Iterable[tuple[str, Removed]],
    made: dict[str, tuple[int, dt.datetime]],
) -> tuple[Flip, ...]:
    files: dict[str, list[DataFile]] = defaultdict(list)
    for commit_id, file in hidden.values():
        files[commit_id].append(file)
    inputs: dict[str, list[Removed]] = defaultdict(list)
    for commit_id, one in removed:
        inputs[commit_id].append(one)
    return tuple(
        _flip(one, made[one], files[one], inputs[one]) for one in sorted(files, key=made.__getitem__)
    )


def _flip(
    commit_id: str, made: tuple[int, dt.datetime], files: Sequence[DataFile], inputs: Sequence[Removed]
) -> Flip:
    version, time = made
    return Flip(commit_id, version, time, tuple(files), tuple(inputs))
