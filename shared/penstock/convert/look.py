"""What stands in a text: which syntax, whether it reads, how many rows it has, which fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from penstock import envelopes
from penstock.convert import strict
from penstock.convert.engine import Batch, run
from penstock.errors import BadObject, Retry
from penstock.readers import Head, Piece, Syntax
from penstock.readers.parquet import MAGIC
from penstock.standardize import Recipe

__all__ = [
    "Looked",
    "beginning",
    "complaint",
    "look",
    "look_closer",
    "look_exactly",
    "mend",
    "reads",
    "refusal",
    "syntax_of",
]


def beginning(text: Path | bytes) -> bytes:
    """The first bytes of a text, in a file or at hand: enough to tell what it is."""
    if isinstance(text, bytes):
        return text[: envelopes.BEGINNING]
    with text.open("rb") as file:
        return file.read(envelopes.BEGINNING)


def refusal(start: bytes) -> str:
    """Why an object that begins so is read by no table, empty if it may be: binary forms of other tools."""
    kind = next((kind for magic, kind in _BINARY.items() if start.startswith(magic)), "")
    if kind and any(byte < ord("\t") for byte in start):
        return f"it is {kind}, expected text, JSON or Parquet"
    return ""


_BINARY = {b"ORC": "an ORC file", b"Obj\x01": "an Avro file"}
"""What binary files begin with; a text may begin so too, but has no control characters."""


def syntax_of(recipe: Recipe, start: bytes) -> Syntax:
    """How a text that begins so is written: Parquet is known by its magic, the table's own ways by theirs."""
    if start.startswith(MAGIC):
        # What means nothing in a table's texts means nothing in its Parquet files (VPC flow logs: -).
        return Syntax("parquet", {"nullstr": recipe.table.syntax.options.get("nullstr", ())})
    if recipe.syntax is not None:
        return recipe.syntax
    start = start.lstrip(b"\r\n")
    line = envelopes.first_message(start)
    others = recipe.table.syntaxes
    return next((one for one in others if _written(one.when, start, line)), recipe.table.syntax)


def _written(when: bytes, start: bytes, line: bytes | None) -> bool:
    """Whether a text is written so; of one that is wrapped its first line counts, and its own members."""
    if line is None or (when.startswith(b'"') and envelopes.found(when, start)):
        return envelopes.found(when, start)
    return envelopes.found(when, line)


@dataclass(frozen=True, slots=True)
class Looked:
    """What the probe says of a piece; `reason` tells why it cannot be read."""

    rows: int = 0
    unknown: bool = False
    exact: bool = False
    head: str = ""
    example: str = ""
    bytes: int = 0
    reason: str = ""

    def of(self, piece: Piece) -> Piece:
        """The piece with what is known of it."""
        return replace(
            piece,
            rows=self.rows,
            unknown=self.unknown,
            exact=self.exact,
            head=self.head,
            example=self.example,
            bytes=self.bytes,
        )


def look(batch: Batch, pieces: Sequence[Piece]) -> dict[str, Looked]:
    """Probe the pieces, by path; one that does not read is mended or spelt anew, and probed again."""
    for piece in pieces:
        _respell(batch, piece, odd=False)
    return _look(batch, pieces)


