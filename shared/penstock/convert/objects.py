"""A commit's objects to files and records: small ones together, large ones piece by piece."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from penstock.convert import large
from penstock.convert.days import days_of
from penstock.convert.engine import AT_ONCE, Batch, ShortOfMemory
from penstock.convert.files import take_back
from penstock.convert.look import beginning, refusal, syntax_of
from penstock.convert.source import Source, bad_record, piece_of, record_of
from penstock.convert.store import convert_pieces
from penstock.errors import BadObject
from penstock.model import ObjectRecord
from penstock.parquet import Written
from penstock.readers import Syntax
from penstock.standardize import Recipe

__all__ = ["Converted", "convert"]

_WORTH = 1 << 20  # bytes of text that are worth a statement of their own


@dataclass(slots=True)
class Converted:
    """Files of one commit and a record for each of its objects, in the order they were given."""

    files: list[Written] = field(default_factory=list)
    records: list[ObjectRecord] = field(default_factory=list)


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
    batch = Batch(engine, recipe, commit, time, folder)
    records: dict[int, ObjectRecord] = {}
    written_alike: list[tuple[Syntax, list[tuple[int, Source]]]] = []
    for number, source in enumerate(sources):
        if not isinstance(source.text, Path | bytes):
            records[number] = large.in_slices(batch, number, source)
            continue
        start = beginning(source.text)
        if reason := refusal(start):
            records[number] = bad_record(source, reason)
            continue
        syntax = syntax_of(replace(recipe, syntax=source.syntax or recipe.syntax), start)
        alike = next((group for other, group in written_alike if other == syntax), None)
        if alike is None:
            written_alike.append((syntax, alike := []))
        alike.append((number, source))
    for syntax, alike in written_alike:
        batch.recipe = replace(recipe, syntax=syntax)
        for group in _groups(batch, alike):
            records |= _small(batch, group)
    written = sum(file.file.rows for file in batch.files)
    kept = sum(record.stored + record.rejected for record in records.values())
    if written != kept:
        raise RuntimeError(f"{written} rows stand in the files, but {kept} are recorded")
    return Converted(batch.files, [records[number] for number in range(len(sources))])


def _groups(batch: Batch, sources: Sequence[tuple[int, Source]]) -> Iterator[list[tuple[int, Source]]]:
    """Objects that are read at once: those of one day, where a statement of their own costs less than
    dividing all rows by days, a third more.
    """
    most = AT_ONCE if batch.recipe.reader.STREAMS else large.PACKED
    days: dict[int, tuple[bytes, ...]] = {}
    if batch.recipe.reader.STREAMS and sum(source.inflated for _, source in sources) > 4 * _WORTH:
        days = {number: _days(batch, source) for number, source in sources}
    group: list[tuple[int, Source]] = []
    size = 0
    of: tuple[bytes, ...] = ()
    for number, source in sorted(sources, key=lambda one: days.get(one[0], ())):
        own = days.get(number, ())
        if group and (size + source.inflated > most or (own != of and size > _WORTH)):
            yield group
            group, size = [], 0
        group.append((number, source))
        size, of = size + source.inflated, own
    if group:
        yield group


def _days(batch: Batch, source: Source) -> tuple[bytes, ...]:
    assert isinstance(source.text, Path | bytes)  # noqa: S101 - large ones come one by one
    return days_of(batch.recipe.table, source.text)


def _small(batch: Batch, group: Sequence[tuple[int, Source]]) -> dict[int, ObjectRecord]:
    """Objects read in one statement; where that fails, in halves until the one to blame is alone.

    One that needs too much memory by itself is cut into slices as a large one is.
    """
    texts = {
        f"{batch.folder}/text-{number}": source.text
        for number, source in group
        if isinstance(source.text, bytes)
    }
    pieces = [
        piece_of(
            source,
            number,
            source.text if isinstance(source.text, Path) else f"{batch.folder}/text-{number}",
        )
        for number, source in group
    ]
    number, source = group[0]
    if not batch.recipe.reader.STREAMS and source.inflated > large.PACKED:
        return {number: large.in_windows(batch, source, pieces[0])}  # it is alone: see _groups
    before = len(batch.files)
    try:
        reasons, tallies = convert_pieces(batch, pieces, texts)
    except (BadObject, ShortOfMemory) as error:
        take_back(batch, before)
        if len(group) > 1:
            middle = len(group) // 2
            return _small(batch, group[:middle]) | _small(batch, group[middle:])
        if isinstance(error, BadObject):
            return {number: bad_record(source, error.reason)}
        if not batch.recipe.reader.STREAMS:
            raise
        blocks = _blocks(source.text) if isinstance(source.text, Path) else [texts[pieces[0].path]]
        return {number: large.in_slices(batch, number, replace(source, text=blocks))}
    return {
        number: bad_record(source, reasons[number])
        if number in reasons
        else record_of(source, tallies[number])
        for number, source in group
    }


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block
