"""Conversion: the text of objects to sorted Parquet files, by DuckDB in a connection that can touch
nothing but its work folder.

One statement reads, standardizes, filters, sorts and writes a batch of pieces. Two cheap ones
stand beside it: a probe before (does each piece read, how many rows has it, which fields does the
table not know), and, only where rows were filtered or rejected, a count per object after.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from penstock import __version__, formats, tables
from penstock.errors import BadObject, Retry
from penstock.hive import data_path
from penstock.model import REJECTED_TABLE, ColumnStats, DataFile, ObjectRecord, Schema
from penstock.standardize import Bundle, Piece, Recipe, literal
from penstock.tables import Table

__all__ = [
    "AT_ONCE",
    "SLICE",
    "Converted",
    "Source",
    "Written",
    "convert",
    "open_engine",
    "schema_of",
]

AT_ONCE = 32 << 20
"""Bytes of text that one statement reads, at most; the process stays below 400 MB with it (`make bench`)."""

SLICE = 16 << 20
"""Bytes of the slices of a larger object: about; a record may make one longer."""

_LONGEST_STATISTIC = 128


@dataclass(frozen=True, slots=True)
class Source:
    """An object to convert: who it is, and its text: itself, in a file, or blocks of a stream."""

    identity: str
    name: str
    type: str
    source_name: str
    location: str
    text: Path | bytes | Iterable[bytes]
    inflated: int = 0
    bytes: int = 0
    modified: dt.datetime | None = None
    redrive: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A Parquet file on this machine and what the ledger will know of it."""

    local: Path
    file: DataFile


@dataclass(slots=True)
class Converted:
    """Files of one commit and a record for each of its objects, in the order they were given."""

    files: list[Written] = field(default_factory=list)
    records: list[ObjectRecord] = field(default_factory=list)