def look_closer(batch: Batch, pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces that were refused when they were read strictly, with what is known of them without.

    BadObject for one that cannot be read at all.
    """
    batch.strict = False
    looked = _look(batch, pieces)
    for piece in pieces:
        if reason := looked[piece.path].reason:
            raise BadObject(piece.source_location, reason)
    return [looked[piece.path].of(piece) for piece in pieces]


def _look(batch: Batch, pieces: Sequence[Piece]) -> dict[str, Looked]:
    found = _at_a_glance(batch, pieces)
    left = [piece for piece in pieces if piece.path not in found]
    if left:
        found |= _probe(batch, left)
    for piece in pieces:
        if (found[piece.path].reason or found[piece.path].exact) and mend(Path(piece.path)):
            _respell(batch, piece, odd=False)  # what was tried before could not be read
            found |= _probe(batch, [piece])
        if (found[piece.path].reason or found[piece.path].exact) and _respell(batch, piece, odd=True):
            found |= _probe(batch, [piece])
    odd = [found[piece.path].of(piece) for piece in pieces if found[piece.path].exact]
    return found | look_exactly(batch, odd)


def look_exactly(batch: Batch, pieces: Sequence[Piece]) -> dict[str, Looked]:
    """Probe pieces that are read row by row; they have their heads already."""
    found: dict[str, Looked] = {}
    for head in {piece.head for piece in pieces}:
        alike = [replace(piece, exact=True) for piece in pieces if piece.head == head]
        knew = {piece.path: piece.unknown for piece in alike}
        found |= {
            path: Looked(rows, unknown or knew[path], exact=True, head=head)
            for path, _, rows, unknown, _, _ in run(batch, batch.recipe.probe(alike), alike)
        }
    return found


def _at_a_glance(batch: Batch, pieces: Sequence[Piece]) -> dict[str, Looked]:
    """What is known of them at a glance: of those that are as they should be.

    They have nothing unknown in them, or will be read strictly and refused if they have.
    """
    try:
        found = {
            piece.path: Looked(piece.rows, example=piece.example, bytes=piece.bytes)
            for piece in strict.counted(batch, pieces)
        }
        left = [piece for piece in pieces if piece.path not in found]
        statement = batch.recipe.glance(left) if left else None
        answers = run(batch, statement, left) if statement else []
    except BadObject:
        return {}  # the probe tells which it was
    return found | {path: Looked(rows) for path, rows, doubtful in answers if not doubtful}


def _probe(batch: Batch, pieces: Sequence[Piece]) -> dict[str, Looked]:
    recipe = batch.recipe
    answers = {row[0]: row[1:] for row in _run_mending(batch, recipe.probe(pieces), pieces)}
    missing = [piece.path for piece in pieces if piece.path not in answers]
    if missing:
        # read_text passes silently over a file that is not there.
        raise Retry(f"{missing[0]}: the fetched text has vanished from the work folder")
    return {piece.path: _looked(recipe, piece, answers[piece.path]) for piece in pieces}


def _looked(recipe: Recipe, piece: Piece, answer: tuple[Any, ...]) -> Looked:
    readable, rows, unknown, exact, first = answer
    if not readable:
        return Looked(reason=complaint(recipe, Path(piece.path)))
    try:
        head: Head = recipe.reader.head(first or "", recipe.table.record(), recipe.options)
    except ValueError as error:
        return Looked(reason=_stranger(recipe, Path(piece.path)) or str(error))
    return Looked(max(0, rows - head.before), unknown or head.unknown, exact or head.exact, head.text)


def complaint(recipe: Recipe, path: Path) -> str:
    """Why a text does not read: what it is instead, if the table knows, else what the reader says."""
    return _stranger(recipe, path) or recipe.reader.complaint(beginning(path)[:200], recipe.options)


def _stranger(recipe: Recipe, path: Path) -> str:
    start = beginning(path)
    for text, what in recipe.table.strangers.items():
        if text.encode() in start:
            return f"it is {what}, not a log of {recipe.table.name}"
    return ""


def reads(batch: Batch, piece: Piece) -> bool:
    """Whether a slice reads by itself."""
    ((answer,),) = _run_mending(batch, batch.recipe.readable(piece), [piece])
    return bool(answer)


def _respell(batch: Batch, piece: Piece, *, odd: bool) -> bool:
    """Write a text as its syntax has it, where it is written otherwise or wrapped. True if it was."""
    path = Path(piece.path)
    if not batch.recipe.reader.STREAMS:
        return False
    start = beginning(path)
    ways = () if odd else envelopes.unwrapped(piece.path, start)
    if ways:
        if not any(_rewrite(batch, piece, way) for way in ways):
            return False
        _respell(batch, piece, odd=True)  # its messages may be spelt otherwise, or wrapped themselves
        return True
    spelt = _rewrite(
        batch, piece, batch.recipe.reader.respelt(piece.path, start, batch.recipe.options, odd=odd)
    )
    exported = re.compile(envelopes.EXPORTED.encode())
    if spelt and exported.match(start) and not exported.match(beginning(path)):
        _respell(batch, piece, odd=odd)  # what was exported may be wrapped itself
    return spelt


def _rewrite(batch: Batch, piece: Piece, statement: str | None) -> bool:
    """Write what the statement makes of a text in its place. True if it could."""
    if statement is None:
        return False
    try:
        ((text,),) = _run_mending(batch, statement, [piece])
    except BadObject:
        return False  # it stays as it is, and what is wrong with it is told by who reads it
    Path(piece.path).write_text(text, encoding="utf-8", newline="")
    return True


def _run_mending(batch: Batch, statement: str, pieces: Sequence[Piece]) -> list[tuple[Any, ...]]:
    """Run a statement that may be the first to read these texts: bytes that are no UTF-8 are mended."""
    try:
        return run(batch, statement, pieces)
    except BadObject as error:
        if "UTF-8" not in error.reason:
            raise
    for piece in pieces:
        _replace_invalid(Path(piece.path))
    return run(batch, statement, pieces)


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


def mend(path: Path) -> bool:
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
