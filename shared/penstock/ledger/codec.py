"""What a commit looks like as bytes, the same for every store, and what makes one well formed.

A commit's lists (files added, paths removed, bad objects) are one JSON document; version, kind,
time and totals stand beside it, where a person can read them.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from penstock.errors import Conflict
from penstock.ledger import MAX_OBJECTS, Floor
from penstock.model import ColumnStats, Commit, CursorMove, DataFile, Head, ObjectRecord, PartitionId

__all__ = [
    "REASON_LIMIT",
    "Lists",
    "Totals",
    "check",
    "check_floor",
    "decode_lists",
    "decode_paths",
    "digest",
    "encode_lists",
    "encode_paths",
    "file_from_json",
    "file_to_json",
    "is_same",
    "json_of",
    "record_to_json",
    "recorded",
    "time_from_text",
    "time_to_text",
    "totals",
]

REASON_LIMIT = 1000
"""Characters of a bad object's reason that are kept: 95 of them must fit one transaction."""


@dataclass(frozen=True, slots=True)
class Lists:
    """The parts of a commit that can be long."""

    add: tuple[DataFile, ...]
    remove: tuple[str, ...]
    bad: tuple[ObjectRecord, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """What a commit amounts to; `rows` counts the partition's own table, `rejected` `tp_rejected`."""

    files_added: int
    files_removed: int
    rows: int
    rejected: int
    bytes: int
    objects: int
    bad: int


def check(commit: Commit) -> None:
    """Refuse with ValueError what no store could write; nothing is sent."""
    name = f"commit {commit.id} of {commit.partition}"
    if commit.version < 1:
        raise ValueError(f"{name}: found version {commit.version}, expected 1 or more")
    if len(commit.done) > MAX_OBJECTS:
        raise ValueError(f"{name}: found {len(commit.done)} objects, expected at most {MAX_OBJECTS}")
    if len({record.identity for record in commit.done}) < len(commit.done):
        raise ValueError(f"{name}: an object is named twice in `done`")


def check_floor(floor: Floor, head: Head, partition: PartitionId) -> None:
    """Refuse with ValueError a floor that no checkpoint covers, or that leaves no commit."""
    if floor.version > head.checkpoint or floor.version >= head.version:
        raise ValueError(
            f"{partition}: floor {floor.version} lies beyond the checkpoint {head.checkpoint}"
            f" or the last commit but one ({head.version - 1})"
        )


def recorded(record: ObjectRecord, version: int) -> ObjectRecord:
    """The memory that a request leaves: its version set, its reason short and valid Unicode."""
    reason = record.reason.encode("utf-8", "replace").decode("utf-8")
    if len(reason) > REASON_LIMIT:
        reason = reason[: REASON_LIMIT - 1] + "…"
    return replace(record, version=version, redrive=False, retake=0, reason=reason)


def totals(commit: Commit) -> Totals:
    """Add up a commit, for a person and for metrics."""
    own = [file for file in commit.add if file.table == commit.partition.table]
    other = [file for file in commit.add if file.table != commit.partition.table]
    return Totals(
        files_added=len(commit.add),
        files_removed=len(commit.remove),
        rows=sum(file.rows for file in own),
        rejected=sum(file.rows for file in other),
        bytes=sum(file.bytes for file in commit.add),
        objects=len(commit.done),
        bad=sum(record.state == "bad" for record in commit.done),
    )


def encode_lists(commit: Commit) -> bytes:
    """The lists as gzipped JSON; the same commit gives the same bytes at whatever version it lands.

    So a blob that two sends of one commit both write is right whichever of them comes through.
    """
    bad = [recorded(record, 0) for record in commit.done if record.state == "bad"]
    lists = {
        "add": [file_to_json(file) for file in commit.add],
        "remove": list(commit.remove),
        "bad": [record_to_json(record) for record in bad],
    }
    # A fixed mtime: a repeated request must be the same request, byte for byte.
    return gzip.compress(json_of(lists), compresslevel=6, mtime=0)


def decode_lists(data: bytes, version: int) -> Lists:
    """Read what `encode_lists` wrote for the commit that landed at `version`."""
    lists = json.loads(gzip.decompress(data))
    return Lists(
        add=tuple(file_from_json(file) for file in lists["add"]),
        remove=tuple(lists["remove"]),
        bad=tuple(ObjectRecord(**{**record, "version": version}) for record in lists["bad"]),
    )


def encode_paths(paths: Sequence[str]) -> bytes:
    """An intent's paths as gzipped JSON."""
    return gzip.compress(json_of(list(paths)), compresslevel=6, mtime=0)


def decode_paths(data: bytes) -> tuple[str, ...]:
    """Read what `encode_paths` wrote."""
    return tuple(json.loads(gzip.decompress(data)))


def digest(commit: Commit) -> str:
    """A fingerprint of what a commit does, whatever version it lands at.

    It tells a repeated commit from another one that wrongly bears the same id.
    """
    content = {
        "id": commit.id,
        "partition": str(commit.partition),
        "kind": commit.kind,
        "time": time_to_text(commit.time),
        "add": [file_to_json(file) for file in commit.add],
        "remove": list(commit.remove),
        "done": [record_to_json(record) for record in commit.done],
        "cursor": _cursor_to_json(commit.cursor),
    }
    return hashlib.sha256(json_of(content)).hexdigest()


def is_same(commit: Commit, found_id: str, found_digest: str) -> bool:
    """Whether the commit found at its version is this one: False when it is another worker's.

    Conflict when it bears our id and does something else: an id is for one commit only.
    """
    if found_id != commit.id:
        return False
    if found_digest != digest(commit):
        raise Conflict(f"commit {commit.id} of {commit.partition}: its id stands for another content")
    return True


def time_to_text(time: dt.datetime) -> str:
    """UTC to the microsecond in a fixed width, so that text order is time order."""
    if time.tzinfo is None:
        raise ValueError(f"found the time {time} without a zone, expected one in UTC")
    return time.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def time_from_text(text: str) -> dt.datetime:
    """Read what `time_to_text` wrote."""
    return dt.datetime.fromisoformat(text)


def json_of(value: object) -> bytes:
    """Short, and the same for the same value."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


_RECORD_FIELDS = tuple(field.name for field in fields(ObjectRecord))


def record_to_json(record: ObjectRecord) -> dict[str, Any]:
    """An object's record."""
    # Flat as it is, `asdict` would copy it deeply, and take as long as the commit itself.
    return {name: getattr(record, name) for name in _RECORD_FIELDS}


def _cursor_to_json(move: CursorMove | None) -> dict[str, Any] | None:
    return None if move is None else asdict(move)


def file_to_json(file: DataFile) -> dict[str, Any]:
    """A file as a log or a floor holds it."""
    return {
        "path": file.path,
        "table": file.table,
        "partition": file.partition,
        "tp_index": file.tp_index,
        "tp_date": file.tp_date.isoformat(),
        "rows": file.rows,
        "bytes": file.bytes,
        "footer_bytes": file.footer_bytes,
        "schema": file.schema,
        "stats": {name: [one.min, one.max, one.nulls] for name, one in file.stats.items()},
    }


def file_from_json(value: Mapping[str, Any]) -> DataFile:
    """Read what `file_to_json` wrote."""
    stats = {name: ColumnStats(*one) for name, one in value["stats"].items()}
    return DataFile(**{**value, "tp_date": dt.date.fromisoformat(value["tp_date"]), "stats": stats})
