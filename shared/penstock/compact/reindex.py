"""Plans how files are divided anew after a partition's `tp_index` changed: `penstock compact --reindex`.

A file stays where its statistics prove that all of its rows belong there; every other one of the
day is read and divided by the column's values. Hidden files wait for their flip, as with merges.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

from penstock.compact.live import Group, is_hidden
from penstock.compact.plan import Job, Policy, cut
from penstock.model import REJECTED_TABLE, DataFile, PartitionId

__all__ = ["jobs"]

_MANY = "(reindex)"


def jobs(
    groups: Mapping[Group, Sequence[DataFile]], columns: Mapping[PartitionId, str | None], policy: Policy
) -> list[Job]:
    """A job for each day that has rows elsewhere than `columns` (by partition, None: undivided) say.

    Rejected rows are divided by their table, whatever the column.
    """
    found: dict[tuple[PartitionId, dt.date], list[DataFile]] = defaultdict(list)
    for group, files in groups.items():
        if group.table == REJECTED_TABLE or group.partition not in columns:
            continue
        column = columns[group.partition]
        found[group.partition, group.tp_date] += [
            file for file in files if not is_hidden(file.path) and not _is_right(file, column)
        ]
    return [
        job
        for (partition, day), files in sorted(found.items())
        for job in cut(Group(partition, partition.table, _MANY, day), files, policy, anyway=True)
    ]


def _is_right(file: DataFile, column: str | None) -> bool:
    if column is None:
        return file.tp_index == "default"
    stats = file.stats.get(column)
    return stats is not None and stats.nulls == 0 and stats.min == stats.max == file.tp_index
