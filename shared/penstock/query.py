"""Lets a person ask the hive in SQL: a locked DuckDB over the catalogue, one view per table.

`open_session` attaches the catalogue read-only, makes the views with the caller's filters and then
closes the doors: no file system but the hive, no configuration, no secrets. `run` checks a
statement, runs it and gives its rows a batch at a time, so that memory does not grow with the
answer (G4, G6).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from penstock import catalogue, extensions, pruning, statement
from penstock.catalogue.lake import literal, root
from penstock.catalogue.shape import Columns, quoted
from penstock.errors import QueryError, Retry, UsageError
from penstock.ledger import Ledger
from penstock.model import REJECTED_TABLE, PartitionId

__all__ = [
    "Filters",
    "Result",
    "S3Access",
    "Session",
    "batches",
    "bring_up",
    "open_session",
    "prepare",
    "run",
]

BATCH_ROWS = 2048
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class S3Access:
    """How httpfs reaches the hive's bucket: frozen credentials, region, and an endpoint if not AWS's own.

    Without an access key requests go unsigned (a public bucket).
    """

    region: str
    access_key: str = ""
    secret_key: str = ""
    token: str = ""
    endpoint_url: str = ""

    def __repr__(self) -> str:
        """Without the secrets, so that no log or traceback shows them."""
        return f"S3Access(region={self.region!r}, endpoint_url={self.endpoint_url!r})"


@dataclass(frozen=True, slots=True)
class Filters:
    """What the views leave out: times outside [from_, to] (both ends in), other partitions, other indexes.

    Patterns take `*` and `?`; a partition's is `table.partition` or bare: a table if one matches,
    else a partition of any table. Case does not matter. Empty means all.
    """

    from_: dt.datetime | None = None
    to: dt.datetime | None = None
    partitions: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """An open, locked connection and the names of the views in it; close it when done."""

    connection: duckdb.DuckDBPyConnection
    tables: tuple[str, ...]

    def close(self) -> None:
        """Give the connection and its files back."""
        self.connection.close()


@dataclass(frozen=True, slots=True)
class Result:
    """One statement's answer before its rows are fetched: column names, DuckDB types, the relation."""

    sql: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    relation: duckdb.DuckDBPyRelation


def bring_up(
    path: Path, ledger: Ledger, hive: str, *, source: str, declared: Mapping[str, Columns]
) -> catalogue.State:
    """Refresh the catalogue until the file in place is at least as new as the ledger's head was.

    Another process may rename an older state over ours between our renaming and our reading; then
    it is brought up again. Retry when that goes on.
    """
    for _ in range(_ATTEMPTS):
        wanted = catalogue.refresh(path, ledger, hive, source=source, declared=declared)
        found = catalogue.read(path)
        if found and found.identity == wanted.identity and catalogue.covers(found, wanted.versions):
            return found
    raise Retry(f"{path}: other processes keep replacing the catalogue with older states; try again")


def open_session(
    state: catalogue.State,
    hive: str,
    *,
    access: S3Access | None,
    filters: Filters,
    scratch: Path,
    threads: int = 0,
) -> Session:
    """A locked session over the catalogue `state` and the hive it was made for.

    `access` is for a hive on S3. `scratch` is a directory where DuckDB spills what memory does not
    hold. `threads` 0 means as many as there are cores. UsageError when a filter names no partition.
    """
    connection = extensions.connect(temp_directory=str(scratch), **({"threads": threads} if threads else {}))
    extensions.load(connection, "ducklake", "inet", *(("httpfs",) if "://" in hive else ()))
    connection.execute("SET TimeZone = 'UTC'")
    roots = [root(hive)]
    _attach(connection, state.path)
    roots += _elsewhere(connection, roots[0])
    if access is not None:
        _secret(connection, access, roots)
    chosen = _partitions(state, filters.partitions)
    for table, columns in sorted(state.shapes.items()):
        where = _conditions(connection, table, columns, filters, chosen)
        _view(connection, table, columns, where)
    _lock(connection, roots)
    return Session(connection, tuple(sorted(state.shapes)))


