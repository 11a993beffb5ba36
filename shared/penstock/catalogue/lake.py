"""Writes a DuckLake catalogue file: tables by the extension itself, file rows straight into its tables.

The tables are those of the DuckLake specification 1.0 (https://ducklake.select/docs/stable/specification/tables/overview)
as the pinned extension creates them, and the rows are those that
`ducklake_add_data_files(…, hive_partitioning => true)` writes: the mapping by name has the path
columns marked as partition, whose values DuckDB then takes from the file's path. Rows come from
the ledger, so no file is opened. A column without a row in ducklake_file_column_stats is unknown
and never pruned by.

What Penstock needs to go on from there stands in a schema of its own, `penstock`, in the same file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb

from penstock import extensions
from penstock.catalogue.mapping import mapping_rows
from penstock.catalogue.shape import Columns, additions, union
from penstock.errors import PenstockError
from penstock.ledger import Ledger
from penstock.ledger.floor import since
from penstock.model import Commit, DataFile, PartitionId, Schema
from penstock.sql import identifier, literal
from penstock.tables import PATH_COLUMNS

__all__ = ["META", "PARTITION_KEYS", "Memory", "Reshaped", "Writer", "batches", "root", "unknown"]

BATCH = 50_000
"""Files taken from the ledger before they are written: bounds memory at about 100 MB."""

PARTITION_KEYS = ("tp_table", "tp_partition", "tp_index", "tp_date")
META = "__ducklake_metadata_lake"
_BLOCK = 16_384  # bytes; DuckDB's usual 256 KiB would make an empty catalogue of 5 MB


class Reshaped(Exception):
    """A table's columns changed in a way that only a new file can hold."""


@dataclass(frozen=True, slots=True)
class Files:
    """The net effect of some commits: files that came, and paths that went from the state before."""

    added: Mapping[str, DataFile]
    removed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Memory:
    """What stands in the schema `penstock` of a catalogue."""

    identity: str
    versions: Mapping[PartitionId, int]
    schemas: Mapping[tuple[str, str], Schema]
    shapes: Mapping[str, Columns]
    used: frozenset[tuple[str, str]]

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection, database: str) -> Self:
        """Read it from the attached `database`; duckdb.CatalogException when it is no catalogue."""
        at = f"{identifier(database)}.penstock"
        identity = connection.execute(f"SELECT identity FROM {at}.source").fetchone()
        versions = connection.execute(f"SELECT tp_table, tp_partition, version FROM {at}.version").fetchall()
        schemas = connection.execute(f"SELECT tp_table, fingerprint, columns FROM {at}.schema").fetchall()
        shapes = connection.execute(f"SELECT tp_table, columns FROM {at}.shape").fetchall()
        used = connection.execute(
            f"SELECT tp_table, fingerprint FROM {at}.schema WHERE mapping_id IN"
            f" (SELECT mapping_id FROM {identifier(database)}.main.ducklake_data_file)"
        ).fetchall()
        return cls(
            identity[0] if identity else "",
            {PartitionId(table, name): version for table, name, version in versions},
            {(table, mark): Schema(table, mark, _columns(text)) for table, mark, text in schemas},
            {table: _columns(text) for table, text in shapes},
            frozenset(used),
        )


def root(hive: str) -> str:
    """The hive's root, absolute and with its closing slash: what relative paths are appended to."""
    return (hive.rstrip("/") if "://" in hive else str(Path(hive).absolute())) + "/"


def batches(
    ledger: Ledger, seen: Mapping[PartitionId, int], heads: Mapping[PartitionId, int]
) -> Iterator[Files]:
    """The commits between `seen` and `heads`, folded into net effects of about BATCH files each.

    PenstockError when the ledger gives fewer commits than its head promises; Dropped when it holds them
    no more.
    """
    added: dict[str, DataFile] = {}
    removed: set[str] = set()
    for commit in chain.from_iterable(_between(ledger, p, seen.get(p, 0), v) for p, v in heads.items()):
        for path in commit.remove:
            if added.pop(path, None) is None:
                removed.add(path)
        added.update((file.path, file) for file in commit.add)
        if len(added) + len(removed) >= BATCH:
            yield Files(added, frozenset(removed))
            added, removed = {}, set()
    yield Files(added, frozenset(removed))


def _between(ledger: Ledger, partition: PartitionId, after: int, upto: int) -> Iterator[Commit]:
    """Those after `after`; from nothing, the log from its beginning."""
    last = after
    for commit in since(ledger, partition, after, upto):
        last = commit.version if commit.kind == "floor" else last + 1
        if commit.version != last:
            raise PenstockError(f"{partition}: found commit {commit.version}, expected {last}")
        yield commit
    if last != upto:
        raise PenstockError(f"{partition}: the head is {upto}, but the log ends at commit {last}")


def unknown(
    files: Files, schemas: Mapping[tuple[str, str], Schema], ledger: Ledger
) -> dict[tuple[str, str], Schema]:
    """The schemas of added files that are not among `schemas`, asked of the ledger."""
    missing = {(file.table, file.schema) for file in files.added.values()} - schemas.keys()
    found = {table: ledger.schemas(table) for table in {table for table, _ in missing}}
    for table, fingerprint in sorted(missing):
        if fingerprint not in found[table]:
            raise PenstockError(f"{table}: the ledger names schema {fingerprint}, but does not hold it")
    return {(table, mark): schema for table, of in found.items() for mark, schema in of.items()}


