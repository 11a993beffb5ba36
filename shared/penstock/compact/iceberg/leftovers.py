"""Finds the metadata files that nobody reads any more, so that a table does not grow with its age.

A table notes its newest `PREVIOUS` metadata files. With each commit the oldest falls out of that list,
and pyiceberg deletes it (`write.metadata.delete-after-commit.enabled`). Snapshots that it was the last to
name expired so many commits ago, and their lists go as well.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

__all__ = ["PREVIOUS", "forgotten"]

PREVIOUS = 100
"""Metadata files that a table notes."""


def forgotten(table: Any, before: dt.datetime) -> list[str]:
    """Manifest lists, and manifests, that the next commit to `table` leaves to nobody.

    Only what was written before `before`: a reader may be at it for so long. Costs two to five reads,
    whatever the table holds.
    """
    from pyiceberg.serializers import FromInputFile

    log = table.metadata.metadata_log
    if len(log) < PREVIOUS or log[1].timestamp_ms >= before.timestamp() * 1000:
        return []
    try:
        last, next_ = (
            FromInputFile.table_metadata(table.io.new_input(entry.metadata_file)).snapshots
            for entry in log[:2]
        )
    except FileNotFoundError:
        return []  # somebody tidied up
    kept = sorted(table.snapshots(), key=lambda one: one.sequence_number)
    still = {one.snapshot_id for one in next_}
    gone = [one for one in last if one.snapshot_id not in still and _precedes(one, kept)]
    if not gone:
        return []
    # A manifest that has left a snapshot never comes back, so the oldest that stands knows them all.
    used = {manifest.manifest_path for manifest in kept[0].manifests(table.io)}
    found: list[str] = []
    for one in gone:
        try:
            manifests = one.manifests(table.io)
        except FileNotFoundError:
            continue
        found += [path for path in (m.manifest_path for m in manifests) if path not in used]
        found.append(one.manifest_list)
    return list(dict.fromkeys(found))


def _precedes(one: Any, kept: list[Any]) -> bool:
    return bool(kept) and one.sequence_number < kept[0].sequence_number
