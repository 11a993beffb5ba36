"""Gathers what `list` and `show` say of a workspace's partitions: catalogue, ledger and configuration."""

from __future__ import annotations

from typing import Any

from penstock import query
from penstock.catalogue.shape import Columns
from penstock.catalogue.summary import Holding, holdings
from penstock.config import Config
from penstock.ledger import Ledger
from penstock.model import REJECTED_TABLE, Commit, PartitionId
from penstock.tables import COMMON_COLUMNS, Table

__all__ = ["columns", "partitions", "totals"]


def partitions(
    place: query.Place, config: Config, *, only: PartitionId | None = None
) -> list[dict[str, Any]]:
    """Every partition that is configured or was ever committed to, by name; or one.

    Files, rows, bytes, times and rejected rows come from the catalogue, the last commit from the
    ledger; no file is opened.
    """
    state = query.newest(place)
    held, rejects = {}, {}
    for holding in holdings(state):
        if holding.table == REJECTED_TABLE:
            rejects[holding.partition] = holding.rows
        else:
            held[holding.partition] = holding
    known = sorted({*state.versions, *config.partitions}) if only is None else [only]
    return [
        _partition(p, held.get(p), _last(place.ledger, p, state.versions.get(p, 0)), config)
        | {"rejected": rejects.get(p, 0)}
        for p in known
    ]


def columns(declared: Table | None, there: Columns) -> list[dict[str, Any]]:
    """The columns that a table has in the hive, with what they mean where its declaration says it."""
    own = declared.columns if declared else ()
    said = {column.name: column.description for column in (*own, *COMMON_COLUMNS)}
    return [{"name": name, "type": type_, "description": said.get(name, "")} for name, type_ in there]


def totals(found: list[dict[str, Any]]) -> dict[str, Any]:
    """What some partitions hold together, in the same words as one does."""
    return {
        "partitions": len(found),
        "files": sum(p["files"] for p in found),
        "rows": sum(p["rows"] for p in found),
        "bytes": sum(p["bytes"] for p in found),
        "first": min((p["first"] for p in found if p["first"]), default=None),
        "last": max((p["last"] for p in found if p["last"]), default=None),
        "last_commit": max((p["last_commit"] for p in found if p["last_commit"]), default=None),
        "rejected": sum(p["rejected"] for p in found),
    }


def _partition(
    partition: PartitionId, held: Holding | None, last: Commit | None, config: Config
) -> dict[str, Any]:
    configured = config.partitions.get(partition)
    return {
        "name": str(partition),
        "configured": configured is not None,
        "sources": [f"{s.type} {s.place}" for s in configured.sources] if configured else [],
        "filter": configured.filter if configured else None,
        "tp_index": configured.tp_index if configured else None,
        "files": held.files if held else 0,
        "rows": held.rows if held else 0,
        "bytes": held.bytes if held else 0,
        "first": held.first if held else None,
        "last": held.last if held else None,
        "version": last.version if last else 0,
        "last_commit": last.time if last else None,
        "last_commit_kind": last.kind if last else None,
    }


def _last(ledger: Ledger, partition: PartitionId, version: int) -> Commit | None:
    return next(iter(ledger.commits(partition, version - 1, version)), None) if version else None
