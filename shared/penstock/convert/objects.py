"""A commit's objects to files and records: small ones together, large ones piece by piece."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import duckdb

from penstock import envelopes, tables
from penstock.convert.bundles import bundled
from penstock.convert.days import days_of, several_days
from penstock.convert.engine import Batch, ShortOfMemory, TrippedError, run
from penstock.convert.files import copy, left_out, take_back
from penstock.convert.look import (
    beginning,
    look,
    look_closer,
    look_exactly,
    mend,
    reads,
    refusal,
    syntax_of,
)
from penstock.convert.strict import shown
from penstock.errors import BadObject
from penstock.model import REJECTED_TABLE, ObjectRecord
from penstock.parquet import Written
from penstock.readers import Piece, Syntax
from penstock.standardize import Bundle, Recipe

__all__ = ["AT_ONCE", "SLICE", "Converted", "Source", "convert"]

AT_ONCE = 32 << 20
"""Bytes of text that one statement reads, at most; the process stays below 400 MB with it (`make bench`)."""

SLICE = 16 << 20
"""Bytes of the slices of a larger object: about; a record may make one longer."""

_WORTH = 1 << 20  # bytes of text that are worth a statement of their own
_PACKED = 4 << 20  # bytes of Parquet read at once: they are some eight times as many when unpacked


@dataclass(frozen=True, slots=True)
class Source:
    """An object to convert: who it is, and its text: itself, in a file, or blocks of a stream.

    `syntax` is how it is written, None for one of the ways of its table. `times` (ms since 1970) are those
    of its lines, where something else tells them: rows that are rejected have them.
    """

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
    syntax: Syntax | None = None
    times: tuple[int, ...] = ()


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
            records[number] = _large(batch, number, source)
            continue
        start = beginning(source.text)
        if reason := refusal(start):
            records[number] = _bad(source, reason)
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
    most = AT_ONCE if batch.recipe.reader.STREAMS else _PACKED
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


@dataclass(slots=True)
class _Tally:
    """Rows of one object so far."""

    rows: int = 0
    stored: int = 0
    filtered: int = 0
    rejected: int = 0

    @property
    def balanced(self) -> bool:
        """Whether rows read = stored + filtered + rejected (G2)."""
        return self.rows == self.stored + self.filtered + self.rejected

    def add(self, other: _Tally) -> None:
        self.rows += other.rows
        self.stored += other.stored
        self.filtered += other.filtered
        self.rejected += other.rejected


def _piece(source: Source, number: int, path: Path | str) -> Piece:
    prefix = hashlib.sha256(source.identity.encode()).hexdigest()[:24]
    piece = Piece(
        str(path), number, prefix, source.type, source.source_name, source.location, source.modified
    )
    return replace(piece, times=source.times)


def _bad(source: Source, reason: str) -> ObjectRecord:
    return ObjectRecord(source.identity, "bad", bytes=source.bytes, reason=reason)


def _record(source: Source, tally: _Tally) -> ObjectRecord:
    if not tally.balanced:
        raise RuntimeError(
            f"{source.name}: {tally.rows} rows read, but {tally.stored} stored, {tally.filtered} filtered "
            f"and {tally.rejected} rejected"
        )
    return ObjectRecord(
        source.identity, "done", tally.rows, tally.stored, tally.filtered, tally.rejected, source.bytes
    )


def _small(batch: Batch, group: Sequence[tuple[int, Source]]) -> dict[int, ObjectRecord]:
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
    number, source = group[0]
    if not batch.recipe.reader.STREAMS and source.inflated > _PACKED:
        return {number: _windows(batch, source, pieces[0])}  # it is alone: see _groups
    before = len(batch.files)
    try:
        reasons, tallies = _convert(batch, pieces, texts)
    except (BadObject, ShortOfMemory) as error:
        take_back(batch, before)
        if len(group) > 1:
            middle = len(group) // 2
            return _small(batch, group[:middle]) | _small(batch, group[middle:])
        if isinstance(error, BadObject):
            return {number: _bad(source, error.reason)}
        if not batch.recipe.reader.STREAMS:
            raise
        blocks = _blocks(source.text) if isinstance(source.text, Path) else [texts[pieces[0].path]]
        return {number: _large(batch, number, replace(source, text=blocks), SLICE // 4)}
    return {
        number: _bad(source, reasons[number]) if number in reasons else _record(source, tallies[number])
        for number, source in group
    }


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block


def _large(batch: Batch, number: int, source: Source, limit: int | None = None) -> ObjectRecord:
    """An object read slice by slice; what was written is taken back when a later slice is bad."""
    path = batch.folder / f"slice-{number}"
    template = _piece(source, number, path)
    assert not isinstance(source.text, Path | bytes)  # noqa: S101 - told apart by the caller
    before, recipe = len(batch.files), batch.recipe
    try:
        blocks = iter(source.text)
        start = next(blocks, b"")
        if reason := refusal(start):
            return _bad(source, reason)
        own = replace(recipe, syntax=source.syntax or recipe.syntax)
        batch.recipe = replace(recipe, syntax=syntax_of(own, start))
        if not batch.recipe.reader.STREAMS:
            with path.open("wb") as file:
                file.write(start)
                file.writelines(blocks)
            return _windows(batch, source, template)
        return _record(source, _sliced(batch, source, template, chain([start], blocks), limit or SLICE))
    except (BadObject, ValueError) as error:
        take_back(batch, before)
        return _bad(source, error.reason if isinstance(error, BadObject) else str(error))
    finally:
        batch.recipe = recipe
        path.unlink(missing_ok=True)


def _sliced(batch: Batch, source: Source, template: Piece, blocks: Iterator[bytes], limit: int) -> _Tally:
    path, total = Path(template.path), _Tally()

    def whole(text: bytes) -> bool:
        path.write_bytes(text)
        return reads(batch, template) or (mend(path) and reads(batch, template))

    recipe = batch.recipe
    start = next(blocks)
    if envelopes.unwrapped(template.path, start):
        slices = envelopes.slices(chain([start], blocks), limit)
    else:
        slices = recipe.reader.slices(
            chain([start], blocks), limit, whole, recipe.table.record(), recipe.options
        )
    for text in slices:
        path.write_bytes(text)
        reasons, tallies = _convert(batch, [replace(template, first_row=total.rows)])
        if reasons:
            raise BadObject(source.name, reasons[template.object])
        total.add(tallies[template.object])
    return total


def _windows(batch: Batch, source: Source, piece: Piece) -> ObjectRecord:
    """A file that is read where one wants, some rows at a time."""
    before = len(batch.files)
    try:
        looked = look(batch, [piece])[piece.path]
        if looked.reason:
            return _bad(source, looked.reason)
        step = max(1, looked.rows * _PACKED // max(1, Path(piece.path).stat().st_size))
        total = _Tally()
        for first in range(0, looked.rows, step):
            window = replace(looked.of(piece), first_row=first, rows=min(step, looked.rows - first))
            total.add(_store(batch, [window], None, {})[piece.object])
        return _record(source, total)
    except BadObject as error:
        take_back(batch, before)
        return _bad(source, error.reason)


def _convert(
    batch: Batch, pieces: Sequence[Piece], texts: Mapping[str, bytes] | None = None
) -> tuple[dict[int, str], dict[int, _Tally]]:
    """Convert pieces of different objects: reasons of those that are bad, tallies of the others.

    `texts` are those that stand in no file yet; they get theirs only if it is needed.
    """
    texts = texts or {}
    bundle = bundled(batch, pieces, texts)
    if bundle is not None:
        return {}, _store(batch, *bundle, texts)
    _spill(texts)
    looked = look(batch, pieces)
    reasons = {piece.object: looked[piece.path].reason for piece in pieces if looked[piece.path].reason}
    good = [looked[piece.path].of(piece) for piece in pieces if not looked[piece.path].reason]
    return reasons, _store(batch, good, None, {})


def _spill(texts: Mapping[str, bytes]) -> None:
    for path, text in texts.items():
        Path(path).write_bytes(text)


class _Miscounted(Exception):
    """The fast way gave another number of rows than there are."""


def _store(
    batch: Batch, pieces: Sequence[Piece], bundle: Bundle | None, texts: Mapping[str, bytes]
) -> dict[int, _Tally]:
    """Write the rows of pieces that read; what became of each object's rows.

    What the fast way of a reader trips over is read row by row instead, if there is a way to.
    """
    before = len(batch.files)
    for trips in range(len(pieces) + 2):
        try:
            return _stored(batch, pieces, bundle, texts)
        except (BadObject, _Miscounted) as error:
            if any(piece.example for piece in pieces):
                take_back(batch, before)
                pieces = look_closer(batch, pieces)
                continue
            fast = [piece for piece in pieces if not piece.exact]
            if not fast or not batch.recipe.reader.exacts(batch.recipe.options):
                raise
            take_back(batch, before)
            _spill(texts)
            named = error.path if isinstance(error, TrippedError) and trips < _TRIPS else ""
            odd = [piece for piece in fast if piece.path == named] or fast
            looked = look_exactly(batch, odd)
            pieces = [looked[piece.path].of(piece) if piece in odd else piece for piece in pieces]
            bundle, texts = None, {}
    raise AssertionError("each turn but the last makes a piece exact")


_TRIPS = 3  # texts that are told to be odd one by one; each time costs what was read in vain


def _stored(
    batch: Batch, pieces: Sequence[Piece], bundle: Bundle | None, texts: Mapping[str, bytes]
) -> dict[int, _Tally]:
    tallies = {piece.object: _Tally(rows=piece.rows, stored=piece.rows) for piece in pieces}
    filled = [piece for piece in pieces if piece.rows]
    if filled:
        index = "default" if batch.recipe.tp_index is None else None
        without = left_out(batch, filled)
        rows = batch.recipe.rows(filled, batch.time, bundle, without)
        days = several_days(batch.recipe.table, filled, texts)
        with shown(batch, filled):
            stored = copy(batch, rows, batch.recipe.table, filled, index, without, days=days)
        if batch.recipe.filter is not None or stored != sum(piece.rows for piece in filled):
            _spill(texts)
            _count(batch, [replace(piece, example="") for piece in filled], tallies, stored)
    return tallies


def _count(batch: Batch, pieces: Sequence[Piece], tallies: dict[int, _Tally], stored: int) -> None:
    """Count row by row what became of them, and keep the rejected ones."""
    for number, kept, filtered, rejected in run(batch, batch.recipe.counts(pieces, batch.time), pieces):
        tally = tallies[number]
        tally.stored, tally.filtered, tally.rejected = kept, filtered, rejected
    wrong = [piece for piece in pieces if not tallies[piece.object].balanced]
    if wrong:
        raise _Miscounted(f"{wrong[0].source_location}: rows do not add up: {tallies[wrong[0].object]}")
    counted = sum(tallies[piece.object].stored for piece in pieces)
    if counted != stored:
        raise RuntimeError(f"{stored} rows were written, but {counted} counted as stored")
    rejected = sum(tallies[piece.object].rejected for piece in pieces)
    if rejected:
        rows = batch.recipe.rejects(pieces, batch.time)
        written = copy(batch, rows, tables.find(REJECTED_TABLE), pieces, batch.recipe.table.name)
        if written != rejected:
            raise _Miscounted(f"{rejected} rows were rejected, but {written} kept in {REJECTED_TABLE}")
