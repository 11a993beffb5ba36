"""Deletes rows of one partition by time, in one commit: readers see all of them or none (G3).

    look      live files that may hold such rows, from the catalogue: whole ones, and cut ones
    rewrite   the other rows of the cut ones: fetch ─▶ copy ─▶ intent ─▶ put, under hidden names
    commit    whole and cut ones out, the rewritten ones in

    dies before the commit   an intent and hidden files that no reader sees; compaction clears them
    dies after it            an intent that the ledger proves true
    others were quicker      a file is gone (Conflict): look again, on top of what they did

The objects stay collected: what was deleted does not come back with the next sweep. Files stand in
the hive until compaction deletes them a grace period later, so queries that began before go on.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from penstock import catalogue, extensions, parquet
from penstock.collect.landing import commit_id, require_fresh
from penstock.compact import Live, Site, Wanted
from penstock.errors import Conflict, PenstockError, Retry
from penstock.hive import data_path
from penstock.ledger.commit import commit
from penstock.model import DataFile, Intent, PartitionId
from penstock.sql import literal, timestamp

__all__ = ["Deleted", "Found", "Range", "delete", "look"]

_ATTEMPTS = 5
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Range:
    """Rows whose tp_timestamp lies in it, both ends included; None is open. Aware times."""

    from_: dt.datetime | None = None
    to: dt.datetime | None = None

    def condition(self) -> str:
        """SQL that is true for its rows; a row without a time is in no range but the open one."""
        bounds = (
            f"tp_timestamp {sign} {timestamp(bound)}"
            for sign, bound in ((">=", self.from_), ("<=", self.to))
            if bound is not None
        )
        return " AND ".join(bounds) or "true"


@dataclass(frozen=True, slots=True)
class Found:
    """Files of a partition at `version` that hold rows to delete: all of their rows, or perhaps some."""

    partition: PartitionId
    version: int
    range: Range
    whole: tuple[DataFile, ...]
    cut: tuple[DataFile, ...]


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted: rows (rejected ones too), files that went, files written anew; the commit's version.

    `version` 0: there was nothing to delete, and no commit was made.
    """

    rows: int = 0
    files: int = 0
    rewritten: int = 0
    version: int = 0


def look(state: catalogue.State, hive: str, partition: PartitionId, wanted: Range) -> Found:
    """The files that a delete would touch, by the catalogue alone; rejected rows of the partition too."""
    first, last = (bound.astimezone(dt.UTC).date() if bound else None for bound in (wanted.from_, wanted.to))
    groups = Live(state.path, hive).groups(Wanted(frozenset({partition}), first, last))
    files = [file for group in groups.values() for file in group]
    placed = [(file, _place(file, wanted)) for file in files]
    whole = tuple(file for file, place in placed if place == "inside")
    cut = tuple(file for file, place in placed if place == "across")
    return Found(partition, state.versions.get(partition, 0), wanted, whole, cut)


def delete(
    site: Site,
    bring_up: Callable[[], catalogue.State],
    partition: PartitionId,
    wanted: Range,
    *,
    scratch: Path,
    memory_mb: int = 1024,
) -> Deleted:
    """Delete the partition's rows of the range that are live by now, in one commit.

    `bring_up` gives the catalogue at the ledger's head; it is called again when others change the
    files meanwhile. Cut files are copied through `scratch`, one at a time in memory. Retry: nothing
    was deleted. OutcomeUnknown: it may have been; running it again is harmless.
    """
    last: Conflict | None = None
    for _ in range(_ATTEMPTS):
        site.step("look")
        found = look(bring_up(), site.hive.root, partition, wanted)
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            try:
                return _delete(site, found, Path(folder), memory_mb)
            except Conflict as conflict:
                last = conflict
    raise Retry(f"{partition}: others changed its files {_ATTEMPTS} times meanwhile: {last}") from last


def _place(file: DataFile, wanted: Range) -> str:
    """Where the file's rows lie: inside the range, outside of it, or across one of its ends."""
    if wanted == Range():
        return "inside"
    times = file.stats.get("tp_timestamp")
    low, high = (_time(times.min), _time(times.max)) if times else (None, None)
    if low is None or high is None:
        return "across"
    if (wanted.to and low > wanted.to) or (wanted.from_ and high < wanted.from_):
        return "outside"
    within = (not wanted.from_ or low >= wanted.from_) and (not wanted.to or high <= wanted.to)
    return "inside" if within and times and not times.nulls else "across"


