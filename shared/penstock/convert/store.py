"""Pieces to files: looked at, read the fast way or row by row, written, and counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from penstock import tables
from penstock.convert.bundles import bundled
from penstock.convert.days import several_days
from penstock.convert.engine import Batch, TrippedError, run
from penstock.convert.files import copy, left_out, take_back
from penstock.convert.look import look, look_closer, look_exactly
from penstock.convert.source import Tally
from penstock.convert.strict import shown
from penstock.errors import BadObject
from penstock.model import REJECTED_TABLE
from penstock.readers import Piece
from penstock.standardize import Bundle

__all__ = ["convert_pieces", "store_pieces"]

_TRIPS = 3  # texts that are told to be odd one by one; each time costs what was read in vain


def convert_pieces(
    batch: Batch, pieces: Sequence[Piece], texts: Mapping[str, bytes] | None = None
) -> tuple[dict[int, str], dict[int, Tally]]:
    """Write the rows of pieces of different objects: reasons of those that are bad, tallies of the others.

    `texts` are those that stand in no file yet; they get theirs only if it is needed.
    """
    texts = texts or {}
    bundle = bundled(batch, pieces, texts)
    if bundle is not None:
        return {}, store_pieces(batch, *bundle, texts)
    _spill(texts)
    looked = look(batch, pieces)
    reasons = {piece.object: looked[piece.path].reason for piece in pieces if looked[piece.path].reason}
    good = [looked[piece.path].of(piece) for piece in pieces if not looked[piece.path].reason]
    return reasons, store_pieces(batch, good, None, {})


def _spill(texts: Mapping[str, bytes]) -> None:
    for path, text in texts.items():
        Path(path).write_bytes(text)


class _Miscounted(Exception):
    """The fast way gave another number of rows than there are."""


def store_pieces(
    batch: Batch, pieces: Sequence[Piece], bundle: Bundle | None, texts: Mapping[str, bytes]
) -> dict[int, Tally]:
    """Write the rows of pieces that were looked at and read; what became of each object's rows.

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


def _stored(
    batch: Batch, pieces: Sequence[Piece], bundle: Bundle | None, texts: Mapping[str, bytes]
) -> dict[int, Tally]:
    tallies: dict[int, Tally] = {}
    pieces = list(_numbered(pieces))
    for piece in pieces:
        tallies.setdefault(piece.object, Tally()).add(Tally(rows=piece.rows, stored=piece.rows))
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


def _numbered(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Each piece of an object but the first begins with the row behind the last one of the piece before."""
    following: dict[int, int] = {}
    for piece in pieces:
        first = following.get(piece.object, piece.first_row)
        following[piece.object] = first + piece.rows
        yield replace(piece, first_row=first)


def _count(batch: Batch, pieces: Sequence[Piece], tallies: dict[int, Tally], stored: int) -> None:
    """Count row by row what became of them, and keep the rejected ones."""
    for number, kept, filtered, rejected in run(batch, batch.recipe.counts(pieces, batch.time), pieces):
        tally = tallies[number]
        tally.stored, tally.filtered, tally.rejected = kept, filtered, rejected
    wrong = [piece for piece in pieces if not tallies[piece.object].balanced]
    if wrong:
        raise _Miscounted(f"{wrong[0].source_location}: rows do not add up: {tallies[wrong[0].object]}")
    counted = sum(tally.stored for tally in tallies.values())
    if counted != stored:
        raise _Miscounted(f"{stored} rows were written, but {counted} counted as stored")
    rejected = sum(tally.rejected for tally in tallies.values())
    if rejected:
        rows = batch.recipe.rejects(pieces, batch.time)
        written = copy(batch, rows, tables.find(REJECTED_TABLE), pieces, batch.recipe.table.name)
        if written != rejected:
            raise _Miscounted(f"{rejected} rows were rejected, but {written} kept in {REJECTED_TABLE}")
