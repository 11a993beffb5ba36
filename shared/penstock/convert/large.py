"""Objects too large to be read at once: a stream in slices, a Parquet file in windows of rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from penstock import envelopes
from penstock.convert.engine import AT_ONCE, Batch, ShortOfMemory
from penstock.convert.files import take_back
from penstock.convert.look import look, mend, reads, refusal, syntax_of
from penstock.convert.source import Source, Tally, bad_record, piece_of, record_of
from penstock.convert.store import convert_pieces, store_pieces
from penstock.errors import BadObject
from penstock.model import ObjectRecord
from penstock.readers import Piece

__all__ = ["PACKED", "in_slices", "in_windows"]

PIECE = 2 << 20
"""Bytes of the texts that a stream is cut into: about; a record may make one longer.

A document of 16 MiB takes a third longer to parse than eight of 2: what is made of those stays in the
processor's caches.
"""

PACKED = 4 << 20
"""Bytes of Parquet read at once: they are some eight times as many when unpacked."""


def in_slices(batch: Batch, number: int, source: Source) -> ObjectRecord:
    """An object read slice by slice; what was written is taken back when a later slice is bad."""
    folder = batch.folder / f"slices-{number}"
    folder.mkdir()
    assert not isinstance(source.text, Path | bytes)  # noqa: S101 - told apart by the caller
    before, recipe = len(batch.files), batch.recipe
    try:
        blocks = iter(source.text)
        start = _beginning(blocks)
        if reason := refusal(start):
            return bad_record(source, reason)
        own = replace(recipe, syntax=source.syntax or recipe.syntax)
        batch.recipe = replace(recipe, syntax=syntax_of(own, start))
        if not batch.recipe.reader.STREAMS:
            path = folder / "whole"
            with path.open("wb") as file:
                file.write(start)
                file.writelines(blocks)
            return in_windows(batch, source, piece_of(source, number, path))
        return record_of(source, _Slices(batch, piece_of(source, number, folder)).read(start, blocks))
    except (BadObject, ValueError) as error:
        take_back(batch, before)
        return bad_record(source, error.reason if isinstance(error, BadObject) else str(error))
    finally:
        batch.recipe = recipe
        shutil.rmtree(folder, ignore_errors=True)


def _beginning(blocks: Iterator[bytes]) -> bytes:
    """The first blocks, as many as it takes to tell how the text is written."""
    start = b""
    while len(start) < envelopes.BEGINNING and (block := next(blocks, b"")):
        start += block
    return start


@dataclass(slots=True)
class _Slices:
    """An object being read: its pieces that are read together, in files of a folder, and its rows so far."""

    batch: Batch
    template: Piece
    most: int = field(default_factory=lambda: AT_ONCE)
    waiting: list[Piece] = field(default_factory=list)
    size: int = 0
    total: Tally = field(default_factory=Tally)

    def read(self, start: bytes, blocks: Iterator[bytes]) -> Tally:
        """Cut the text and read it; `start` is its first block."""
        stream, recipe = chain([start], blocks), self.batch.recipe
        texts: Iterator[bytes | None]
        if envelopes.unwrapped(self.template.path, start):
            texts = envelopes.slices(stream, PIECE)
        else:
            texts = recipe.reader.slices(stream, PIECE, self.whole, recipe.table.record(), recipe.options)
        for text in texts:
            piece = self._next()
            if text is not None:
                Path(piece.path).write_bytes(text)
            self.waiting.append(piece)
            self.size += Path(piece.path).stat().st_size
            if self.size + PIECE > self.most:
                self._read()
        if self.waiting:
            self._read()
        return self.total

    def whole(self, before: bytes, records: memoryview, after: bytes) -> bool:
        """Whether these records are whole ones, all in the array that begins with the last of `before`.

        With one more pair of brackets around them they read only if they are. These become spaces,
        and what was read for the proof is the next piece.
        """
        piece = self._next()
        path = Path(piece.path)
        with path.open("wb") as file:
            size = sum(file.write(text) for text in (before, b"[", records, b"]", after))
        if not (reads(self.batch, piece) or (mend(path) and reads(self.batch, piece))):
            return False
        if path.stat().st_size != size:  # bytes that were no UTF-8 have been replaced by longer ones
            path.write_bytes(b"".join((before, records, after)))
            return True
        with path.open("r+b") as file:
            for bracket in (len(before), size - len(after) - 1):
                file.seek(bracket)
                file.write(b" ")
        return True

    def _next(self) -> Piece:
        return replace(self.template, path=f"{self.template.path}/{len(self.waiting)}")

    def _read(self) -> None:
        """Write the rows of the pieces that wait: of fewer at once where all need too much memory."""
        while self.waiting:
            group = self._together()
            before = len(self.batch.files)
            pieces = [replace(piece, first_row=self.total.rows) for piece in group]
            try:
                reasons, tallies = convert_pieces(self.batch, pieces)
            except ShortOfMemory:
                if len(group) == 1:
                    raise
                take_back(self.batch, before)
                self.most = sum(Path(piece.path).stat().st_size for piece in group) // 2
                continue
            number = self.template.object
            if number in reasons:
                raise BadObject(self.template.source_location, reasons[number])
            self.total.add(tallies[number])
            del self.waiting[: len(group)]
        self.size = 0

    def _together(self) -> list[Piece]:
        """The first of the pieces that wait: one, and those behind it that are not too much with it."""
        size, group = 0, list[Piece]()
        for piece in self.waiting:
            size += Path(piece.path).stat().st_size
            if group and size > self.most:
                break
            group.append(piece)
        return group


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
