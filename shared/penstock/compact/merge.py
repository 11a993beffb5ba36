"""Merges files of one group into sorted ones, by DuckDB in a connection that touches its folder only.

    inputs of each schema ─explicit columns, casts, nulls─▶ one relation
    ─cut by quantiles of tp_timestamp─▶ a sorted piece at a time ─▶ outputs, one after the other in time

A piece is what the memory budget sorts at once. An output of several pieces is put together from
them without sorting again, so neither a day nor an output has to fit into memory (G4). Where many files
span many pieces, as in a day that was collected later, each would be read for each piece; so their rows
are sorted into runs first, of which a piece reads the row groups that it needs. Rows are
counted, and their ids and times hashed, before and after: a sum that does not agree keeps nothing.
"""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from penstock import parquet
from penstock.compact.live import Group
from penstock.compact.plan import Job, earliest, latest
from penstock.errors import PenstockError, Retry
from penstock.hive import data_path
from penstock.model import DataFile, Schema
from penstock.parquet import Copied, Written
from penstock.sql import identifier, literal

__all__ = ["Merged", "Work", "merge"]

_PIECE_PART = 8
"""A piece's rows, unpacked, take this part of the memory budget: sorting holds them more than once."""

_PASSES = 8
"""What sorting into runs costs, in readings of the inputs, beside one for each output (measured: 40 files of
20,000 rows in 3, 8 and 16 pieces, 6.7, 8.4 and 9.5 s of processor time, with runs 8.2, 8.8 and 8.4)."""

_ROW_GROUP_BYTES = 80 << 20
_ROW_GROUP_ROWS = (16_384, 122_880)
"""A row group is written from memory whole: so many bytes unpacked, within these numbers of rows."""

_SAMPLED = 1000


@dataclass(frozen=True, slots=True)
class Work:
    """What merging one job needs. `local` has each input's copy on this machine, by its path.

    `schemas` are those of the inputs by fingerprint, `target` is the one of the outputs. `folder`
    lies inside the engine's. `unique_key`: of the rows that share it, one is kept. `index` is SQL
    for the rows' tp_index where they are to be divided anew, None where the job's group has it.
    """

    job: Job
    local: Mapping[str, Path]
    schemas: Mapping[str, Schema]
    target: Schema
    folder: Path
    memory_mb: int
    unique_key: str | None = None
    index: str | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """The outputs, and how many rows of a key that was there already were left out."""

    files: tuple[Written, ...]
    repeated: int


@dataclass(frozen=True, slots=True)
class _Sum:
    """What rows amount to, in whatever order they stand."""

    rows: int
    content: int


def merge(engine: duckdb.DuckDBPyConnection, work: Work, *, commit: str) -> Merged:
    """Merge a job's files into hidden ones of `commit`.

    Retry when memory or disk do not suffice now. PenstockError when a file does not hold the rows
    that the ledger promises. RuntimeError when the outputs do not hold those of the inputs: our
    own bug, nothing may be kept.
    """
    rows = _rows(work)
    before = _sum(engine, work, rows)
    if before.rows != work.job.rows:
        raise PenstockError(
            f"{work.job.group}: {len(work.job.files)} files hold {before.rows} rows, but the ledger says "
            f"{work.job.rows}; `penstock fsck` tells which"
        )
    expected = before if work.unique_key is None else _sum(engine, work, _unique(work, rows))
    written: list[Written] = []
    for part in [work] if work.index is None else _divided(engine, work, work.index):
        written += _outputs(engine, part, len(written), commit)
    _check(engine, work, written, expected)
    return Merged(tuple(written), before.rows - expected.rows)


