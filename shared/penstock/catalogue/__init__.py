"""The catalogue: the DuckLake file through which readers see the hive, derived from the ledger.

One DuckDB file per reader holds, per table, the live files with their statistics, partition values
and column mapping. `refresh` brings it to the ledger's head: it copies the file, applies to the
copy the commits it has not seen, and renames the copy into place. A process that dies on the way
leaves the old state; readers that hold the old state keep it; writers stand in line, so no state is
replaced by an older one (G3).

Losing the file loses nothing: it is made again from the ledger.
"""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from penstock import extensions, tables
from penstock.catalogue import lake, shape
from penstock.errors import Retry
from penstock.ledger import Dropped, Ledger
from penstock.model import REJECTED_TABLE, PartitionId, Schema
from penstock.sql import literal

__all__ = ["State", "at_versions", "built_in", "read", "refresh"]

_FORMAT = "1"
_STALE_SECONDS = 3600
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class State:
    """What a catalogue file holds: each partition whole, at the version given.

    `identity` is what it was derived from (hive, ledger, format): another identity, another
    catalogue. `schemas` are those of its files, by table and fingerprint; `shapes` the columns of
    each table, `used` the schemas that live files have.
    """

    path: Path
    identity: str
    versions: Mapping[PartitionId, int]
    schemas: Mapping[tuple[str, str], Schema]
    shapes: Mapping[str, shape.Columns]
    used: frozenset[tuple[str, str]] = frozenset()


def built_in() -> dict[str, shape.Columns]:
    """The columns of every built-in table, by name: what is there before the first commit."""
    return {name: tables.find(name).all_columns() for name in tables.names()}


def refresh(
    path: Path, ledger: Ledger, hive: str, *, source: str, declared: Mapping[str, shape.Columns]
) -> State:
    """Bring the catalogue at `path` to the ledger's head, making it if need be; what it then holds.

    `hive` is the root (directory or s3://bucket/prefix), `source` names the ledger: when either is
    not what the file was derived from, it is derived anew. `declared` has the columns of the
    tables that exist whether or not a file does. Costs one consistent read per partition when
    nothing is new, else a copy of the file and the new commits. The ledger's errors pass through;
    Retry when schemas keep changing under it, or the file cannot be written.
    """
    identity = _identity(hive, source)
    with _writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    old = _same(read(path), identity)
    if old is not None and _current(old, _heads(ledger), declared):
        return old
    with _writable(path), _alone(path):
        old = _same(read(path), identity)
        used = set(old.used) if old else set()
        for attempt in range(_ATTEMPTS):
            heads = _heads(ledger)
            if old is None:
                old = _empty(path, identity, ledger, heads)
                used = used or set(old.schemas)
            elif _current(old, heads, declared):
                return old
            try:
                new = _replace(old, ledger, heads, hive, declared, used)
            except (lake.Reshaped, Dropped):  # what `old` lacks cannot be added to it: begin anew
                old = None
                continue
            if attempt + 1 == _ATTEMPTS or _current(new, new.versions, declared):
                return new
            old, used = None, set(new.used)  # the types were those of files that are gone
    raise Retry(f"{path}: its tables or the log changed {_ATTEMPTS} times while it was made; try again")


def at_versions(
    path: Path,
    ledger: Ledger,
    hive: str,
    versions: Mapping[PartitionId, int],
    *,
    source: str,
    declared: Mapping[str, shape.Columns],
) -> State:
    """A catalogue at `path`, where none is, with each partition at the version given. As `refresh`."""
    old = _empty(path, _identity(hive, source), ledger, versions)
    new = _replace(old, ledger, versions, hive, declared, set(old.schemas))
    if _current(new, versions, declared):
        return new
    return _replace(old, ledger, versions, hive, declared, set(new.used))


