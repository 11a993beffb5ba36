"""Finds the live files that may hold rows of given objects, and the rows of a file that stay.

A commit's files hold the rows of the objects it recorded; a later commit that removes such a file
and adds others (compaction, tiering, an overwrite) hands them on. So a walk along the log finds
them, wherever their days are. Of commits that were dropped, the floor tells which files have their rows.
"""

from __future__ import annotations

import datetime as dt
import json
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from penstock import convert, parquet
from penstock.archive import parted
from penstock.errors import Retry
from penstock.ledger import Dropped, Ledger
from penstock.ledger.floor import EVER, files, since
from penstock.listing import Window
from penstock.model import Commit, DataFile, PartitionId
from penstock.parquet import Copied
from penstock.sql import literal

__all__ = ["Origin", "Scope", "Standing", "keep_others", "live_files", "remember"]

_ALWAYS = ("tp_timestamp",)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows say that they come from; of an `archive`, its members' rows are meant."""

    type: str
    name: str
    location: str
    archive: bool

    @classmethod
    def of(cls, source: convert.Source, *, archive: bool) -> Origin:
        """The origin of the rows of a text, which is that of an archive's member or of an object."""
        location = parted(source.location)[0] if archive else source.location
        return cls(source.type, source.source_name, location, archive)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where rows come from that are replaced together: from the object at `place`, or with `folder` from
    all whose place begins so. The place is spelt as `archive.location` spells it.
    """

    type: str
    name: str
    place: str
    folder: bool

    def condition(self) -> str:
        """SQL that holds for its rows."""
        place = literal(self.place)
        begins = f"starts_with(tp_source_location, {place if self.folder else literal(self.place + '!/')})"
        inside = begins if self.folder else f"(tp_source_location = {place} OR {begins})"
        return (
            f"coalesce(tp_source_type = {literal(self.type)} AND {inside} "
            f"AND coalesce(tp_source_name, '') = {literal(self.name)}, false)"
        )

    def may_stand_in(self, file: DataFile) -> bool:
        """Whether the statistics of a file leave it open that it holds rows of the scope."""
        told = file.stats.get("tp_source_location")
        if told is None or told.min is None or told.max is None:
            return True
        return told.max >= self.place and (told.min <= self.place or told.min.startswith(self.place))


@dataclass(slots=True)
class Standing:
    """The live files of a partition at a version; catching up reads only what came since."""

    version: int = 0
    files: dict[str, DataFile] = field(default_factory=dict)

    def catch_up(self, ledger: Ledger, partition: PartitionId) -> None:
        """Read the commits that came since; from the beginning where they were dropped meanwhile."""
        try:
            self._follow(since(ledger, partition, self.version))
        except Dropped:
            self.version = 0
            self.files.clear()
            self._follow(since(ledger, partition, 0))

    def _follow(self, commits: Iterable[Commit]) -> None:
        for commit in commits:
            for path in commit.remove:
                self.files.pop(path, None)
            self.files |= {file.path: file for file in commit.add}
            self.version = commit.version


def live_files(
    ledger: Ledger, partition: PartitionId, versions: Collection[int], window: Window, upto: int
) -> dict[str, DataFile]:
    """Live files at the version `upto` that hold rows of objects recorded at `versions`, and those whose
    day lies in the window: there stand the rows of objects that had another content before.
    """
    found: dict[str, DataFile] = {}
    marked: set[str] = set()
    floor = ledger.floor(partition)
    recorded = sorted(versions)
    for kept in files(floor):
        ours = kept.last == EVER or _any_within(recorded, kept.first, kept.last)
        if ours or _near(kept.file, window):
            found[kept.file.path] = kept.file
        if ours:
            marked.add(kept.file.path)
    for commit in ledger.commits(partition, floor.version, upto):
        # The records of a large overwrite are written by commits behind the one with the files.
        ours = commit.version in versions or commit.kind == "overwrite"
        ours = ours or any(path in marked for path in commit.remove)
        for path in commit.remove:
            found.pop(path, None)
            marked.discard(path)
        for file in commit.add:
            if ours or _near(file, window):
                found[file.path] = file
            if ours:
                marked.add(file.path)
    return found


def _any_within(versions: Sequence[int], first: int, last: int) -> bool:
    """Whether one of the versions, which are in order, lies in the range."""
    place = bisect_left(versions, first)
    return place < len(versions) and versions[place] <= last


def _near(file: DataFile, window: Window) -> bool:
    start = dt.datetime.combine(file.tp_date, dt.time(), dt.UTC)
    return window.overlaps((start, start + dt.timedelta(days=1)))


def remember(engine: duckdb.DuckDBPyConnection, origins: Iterable[Origin], folder: Path) -> str:
    """Put the origins where the SQL looks that comes back: it holds for their rows."""
    list_ = folder / "origins.json"
    with list_.open("w", encoding="utf-8") as file:
        for one in origins:
            name = f"{one.type}\n{one.name}\n{one.location}"
            file.write(json.dumps({"name": name, "archive": one.archive}) + "\n")
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE origins AS SELECT DISTINCT name, archive FROM "
        f"read_json({literal(str(list_))}, format='newline_delimited', "
        "columns={name: 'VARCHAR', archive: 'BOOLEAN'})"
    )
    return _TAKEN


_PLACE = "concat(tp_source_type, chr(10), tp_source_name, chr(10), {})"
_TAKEN = (
    f"({_PLACE.format('tp_source_location')} IN (SELECT name FROM origins) OR "
    "(contains(coalesce(tp_source_location, ''), '!/') AND "
    + _PLACE.format("left(tp_source_location, strpos(tp_source_location, '!/') - 1)")
    + " IN (SELECT name FROM origins WHERE archive)))"
)


def keep_others(
    engine: duckdb.DuckDBPyConnection, file: DataFile, local: Path, target: Path, path: str, taken: str
) -> tuple[bool, DataFile | None]:
    """Whether `file` (a copy of it stands at `local`) holds rows for which the SQL `taken` holds; its other
    rows, at `target` under the name `path`, or None when there are none. Retry when memory or disk
    do not suffice now.
    """
    rows = f"read_parquet({literal(str(local))})"
    options = parquet.copy_options(file.table, file.schema)
    try:
        hits = engine.execute(f"SELECT count(*) FROM {rows} WHERE {taken}").fetchall()[0][0]
        if hits in (0, file.rows):
            return bool(hits), None
        (row,) = engine.execute(
            f"COPY (SELECT * FROM {rows} WHERE NOT {taken} ORDER BY tp_timestamp) "
            f"TO {literal(str(target))} ({options})"
        ).fetchall()
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise Retry(f"{file.path}: its rows cannot be divided now: {str(error).splitlines()[0]}") from error
    copied = Copied.of(row)
    if copied.rows != file.rows - hits:
        raise RuntimeError(f"{file.path}: {file.rows} rows, {hits} to be replaced, but {copied.rows} kept")
    kept = DataFile(
        path=path,
        table=file.table,
        partition=file.partition,
        tp_index=file.tp_index,
        tp_date=file.tp_date,
        rows=copied.rows,
        bytes=copied.bytes,
        footer_bytes=copied.footer_bytes,
        schema=file.schema,
        stats=parquet.statistics(file.stats or _ALWAYS, copied.told),
    )
    return True, kept
