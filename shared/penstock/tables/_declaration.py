"""What a table's declaration is made of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from penstock.model import Schema
from penstock.readers import Syntax

__all__ = ["COMMON_COLUMNS", "PATH_COLUMNS", "Column", "Deliveries", "Example", "Replaces", "Table"]

Replaces = Literal["nothing", "object", "delivery"]
"""What the rows of a new object take the place of: of nothing, of those that the object had before, or
of those of the older deliveries of its period."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: name, DuckDB type, the SQL expression over the raw row that fills it, and docs.

    `expression` sees the raw row as the struct `r`. `source` names the field in the log (`field`, where
    the reader calls it otherwise) and `raw`
    its kind there: a DuckDB type, or for a JSON object the kinds of its members by name. `misfit`,
    for such an object, is SQL for the JSON of members that did not fit their type (null: all did);
    it goes to `unmapped`, as a whole column's text does by itself. `reads` names further fields
    that the expression needs, with their kinds. `null_if` are texts of the field that mean
    nothing is there, beyond those that the reader knows.
    """

    name: str
    type: str
    expression: str
    description: str
    source: str = ""
    raw: str | Mapping[str, object] = "VARCHAR"
    misfit: str = ""
    reads: Mapping[str, object] = dataclasses.field(default_factory=dict)
    field: str = ""
    null_if: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What the reader calls the field."""
        return self.field or self.source


@dataclass(frozen=True, slots=True)
class Example:
    """A query worth running on a table, shown in the docs and run by the tests."""

    title: str
    sql: str


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Objects that come together, again and again for one period, with a manifest that names them.

    manifests: layout of the manifests' keys. objects, ids: members of a manifest; the first that is
        there lists the objects (keys or `s3://bucket/key`), or names the delivery.
    period: regular expression (RE2) over an object's key. What it matches, from the key's beginning,
        all objects of all deliveries of one period have in common, and no others.
    """

    manifests: str
    objects: tuple[str, ...]
    ids: tuple[str, ...]
    period: str


@dataclass(frozen=True, slots=True)
class Table:
    """The declaration of one kind of log.

    syntax: how its objects are written (`readers/`); `syntaxes` are other ways, each told by its
        beginning (`Syntax.when`). Parquet is always read.
    columns: its own columns, in the order of the docs; `unmapped` (JSON: what no column names)
        is added to every table.
    enrichment: expressions for the common columns that the table fills (`tp_timestamp` at least),
        over its own columns by name, over the raw row, and over `_modified`: when the object was
        written (UTC, null if unknown). Where `r` is null the text is no row: tp_timestamp must be
        null there.
    undated: SQL over the raw row. Where it holds, a row without a time of its own gets its object's:
        the one that AWS writes into names (`_20260131T1005Z_`), else when it was written. Empty: never.
    layouts: default `file_layout` by source type.
    not_logs: regular expressions (RE2) over keys; objects of the tree that are no logs of this
        table, with what they are. They are passed over, not bad.
    strangers: texts that stand near the beginning of objects of another kind, with what those are:
        an object that does not read as the format is then called by its name.
    many_days: one object's rows mostly belong to several days, as a month's bill does: they are
        divided as they are written, not afterwards.
    reads: further raw fields that the enrichment needs, with their kinds.
    required: columns without which a row is rejected.
    kept: regular expression (RE2) of the names of unknown fields that go to `unmapped`; empty: all do.
    statistics: columns whose minimum and maximum per file the ledger keeps, beside tp_timestamp.
    replaces: what new rows take the place of where the partition does not say; `delivery` needs
        `deliveries`, and holds for buckets (elsewhere it is `object`).
    """

    name: str
    description: str
    reference: str
    syntax: Syntax
    columns: tuple[Column, ...]
    enrichment: Mapping[str, str]
    syntaxes: tuple[Syntax, ...] = ()
    undated: str = ""
    layouts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    not_logs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    strangers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    many_days: bool = False
    statistics: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    reads: Mapping[str, object] = dataclasses.field(default_factory=dict)
    required: tuple[str, ...] = ()
    kept: str = ""
    replaces: Replaces = "nothing"
    deliveries: Deliveries | None = None

    def record(self) -> dict[str, object]:
        """The raw fields that the table reads, by name, with their kinds."""
        own = {column.key: column.raw for column in self.columns if column.key}
        more = {name: kind for column in self.columns for name, kind in column.reads.items()}
        return own | more | dict(self.reads)

    def all_columns(self) -> tuple[tuple[str, str], ...]:
        """(name, DuckDB type) of every column a query sees: own ones by name, then common ones."""
        own = sorted([*((column.name, column.type) for column in self.columns), ("unmapped", "JSON")])
        return (*own, *((column.name, column.type) for column in COMMON_COLUMNS))

    def schema(self) -> Schema:
        """The columns of this table's files (what stands in the path does not stand in the file)."""
        stored = tuple(pair for pair in self.all_columns() if pair[0] not in PATH_COLUMNS)
        return Schema.of(self.name, stored)


def _common(name: str, type_: str, description: str) -> Column:
    return Column(name, type_, "NULL", description)


PATH_COLUMNS = ("tp_date", "tp_index", "tp_partition", "tp_table")
"""Hive columns: their values stand in a file's path and nowhere else."""

COMMON_COLUMNS: tuple[Column, ...] = (
    _common(
        "tp_akas", "VARCHAR[]", "Other global names of things in the row, mostly ARNs and parts of them."
    ),
    _common("tp_date", "DATE", "Day of tp_timestamp in UTC; stands in the path."),
    _common("tp_destination_ip", "VARCHAR", "Address the activity went to."),
    _common("tp_domains", "VARCHAR[]", "DNS names in the row."),
    _common("tp_emails", "VARCHAR[]", "Mail addresses in the row."),
    _common("tp_id", "VARCHAR", "Identifier of the row; the same whenever the same object is collected."),
    _common("tp_index", "VARCHAR", "Value of the column that the partition's tp_index names, else default."),
    _common("tp_ingest_timestamp", "TIMESTAMP", "When the row was collected, UTC."),
    _common("tp_ips", "VARCHAR[]", "Every address tied to the row, in order of discovery."),
    _common("tp_partition", "VARCHAR", "Name of the partition; stands in the path."),
    _common("tp_source_ip", "VARCHAR", "Address the activity came from, as logged."),
    _common("tp_source_location", "VARCHAR", "Place inside the source: object key, file path or log stream."),
    _common("tp_source_name", "VARCHAR", "Name of the source: bucket or log group."),
    _common("tp_source_type", "VARCHAR", "Kind of source, for example aws_s3_bucket."),
    _common("tp_table", "VARCHAR", "Name of the table; stands in the path."),
    _common("tp_tags", "VARCHAR[]", "Labels tied to the row."),
    _common("tp_timestamp", "TIMESTAMP", "When the logged thing happened, UTC."),
    _common(
        "tp_usernames", "VARCHAR[]", "People or principals in the row, long-lived access key ids included."
    ),
)