def _time(text: str | None) -> dt.datetime | None:
    """A statistic as a time; None for what is no time of the calendar (infinity)."""
    try:
        return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) if text else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Rest:
    """A cut file that holds rows to delete, and its other rows as a file of this machine (None: none)."""

    old: DataFile
    local: Path
    new: DataFile | None


def _delete(site: Site, found: Found, folder: Path, memory_mb: int) -> Deleted:
    name = commit_id(site.now())
    rests = _rewrite(site, found, folder, name, memory_mb)
    remove = [*found.whole, *(rest.old for rest in rests)]
    if not remove:
        return Deleted()
    add = [rest.new for rest in rests if rest.new]
    intent = Intent(name, found.partition, tuple(f.path for f in add), site.now())
    if add:
        site.step("intent")
        site.ledger.put_intent(intent)
        site.step("put")
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda rest: _put(site, rest), rests))
    site.step("commit")
    if add:
        require_fresh(name, intent.time, site.now())
    try:
        landed = commit(
            site.ledger,
            partition=found.partition,
            id=name,
            kind="delete",
            time=site.now(),
            add=add,
            remove=[file.path for file in remove],
            base=found.version,
        )
    except Conflict:
        _take_back(site, name, add)
        raise
    site.step("forget")
    site.forget(name)
    rows = sum(file.rows for file in remove) - sum(file.rows for file in add)
    return Deleted(rows, len(remove), len(add), landed.version)


def _put(site: Site, rest: _Rest) -> None:
    if rest.new:
        site.hive.upload(rest.new.path, rest.local)
        site.step("put one")


def _take_back(site: Site, name: str, files: Sequence[DataFile]) -> None:
    """What did not come goes; what cannot be deleted now is left to the intent."""
    with suppress(Retry):
        for file in files:
            site.hive.delete(file.path)
        site.forget(name)


def _rewrite(site: Site, found: Found, folder: Path, name: str, memory_mb: int) -> list[_Rest]:
    """The rests of the cut files that do hold rows of the range."""
    rests = []
    with extensions.connect(threads=1, memory_limit=f"{memory_mb}MiB", temp_directory=str(folder)) as engine:
        for number, file in enumerate(found.cut):
            site.step("fetch")
            # No name comes twice: DuckDB remembers what it read by name, size and second.
            came, local = folder / f"in-{number}.parquet", folder / f"out-{number}.parquet"
            _fetch(site, file, came)
            site.step("rewrite")
            rows = f"read_parquet({literal(str(came))}, hive_partitioning = false)"
            condition = found.range.condition()
            (hits,) = engine.execute(f"SELECT count(*) FROM {rows} WHERE {condition}").fetchall()[0]
            if hits == file.rows:
                rests.append(_Rest(file, local, None))
            elif hits:
                options = parquet.copy_options(file.table, file.schema, made="small")
                (row,) = engine.execute(
                    f"COPY (SELECT * FROM {rows} WHERE ({condition}) IS NOT TRUE)"
                    f" TO {literal(str(local))} ({options})"
                ).fetchall()
                new = _entry(file, parquet.Copied.of(row), f"_{name}-{number}.parquet")
                if new.rows != file.rows - hits:
                    raise PenstockError(
                        f"{file.path}: {file.rows} rows less {hits}, but {new.rows} were kept"
                    )
                rests.append(_Rest(file, local, new))
            came.unlink()
    return rests


def _fetch(site: Site, file: DataFile, to: Path) -> None:
    try:
        site.hive.download(file.path, to)
    except FileNotFoundError as error:
        raise PenstockError(f"{error}: live in the ledger but not in the hive") from error


def _entry(old: DataFile, copied: parquet.Copied, name: str) -> DataFile:
    """The old file's entry with what the new one has of its own. Hidden: compaction shows it in time."""
    return replace(
        old,
        path=data_path(old.table, old.partition, old.tp_index, old.tp_date, name),
        rows=copied.rows,
        bytes=copied.bytes,
        footer_bytes=copied.footer_bytes,
        stats=parquet.statistics(old.stats or ("tp_timestamp",), copied.told),
    )
