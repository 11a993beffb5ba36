"""Pays what the log owes: flips hidden files to their public names and deletes removed ones.

    flip     intent ─ copy _ab to ab ─ commit(-_ab +ab) ─ delete a, b ─ forget the intent
    clean    delete what was removed a grace period ago ─ move the cursor

Readers of the ledger switched at the merge's commit; readers that glob see a and b, for the time of
a copy and a commit a, b and ab, then ab. Each step can be repeated: a copy writes the same bytes,
the flip commits once (whoever comes second gets a Conflict and leaves everything where it is), and
deleting again does nothing. Only after the flip's commit is anything deleted, so at every step some
file that readers see has each row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from penstock.collect.landing import commit_id
from penstock.compact import tail
from penstock.compact.landing import copy
from penstock.compact.live import public
from penstock.compact.site import Site
from penstock.compact.tail import Flip, Removed, Tail
from penstock.errors import Conflict
from penstock.ledger.commit import commit
from penstock.model import CursorMove, Intent, PartitionId

__all__ = ["Settled", "settle"]

_AT_ONCE = 8
_LONG = 500


@dataclass(frozen=True, slots=True)
class Settled:
    """What was paid: files that got their public name, files deleted, and what is still owed."""

    flipped: int = 0
    deleted: int = 0
    owed: int = 0
    lost: int = 0

    def __add__(self, other: Settled) -> Settled:
        """Both together."""
        return Settled(
            self.flipped + other.flipped,
            self.deleted + other.deleted,
            self.owed + other.owed,
            self.lost + other.lost,
        )


def settle(site: Site, partition: PartitionId) -> Settled:
    """Flip and delete what is due in one partition, alone; nothing when another is at it.

    Retry when hive or ledger cannot be reached; PenstockError when a live file is not there.
    """
    with site.lease(f"settle#{partition}") as held:
        if not held:
            return Settled()
        owed = tail.read(site.ledger, partition)
        before = site.now() - site.kept
        done, gone = Settled(), set[Removed]()
        for flip in (one for one in owed.flips if one.time <= before and _reaches(site, one)):
            flipped = _flip(site, owed, flip)
            done += flipped
            gone |= set(flip.replaces) if flipped.flipped else set()
        if done.flipped or done.lost:
            owed = tail.read(site.ledger, partition)
        return done + _clean(site, owed, before, gone)


def _reaches(site: Site, flip: Flip) -> bool:
    """Whether all of its files can be touched from here."""
    paths = [file.path for file in flip.hidden] + [one.path for one in flip.replaces]
    return all(map(site.reaches, paths))


def _flip(site: Site, owed: Tail, flip: Flip) -> Settled:
    """Give the hidden files of one commit their public names, and delete what they replace."""
    name = commit_id(site.now())
    shown = [replace(file, path=public(file.path)) for file in flip.hidden]
    site.step("flip intent")
    site.ledger.put_intent(Intent(name, owed.partition, tuple(file.path for file in shown), site.now()))
    site.step("copy")
    copy(site, flip.hidden, shown, "copy one")
    site.step("flip commit")
    try:
        commit(
            site.ledger,
            partition=owed.partition,
            id=name,
            kind="flip",
            time=site.now(),
            add=shown,
            remove=[file.path for file in flip.hidden],
            base=owed.head,
        )
    except Conflict:
        # Another one flipped it, so the copies are live, or the files were removed meanwhile. The
        # intent stays: the cleaner asks the ledger which.
        return Settled(lost=1)
    _delete(site, flip.replaces)
    site.step("flip forget")
    site.forget(name)
    return Settled(flipped=len(shown), deleted=len(flip.replaces))


def _clean(site: Site, owed: Tail, before: dt.datetime, gone: Set[Removed]) -> Settled:
    """Delete the removed files that are due (but for those `gone`), and note up to where nothing is owed."""
    due = [one for one in owed.due(before) if one not in gone and site.reaches(one.path)]
    site.step("clean")
    _delete(site, due)
    _note(site, owed, owed.paid([*due, *gone]))
    return Settled(deleted=len(due), owed=len(owed.names() - {one.path for one in (*due, *gone)}))


def _delete(site: Site, files: Sequence[Removed]) -> None:
    """Take away files that the ledger no longer holds; `tail` proved that none came back."""
    if not files:
        return
    with ThreadPoolExecutor(min(_AT_ONCE, len(files))) as pool:
        for _ in pool.map(lambda one: site.hive.delete(one.path), files):
            site.step("delete one")


def _note(site: Site, owed: Tail, paid: int) -> None:
    """Move the cursor, where that saves reading: past removals, or past many commits."""
    if not (any(one.version <= paid for one in owed.removed) or paid - owed.cleaned >= _LONG):
        return
    site.step("note")
    move = CursorMove(tail.CLEANED, owed.seen, str(paid))
    with suppress(Conflict):  # another one has moved it, and knew what it did
        commit(
            site.ledger,
            partition=owed.partition,
            id=commit_id(site.now()),
            kind="compact",
            time=site.now(),
            cursor=move,
            base=owed.head,
        )
