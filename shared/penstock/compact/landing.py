"""Brings files into the hive under new names and commits them: what a merge, a flip and a tier have alike."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from penstock.collect.landing import require_fresh
from penstock.compact.site import Site
from penstock.errors import Conflict, OutcomeUnknown, PenstockError, Retry
from penstock.ledger.commit import Committed, commit
from penstock.model import CommitKind, DataFile, PartitionId

__all__ = ["copy", "land"]

_AT_ONCE = 8


def copy(site: Site, files: Sequence[DataFile], to: Sequence[DataFile], step: str) -> None:
    """Put the bytes of each file under the other one's name; `step` is told after each.

    Retry when it cannot be done now; PenstockError when a file is not there.
    """

    def one(pair: tuple[DataFile, DataFile]) -> None:
        try:
            site.hive.copy(pair[0].path, pair[1].path)
        except FileNotFoundError as error:
            text = f"{error}: live in the ledger but not in the hive; see `penstock fsck`"
            raise PenstockError(text) from error
        except OSError as error:
            raise Retry(f"{pair[1].path}: cannot be written: {error}") from error

    with ThreadPoolExecutor(min(_AT_ONCE, len(files))) as pool:
        for _ in pool.map(one, zip(files, to, strict=True)):
            site.step(step)


def land(
    site: Site,
    partition: PartitionId,
    name: str,
    kind: CommitKind,
    *,
    add: Sequence[DataFile],
    remove: Sequence[DataFile],
    base: int,
    intended: dt.datetime,
) -> Committed | None:
    """Commit files that were put under an intent; None when another commit removed one of `remove` first.

    What was certainly not written is taken back; so is what was `intended` too long ago: Retry.
    OutcomeUnknown: nothing is touched, the ledger tells.
    """
    try:
        require_fresh(name, intended, site.now())
        return commit(
            site.ledger,
            partition=partition,
            id=name,
            kind=kind,
            time=site.now(),
            add=add,
            remove=[file.path for file in remove],
            base=base,
        )
    except OutcomeUnknown:
        raise
    except (Conflict, Retry) as fault:
        # Certainly not written. A file that stays is the intent's to clear.
        with suppress(Retry):
            for file in add:
                site.hive.delete(file.path)
            site.forget(name)
        if isinstance(fault, Conflict):
            return None
        raise