def prepare(session: Session, sql: str) -> tuple[str, ...]:
    """The statements of `sql`, checked and fit to `run`; QueryError says which is refused and where."""
    return statement.check(session.connection, sql)


def run(session: Session, sql: str) -> Result:
    """Begin one statement that `prepare` gave. QueryError holds DuckDB's words, place and suggestions."""
    try:
        relation = session.connection.sql(_faster(session, sql))
    except duckdb.Error as error:
        raise QueryError(_placed(session, sql, error)) from error
    if relation is None:
        raise QueryError(f"the statement gave no rows to show: {sql.strip()}")
    return Result(sql, tuple(relation.columns), tuple(str(t) for t in relation.types), relation)


def batches(result: Result, expressions: Sequence[str]) -> Iterator[list[tuple[object, ...]]]:
    """The rows, `BATCH_ROWS` at a time, as `expressions` render them (SQL; `#1` is the first column).

    Rendering happens in DuckDB: only texts and numbers come over. QueryError as with `run`.
    """
    try:
        rows = result.relation.project(", ".join(expressions))
        while batch := rows.fetchmany(BATCH_ROWS):
            yield batch
    except duckdb.Error as error:
        # The line it shows is our rendering, not what the person wrote.
        message = str(_cause(result.relation, error))
        raise QueryError(re.sub(r"\n\nLINE \d+:.*", "", message, flags=re.DOTALL)) from error


def _cause(relation: duckdb.DuckDBPyRelation, error: duckdb.Error) -> duckdb.Error:
    """Why it failed: a thread that fails interrupts the others, and theirs may be what is told.

    Then it is asked again, where it fails in one piece.
    """
    if isinstance(error, duckdb.InterruptException):
        try:
            relation.execute()
        except duckdb.Error as again:
            return again
    return error


def _faster(session: Session, sql: str) -> str:
    """The statement as it prunes best; PIVOT without IN has no tree to see how and stays as it is."""
    try:
        return pruning.in_utc(session.connection, sql)
    except QueryError:
        return sql


def _placed(session: Session, sql: str, error: duckdb.Error) -> str:
    """DuckDB's message with its place in `sql`: names that do not bind lose it on the way to a relation."""
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException):
        try:
            session.connection.execute(sql)
        except duckdb.Error as again:
            return str(again)
    return str(error)


def _attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    connection.execute(f"ATTACH {literal('ducklake:' + str(path))} AS lake (READ_ONLY)")


def _elsewhere(connection: duckdb.DuckDBPyConnection, hive: str) -> list[str]:
    """Roots of files that a tier keeps outside the hive."""
    found = connection.execute(
        "SELECT DISTINCT regexp_extract(path, '^[a-z0-9]+://[^/]+/')"
        " FROM __ducklake_metadata_lake.ducklake_data_file WHERE NOT starts_with(path, ?)",
        [hive],
    ).fetchall()
    return sorted(name for (name,) in found if name)


def _secret(connection: duckdb.DuckDBPyConnection, access: S3Access, roots: Sequence[str]) -> None:
    buckets = sorted({match[0] for place in roots if (match := re.match(r"s3://[^/]+/", place))})
    options = {"TYPE": "s3", "PROVIDER": "config", "REGION": literal(access.region)}
    if access.access_key:
        options |= {"KEY_ID": literal(access.access_key), "SECRET": literal(access.secret_key)}
    if access.token:
        options["SESSION_TOKEN"] = literal(access.token)
    if access.endpoint_url:
        scheme, _, host = access.endpoint_url.rstrip("/").rpartition("://")
        options |= {"ENDPOINT": literal(host), "URL_STYLE": "'path'"}
        options["USE_SSL"] = "false" if scheme == "http" else "true"
    options["SCOPE"] = "[" + ", ".join(literal(bucket) for bucket in buckets) + "]"
    inside = ", ".join(f"{name} {value}" for name, value in options.items())
    connection.execute(f"CREATE SECRET hive ({inside})")


