"""Objects too large to be read at once: a stream in slices, a Parquet file in windows of rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

from penstock import envelopes
from penstock.convert.engine import Batch
from penstock.convert.files import take_back
from penstock.convert.look import look, mend, reads, refusal, syntax_of
from penstock.convert.source import Source, Tally, bad_record, piece_of, record_of
from penstock.convert.store import convert_pieces, store_pieces
from penstock.errors import BadObject
from penstock.model import ObjectRecord
from penstock.readers import Piece

__all__ = ["PACKED", "SLICE", "in_slices", "in_windows"]

SLICE = 16 << 20
"""Bytes of the slices of a larger object: about; a record may make one longer."""

PACKED = 4 << 20
"""Bytes of Parquet read at once: they are some eight times as many when unpacked."""


def in_slices(batch: Batch, number: int, source: Source, limit: int | None = None) -> ObjectRecord:
    """An object read slice by slice; what was written is taken back when a later slice is bad."""
    path = batch.folder / f"slice-{number}"
    template = piece_of(source, number, path)
    assert not isinstance(source.text, Path | bytes)  # noqa: S101 - told apart by the caller
    before, recipe = len(batch.files), batch.recipe
    try:
        blocks = iter(source.text)
        start = next(blocks, b"")
        if reason := refusal(start):
            return bad_record(source, reason)
        own = replace(recipe, syntax=source.syntax or recipe.syntax)
        batch.recipe = replace(recipe, syntax=syntax_of(own, start))
        if not batch.recipe.reader.STREAMS:
            with path.open("wb") as file:
                file.write(start)
                file.writelines(blocks)
            return in_windows(batch, source, template)
        return record_of(source, _sliced(batch, source, template, chain([start], blocks), limit or SLICE))
    except (BadObject, ValueError) as error:
        take_back(batch, before)
        return bad_record(source, error.reason if isinstance(error, BadObject) else str(error))
    finally:
        batch.recipe = recipe
        path.unlink(missing_ok=True)


def _sliced(batch: Batch, source: Source, template: Piece, blocks: Iterator[bytes], limit: int) -> Tally:
    path, total = Path(template.path), Tally()

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
        reasons, tallies = convert_pieces(batch, [replace(template, first_row=total.rows)])
        if reasons:
            raise BadObject(source.name, reasons[template.object])
        total.add(tallies[template.object])
    return total


def in_windows(batch: Batch, source: Source, piece: Piece) -> ObjectRecord:
    """A file that is read where one wants, some rows at a time."""
    before = len(batch.files)
    try:
        looked = look(batch, [piece])[piece.path]
        if looked.reason:
            return bad_record(source, looked.reason)
        step = max(1, looked.rows * PACKED // max(1, Path(piece.path).stat().st_size))
        total = Tally()
        for first in range(0, looked.rows, step):
            window = replace(looked.of(piece), first_row=first, rows=min(step, looked.rows - first))
            total.add(store_pieces(batch, [window], None, {})[piece.object])
        return record_of(source, total)
    except BadObject as error:
        take_back(batch, before)
        return bad_record(source, error.reason)
