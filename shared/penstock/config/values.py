"""What a configuration says, as values: connections, partitions, workspaces."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.errors import ConfigError, Problem
from penstock.model import PartitionId
from penstock.places import Place
from penstock.sources import Configured
from penstock.sources.aws_s3_bucket import S3BucketSource
from penstock.tables import Replaces, Syntax, Table

__all__ = ["Config", "Connection", "Partition", "Tier", "View", "Workspace"]


@dataclass(frozen=True, slots=True)
class Connection:
    """Credentials for AWS; all None means the SDK's own chain.

    `retry_attempts` counts tries of one call.
    """

    name: str
    profile: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    region: str | None = None
    role_arn: str | None = None
    external_id: str | None = field(default=None, repr=False)
    session_name: str = "penstock"
    retry_attempts: int = 9
    endpoint_url: str | None = None
    s3_force_path_style: bool = False


@dataclass(frozen=True, slots=True)
class Tier:
    """Where files lie once their day is older than so many days."""

    after: int
    place: Place


@dataclass(frozen=True, slots=True)
class Partition:
    """A named instance of a table with its sources.

    `filter` is a SQL condition or None for every row; `tp_index` a column of the table or None for
    the one index `default`. `retention` is in days, None for ever, `tiers` in order of days;
    `unique_key` is a column of the table or None. `export` is `iceberg` where the files are listed in
    an Iceberg table too. `replaces` says what new rows take the place of; `delivery` is meant for
    sources that have manifests (`S3BucketSource.delivers`), the others are then `object`;
    `says_replaces` whether the block says so itself. `formats` are those that sources name, by
    `<type>.<name>`. `file` and `line` tell where it is written.
    """

    id: PartitionId
    table: Table
    sources: tuple[Configured, ...]
    filter: str | None = None
    tp_index: str | None = None
    retention: int | None = None
    tiers: tuple[Tier, ...] = ()
    unique_key: str | None = None
    export: str | None = None
    replaces: Replaces = "nothing"
    says_replaces: bool = False
    formats: Mapping[str, Syntax] = field(default_factory=dict)
    file: str = ""
    line: int = 0

    def syntax(self, source: Configured) -> Syntax | None:
        """How the objects of one of its sources are written, None for one of the table's own ways."""
        return self.formats.get(source.format) if source.format else None


@dataclass(frozen=True, slots=True)
class Workspace:
    """A hive (directory or `s3://bucket/prefix`, no slash at the end) and its ledger's URL.

    `queue` is the URL of the SQS queue that its collect function reads, None when it has none.
    """

    name: str
    hive: str
    ledger: str
    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    queue: str | None = None

    @classmethod
    def of(cls, name: str, **arguments: Any) -> Workspace:
        """The workspace with these arguments; without a hive, in the home directory."""
        hive = arguments.pop("hive", f"~/.penstock/{name}/hive")
        hive = hive.rstrip("/") if hive.startswith("s3://") else str(Path(hive).expanduser())
        ledger = arguments.pop("ledger", f"sqlite:///{hive}/_ledger.sqlite")
        return cls(name, hive, ledger, **arguments)


@dataclass(frozen=True, slots=True)
class View:
    """A `schema` block: views of the tables that patterns choose, narrowed by patterns and times.

    `from_` and `to` are as written (`T-7d`), for `times.parse` when a query starts; None is open.
    Empty `partitions` and `indexes` mean all. `materialized`: its files are kept where it is queried.
    """

    name: str
    tables: tuple[str, ...] = ("*",)
    partitions: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    from_: str | None = None
    to: str | None = None
    materialized: bool = False


Wanted = tuple[Partition, S3BucketSource, "re.Pattern[str] | None"]


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration, checked. `connections` are by `aws.<name>`, partitions in file order.

    `notices` says what was accepted without effect; `files` names what was read. `tables` and
    `formats` (by `<type>.<name>`) are those that it brings itself; `places` has file and line of a
    table by its name, and of its column by `<table>.<column>`.
    """

    connections: Mapping[str, Connection]
    partitions: Mapping[PartitionId, Partition]
    workspaces: Mapping[str, Workspace]
    notices: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()
    views: Mapping[str, View] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    formats: Mapping[str, Syntax] = field(default_factory=dict)
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    _by_bucket: Mapping[str, tuple[Wanted, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: dict[str, list[Wanted]] = defaultdict(list)
        for partition in self.partitions.values():
            passed_over = "|".join(f"(?:{regex})" for regex in partition.table.not_logs)
            compiled = re.compile(passed_over) if passed_over else None
            for source in partition.sources:
                if isinstance(source, S3BucketSource):
                    # To a source that goes by manifests they are no strangers.
                    regex = None if source.delivers else compiled
                    index[source.bucket].append((partition, source, regex))
        object.__setattr__(self, "_by_bucket", {name: tuple(wanted) for name, wanted in index.items()})

    @property
    def buckets(self) -> tuple[str, ...]:
        """Every bucket that a source names, sorted."""
        return tuple(sorted(self._by_bucket))

    def partitions_for(
        self, bucket: str, key: str
    ) -> list[tuple[Partition, S3BucketSource, Mapping[str, str]]]:
        """Who wants this object (key decoded): each partition once, by its first source that matches.

        With the source comes what its layout took from the key. Keys that the table knows as no
        logs of its own (`not_logs`) are nobody's; so is an unknown bucket's key.
        """
        return list(self._wanting(bucket, key))

    def _wanting(
        self, bucket: str, key: str
    ) -> Iterator[tuple[Partition, S3BucketSource, Mapping[str, str]]]:
        last: Partition | None = None
        for partition, source, passed_over in self._by_bucket.get(bucket, ()):
            if partition is last:
                continue
            captures = source.layout.match(key)
            if captures is not None and not (passed_over and passed_over.search(key)):
                last = partition
                yield partition, source, captures

    def workspace(self, name: str = "default") -> Workspace:
        """The workspace of that name; ConfigError lists the valid ones. `default` always exists."""
        if name in self.workspaces:
            return self.workspaces[name]
        if name == "default":
            return Workspace.of(name)
        known = ", ".join(sorted({*self.workspaces, "default"}))
        raise ConfigError(f'workspace "{name}" is not configured, expected one of {known}')
