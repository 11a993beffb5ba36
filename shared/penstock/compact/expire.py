"""Lets days go that are older than their partition's `retention`: a commit a day, files after the grace."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from penstock.collect.landing import commit_id
from penstock.compact.live import Live, Wanted
from penstock.compact.site import Site
from penstock.errors import Conflict
from penstock.ledger.commit import commit
from penstock.model import DataFile, PartitionId

__all__ = ["Expired", "expire", "first_kept"]


@dataclass(frozen=True, slots=True)
class Expired:
    """Days, files and rows that went."""

    days: int = 0
    files: int = 0
    rows: int = 0


def first_kept(now: dt.datetime, retention: int) -> dt.date:
    """The oldest day (UTC) that is kept: a day goes when all of its rows are older than `retention` days."""
    return now.astimezone(dt.UTC).date() - dt.timedelta(days=retention)


def expire(
    site: Site, live: Live, versions: Mapping[PartitionId, int], keep: Mapping[PartitionId, int]
) -> Expired:
    """Remove the days that are too old, rejected rows too; `keep` gives days by partition.

    `live` holds the partitions at `versions`. A day that changes meanwhile is left to the next time.
    """
    done = Expired()
    for partition, retention in sorted(keep.items()):
        last = first_kept(site.now(), retention) - dt.timedelta(days=1)
        days: dict[dt.date, list[DataFile]] = defaultdict(list)
        for group, files in live.groups(Wanted(frozenset({partition}), to=last)).items():
            days[group.tp_date].extend(files)
        for _, old in sorted(days.items()):
            site.step("expire")
            if _remove(site, partition, old, versions[partition]):
                rows = sum(file.rows for file in old)
                done = Expired(done.days + 1, done.files + len(old), done.rows + rows)
    return done


def _remove(site: Site, partition: PartitionId, files: Sequence[DataFile], base: int) -> bool:
    try:
        commit(
            site.ledger,
            partition=partition,
            id=commit_id(site.now()),
            kind="expire",
            time=site.now(),
            remove=[file.path for file in files],
            base=base,
        )
    except Conflict:  # merged or flipped since: under other names it goes the next time
        return False
    return True