@dataclass(slots=True)
class Writer:
    """A catalogue file open for writing; use it as a context, and `finish` before it closes."""

    path: Path
    hive: str
    identity: str
    known: Mapping[tuple[str, str], Schema]
    versions: Mapping[PartitionId, int]
    schemas: dict[tuple[str, str], Schema] = field(default_factory=dict)
    shapes: dict[str, Columns] = field(default_factory=dict)
    _connection: duckdb.DuckDBPyConnection = field(default_factory=extensions.connect)

    def __enter__(self) -> Self:
        """Attach the file, made with its tables when it is not there."""
        new = not self.path.exists()
        # Creating with an s3:// data path makes DuckLake ask for the file system that reads it.
        extensions.load(self._connection, "ducklake", *(("httpfs",) if "://" in self.hive else ()))
        if new:
            self._connection.execute(f"ATTACH {literal(str(self.path))} AS made (BLOCK_SIZE {_BLOCK})")
            self._connection.execute("DETACH made")
        self._connection.execute(
            f"ATTACH {literal('ducklake:' + str(self.path))} AS lake"
            f" (DATA_PATH {literal(root(self.hive))}, DATA_INLINING_ROW_LIMIT 0)"
        )
        if new:
            self._create()
            self.learn(self.known)
        else:
            memory = Memory.read(self._connection, META)
            self.schemas, self.shapes = dict(memory.schemas), dict(memory.shapes)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; what was not finished is worth nothing."""
        self._connection.close()

    def _create(self) -> None:
        for statement in (
            "CREATE SCHEMA {0}.penstock",
            "CREATE TABLE {0}.penstock.source (identity VARCHAR)",
            "CREATE TABLE {0}.penstock.version (tp_table VARCHAR, tp_partition VARCHAR, version BIGINT)",
            "CREATE TABLE {0}.penstock.schema"
            " (tp_table VARCHAR, fingerprint VARCHAR, mapping_id BIGINT, columns VARCHAR)",
            "CREATE TABLE {0}.penstock.shape (tp_table VARCHAR, columns VARCHAR)",
        ):
            self._connection.execute(statement.format(META))
        self._connection.execute(f"INSERT INTO {META}.penstock.source VALUES (?)", [self.identity])

    def learn(self, schemas: Mapping[tuple[str, str], Schema]) -> None:
        """Take note of schemas; `reshape` then makes room for them."""
        self.schemas.update(schemas)

    def reshape(self, wanted: Mapping[str, Columns]) -> None:
        """Create and widen tables until they have the wanted columns, and map every known schema.

        Raises Reshaped when widening does not do it.
        """
        self._connection.execute("BEGIN")
        for table, columns in wanted.items():
            if table not in self.shapes:
                self._create_table(table, columns)
            elif columns != self.shapes[table]:
                self._widen(table, self.shapes[table], columns)
        self._connection.execute("COMMIT")
        changed = {table: columns for table, columns in wanted.items() if self.shapes.get(table) != columns}
        for table, columns in changed.items():
            self._connection.execute(f"DELETE FROM {META}.penstock.shape WHERE tp_table = ?", [table])
            self._connection.execute(
                f"INSERT INTO {META}.penstock.shape VALUES (?, ?)", [table, json.dumps(columns)]
            )
        self.shapes.update(changed)
        mapping_rows(self._connection, META, self.schemas)

    def _create_table(self, table: str, columns: Columns) -> None:
        inside = ", ".join(f"{identifier(name)} {type_}" for name, type_ in columns)
        keys = ", ".join(PARTITION_KEYS)
        self._connection.execute(f"CREATE TABLE lake.main.{identifier(table)} ({inside})")
        self._connection.execute(f"ALTER TABLE lake.main.{identifier(table)} SET PARTITIONED BY ({keys})")

    def _widen(self, table: str, old: Columns, new: Columns) -> None:
        steps = additions(old, new)
        if steps is None:
            raise Reshaped(table)
        for path, type_ in steps:
            column = ".".join(identifier(part) for part in path)
            self._connection.execute(f"ALTER TABLE lake.main.{identifier(table)} ADD COLUMN {column} {type_}")

    def apply(self, files: Files) -> None:
        """Take out the removed files and put in the added ones."""
        from penstock.catalogue import rows

        if files.removed:
            rows.remove(self._connection, META, [self._uri(path) for path in files.removed])
        if files.added:
            named = ((self._uri(path), file) for path, file in files.added.items())
            rows.add(self._connection, META, list(named), self._comparable())

    def _comparable(self) -> dict[tuple[str, str], frozenset[str]]:
        return {
            key: frozenset(
                name for name, type_ in union([schema.columns]) if (name, type_) in self.shapes[key[0]]
            )
            for key, schema in self.schemas.items()
        }

    def _uri(self, path: str) -> str:
        return path if path.startswith("/") or "://" in path else root(self.hive) + path

    def finish(self, heads: Mapping[PartitionId, int]) -> None:
        """Note the versions and totals, and leave no write-ahead log."""
        from penstock.catalogue import rows

        rows.total(self._connection, META)
        self._connection.execute(f"DELETE FROM {META}.penstock.version")
        values: Iterable[tuple[str, str, int]] = ((p.table, p.name, v) for p, v in heads.items())
        for value in values:
            self._connection.execute(f"INSERT INTO {META}.penstock.version VALUES (?, ?, ?)", value)
        self.versions = dict(heads)
        self._connection.execute(f"CHECKPOINT {META}")

    def memory(self) -> Memory:
        """What the file now says of itself."""
        return Memory.read(self._connection, META)


def _columns(text: str) -> Columns:
    return tuple((name, type_) for name, type_ in json.loads(text))


assert set(PARTITION_KEYS) == set(PATH_COLUMNS)  # noqa: S101 - the mapping relies on it
