"""Opens a locked DuckDB over the catalogue, one view per table, and closes every door but the hive's.

The catalogue is attached read-only, the views get the caller's filters, and then DuckDB is locked:
no file system but the hive, the roots of tiers that its files lie at, and the copies that were pulled,
no configuration (G6). What it reads stays in its memory for the next statement, and is not asked for
again: files of a hive never change.
"""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from penstock import catalogue, extensions
from penstock.catalogue.lake import root
from penstock.query import pushdown
from penstock.query.filters import Filters, NamedViews, index_values
from penstock.query.gateway import Gateway
from penstock.query.pulled import localize, mark
from penstock.query.ranges import Ranges
from penstock.query.views import view_statements
from penstock.sql import literal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = [
    "Engine",
    "Session",
    "begin",
    "cancel",
    "elsewhere",
    "indexes",
    "open_session",
    "progress",
    "whereabouts",
]

# Files never change, so what was read once is good for the session: no HEAD to see whether it still is.
_REMEMBERING = (
    "SET validate_external_file_cache = 'NO_VALIDATION'",
    "SET parquet_metadata_cache = true",
    "SET enable_http_metadata_cache = true",
)


@dataclass(frozen=True, slots=True)
class Session:
    """An open, locked connection; close it when done.

    `tables` are the names of its views, `state` the catalogue it sees (`state.shapes` has each
    table's columns, `state.versions` each partition's version), `filters` what the views leave out.
    `pulled` are the folders of local copies that it reads, `mark` is when copies had last come or gone,
    `is_earlier` says that the state may be one of the past, whose files go in time.
    One statement at a time; `cancel` and `progress` may be called from other threads.
    """

    connection: duckdb.DuckDBPyConnection
    tables: tuple[str, ...]
    state: catalogue.State
    filters: Filters = field(default_factory=Filters)
    pulled: tuple[Path, ...] = ()
    mark: int = 0
    gateway: Gateway | None = field(default=None, compare=False, repr=False)
    is_earlier: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)

    def close(self) -> None:
        """Give the connection and its files back; what still runs is stopped: closing would wait for it."""
        self.connection.interrupt()
        self.connection.close()
        if self.gateway is not None:
            self.gateway.close()


Engine = Callable[[], duckdb.DuckDBPyConnection]
"""Gives a DuckDB that has loaded what a hive needs, once."""


def begin(hive: str) -> Engine:
    """Begin to make one for this hive, while other things are done."""
    return extensions.begin("ducklake", "inet", *(("httpfs",) if "://" in hive else ()))


def open_session(
    state: catalogue.State,
    hive: str,
    *,
    client: S3Client | None,
    filters: Filters,
    scratch: Path,
    threads: int = 0,
    views: Sequence[NamedViews] = (),
    pulled: Sequence[Path] = (),
    ranges: Ranges | None = None,
    engine: Engine | None = None,
) -> Session:
    """A locked session over the catalogue `state` and the hive it was made for.

    `client` reads a hive on S3; `ranges` keeps what it reads, and the session closes that. `scratch`
    is a directory where DuckDB spills what memory does not hold. `threads` 0 means as many as there are
    cores. `pulled` are folders of this hive's local copies, which are read where there are any.
    `engine` is one that was begun for this hive. UsageError when a filter names no partition.
    """
    marked = mark(pulled)
    gateway: Gateway | None = None
    connection = (engine or begin(hive))()
    try:
        connection.execute(f"SET temp_directory = {literal(str(scratch))}")
        if threads:
            connection.execute(f"SET threads = {threads}")
        connection.execute("SET TimeZone = 'UTC'")
        with _catalogue(state, hive, pulled) as (path, local):
            connection.execute(f"ATTACH {literal('ducklake:' + str(path))} AS lake (READ_ONLY)")
        folders = [root(str(folder)) for folder in local]
        roots = [root(hive), *elsewhere(connection, root(hive), *folders)]
        if any("://" in place for place in roots[1:]):
            extensions.load(connection, "httpfs")
        if client is not None:
            gateway = Gateway(client, roots, ranges)
            _secret(connection, gateway)
        for view in view_statements(connection, state, filters, views):
            connection.execute(view)
        _watch(connection)
        _lock(connection, [*roots, *folders])
    except BaseException:
        connection.close()
        if gateway is not None:
            gateway.close()
        raise
    return Session(connection, tuple(sorted(state.shapes)), state, filters, local, marked, gateway)


