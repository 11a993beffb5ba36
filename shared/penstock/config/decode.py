"""Turns the blocks of all files into one Config; every problem of every block is reported."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from penstock import sources, tables
from penstock.config.blocks import BLOCKS, DEFAULT_CONNECTION, check_label
from penstock.config.check import Report, arguments, nearest, title
from penstock.config.formats import decode_formats, unknown_format
from penstock.config.nodes import Block, Reference
from penstock.config.own_tables import decode_table
from penstock.config.tiers import decode_tiers
from penstock.config.values import Config, Connection, Partition, View, Workspace
from penstock.model import REJECTED_TABLE, PartitionId
from penstock.sources import ArgumentError, Configured
from penstock.sources.aws_s3_bucket import S3BucketSource, by_manifest
from penstock.tables import PATH_COLUMNS, Replaces, Syntax, Table

__all__ = ["CheckExpression", "FindTable", "decode"]

CheckExpression = Callable[[Table, str], str | None]
"""Says what is wrong with a SQL condition over a table's columns, or None."""
FindTable = Callable[[str], Table]
"""Gives the table of a name, or KeyError."""

_TAKEN_SCHEMAS = ("main", "lake", "memory", "temp", "system", "information_schema", "pg_catalog")
_WITHOUT_ONE_VALUE = ("JSON", "STRUCT", "MAP", "UNION")


def decode(
    files: Sequence[Block],
    report: Report,
    find_table: FindTable,
    check_expression: CheckExpression | None,
    whole: bool,
) -> Config:
    """The configuration that the files' blocks make; it holds only if nothing was reported.

    `whole` is False when some file could not be read: then a reference to what no file defines may
    well be defined there, and is not a problem.
    """
    return _Decoder(report, find_table, check_expression, whole).run(files)


