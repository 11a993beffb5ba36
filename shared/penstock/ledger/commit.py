"""Commit to a partition among others who do: try, read what came between, try on top.

    head is 4    A reads 4 ─ attempt 5 ok
                 B reads 4 ─ attempt 5 HeadMoved ─ reads commit 5: removed nothing of B's ─ attempt 6 ok

What cannot be mended by trying on top is told at once: Taken (an object was collected by another
commit: its rows must not be added again) and Conflict (a file to remove is gone, a cursor moved).
"""

from __future__ import annotations

import datetime as dt
import random as randomness
import time as clock
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from penstock.errors import Conflict, OutcomeUnknown, Retry, Taken
from penstock.ledger import Dropped, HeadMoved, Ledger
from penstock.model import Commit, CommitKind, CursorMove, DataFile, ObjectRecord, PartitionId

__all__ = ["ATTEMPTS", "Committed", "commit"]

ATTEMPTS = 40
"""Enough for sixteen workers at one partition with a wide margin (`tests/ledger` counts)."""

_FIRST_WAIT, _LONGEST_WAIT = 0.02, 1.0  # seconds; a transaction takes some 20 ms


@dataclass(frozen=True, slots=True)
class Committed:
    """Where a commit landed, and how often it had to try again."""

    version: int
    retries: int


@dataclass(slots=True)
class _Race:
    """Where one commit stands in its race: the version it last saw, and the doubt it carries."""

    seen: int
    doubt: int | None = None  # a version at which an answer was lost and may yet turn out ours


def commit(
    ledger: Ledger,
    *,
    partition: PartitionId,
    id: str,
    kind: CommitKind,
    time: dt.datetime,
    add: Sequence[DataFile] = (),
    remove: Sequence[str] = (),
    done: Sequence[ObjectRecord] = (),
    cursor: CursorMove | None = None,
    base: int | None = None,
    attempts: int = ATTEMPTS,
    sleep: Callable[[float], None] = clock.sleep,
    random: Callable[[], float] = randomness.random,
) -> Committed:
    """Write one commit on top of whatever the head is by then.

    `base` is the version the caller's decision rests on: the head it read before it chose the
    files to `remove`. With `base`, a call repeated with the same arguments after OutcomeUnknown
    finds its own commit; without, only by its objects. `random` gives 0 to 1, `sleep` takes
    seconds.

    Raises Taken and Conflict: nothing was written, the files can go. Retry after `attempts`:
    nothing was written. OutcomeUnknown: it may have been, or may yet be; leave the files alone.
    ValueError for what no ledger takes (too many objects).
    """
    if attempts < 1:
        raise ValueError(f"found {attempts} attempts, expected 1 or more")
    wanted = Commit(
        id, partition, kind, time, 0, tuple(add), tuple(remove), tuple(done), cursor, objects=len(done)
    )
    race = _Race(ledger.head(partition).version if base is None else base)
    last: Exception | None = None
    for retries in range(attempts):
        if retries:
            sleep(random() * min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(retries, 10)))
        try:
            landed = _catch_up(ledger, wanted, race) if retries or base is not None else None
            return Committed(landed or _attempt(ledger, wanted, race), retries)
        except Dropped as gap:  # it began so long ago that nobody can tell what came between
            raise OutcomeUnknown(f"commit {id} of {partition}: {gap}") from gap
        except (HeadMoved, Retry) as fault:
            last = fault
    said = f"commit {id} of {partition} after {attempts} attempts: {last}"
    raise (OutcomeUnknown(said) if race.doubt else Retry(said)) from last


def _attempt(ledger: Ledger, wanted: Commit, race: _Race) -> int:
    version = race.seen + 1
    try:
        ledger.attempt(replace(wanted, version=version))
    except OutcomeUnknown:
        race.doubt = version
        raise
    except Taken as taken:
        return _own(ledger, wanted, taken)
    return version


def _catch_up(ledger: Ledger, wanted: Commit, race: _Race) -> int | None:
    """Read the commits since `race.seen`: the version of ours if it is among them.

    While the head stays below a doubtful version, the same version is tried again: the ledger
    takes it once, whichever send comes first. Once another commit stands there, ours never will.
    """
    removing = set(wanted.remove)
    for found in ledger.commits(wanted.partition, race.seen):
        if found.id == wanted.id:
            return _same(found, wanted)
        if gone := removing.intersection(found.remove):
            example = min(gone)
            raise Conflict(
                f"{wanted.partition}: {len(gone)} files to remove, {example} the first,"
                f" were removed by {found.kind} commit {found.id} (version {found.version})"
            )
        race.seen = found.version
        if race.doubt is not None and race.seen >= race.doubt:
            race.doubt = None
    return None


def _same(found: Commit, wanted: Commit) -> int:
    expected = (wanted.kind, wanted.add, wanted.remove, wanted.cursor, wanted.objects)
    if (found.kind, found.add, found.remove, found.cursor, found.objects) != expected:
        raise Conflict(f"commit {wanted.id} of {wanted.partition}: its id stands for another content")
    return found.version


def _own(ledger: Ledger, wanted: Commit, taken: Taken) -> int:
    """The version at which an earlier, unanswered call of ours took the objects; else Taken."""
    records = ledger.objects(wanted.partition, taken.identities)
    versions = {record.version for record in records.values()}
    if len(taken.identities) == len(wanted.done) and len(versions) == 1:
        version = versions.pop()
        with suppress(Dropped):  # then it is not from today, and not ours
            for found in ledger.commits(wanted.partition, version - 1, version):
                if found.id == wanted.id:
                    return _same(found, wanted)
    raise taken
