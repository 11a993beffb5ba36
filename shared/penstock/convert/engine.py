"""The connection that converts: locked to its folder; its errors named for what the caller does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from penstock.errors import BadObject, Retry
from penstock.parquet import Written
from penstock.readers import Piece
from penstock.sql import literal
from penstock.standardize import Recipe

__all__ = ["AT_ONCE", "Batch", "ShortOfMemory", "TrippedError", "open_engine", "run"]

AT_ONCE = 32 << 20
"""Bytes of text that one statement reads, about; a process stays below 450 MB with it (`make bench`)."""


class ShortOfMemory(Retry):
    """What is read at once does not fit into PENSTOCK_MEMORY_MB."""


class TrippedError(BadObject):
    """A statement failed on what stands in a text; `path` is its file, empty if DuckDB does not say."""

    def __init__(self, piece: Piece, reason: str, *, told: bool) -> None:
        self.path = piece.path if told else ""
        super().__init__(piece.source_location, reason)


@dataclass(slots=True)
class Batch:
    """What the conversion of one commit carries along; `strict` until a strict reading was refused."""

    engine: duckdb.DuckDBPyConnection
    recipe: Recipe
    commit: str
    time: dt.datetime
    folder: Path
    files: list[Written] = field(default_factory=list)
    outputs: list[Path] = field(default_factory=list)
    strict: bool = True


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
            # What it reads stands on this machine's disk: kept in memory too, it would fill the limit.
            "enable_external_file_cache": False,
        }
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET allowed_directories = [{literal(str(folder))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def run(batch: Batch, statement: str, pieces: Sequence[Piece]) -> list[tuple[Any, ...]]:
    """Run it; what the data does wrong is BadObject, what the machine lacks Retry, the rest our bug."""
    try:
        return batch.engine.execute(statement).fetchall()
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
        if "Out of Memory Error" in str(error):  # some of its ways out wear another name
            raise ShortOfMemory(_first_line(error)) from error
        raise _tripped(error, pieces) from error
    except UnicodeDecodeError as error:  # the message shows some of a text, and cuts a character of it in two
        raise TrippedError(pieces[0], "it is not JSON of the shape that is expected", told=False) from error
    except duckdb.OutOfMemoryException as error:
        raise ShortOfMemory(_first_line(error)) from error
    except duckdb.IOException as error:
        if _is_torn(batch, error):
            raise BadObject(pieces[0].source_location, _first_line(error)) from error
        raise Retry(_first_line(error)) from error
    except duckdb.Error as error:
        if not _is_torn(batch, error):
            raise
        raise BadObject(pieces[0].source_location, f"it is broken: {_first_line(error)}") from error


def _tripped(error: Exception, pieces: Sequence[Piece]) -> TrippedError:
    """The error of the piece that it names, else of the first one."""
    named = [piece for piece in pieces if f"file = {piece.path}\n" in str(error)]
    return TrippedError((named or list(pieces))[0], _first_line(error), told=bool(named))


def _is_torn(batch: Batch, error: duckdb.Error) -> bool:
    """Whether a file that is read by windows is broken: DuckDB has no error of its own for that.

    What its Parquet library throws comes out as the bare base of all errors; a footer that points
    beyond the file's end as an IO error.
    """
    if batch.recipe.reader.STREAMS:
        return False
    return type(error) is duckdb.Error or "Could not read enough bytes" in str(error)


def _first_line(error: Exception) -> str:
    """The sentence that says what happened; some errors come wrapped in one that does not."""
    text = str(error).partition("\nError: ")[2] or str(error)
    return text.splitlines()[0]