class _Decoder:
    def __init__(
        self, report: Report, find_table: FindTable, check_expression: CheckExpression | None, whole: bool
    ) -> None:
        self.report, self.find_table, self.check_expression = report, find_table, check_expression
        self.whole = whole
        self.connections = {DEFAULT_CONNECTION: Connection("default")}
        self.formats: Mapping[str, Syntax | None] = {}
        self.tables: dict[str, Table | None] = {}

    def run(self, files: Sequence[Block]) -> Config:
        kept = self.known_blocks(files)
        for block in kept["connection"]:
            self.connection(block)
        self.formats = decode_formats(kept["format"], self.report)
        for block in kept["table"]:
            used = self.used_formats(block.labels[0], kept["partition"])
            made = decode_table(block, self.formats, used, self.find_table, self.report)
            self.tables[block.labels[0]] = made
        workspaces = {block.labels[0]: self.workspace(block) for block in kept["workspace"]}
        partitions = [self.partition(block) for block in kept["partition"]]
        views = [self.view(block) for block in kept["schema"]]
        return Config(
            connections=self.connections,
            partitions={partition.id: partition for partition in partitions if partition},
            workspaces={name: workspace for name, workspace in workspaces.items() if workspace},
            notices=tuple(sorted(self.report.notices)),
            files=tuple(block.file for block in files),
            views={view.name: view for view in views},
            tables={name: table for name, table in self.tables.items() if table},
            formats={name: f for b in kept["format"] if (f := self.formats[name := ".".join(b.labels)])},
            places=dict(_places(kept["table"])),
        )

    def problem(self, block: Block, message: str, hint: str = "", line: int = 0) -> None:
        self.report.problem(block.file, line or block.line, message, hint)

    def known_blocks(self, files: Sequence[Block]) -> dict[str, list[Block]]:
        """The blocks with a proper head by type; one that comes again is a problem, and looked at too."""
        kept: dict[str, list[Block]] = {name: [] for name in BLOCKS}
        first: dict[tuple[str, tuple[str, ...]], Block] = {}
        valid = ", ".join(BLOCKS)
        for file in files:
            for setting in file.settings:
                self.problem(
                    file,
                    f'found argument "{setting.name}" outside of any block, expected {valid}',
                    "",
                    setting.line,
                )
            for block in file.blocks:
                if block.type not in BLOCKS:
                    hint = nearest(block.type, BLOCKS)
                    self.problem(block, f'unknown block "{block.type}", expected one of {valid}', hint)
                elif self.head(block, BLOCKS[block.type].labels):
                    same = first.setdefault((block.type, block.labels), block)
                    kept[block.type].append(block)
                    if same is not block:
                        where = f"it first stands at {same.file}:{same.line}"
                        self.problem(block, f"{title(block)} is defined again, expected it once", where)
        return kept

    def head(self, block: Block, labels: Sequence[str]) -> bool:
        """Whether a block has the labels it should have."""
        if len(block.labels) != len(labels):
            expected = " ".join([block.type, *(f'"<{label}>"' for label in labels)])
            self.problem(block, f"found {title(block)}, expected {expected}")
            return False
        wrong = [(label, check_label(label)) for label in block.labels]
        for label, message in wrong:
            if message:
                self.problem(block, f'{title(block)}: found the name "{label}", {message}')
        return not any(message for _, message in wrong)

    def no_blocks(self, block: Block) -> None:
        for inner in block.blocks:
            self.problem(inner, f'unknown block "{inner.type}" in {title(block)}, which holds arguments only')

    def connection(self, block: Block) -> None:
        values = arguments(block, BLOCKS["connection"].arguments, self.report)
        self.no_blocks(block)
        type_, name = block.labels
        if type_ != "aws":
            self.problem(block, f'unknown connection type "{type_}", expected aws', nearest(type_, ["aws"]))
        given = {setting.name for setting in block.settings}
        needs = [("access_key", "secret_key"), ("secret_key", "access_key"), ("session_token", "access_key")]
        needs += [("external_id", "role_arn"), ("session_name", "role_arn")]
        for has, needed in needs:
            if has in given and needed not in given:
                self.problem(block, f"{title(block)}: found {has} without {needed}, expected both")
        if "max_error_retry_attempts" in values:
            values["retry_attempts"] = values.pop("max_error_retry_attempts")
        if type_ == "aws":
            self.connections[f"{type_}.{name}"] = Connection(name, **values)

    def workspace(self, block: Block) -> Workspace | None:
        before = len(self.report.problems)
        values = arguments(block, BLOCKS["workspace"].arguments, self.report)
        self.no_blocks(block)
        on_s3 = str(values.get("hive", "")).startswith("s3://")
        if on_s3 and not any(setting.name == "ledger" for setting in block.settings):
            message = f'{title(block)} lacks the argument "ledger", expected dynamodb://<table>'
            self.problem(block, message, "a hive on S3 has no ledger of its own")
        return Workspace.of(block.labels[0], **values) if len(self.report.problems) == before else None

    def view(self, block: Block) -> View:
        values = arguments(block, BLOCKS["schema"].arguments, self.report)
        self.no_blocks(block)
        name = block.labels[0]
        if name.lower() in _TAKEN_SCHEMAS:
            self.problem(block, f'schema "{name}": this name is DuckDB\'s own, expected another')
        given: dict[str, Any] = {key: tuple(values.get(key, ())) for key in ("partitions", "indexes")}
        given |= {"from_": values.get("from"), "to": values.get("to")}
        given |= {"materialized": values.get("materialized", False)}
        tables_ = tuple(values.get("tables", ("*",)))
        return View(name, tables_, **given)

    def used_formats(self, table: str, partitions: Sequence[Block]) -> list[Syntax]:
        """The formats that the sources of a table's partitions bring."""
        names = [
            ".".join(setting.value.data.path[1:])
            for block in partitions
            if block.labels[0] == table
            for source in block.blocks
            for setting in source.settings
            if setting.name == "format" and isinstance(setting.value.data, Reference)
        ]
        return [syntax for name in dict.fromkeys(names) if (syntax := self.formats.get(name)) is not None]

    def partition(self, block: Block) -> Partition | None:
        before = len(self.report.problems)
        values = arguments(block, BLOCKS["partition"].arguments, self.report)
        table = self.table(block)
        found = [self.source(inner, block, table) for inner in block.blocks if inner.type != "tier"]
        if not any(inner.type == "source" for inner in block.blocks):
            valid = ", ".join(f'source "{name}"' for name in sources.names())
            self.problem(block, f"{title(block)} has no source, expected at least one block {valid}")
        if table is not None:
            self.columns(block, table, values)
        text = values.get("retention", "forever")
        retention = None if text == "forever" else int(text.removesuffix("d"))
        tiers = decode_tiers([b for b in block.blocks if b.type == "tier"], retention, self.report)
        if table is None or len(self.report.problems) > before:
            return None
        index = values.get("tp_index", "default")
        replaces: Replaces = values.get("replaces", table.replaces)
        return Partition(
            id=PartitionId(*block.labels),
            table=table if replaces == "nothing" else _located(table),
            sources=tuple(_awaiting(source, table, replaces) for source in found if source),
            formats=self.own_formats(found),
            filter=values.get("filter"),
            tp_index=None if index == "default" else index,
            retention=retention,
            tiers=tiers,
            unique_key=values.get("unique_key"),
            export=values.get("export"),
            replaces=replaces,
            says_replaces="replaces" in values,
            file=block.file,
            line=block.line,
        )

    def own_formats(self, found: Sequence[Configured | None]) -> dict[str, Syntax]:
        names = [source.format for source in found if source and source.format]
        return {name: syntax for name in names if (syntax := self.formats.get(name)) is not None}

    def table(self, block: Block) -> Table | None:
        name = block.labels[0]
        if name in self.tables:
            return self.tables[name]  # None when it is wrong, which was said
        valid = [known for known in tables.names() if known != REJECTED_TABLE]
        valid += [known for known in self.tables if known not in valid]
        if name != REJECTED_TABLE:  # filled by every partition, an instance of its own it cannot have
            with contextlib.suppress(KeyError):
                return self.find_table(name)
        self.problem(
            block, f'unknown table "{name}", expected one of {", ".join(valid)}', nearest(name, valid)
        )
        return None

    def columns(self, block: Block, table: Table, values: dict[str, Any]) -> None:
        lines = {setting.name: setting.line for setting in block.settings}
        index = values.get("tp_index", "default")
        usable = [
            name
            for name, type_ in table.all_columns()
            if name not in PATH_COLUMNS
            and not type_.upper().startswith(_WITHOUT_ONE_VALUE)
            and not type_.endswith("]")
        ]
        if index != "default" and index not in usable:
            column = any(index == name for name, _ in table.all_columns())
            found = f'found "{index}", which holds no single value' if column else f'found "{index}"'
            message = f"tp_index: {found}, expected a column of {table.name}"
            self.problem(block, message, nearest(index, usable), lines["tp_index"])
        if "unique_key" in values and values["unique_key"] not in usable:
            message = f'unique_key: found "{values["unique_key"]}", expected a column of {table.name}'
            self.problem(block, message, nearest(values["unique_key"], usable), lines["unique_key"])
        if values.get("replaces") == "delivery" and table.deliveries is None:
            message = f"replaces: found delivery, but {table.name} knows no manifests"
            self.problem(block, f"{message}, expected nothing or object", "", lines["replaces"])
        if "filter" in values:
            text = values["filter"]
            check = self.check_expression
            wrong = (
                (check(table, text) if check else None)
                if text.strip()
                else "found nothing, expected a condition"
            )
            if wrong:
                self.problem(block, f"filter: {wrong}", "", lines["filter"])

    def source(self, inner: Block, outer: Block, table: Table | None) -> Configured | None:
        if inner.type != "source":
            hint = nearest(inner.type, ["source", "tier", *(a.name for a in BLOCKS["partition"].arguments)])
            message = f'unknown block "{inner.type}" in {title(outer)}, expected source or tier'
            self.problem(inner, message, hint)
            return None
        if not self.head(inner, ("type",)):
            return None
        if inner.labels[0] not in sources.names():
            valid = ", ".join(sources.names())
            hint = nearest(inner.labels[0], sources.names())
            self.problem(inner, f'unknown source "{inner.labels[0]}", expected one of {valid}', hint)
            return None
        kind = sources.find(inner.labels[0])
        before = len(self.report.problems)
        values = arguments(inner, kind.arguments, self.report)
        self.no_blocks(inner)
        self.references(inner, values)
        if any(setting.name == "patterns" for setting in inner.settings) and "patterns" not in values:
            return None  # what was wrong with them would come again as unknown patterns
        try:
            layout_only = _layout_stand_in if table is None else table
            missing = {a.name: _STAND_INS[a.type] for a in kind.arguments if a.required}
            built: Configured = kind.build({**missing, **values}, layout_only)
        except ArgumentError as error:
            lines = {setting.name: setting.value.line or setting.line for setting in inner.settings}
            message = f"{error.argument}: {error.message}"
            self.problem(inner, message, error.hint, lines.get(error.argument, inner.line))
            return None
        if table is not None and not table.syntax.reader and built.format is None and "format" not in values:
            message = f"{title(inner)} has no format, nor has the table {table.name}"
            self.problem(inner, f"{message}, expected one of them to have it")
        return built if len(self.report.problems) == before else None

    def references(self, block: Block, values: dict[str, Any]) -> None:
        lines = {setting.name: setting.value.line or setting.line for setting in block.settings}
        if self.whole and "connection" in values and values["connection"] not in self.connections:
            name = values["connection"]
            valid = [f"connection.{known}" for known in sorted(self.connections)]
            message = f"unknown connection.{name}, expected one of {', '.join(valid)}"
            self.problem(block, message, nearest(f"connection.{name}", valid), lines["connection"])
        if "format" in values:
            name = values["format"]
            if self.whole and name not in self.formats:
                message, hint = unknown_format(name, self.formats)
                self.problem(block, message, hint, lines["format"])


def _awaiting(source: Configured, table: Table, replaces: Replaces) -> Configured:
    """The source as a partition needs it that replaces deliveries: only a bucket has manifests."""
    if replaces == "delivery" and table.deliveries and isinstance(source, S3BucketSource):
        return by_manifest(source, table)
    return source


def _places(blocks: Sequence[Block]) -> Iterator[tuple[str, tuple[str, int]]]:
    """Where tables and their columns stand."""
    for block in blocks:
        (table,) = block.labels
        yield table, (block.file, block.line)
        for inner in block.blocks:
            if inner.labels:
                yield f"{table}.{inner.labels[0].lower()}", (inner.file, inner.line)


def _located(table: Table) -> Table:
    """With what tells whether a file may hold rows of an object: those to be replaced are found by it."""
    return replace(table, statistics=tuple(dict.fromkeys((*table.statistics, "tp_source_location"))))


_STAND_INS: dict[str, Any] = {"string": "unknown", "strings": ["unknown"]}
"""For looking at a source that lacks a required argument, by its type."""

_layout_stand_in = Table("", "", "", Syntax(""), (), {})
"""For looking at the layout of a source whose table is unknown."""