def _identity(hive: str, source: str) -> str:
    return "\n".join((_FORMAT, duckdb.__version__, hive, source))


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    """Say what could not be written: a full disk, a home that is read-only."""
    try:
        yield
    except FileNotFoundError:
        raise  # what the ledger reads of the hive is gone
    except (OSError, duckdb.IOException) as error:
        raise Retry(f"{path}: the catalogue cannot be written there: {error}") from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One writer at a time, so that no state is replaced by an older one; a killed one lets go.

    Where there is no flock, an older state may win for a moment; `query.bring_up` looks again.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with path.with_name(f"{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _same(state: State | None, identity: str) -> State | None:
    return state if state is not None and state.identity == identity else None


def _current(state: State, heads: Mapping[PartitionId, int], declared: Mapping[str, shape.Columns]) -> bool:
    return state.versions == heads and state.shapes == _shapes(declared, state.schemas, state.used)


def read(path: Path) -> State | None:
    """What the file at `path` holds; None when there is none or it is no catalogue of ours."""
    if not path.is_file():
        return None
    with extensions.connect() as connection:
        try:
            connection.execute(f"ATTACH {literal(str(path))} AS lake (READ_ONLY)")
            return _state(path, lake.Memory.read(connection, "lake"))
        except (
            duckdb.BinderException,
            duckdb.CatalogException,
            duckdb.IOException,
            duckdb.SerializationException,
        ):
            return None  # a cache that cannot be read is made again


def _state(path: Path, memory: lake.Memory) -> State:
    return State(path, memory.identity, memory.versions, memory.schemas, memory.shapes, memory.used)


def _heads(ledger: Ledger) -> dict[PartitionId, int]:
    partitions = ledger.partitions()
    with ThreadPoolExecutor(max_workers=8) as pool:
        heads = list(pool.map(ledger.head, partitions))
    return {partition: head.version for partition, head in zip(partitions, heads, strict=True)}


def _shapes(
    declared: Mapping[str, shape.Columns],
    schemas: Mapping[tuple[str, str], Schema],
    used: Set[tuple[str, str]],
) -> dict[str, shape.Columns]:
    """The columns of each table: the declared types stand where they read what is there."""
    found: dict[str, tuple[list[shape.Columns], list[shape.Columns]]] = {name: ([], []) for name in declared}
    for key, schema in sorted(schemas.items()):
        found.setdefault(key[0], ([], []))[key not in used].append(schema.columns)
    return {table: shape.union(held, declared.get(table), unused) for table, (held, unused) in found.items()}


def _empty(path: Path, identity: str, ledger: Ledger, heads: Mapping[PartitionId, int]) -> State:
    """A state before the first commit that already knows every schema, so that none reshapes it."""
    names = sorted({partition.table for partition in heads} | {REJECTED_TABLE})
    schemas = {
        (table, fingerprint): schema
        for table in names
        for fingerprint, schema in ledger.schemas(table).items()
    }
    return State(path, identity, {}, schemas, {})


def _replace(
    old: State,
    ledger: Ledger,
    heads: Mapping[PartitionId, int],
    hive: str,
    declared: Mapping[str, shape.Columns],
    used: set[tuple[str, str]],
) -> State:
    """Write the new state beside the old file and rename it into place.

    `used` are the schemas whose types count; those of the files that came are added.
    """
    fresh = old.path.with_name(f".{old.path.name}.{uuid.uuid4().hex}.tmp")
    try:
        if old.versions or old.shapes:
            shutil.copyfile(old.path, fresh)
        with lake.Writer(fresh, hive, old.identity, old.schemas, old.versions) as writer:
            writer.reshape(_shapes(declared, old.schemas, used))
            for files in lake.batches(ledger, old.versions, heads):
                new = lake.unknown(files, writer.schemas, ledger)
                came = {(file.table, file.schema) for file in files.added.values()}
                if new or not came <= used:
                    used |= came
                    writer.learn(new)
                    writer.reshape(_shapes(declared, writer.schemas, used))
                writer.apply(files)
            writer.finish(heads)
            memory = writer.memory()
        _sweep_leftovers(fresh, old.path.name)
        os.replace(fresh, old.path)  # noqa: PTH105 - the one call that tests interrupt
    finally:
        for left in (fresh, fresh.with_name(fresh.name + ".wal")):
            left.unlink(missing_ok=True)
    return _state(old.path, memory)


def _sweep_leftovers(fresh: Path, name: str) -> None:
    """Remove what refreshes that were killed an hour and more ago left behind."""
    now = fresh.stat().st_mtime
    for left in fresh.parent.glob(f".{name}.*.tmp*"):
        try:
            if now - left.stat().st_mtime > _STALE_SECONDS:
                left.unlink()
        except FileNotFoundError:
            continue  # another process was quicker


def covers(state: State, versions: Mapping[PartitionId, int]) -> bool:
    """Whether `state` is at least as new as `versions` in every partition."""
    return all(state.versions.get(partition, 0) >= version for partition, version in versions.items())


def partitions_of(state: State) -> Sequence[PartitionId]:
    """The partitions it knows, sorted."""
    return sorted(state.versions)