def _divided(engine: duckdb.DuckDBPyConnection, work: Work, index: str) -> list[Work]:
    """The rows in a file for each tp_index on this machine, to be merged as if they had come so."""
    folder = work.folder / "divided"
    rows = f"SELECT *, {index} AS tp_index FROM ({_unique(work, _rows(work))})"
    options = "FORMAT parquet, COMPRESSION lz4_raw, RETURN_STATS, PARTITION_BY (tp_index)"
    found = [Copied.of(row) for row in _run(engine, f"COPY ({rows}) TO {literal(str(folder))} ({options})")]
    sizes: dict[str, list[Copied]] = defaultdict(list)
    for copied in found:
        sizes[copied.keys["tp_index"]].append(copied)
    total = max(1, sum(copied.bytes for copied in found))
    parts = []
    for value, copies in sorted(sizes.items()):
        group = replace(work.job.group, tp_index=value)
        files = tuple(_stand_in(work, group, copied) for copied in copies)
        share = sum(copied.bytes for copied in copies) / total
        job = Job(group, files, max(1, round(share * work.job.outputs)))
        parts.append(
            replace(
                work,
                job=job,
                local={file.path: Path(file.path) for file in files},
                schemas={work.target.fingerprint: work.target},
                unique_key=None,
                index=None,
            )
        )
    return parts


def _stand_in(work: Work, group: Group, copied: Copied) -> DataFile:
    told = {column for file in work.job.files for column in file.stats}
    return DataFile(
        path=str(copied.path),
        table=group.table,
        partition=group.partition.name,
        tp_index=group.tp_index,
        tp_date=group.tp_date,
        rows=copied.rows,
        bytes=copied.bytes,
        footer_bytes=copied.footer_bytes,
        schema=work.target.fingerprint,
        stats=parquet.statistics(sorted(told), copied.told),
    )


