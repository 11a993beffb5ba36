"""An object to convert, and the record of what became of it."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from penstock.model import ObjectRecord
from penstock.readers import Piece, Syntax

__all__ = ["Source", "Tally", "bad_record", "piece_of", "record_of"]


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
class Tally:
    """Rows of one object so far."""

    rows: int = 0
    stored: int = 0
    filtered: int = 0
    rejected: int = 0

    @property
    def balanced(self) -> bool:
        """Whether rows read = stored + filtered + rejected (G2)."""
        return self.rows == self.stored + self.filtered + self.rejected

    def add(self, other: Tally) -> None:
        self.rows += other.rows
        self.stored += other.stored
        self.filtered += other.filtered
        self.rejected += other.rejected


def piece_of(source: Source, number: int, path: Path | str) -> Piece:
    """An object as one piece: number `number` of its commit, its text in the file `path`."""
    prefix = hashlib.sha256(source.identity.encode()).hexdigest()[:24]
    piece = Piece(
        str(path), number, prefix, source.type, source.source_name, source.location, source.modified
    )
    return replace(piece, times=source.times)


def bad_record(source: Source, reason: str) -> ObjectRecord:
    """The record of an object that cannot be read."""
    return ObjectRecord(source.identity, "bad", bytes=source.bytes, reason=reason)


def record_of(source: Source, tally: Tally) -> ObjectRecord:
    """The record of an object that was read. RuntimeError when its rows do not add up."""
    if not tally.balanced:
        raise RuntimeError(
            f"{source.name}: {tally.rows} rows read, but {tally.stored} stored, {tally.filtered} filtered "
            f"and {tally.rejected} rejected"
        )
    return ObjectRecord(
        source.identity, "done", tally.rows, tally.stored, tally.filtered, tally.rejected, source.bytes
    )
