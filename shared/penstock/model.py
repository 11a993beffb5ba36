"""The nouns of the product, as values: partition, object, file, commit.

Everything here is frozen and free of I/O; times are timezone-aware UTC.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self
from urllib.parse import quote, unquote_to_bytes

__all__ = [
    "REJECTED_TABLE",
    "ColumnStats",
    "Commit",
    "CommitKind",
    "CursorMove",
    "DataFile",
    "Head",
    "Intent",
    "Lease",
    "ObjectRecord",
    "ObjectRef",
    "ObjectState",
    "PartitionId",
    "Schema",
]

REJECTED_TABLE = "tp_rejected"

CommitKind = Literal["collect", "sweep", "compact", "overwrite", "delete", "expire", "tier", "flip", "floor"]
"""`floor` stands for the commits that were dropped from a log, and is in no log (`ledger.floor`)."""
ObjectState = Literal["done", "bad"]


@dataclass(frozen=True, slots=True, order=True)
class PartitionId:
    """A partition's full name: table and partition label, written `table.name`."""

    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `table.name`; ValueError says what was expected."""
        table, dot, name = text.partition(".")
        if not (table and dot and name):
            raise ValueError(f"found {text!r}, expected table.partition")
        return cls(table, name)


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One version of one S3 object, as an event or a listing names it.

    `key` is decoded (as S3 stores it). `etag` is without quotes. `size` is in bytes and None when
    the event did not tell. With the scheme `file` it is a file of this machine (`key` its absolute
    path, `etag` what changes when it does), with `command` the output of one run (`key` the
    command, `etag` a hash of the output); `bucket` is empty then.
    """

    bucket: str
    key: str
    version_id: str | None = None
    etag: str | None = None
    size: int | None = None
    last_modified: dt.datetime | None = None
    scheme: Literal["s3", "file", "command"] = "s3"

    @classmethod
    def of(cls, identity: str) -> Self:
        """The object that an identity means, as far as it tells."""
        uri, _, told = identity.rpartition("?")
        name, _, value = told.partition("=")
        version, etag = (value, None) if name == "versionId" else (None, value)
        scheme, _, rest = uri.partition(":")
        if scheme == "s3":
            bucket, _, key = rest.removeprefix("//").partition("/")
            return cls(bucket, key, version, etag)
        if scheme == "file":
            path = os.fsdecode(unquote_to_bytes(rest.removeprefix("//")))
            return cls("", path, version, etag, scheme="file")
        return cls("", rest, version, etag, scheme="command")

    @property
    def uri(self) -> str:
        """`s3://bucket/key`, `file:///path` or `command:…`, for messages."""
        if self.scheme == "s3":
            return f"s3://{self.bucket}/{self.key}"
        # Names of files may hold bytes that are no text; as a URL they are.
        path = quote(os.fsencode(self.key), safe="/:@!$&'()*+,;=~")
        return f"file://{path}" if self.scheme == "file" else f"command:{self.key}"

    @property
    def identity(self) -> str:
        """What makes two notices the same object: bucket + key + version id, else ETag (G1).

        The version id "null" (written before versioning was switched on) is no version. S3's
        `sequencer` orders events and is never part of it. ValueError when the notice carries
        neither: ask S3 (HeadObject) first.
        """
        if self.version_id and self.version_id != "null":
            return f"{self.uri}?versionId={self.version_id}"
        if self.etag:
            return f"{self.uri}?etag={self.etag}"
        raise ValueError(f"{self.uri}: neither version id nor ETag is known")


@dataclass(frozen=True, slots=True)
class ColumnStats:
    """What a Parquet footer says of one column of one file.

    `min` and `max` are texts as DuckDB writes values of the column's type (a timestamp as
    `2026-01-31 23:59:59.123456`), None when unknown. `nulls` counts nulls.
    """

    min: str | None
    max: str | None
    nulls: int


@dataclass(frozen=True, slots=True)
class DataFile:
    """A Parquet file of the hive, as the ledger knows it.

    `path` is relative to the hive's root (no leading slash, escaped as it stands in the key), or
    an absolute URI when a tier keeps it elsewhere. `table` is the commit's own table, or
    `tp_rejected` for the rows a commit rejected. `bytes` and `footer_bytes` are sizes; `stats`
    covers `tp_timestamp` and the columns the table names as worth it.
    """

    path: str
    table: str
    partition: str
    tp_index: str
    tp_date: dt.date
    rows: int
    bytes: int
    footer_bytes: int
    schema: str
    stats: Mapping[str, ColumnStats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """What the ledger remembers of a source object: G2's equation in numbers.

    `rows_read` = `stored` + `filtered` + `rejected` for a done object. `reason` says why an object
    is bad. `version` is the commit that recorded it (0 before it is committed).
    """

    identity: str
    state: ObjectState = "done"
    rows_read: int = 0
    stored: int = 0
    filtered: int = 0
    rejected: int = 0
    bytes: int = 0
    reason: str = ""
    version: int = 0
    redrive: bool = False  # a request, not a memory: this commit may replace a bad record
    retake: int = 0  # a request: it replaces the done record of this version (0: none), see `Ledger.attempt`


@dataclass(frozen=True, slots=True)
class CursorMove:
    """A source's position moving from where the caller saw it (None: unset) to where it is now."""

    source: str
    seen: str | None
    now: str


@dataclass(frozen=True, slots=True)
class Head:
    """A partition's newest version (0: nothing was ever committed) and last checkpoint."""

    version: int = 0
    checkpoint: int = 0


@dataclass(frozen=True, slots=True)
class Commit:
    """One step of a partition's history: from `version - 1` to `version`, whole.

    `id` is unique and also the stem of the file names it adds. `remove` holds paths. `done` holds
    the objects it collected when the commit is being made; read back from the log it holds only
    the bad ones (each object has an item of its own), with `objects` telling how many there were.
    """

    id: str
    partition: PartitionId
    kind: CommitKind
    time: dt.datetime
    version: int
    add: tuple[DataFile, ...] = ()
    remove: tuple[str, ...] = ()
    done: tuple[ObjectRecord, ...] = ()
    cursor: CursorMove | None = None
    objects: int = 0


@dataclass(frozen=True, slots=True)
class Intent:
    """Files a worker is about to write; what is left of it after a death is garbage to clear."""

    commit_id: str
    partition: PartitionId
    paths: tuple[str, ...]
    time: dt.datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """Who does a piece of maintenance, and until when."""

    name: str
    owner: str
    until: dt.datetime


@dataclass(frozen=True, slots=True)
class Schema:
    """A table's columns at some time: ordered (name, DuckDB type) pairs and their fingerprint."""

    table: str
    fingerprint: str
    columns: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, table: str, columns: tuple[tuple[str, str], ...]) -> Self:
        """The schema of these columns, with the fingerprint that they always have."""
        digest = hashlib.sha256(repr((table, columns)).encode()).hexdigest()[:16]
        return cls(table, digest, columns)
