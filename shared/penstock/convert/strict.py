"""Texts that are read strictly: which of them can be, and the example by which they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from penstock.convert.engine import Batch, run
from penstock.readers import Piece

__all__ = ["counted", "shown"]

_BEGINNING = 256


def counted(batch: Batch, pieces: Sequence[Piece]) -> list[Piece]:
    """Those that may be read strictly, with the number of their rows. BadObject if one is no JSON."""
    able = [piece for piece in pieces if _begins_alone(batch, piece)] if _example(batch) else []
    found = {path: told for path, *told in run(batch, batch.recipe.count(able), able)} if able else {}
    example = str(batch.folder / "example")
    return [
        replace(piece, rows=found[piece.path][0], bytes=found[piece.path][1], example=example)
        for piece in able
        if piece.path in found
    ]


@contextmanager
def shown(batch: Batch, pieces: Sequence[Piece]) -> Iterator[None]:
    """Meanwhile the example stands in its file, if the pieces are read by one."""
    paths = {Path(piece.example) for piece in pieces if piece.example}
    try:
        for path in paths:
            path.write_text(_example(batch), encoding="utf-8")
        yield
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


def _example(batch: Batch) -> str:
    """A text that shows every field of the table; empty if there is none, or if it was of no use before."""
    recipe = batch.recipe
    if recipe.bundler is None or not batch.strict:
        return ""
    return recipe.bundler.example(recipe.table.record(), recipe.options)


def _begins_alone(batch: Batch, piece: Piece) -> bool:
    assert batch.recipe.bundler  # noqa: S101 - nobody else has an example
    with Path(piece.path).open("rb") as file:
        return batch.recipe.bundler.begins_alone(file.read(_BEGINNING), batch.recipe.options)