def _partitions(state: catalogue.State, patterns: Sequence[str]) -> frozenset[PartitionId] | None:
    """The partitions that the patterns choose; None for all. UsageError for a pattern that fits none."""
    if not patterns:
        return None
    known = catalogue.partitions_of(state)
    chosen: set[PartitionId] = set()
    for pattern in patterns:
        found = _matching(known, pattern)
        if not found:
            listed = ", ".join(map(str, known)) or "none at all"
            raise UsageError(f"--partition {pattern}: no partition matches; there are {listed}")
        chosen |= found
    return frozenset(chosen)


def _matching(known: Sequence[PartitionId], pattern: str) -> set[PartitionId]:
    table, dot, name = pattern.partition(".")
    if dot:
        return {p for p in known if _glob(table).fullmatch(p.table) and _glob(name).fullmatch(p.name)}
    by_table = {p for p in known if _glob(pattern).fullmatch(p.table)}
    return by_table or {p for p in known if _glob(pattern).fullmatch(p.name)}


def _glob(pattern: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _conditions(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Columns,
    filters: Filters,
    chosen: frozenset[PartitionId] | None,
) -> list[str]:
    """The view's WHERE: values are resolved here, so that DuckLake can prune files by them."""
    where: list[str] = []
    names = {name for name, _ in columns}
    for bound, sign in ((filters.from_, ">="), (filters.to, "<=")):
        if bound is not None:
            utc = bound.astimezone(dt.UTC)
            where.append(f"tp_date {sign} DATE '{utc:%Y-%m-%d}'")
            if "tp_timestamp" in names:
                where.append(f"tp_timestamp {sign} TIMESTAMP '{utc:%Y-%m-%d %H:%M:%S.%f}'")
    if chosen is not None:
        where.append(_one_of_partitions(table, columns, chosen))
    if filters.indexes:
        patterns = [_glob(pattern) for pattern in filters.indexes]
        fitting = [v for v in _indexes(connection, table) if any(p.fullmatch(v) for p in patterns)]
        where.append(_one_of("tp_index", fitting))
    return where


def _one_of_partitions(table: str, columns: Columns, chosen: frozenset[PartitionId]) -> str:
    if table == REJECTED_TABLE and "table_name" in dict(columns):
        # Rows of every table's partitions stand here, so the pair must fit.
        pairs = ", ".join(f"({literal(p.table)}, {literal(p.name)})" for p in sorted(chosen))
        names = _one_of("tp_partition", sorted({p.name for p in chosen}))
        return f"{names} AND (table_name, tp_partition) IN ({pairs})"
    return _one_of("tp_partition", sorted(p.name for p in chosen if p.table == table))


def _one_of(column: str, values: Sequence[str]) -> str:
    return f"{column} IN ({', '.join(map(literal, values))})" if values else "false"


def _indexes(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    found = connection.execute(
        "SELECT DISTINCT v.partition_value FROM __ducklake_metadata_lake.ducklake_file_partition_value v"
        " JOIN __ducklake_metadata_lake.ducklake_table t USING (table_id)"
        " WHERE t.table_name = ? AND v.partition_key_index = 2 ORDER BY 1",
        [table],
    ).fetchall()
    return [value for (value,) in found]


def _view(connection: duckdb.DuckDBPyConnection, table: str, columns: Columns, where: Sequence[str]) -> None:
    listed = ", ".join(quoted(name) for name, _ in columns)
    only = f" WHERE {' AND '.join(where)}" if where else ""
    connection.execute(
        f"CREATE VIEW main.{quoted(table)} AS SELECT {listed} FROM lake.main.{quoted(table)}{only}"
    )


def _lock(connection: duckdb.DuckDBPyConnection, roots: Sequence[str]) -> None:
    allowed = ", ".join(map(literal, roots))
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
