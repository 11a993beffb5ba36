"""Clears what workers left behind that died before their commit: files that no commit ever named.

An intent names what a worker was about to write. One that is a day old is nobody's any more, as no
worker lives that long; each of its files is held against the ledger then:

    live                         the commit came: the file stays, the intent goes
    removed, deletion owed       it came and was merged since: `settle` deletes it in its time
    its hidden name is live      a flip that died: another one may be making it live, left to the next run
    none of these                it never came, or is deleted already: deleted

The ledger is read after the intents, so a file that is committed in between is found live. Only a flip
makes a file live under a name that an older intent has: all others have names of their own.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from penstock.compact import tail
from penstock.compact.live import Live, hidden
from penstock.compact.site import Site
from penstock.model import Intent, PartitionId

__all__ = ["ABANDONED", "Cleared", "abandoned", "clear"]

ABANDONED = dt.timedelta(days=1)
"""Age at which an intent is nobody's: no worker waits that long between its intent and its commit."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """Orphaned files that were deleted, and intents that were dropped."""

    files: int = 0
    intents: int = 0


def abandoned(site: Site) -> tuple[Intent, ...]:
    """The intents of workers that are certainly gone; read these first, then the ledger's state."""
    return tuple(site.ledger.intents(site.now() - ABANDONED))


def clear(site: Site, intents: Sequence[Intent], live: Live) -> Cleared:
    """Delete the files of `intents` that are neither live nor still owed to readers.

    `live` must have been brought to the ledger's head after the intents were read.
    """
    if not intents:
        return Cleared()
    paths = [path for intent in intents for path in intent.paths]
    standing = live.among([*paths, *map(hidden, paths)])
    owed = _owed(site, {intent.partition for intent in intents})
    files = dropped = 0
    for intent in intents:
        if not all(map(site.reaches, intent.paths)):
            continue  # another machine's directory: it clears it
        unsure = {path for path in intent.paths if path not in standing and hidden(path) in standing}
        for path in intent.paths:
            if path not in standing and path not in unsure and path not in owed[intent.partition]:
                site.step("delete orphan")
                site.hive.delete(path)
                files += 1
        if not unsure:
            site.step("drop intent")
            site.forget(intent.commit_id)
            dropped += 1
    return Cleared(files, dropped)


def _owed(site: Site, partitions: Collection[PartitionId]) -> Mapping[PartitionId, frozenset[str]]:
    found: dict[PartitionId, frozenset[str]] = defaultdict(frozenset)
    for partition in partitions:
        found[partition] = tail.read(site.ledger, partition).names()
    return found
