"""Rows to Parquet files of the hive, one for each (tp_index, tp_date)."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from penstock import tables
from penstock.convert import nulls
from penstock.convert.engine import Batch, run
from penstock.hive import data_path
from penstock.model import DataFile, Schema
from penstock.parquet import Copied, Written, copy_options, statistics
from penstock.readers import Piece
from penstock.sql import identifier, literal
from penstock.standardize import ROW_GROUP
from penstock.tables import Table

__all__ = ["copy", "left_out", "schema_of", "take_back"]

_SMALLEST = 1_000  # values of a dictionary, where there are few rows
_WORTH = 1_000_000  # nulls that cost more to write row by row than columns cost to put in


def schema_of(table: Table, written: str) -> Schema:
    """The schema of the files named `written` (the table itself or `tp_rejected`) in its commits."""
    return (table if written == table.name else tables.find(written)).schema()


def left_out(batch: Batch, pieces: Sequence[Piece]) -> tuple[str, ...]:
    """The columns that need not be written row by row: null in all rows, where there are many of them."""
    rows = sum(piece.rows for piece in pieces)
    if rows * len(batch.recipe.table.all_columns()) < _WORTH:
        return ()
    ((names,),) = run(batch, batch.recipe.nulls(pieces), pieces)
    return tuple(names) if rows * len(names) >= _WORTH else ()


def copy(
    batch: Batch,
    rows: str,
    table: Table,
    pieces: Sequence[Piece],
    index: str | None,
    without: Sequence[str] = (),
    *,
    days: bool = False,
) -> int:
    """Write rows to one Parquet file a (tp_index, tp_date); returns how many.

    `index` is the tp_index of all of them, None when they have their own. `without` are columns that
    the rows lack: nulls in the files. `days` says that they are likely of more than one day.
    """
    target = batch.folder / f"out-{len(batch.outputs) + 1}"
    batch.outputs.append(target)
    if index is None or table.many_days or days:
        found = _divided(batch, rows, table, pieces, target)
    else:
        found = _whole(batch, rows, table, pieces, target, index)
    if without:
        found = _filled(batch, found, table, pieces, target, without)
    for copied in sorted(found, key=lambda one: str(one.path)):
        _keep(batch, table, copied)
    shutil.rmtree(target, ignore_errors=True)
    return sum(copied.rows for copied in found)


def take_back(batch: Batch, before: int) -> None:
    """Drop files written since, of objects that are read again another way or not at all."""
    for written in batch.files[before:]:
        written.local.unlink()
    del batch.files[before:]


def _options(table: Table, pieces: Sequence[Piece]) -> str:
    """How the files are written: with dictionaries of a tenth of the rows at most.

    DuckDB's own limit is a fifth of a full row group. A dictionary is begun for each column of ids and
    dropped when it is full, so a smaller one costs less: 5 to 9 ms of 240 for 22,000 events, and their
    file is 1.7 % larger.
    """
    rows = min(sum(piece.rows for piece in pieces), ROW_GROUP)
    options = copy_options(table.name, table.schema().fingerprint)
    return f"{options}, DICTIONARY_SIZE_LIMIT {max(_SMALLEST, rows // 10)}"


def _whole(
    batch: Batch, rows: str, table: Table, pieces: Sequence[Piece], target: Path, index: str
) -> list[Copied]:
    """All rows in one file: what a commit mostly is, and dividing what is one costs a sixth more.

    A file that turns out to hold several days is divided by them afterwards.
    """
    target.mkdir()
    file = target / "whole.parquet"
    options = _options(table, pieces)
    (found,) = run(
        batch,
        f"COPY (SELECT * EXCLUDE (tp_index, tp_date) FROM ({rows})) TO {literal(str(file))} ({options})",
        pieces,
    )
    copied = Copied.of(found)
    if not copied.rows:
        return []
    first, last = (copied.told['"tp_timestamp"'][bound][:10] for bound in ("min", "max"))
    if first == last:
        return [replace(copied, keys={"tp_index": index, "tp_date": first})]
    again = (
        f"SELECT *, tp_timestamp::DATE AS tp_date, {literal(index)} AS tp_index "
        f"FROM read_parquet({literal(str(file))})"
    )
    divided = _divided(batch, again, table, pieces, target / "days")
    file.unlink()
    return divided


def _divided(batch: Batch, rows: str, table: Table, pieces: Sequence[Piece], target: Path) -> list[Copied]:
    options = _options(table, pieces)
    statement = f"COPY ({rows}) TO {literal(str(target))} ({options}, PARTITION_BY (tp_index, tp_date))"
    return [Copied.of(row) for row in run(batch, statement, pieces)]


def _filled(
    batch: Batch,
    files: Sequence[Copied],
    table: Table,
    pieces: Sequence[Piece],
    target: Path,
    without: Sequence[str],
) -> list[Copied]:
    """The files with the columns that they lack."""
    if not files:
        return []
    columns = ", ".join(f"NULL::{type_} AS {identifier(name)}" for name, type_ in table.schema().columns)
    empty = target / "empty.parquet"
    run(batch, f"COPY (SELECT {columns} LIMIT 0) TO {literal(str(empty))} (FORMAT parquet)", pieces)
    filled = []
    for copied in files:
        footer = nulls.put_in(copied.path, empty)
        told = {identifier(name): {"null_count": str(copied.rows)} for name in without}
        size = copied.path.stat().st_size
        filled.append(replace(copied, bytes=size, footer_bytes=footer, told={**copied.told, **told}))
    return filled


def _keep(batch: Batch, table: Table, copied: Copied) -> None:
    """Take a written file into the commit, under the name it will have in the hive."""
    number = len(batch.files)
    index, day = copied.keys["tp_index"], dt.date.fromisoformat(copied.keys["tp_date"])
    file = DataFile(
        path=data_path(table.name, batch.recipe.partition, index, day, f"{batch.commit}-{number}.parquet"),
        table=table.name,
        partition=batch.recipe.partition,
        tp_index=index,
        tp_date=day,
        rows=copied.rows,
        bytes=copied.bytes,
        footer_bytes=copied.footer_bytes,
        schema=table.schema().fingerprint,
        stats=statistics(("tp_timestamp", *table.statistics), copied.told),
    )
    local = batch.folder / f"file-{number}.parquet"
    copied.path.rename(local)
    batch.files.append(Written(local, file))
