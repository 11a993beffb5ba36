"""Earlier states of a hive: which version a partition had at a time, and whether it can still be read.

The log tells every state since its floor. The files of a state stand for as long as removed ones are
kept (`PENSTOCK_HISTORY_SECONDS`, at least the grace), which nobody but the cleaner knows: what it has
deleted already lies before its cursor.
"""

from __future__ import annotations

import datetime as dt

from penstock.errors import UsageError
from penstock.ledger import CLEANED, Ledger
from penstock.model import PartitionId

__all__ = ["KEPT", "require_known", "version_at"]

KEPT = "files stay for PENSTOCK_HISTORY_SECONDS, and the grace period at least, after they were removed"
"""Why one may be gone."""


def version_at(ledger: Ledger, partition: PartitionId, time: dt.datetime) -> int:
    """The version that a partition had at a time: that before the first commit made later; 0: none yet.

    UsageError when its log begins later.
    """
    floor = ledger.floor(partition)
    if floor.version and time < floor.time:
        begins = f"{floor.time:%Y-%m-%dT%H:%M:%SZ} (version {floor.version})"
        raise UsageError(f"{partition}: found {time:%Y-%m-%dT%H:%M:%SZ}, but its log begins at {begins}")
    version = floor.version
    for commit in ledger.commits(partition, version):
        if commit.time > time:
            break
        version = commit.version
    return version


def require_known(ledger: Ledger, partition: PartitionId, version: int) -> None:
    """UsageError when a partition never had this version, or its log or files do not go back so far."""
    head, begins = ledger.head(partition).version, ledger.begins(partition)
    if not begins <= version <= head:
        since = f"{begins} to " if begins else "up to "
        raise UsageError(f"{partition}: found version {version}, expected {since}{head}")
    came: set[str] = set()
    cleaned = int(ledger.cursor(partition, CLEANED) or 0)
    for commit in ledger.commits(partition, version, cleaned) if version < cleaned else ():
        if gone := set(commit.remove) - came:
            raise UsageError(
                f"{partition}: {len(gone)} files of version {version} were removed by version "
                f"{commit.version}, {commit.time:%Y-%m-%dT%H:%M:%SZ}, and are gone; {KEPT}"
            )
        came |= {file.path for file in commit.add}