@contextmanager
def _catalogue(
    state: catalogue.State, hive: str, pulled: Sequence[Path]
) -> Iterator[tuple[Path, tuple[Path, ...]]]:
    """The file to attach, one that goes once attached if it names local copies; and the folders of those."""
    if not any(folder.is_dir() for folder in pulled):
        yield state.path, ()
        return
    # What is attached stays open without its name; where an open file cannot be removed, it is left.
    with tempfile.TemporaryDirectory(prefix="penstock-", ignore_cleanup_errors=True) as folder:
        own = Path(folder, "catalogue.ducklake")
        named = localize(state, hive, pulled, own)
        yield (own if named else state.path), named


def indexes(session: Session, table: str) -> list[str]:
    """Every value of tp_index among the table's files, sorted, whatever the filters."""
    return index_values(session.connection.cursor(), table)


def cancel(session: Session) -> None:
    """Stop the statement that runs, from another thread: it ends in KeyboardInterrupt. Else nothing."""
    session.cancelled.set()
    session.connection.interrupt()


def progress(session: Session) -> float:
    """How far the running statement is, 0 to 100; below 0 when it cannot be told. For other threads."""
    return float(session.connection.query_progress())


def elsewhere(connection: duckdb.DuckDBPyConnection, *known: str) -> list[str]:
    """The roots of tiers that files lie at, each with its closing slash: those that are not `known`.

    Only compaction, by a `tier` block, commits files outside the hive; no wider place is opened.
    """
    outside = " AND ".join(f"NOT starts_with(path, {literal(place)})" for place in known)
    found = connection.execute(
        "SELECT DISTINCT regexp_extract(path, '^(.*?/)tp_table=', 1)"
        f" FROM __ducklake_metadata_lake.ducklake_data_file WHERE {outside}"
    ).fetchall()
    return sorted(name for (name,) in found if name)


def _secret(connection: duckdb.DuckDBPyConnection, gateway: Gateway) -> None:
    """DuckDB asks the gateway, with its word."""
    options = {"TYPE": "s3", "PROVIDER": "config", "REGION": "'here'", "SECRET": "'none'"}
    options["KEY_ID"] = literal(gateway.word)
    options |= whereabouts(f"http://{gateway.host}", gateway.roots)
    inside = ", ".join(f"{name} {value}" for name, value in options.items())
    connection.execute(f"CREATE SECRET hive ({inside})")
    # Without one of its own it would take the environment's, which knows nothing of this loopback.
    connection.execute(f"SET http_proxy = {literal(gateway.host)}")


def whereabouts(endpoint_url: str, roots: Sequence[str]) -> dict[str, str]:
    """Options of a secret that say which buckets it is for, and where they are if not with AWS."""
    options = {}
    if endpoint_url:
        scheme, _, host = endpoint_url.rstrip("/").rpartition("://")
        options = {"ENDPOINT": literal(host), "URL_STYLE": "'path'"}
        options["USE_SSL"] = "false" if scheme == "http" else "true"
    buckets = sorted({match[0] for place in roots if (match := re.match(r"s3://[^/]+/", place))})
    return options | {"SCOPE": "[" + ", ".join(literal(bucket) for bucket in buckets) + "]"}


def _watch(connection: duckdb.DuckDBPyConnection) -> None:
    """Let it remember what it read, and know how far it is; print nothing."""
    for setting in _REMEMBERING:
        connection.execute(setting)
    connection.execute("SET enable_progress_bar = true")
    connection.execute("SET enable_progress_bar_print = false")
    connection.execute("SET progress_bar_time = 0")


def _lock(connection: duckdb.DuckDBPyConnection, roots: Sequence[str]) -> None:
    allowed = ", ".join(map(literal, roots))
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute(f"SET allowed_configs = [{literal(pushdown.SETTING)}]")
    connection.execute("SET lock_configuration = true")