def _outputs(engine: duckdb.DuckDBPyConnection, work: Work, number: int, commit: str) -> list[Written]:
    """Write the rows of one group, numbered from `number` on."""
    width = _width(engine, work)
    pieces = max(1, math.ceil(work.job.rows * width * _PIECE_PART / (work.memory_mb << 20)))
    pieces = math.ceil(pieces / work.job.outputs)
    low, high = _ROW_GROUP_ROWS
    group = min(high, max(low, int(_ROW_GROUP_BYTES / width) // parquet.VECTOR * parquet.VECTOR))
    cuts = _cuts(engine, _rows(work), pieces * work.job.outputs)
    often = _passes(work.job.files, cuts) > _PASSES + work.job.outputs
    written: list[Written] = []
    for start in range(0, len(cuts) + 1, pieces):
        ranges = _ranges(cuts, start, pieces)
        next_ = number + len(written)
        part = _in_runs(engine, work, cuts, start, len(ranges), next_) if often and len(ranges) > 1 else work
        written += _output(engine, part, ranges, next_, commit, group)
        for run in part.local.keys() - work.local.keys():
            part.local[run].unlink()
    return written


def _passes(files: Sequence[DataFile], cuts: Sequence[dt.datetime]) -> float:
    """How often the bytes of the files are read, when each piece reads those that may have rows of it."""
    read = sum(len(_pieces(file, cuts)) * file.bytes for file in files)
    return read / max(1, sum(file.bytes for file in files))


def _pieces(file: DataFile, cuts: Sequence[dt.datetime]) -> range:
    """The numbers of the pieces that a file may have rows of."""
    at = [str(cut) for cut in cuts]
    first = bisect(at, earliest(file))
    return range(first, max(first, bisect(at, latest(file))) + 1)


def _in_runs(
    engine: duckdb.DuckDBPyConnection,
    work: Work,
    cuts: Sequence[dt.datetime],
    start: int,
    count: int,
    number: int,
) -> Work:
    """The rows of output `number`, of `count` pieces from `start` on, in sorted files of a piece's size.

    A file that may have more of these rows than that is left as it is: most such files come of a merge
    and are sorted.
    """
    most = work.job.rows / (len(cuts) + 1)
    share = {file.path: _share(file, cuts, start, count) for file in work.job.files}
    small = [file for file in work.job.files if share[file.path] <= most]
    files = [file for file in work.job.files if share[file.path] > most]
    local = {file.path: work.local[file.path] for file in files}
    options = f"FORMAT parquet, COMPRESSION lz4_raw, RETURN_STATS, ROW_GROUP_SIZE {2 * parquet.VECTOR}"
    wanted = _range(cuts, start, start + count)
    for place, few in enumerate(_filled(small, share, most)):
        rows = _rows(replace(work, job=replace(work.job, files=few)))
        run = work.folder / f"run-{number}-{place}.parquet"
        select = f"SELECT * FROM ({rows}) WHERE {wanted} ORDER BY {_order(work)}"
        stand_in = _stand_in(work, work.job.group, _copy(engine, select, run, options))
        files.append(stand_in)
        local[stand_in.path] = run
    schemas = {**work.schemas, work.target.fingerprint: work.target}
    return replace(work, job=replace(work.job, files=tuple(files)), local=local, schemas=schemas)


def _share(file: DataFile, cuts: Sequence[dt.datetime], start: int, count: int) -> float:
    """About how many rows of a file lie in `count` pieces from number `start` on."""
    pieces = _pieces(file, cuts)
    within = range(max(pieces.start, start), min(pieces.stop, start + count))
    return file.rows * len(within) / len(pieces)


def _filled(
    files: Sequence[DataFile], share: Mapping[str, float], most: float
) -> Iterator[tuple[DataFile, ...]]:
    """Files in their order, as many at a time as have so many rows between them."""
    few: list[DataFile] = []
    rows = 0.0
    for file in files:
        if few and rows + share[file.path] > most:
            yield tuple(few)
            few, rows = [], 0.0
        few.append(file)
        rows += share[file.path]
    if few:
        yield tuple(few)


def _width(engine: duckdb.DuckDBPyConnection, work: Work) -> float:
    """About how many bytes a row takes unpacked, by a few rows of a few files."""
    files = work.job.files
    some = {files[place].path: files[place] for place in (0, len(files) // 2, len(files) - 1)}
    samples = [
        f"(SELECT * FROM ({_rows(replace(work, job=replace(work.job, files=(file,))))}) LIMIT {_SAMPLED})"
        for file in some.values()
    ]
    sampled = " UNION ALL ".join(samples)
    ((width,),) = _run(engine, f"SELECT avg(strlen(to_json(r)::VARCHAR)) FROM ({sampled}) r")
    return float(width or 1)


def _rows(work: Work) -> str:
    """The inputs' rows with the target's columns: what a file lacks is null, another type is cast."""
    files: dict[str, list[str]] = defaultdict(list)
    for file in work.job.files:
        files[file.schema].append(str(work.local[file.path]))
    selects = []
    for fingerprint, paths in sorted(files.items()):
        there = {name.lower() for name, _ in work.schemas[fingerprint].columns}
        columns = ", ".join(
            f"{identifier(name) if name.lower() in there else 'NULL'}::{type_} AS {identifier(name)}"
            for name, type_ in work.target.columns
        )
        listed = ", ".join(map(literal, paths))
        selects.append(f"SELECT {columns} FROM read_parquet([{listed}], hive_partitioning = false)")
    return " UNION ALL ".join(selects)


def _unique(work: Work, rows: str) -> str:
    """One row for each key and time; rows without a key are kept as they are.

    The time belongs to it, as rows of one time are never parted: what is kept does not depend on
    where the ranges are cut.
    """
    if work.unique_key is None:
        return rows
    key = identifier(work.unique_key)
    return (
        f"SELECT * FROM ({rows}) QUALIFY {key} IS NULL"
        f" OR row_number() OVER (PARTITION BY {key}, tp_timestamp ORDER BY tp_id) = 1"
    )


def _order(work: Work) -> str:
    have = {name for name, _ in work.target.columns}
    return ", ".join(name for name in ("tp_timestamp", "tp_id") if name in have)


def _sum(engine: duckdb.DuckDBPyConnection, work: Work, rows: str) -> _Sum:
    ((count, content),) = _run(
        engine, f"SELECT count(*), coalesce(sum(hash({_order(work)})), 0)::VARCHAR FROM ({rows})"
    )
    return _Sum(count, int(content))


def _cuts(engine: duckdb.DuckDBPyConnection, rows: str, parts: int) -> list[dt.datetime]:
    """Times that divide the rows into about equal parts; fewer where many rows share one time."""
    if parts == 1:
        return []
    at = ", ".join(str(number / parts) for number in range(1, parts))
    ((found,),) = _run(engine, f"SELECT approx_quantile(tp_timestamp, [{at}]) FROM ({rows})")
    return sorted({cut for cut in found or () if cut is not None})


def _ranges(cuts: Sequence[dt.datetime], start: int, count: int) -> list[str]:
    """The conditions of the pieces from number `start` on."""
    return [_range(cuts, number, number + 1) for number in range(start, min(start + count, len(cuts) + 1))]


def _range(cuts: Sequence[dt.datetime], start: int, stop: int) -> str:
    """The condition of the pieces from `start` to before `stop`; the last one takes rows without a time."""
    low = f"tp_timestamp >= TIMESTAMP '{cuts[start - 1]}'" if start else "true"
    high = f"tp_timestamp < TIMESTAMP '{cuts[stop - 1]}'" if stop <= len(cuts) else "true"
    last = " OR tp_timestamp IS NULL" if start and stop > len(cuts) else ""
    return f"{low} AND {high}{last}"


def _output(
    engine: duckdb.DuckDBPyConnection,
    work: Work,
    ranges: Sequence[str],
    number: int,
    commit: str,
    row_group: int,
) -> list[Written]:
    """Write the rows of some ranges as one file; none when there are no rows."""
    local = work.folder / f"out-{number}.parquet"
    options = parquet.lasting_options(work.target, row_group)
    sorted_ = [_sorted(work, condition) for condition in ranges]
    if len(sorted_) == 1:
        copied = _copy(engine, sorted_[0], local, options)
    else:
        pieces = [work.folder / f"piece-{number}-{part}.parquet" for part in range(len(sorted_))]
        for piece, select in zip(pieces, sorted_, strict=True):
            _copy(
                engine,
                select,
                piece,
                f"FORMAT parquet, COMPRESSION lz4_raw, RETURN_STATS, ROW_GROUP_SIZE {row_group}",
            )
        listed = ", ".join(literal(str(piece)) for piece in pieces)
        copied = _copy(engine, f"SELECT * FROM read_parquet([{listed}])", local, options)
        for piece in pieces:
            piece.unlink()
    if not copied.rows:
        local.unlink()
        return []
    return [Written(local, _entry(work, copied, f"_{commit}-{number}.parquet"))]


def _sorted(work: Work, condition: str) -> str:
    """The rows of a range in order. Ids are unique, so every merge of the same rows is the same."""
    rows = _unique(work, f"SELECT * FROM ({_rows(work)}) WHERE {condition}")
    return f"SELECT * FROM ({rows}) ORDER BY {_order(work)}"


def _copy(engine: duckdb.DuckDBPyConnection, rows: str, target: Path, options: str) -> Copied:
    (row,) = _run(engine, f"COPY ({rows}) TO {literal(str(target))} ({options})")
    return Copied.of(row)


def _entry(work: Work, copied: Copied, name: str) -> DataFile:
    group = work.job.group
    path = data_path(group.table, group.partition.name, group.tp_index, group.tp_date, name)
    return replace(_stand_in(work, group, copied), path=work.job.place.path(path))


def _check(engine: duckdb.DuckDBPyConnection, work: Work, written: Sequence[Written], expected: _Sum) -> None:
    """Read the outputs again and hold them against the inputs."""
    listed = ", ".join(literal(str(one.local)) for one in written)
    found = _sum(engine, work, f"SELECT * FROM read_parquet([{listed}], hive_partitioning = false)")
    if found != expected:
        raise RuntimeError(f"{work.job.group}: merged {expected} to {found}; nothing is kept")


def _run(engine: duckdb.DuckDBPyConnection, statement: str) -> list[tuple[Any, ...]]:
    """Run it; what the machine lacks is Retry, a file that does not read is named, the rest our bug."""
    try:
        return engine.execute(statement).fetchall()
    except duckdb.OutOfMemoryException as error:
        raise Retry(str(error).splitlines()[0]) from error
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.ConversionException) as error:
        text = str(error).splitlines()[0]
        if "Out of Memory" in text or "No space left" in text:
            raise Retry(text) from error
        raise PenstockError(text) from error