def open_engine(folder: Path, *, memory_mb: int, threads: int) -> duckdb.DuckDBPyConnection:
    """A connection for conversions in `folder` (made if absent), locked: no other file, no network,
    no extension, no setting can be reached from any statement or expression.
    """
    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        config={
            "threads": threads,
            "memory_limit": f"{memory_mb}MiB",
            "temp_directory": str(folder / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET allowed_directories = [{literal(str(folder))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def schema_of(table: Table, written: str) -> Schema:
    """The schema of the files named `written` (the table itself or `tp_rejected`) in its commits."""
    return (table if written == table.name else tables.find(written)).schema()


def convert(
    engine: duckdb.DuckDBPyConnection,
    recipe: Recipe,
    sources: Sequence[Source],
    *,
    commit: str,
    time: dt.datetime,
    folder: Path,
) -> Converted:
    """Convert one commit's objects; `folder` (inside the engine's) takes the files.

    Every object gets a record for which rows read = stored + filtered + rejected was checked; one
    that cannot be read gets a bad one with its reason, and adds no row. Retry when memory or disk
    do not suffice now. RuntimeError when the counts do not agree: our own bug, nothing may be kept.
    """
    batch = _Batch(engine, recipe, commit, time, folder)
    records: dict[int, ObjectRecord] = {}
    small: list[tuple[int, Source]] = []
    for number, source in enumerate(sources):
        if isinstance(source.text, Path | bytes):
            small.append((number, source))
        else:
            records[number] = _large(batch, number, source)
    for group in _groups(small):
        records |= _small(batch, group)
    written = sum(file.file.rows for file in batch.files)
    kept = sum(record.stored + record.rejected for record in records.values())
    if written != kept:
        raise RuntimeError(f"{written} rows stand in the files, but {kept} are recorded")
    return Converted(batch.files, [records[number] for number in range(len(sources))])


def _groups(sources: Sequence[tuple[int, Source]]) -> Iterator[list[tuple[int, Source]]]:
    """Objects that are read at once."""
    group: list[tuple[int, Source]] = []
    size = 0
    for number, source in sources:
        if group and size + source.inflated > AT_ONCE:
            yield group
            group, size = [], 0
        group.append((number, source))
        size += source.inflated
    if group:
        yield group


class ShortOfMemory(Retry):
    """What is read at once does not fit into PENSTOCK_MEMORY_MB."""


@dataclass(slots=True)
class _Batch:
    """What the conversion of one commit carries along."""

    engine: duckdb.DuckDBPyConnection
    recipe: Recipe
    commit: str
    time: dt.datetime
    folder: Path
    files: list[Written] = field(default_factory=list)
    outputs: int = 0


@dataclass(slots=True)
class _Tally:
    """Rows of one object so far."""

    rows: int = 0
    stored: int = 0
    filtered: int = 0
    rejected: int = 0


def _piece(source: Source, number: int, path: Path | str) -> Piece:
    prefix = hashlib.sha256(source.identity.encode()).hexdigest()[:24]
    return Piece(str(path), number, prefix, source.type, source.source_name, source.location, source.modified)


def _bad(source: Source, reason: str) -> ObjectRecord:
    return ObjectRecord(source.identity, "bad", bytes=source.bytes, reason=reason)


def _record(source: Source, tally: _Tally) -> ObjectRecord:
    if tally.rows != tally.stored + tally.filtered + tally.rejected:
        raise RuntimeError(
            f"{source.name}: {tally.rows} rows read, but {tally.stored} stored, {tally.filtered} filtered "
            f"and {tally.rejected} rejected"
        )
    return ObjectRecord(
        source.identity, "done", tally.rows, tally.stored, tally.filtered, tally.rejected, source.bytes
    )


def _small(batch: _Batch, group: Sequence[tuple[int, Source]]) -> dict[int, ObjectRecord]:
    """Objects read in one statement; where that fails, in halves until the one to blame is alone.

    One that needs too much memory by itself is cut into slices as a large one is, only smaller.
    """
    texts = {
        f"{batch.folder}/text-{number}": source.text
        for number, source in group
        if isinstance(source.text, bytes)
    }
    pieces = [
        _piece(
            source,
            number,
            source.text if isinstance(source.text, Path) else f"{batch.folder}/text-{number}",
        )
        for number, source in group
    ]
    before = len(batch.files)
    try:
        reasons, tallies = _convert(batch, pieces, texts)
    except (BadObject, ShortOfMemory) as error:
        _take_back(batch, before)
        if len(group) > 1:
            middle = len(group) // 2
            return _small(batch, group[:middle]) | _small(batch, group[middle:])
        number, source = group[0]
        if isinstance(error, BadObject):
            return {number: _bad(source, error.reason)}
        blocks = _blocks(source.text) if isinstance(source.text, Path) else [texts[pieces[0].path]]
        return {number: _large(batch, number, replace(source, text=blocks), SLICE // 4)}
    return {
        number: _bad(source, reasons[number]) if number in reasons else _record(source, tallies[number])
        for number, source in group
    }


def _take_back(batch: _Batch, before: int) -> None:
    """Files written since, of objects that are read again another way or not at all."""
    for written in batch.files[before:]:
        written.local.unlink()
    del batch.files[before:]


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block


def _large(batch: _Batch, number: int, source: Source, limit: int | None = None) -> ObjectRecord:
    """An object read slice by slice; what was written is taken back when a later slice is bad."""
    form = formats.find(batch.recipe.table.format)
    options = batch.recipe.table.format_options
    path = batch.folder / f"slice-{number}"
    template = _piece(source, number, path)
    total, before = _Tally(), len(batch.files)

    def whole(text: bytes) -> bool:
        path.write_bytes(text)
        return _reads(batch, template) or (_mend(path) and _reads(batch, template))

    assert not isinstance(source.text, Path | bytes)  # noqa: S101 - told apart by the caller
    try:
        for text in form.slices(source.text, limit or SLICE, whole, options):
            path.write_bytes(text)
            reasons, tallies = _convert(batch, [replace(template, first_row=total.rows)])
            if reasons:
                raise BadObject(source.name, reasons[number])
            for name in ("rows", "stored", "filtered", "rejected"):
                setattr(total, name, getattr(total, name) + getattr(tallies[number], name))
    except (BadObject, ValueError) as error:
        _take_back(batch, before)
        return _bad(source, error.reason if isinstance(error, BadObject) else str(error))
    finally:
        path.unlink(missing_ok=True)
    return _record(source, total)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the probe says of a piece."""

    readable: bool
    rows: int
    unknown: tuple[str, ...]


def _convert(
    batch: _Batch, pieces: Sequence[Piece], texts: Mapping[str, bytes] | None = None
) -> tuple[dict[int, str], dict[int, _Tally]]:
    """Convert pieces of different objects: reasons of those that are bad, tallies of the others.

    `texts` are those that stand in no file yet; they get theirs only if it is needed.
    """
    texts = texts or {}
    bundle = _bundle(batch, pieces, texts)
    if bundle is not None:
        return {}, _store(batch, *bundle, texts)
    _spill(texts)
    answers = _look(batch, pieces)
    reasons = {
        piece.object: _complaint(batch.recipe.table, Path(piece.path))
        for piece in pieces
        if not answers[piece.path].readable
    }
    good = [
        replace(piece, rows=answer.rows, unknown=bool(answer.unknown))
        for piece, answer in ((piece, answers[piece.path]) for piece in pieces)
        if answer.readable
    ]
    return reasons, _store(batch, good, None, {})


def _complaint(table: Table, path: Path) -> str:
    """Why a text does not read: what it is instead, if the table knows, else what the format says."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for text, what in table.strangers.items():
        if text.encode() in head:
            return f"it is {what}, not a log of {table.name}"
    return formats.find(table.format).complaint(head[:200], table.format_options)


def _spill(texts: Mapping[str, bytes]) -> None:
    for path, text in texts.items():
        Path(path).write_bytes(text)


def _store(
    batch: _Batch, pieces: Sequence[Piece], bundle: Bundle | None, texts: Mapping[str, bytes]
) -> dict[int, _Tally]:
    """Write the rows of pieces that read; what became of each object's rows."""
    tallies = {piece.object: _Tally(rows=piece.rows, stored=piece.rows) for piece in pieces}
    filled = [piece for piece in pieces if piece.rows]
    if filled:
        index = "default" if batch.recipe.tp_index is None else None
        rows = batch.recipe.rows(filled, batch.time, bundle)
        stored = _copy(batch, rows, batch.recipe.table, filled, index)
        if batch.recipe.filter is not None or stored != sum(piece.rows for piece in filled):
            _spill(texts)
            _count(batch, filled, tallies, stored)
    return tallies


_SMALL = 128 << 10
_HEAD = 4 << 10


def _bundle(
    batch: _Batch, pieces: Sequence[Piece], texts: Mapping[str, bytes]
) -> tuple[list[Piece], Bundle] | None:
    """Small pieces as one text, if all of them are what they should be; None: look at each.

    One text of a hundred small objects is probed and read in half the time of a hundred texts.
    """
    paths = [piece.path for piece in pieces]
    size = sum(len(texts[path]) if path in texts else Path(path).stat().st_size for path in paths)
    if len(paths) < 2 or size > _SMALL * len(paths):
        return None
    # Nobody who writes logs can know it: what stands in one text cannot pass for another.
    bundle = Bundle(str(batch.folder / "bundle"), secrets.token_hex(16))
    form = formats.find(batch.recipe.table.format)
    each = (texts[path] if path in texts else Path(path).read_bytes() for path in paths)
    with Path(bundle.path).open("wb") as file:
        file.writelines(form.bundle(each, bundle.mark))
    try:
        ((rows, unknown),) = _run(batch, batch.recipe.bundle_probe(bundle), pieces)
    except BadObject:
        return None
    if unknown or not rows or len(rows) != len(pieces) or not all(rows):
        return None
    return [replace(piece, rows=count) for piece, count in zip(pieces, rows, strict=True)], bundle


def _count(batch: _Batch, pieces: Sequence[Piece], tallies: dict[int, _Tally], stored: int) -> None:
    """Count row by row what became of them, and keep the rejected ones."""
    for number, kept, filtered, rejected in _run(batch, batch.recipe.counts(pieces, batch.time), pieces):
        tally = tallies[number]
        tally.stored, tally.filtered, tally.rejected = kept, filtered, rejected
    counted = sum(tallies[piece.object].stored for piece in pieces)
    if counted != stored:
        raise RuntimeError(f"{stored} rows were written, but {counted} counted as stored")
    rejected = sum(tallies[piece.object].rejected for piece in pieces)
    if rejected:
        rows = batch.recipe.rejects(pieces, batch.time)
        written = _copy(batch, rows, tables.find(REJECTED_TABLE), pieces, batch.recipe.table.name)
        if written != rejected:
            raise RuntimeError(f"{rejected} rows were rejected, but {written} kept in {REJECTED_TABLE}")


def _look(batch: _Batch, pieces: Sequence[Piece]) -> dict[str, _Answer]:
    """Probe the pieces; one that does not read is mended, if that is what ails it, and probed again."""
    answers = _probe(batch, pieces)
    for piece in pieces:
        if not answers[piece.path].readable and _mend(Path(piece.path)):
            answers |= _probe(batch, [piece])
    return answers


def _probe(batch: _Batch, pieces: Sequence[Piece]) -> dict[str, _Answer]:
    found = _run_mending(batch, batch.recipe.probe(pieces), pieces)
    answers = {path: _Answer(readable, rows, tuple(unknown or ())) for path, readable, rows, unknown in found}
    missing = [piece.path for piece in pieces if piece.path not in answers]
    if missing:
        # read_text passes silently over a file that is not there.
        raise Retry(f"{missing[0]}: the fetched text has vanished from the work folder")
    return answers


def _reads(batch: _Batch, piece: Piece) -> bool:
    ((answer,),) = _run_mending(batch, batch.recipe.readable(piece), [piece])
    return bool(answer)


def _run_mending(batch: _Batch, statement: str, pieces: Sequence[Piece]) -> list[tuple[Any, ...]]:
    """Run a statement that may be the first to read these texts: bytes that are no UTF-8 are mended."""
    try:
        return _run(batch, statement, pieces)
    except BadObject as error:
        if "UTF-8" not in error.reason:
            raise
    for piece in pieces:
        _replace_invalid(Path(piece.path))
    return _run(batch, statement, pieces)


def _copy(batch: _Batch, rows: str, table: Table, pieces: Sequence[Piece], index: str | None) -> int:
    """Write rows to one Parquet file a (tp_index, tp_date); returns how many.

    `index` is the tp_index of all of them, None when they have their own.
    """
    batch.outputs += 1
    target = batch.folder / f"out-{batch.outputs}"
    if index is None:
        found = _divided(batch, rows, table, pieces, target)
    else:
        found = _whole(batch, rows, table, pieces, target, index)
    total = 0
    for name, count, size, footer, statistics, keys in sorted(found, key=lambda row: str(row[0])):
        total += count
        _keep(batch, table, Path(name), count, size, footer, statistics, keys)
    shutil.rmtree(target, ignore_errors=True)
    return total


def _whole(
    batch: _Batch, rows: str, table: Table, pieces: Sequence[Piece], target: Path, index: str
) -> list[tuple[Any, ...]]:
    """All rows in one file: what a commit mostly is, and dividing what is one costs a sixth more.

    A file that turns out to hold several days is divided by them afterwards.
    """
    target.mkdir()
    file = target / "whole.parquet"
    (found,) = _run(
        batch,
        f"COPY (SELECT * EXCLUDE (tp_index, tp_date) FROM ({rows})) TO {literal(str(file))} "
        f"({_parquet(table)})",
        pieces,
    )
    name, count, size, footer, statistics, _ = found
    if not count:
        return []
    first, last = (statistics['"tp_timestamp"'][bound][:10] for bound in ("min", "max"))
    if first == last:
        return [(name, count, size, footer, statistics, {"tp_index": index, "tp_date": first})]
    again = (
        f"SELECT *, tp_timestamp::DATE AS tp_date, {literal(index)} AS tp_index "
        f"FROM read_parquet({literal(str(file))})"
    )
    divided = _divided(batch, again, table, pieces, target / "days")
    file.unlink()
    return divided


def _divided(
    batch: _Batch, rows: str, table: Table, pieces: Sequence[Piece], target: Path
) -> list[tuple[Any, ...]]:
    return _run(
        batch,
        f"COPY ({rows}) TO {literal(str(target))} ({_parquet(table)}, PARTITION_BY (tp_index, tp_date))",
        pieces,
    )


def _parquet(table: Table) -> str:
    # Level 1 makes files 1 % larger than level 3 and the statement 9 % cheaper.
    return (
        "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, RETURN_STATS, KV_METADATA {"
        f"'penstock.table': {literal(table.name)}, "
        f"'penstock.schema': {literal(table.schema().fingerprint)}, "
        f"'penstock.version': {literal(__version__)}}}"
    )


def _keep(
    batch: _Batch,
    table: Table,
    name: Path,
    count: int,
    size: int,
    footer: int,
    statistics: Mapping[str, Mapping[str, str]],
    keys: Mapping[str, str],
) -> None:
    """Take a written file into the commit, under the name it will have in the hive."""
    number = len(batch.files)
    day = dt.date.fromisoformat(keys["tp_date"])
    file = DataFile(
        path=data_path(
            table.name, batch.recipe.partition, keys["tp_index"], day, f"{batch.commit}-{number}.parquet"
        ),
        table=table.name,
        partition=batch.recipe.partition,
        tp_index=keys["tp_index"],
        tp_date=day,
        rows=count,
        bytes=size,
        footer_bytes=footer,
        schema=table.schema().fingerprint,
        stats=_statistics(table, statistics),
    )
    local = batch.folder / f"file-{number}.parquet"
    name.rename(local)
    batch.files.append(Written(local, file))


def _statistics(table: Table, found: Mapping[str, Mapping[str, str]]) -> dict[str, ColumnStats]:
    """Of the columns that pay; a value that may be shortened is none."""
    kept: dict[str, ColumnStats] = {}
    for name in ("tp_timestamp", *table.statistics):
        told = found.get(f'"{name}"')
        if told is None:
            continue
        low, high = told.get("min"), told.get("max")
        if any(text is None or len(text) > _LONGEST_STATISTIC or "\0" in text for text in (low, high)):
            low = high = None
        kept[name] = ColumnStats(low, high, int(told.get("null_count", 0)))
    return kept


def _run(batch: _Batch, statement: str, pieces: Sequence[Piece]) -> list[tuple[Any, ...]]:
    """Run it; what the data does wrong is BadObject, what the machine lacks Retry, the rest our bug."""
    try:
        return batch.engine.execute(statement).fetchall()
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
        if "Out of Memory Error" in str(error):  # some of its ways out wear another name
            raise ShortOfMemory(_first_line(error)) from error
        raise BadObject(pieces[0].source_location, _first_line(error)) from error
    except duckdb.OutOfMemoryException as error:
        raise ShortOfMemory(_first_line(error)) from error
    except duckdb.IOException as error:
        raise Retry(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    """The sentence that says what happened; some errors come wrapped in one that does not."""
    text = str(error).partition("\nError: ")[2] or str(error)
    return text.splitlines()[0]


def _replace_invalid(path: Path) -> None:
    """Bytes that are no UTF-8 become U+FFFD, as every reader of logs does; other files stay as they are."""
    data = path.read_bytes()
    try:
        data.decode()
    except UnicodeDecodeError:
        path.write_bytes(data.decode("utf-8", "replace").encode())


_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\."
)


def _mend(path: Path) -> bool:
    """Write half surrogate pairs as \\ufffd: JSON allows them, DuckDB does not. True if there were any."""
    data = path.read_bytes()

    def mended(found: re.Match[bytes]) -> bytes:
        text = found.group()
        return b"\\ufffd" if len(text) == 6 and text[2:3] in b"dD" else text

    result = _ESCAPES.sub(mended, data)
    if result == data:
        return False
    path.write_bytes(result)
    return True
