"""Prints the rows of a query: table, CSV, TSV, JSON, JSON lines, Markdown, one value a line, Parquet, Arrow.

Rows come a batch at a time and go out at once, so an answer of any size passes through.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TextIO

from penstock import query
from penstock.cli import _render, _table

__all__ = ["BINARY", "FORMS", "Fetch", "Form", "Shown", "write"]

Form = Literal["table", "csv", "tsv", "json", "jsonl", "line", "markdown", "parquet", "arrow"]
FORMS: tuple[Form, ...] = ("table", "csv", "tsv", "json", "jsonl", "line", "markdown", "parquet", "arrow")
BINARY: tuple[Form, ...] = ("parquet", "arrow")
"""What `query.export` writes, and no terminal shows."""

Fetch = Callable[[query.Result, Sequence[str]], Iterator[list[tuple[object, ...]]]]
"""How rows are fetched: `query.batches`, or something around it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How many rows were printed, and whether a limit kept more from being printed."""

    rows: int
    more: bool = False


@dataclass(slots=True)
class _Counted:
    """Batches cut to `limit` rows (0: none), at least one of them, with a count of what passed."""

    batches: Iterator[list[tuple[Any, ...]]]
    limit: int
    rows: int = 0
    more: bool = False

    def __iter__(self) -> Iterator[list[tuple[Any, ...]]]:
        """At least one batch (empty), so that a statement that fails at once prints nothing."""
        batch = next(self.batches, [])
        while True:
            if self.limit and self.rows + len(batch) > self.limit:
                batch, self.more = batch[: self.limit - self.rows], True
            self.rows += len(batch)
            yield batch
            if self.more or not (batch := next(self.batches, [])):
                return


def write(
    result: query.Result,
    form: Form,
    out: TextIO,
    *,
    header: bool = True,
    separator: str = ",",
    width: int = 0,
    limit: int = 0,
    color: bool | None = None,
    fetch: Fetch = query.batches,
) -> Shown:
    """Print the rows of `result` to `out`, at most `limit` (0: all).

    `header` is for csv, tsv and table, `separator` (one character) for csv. `width` is that of the
    terminal in cells, 0 when there is none: then nothing is cut or folded. QueryError when the
    statement fails on the way; what was printed before stays. Not for the forms in BINARY.
    """
    whole = form in ("json", "jsonl")
    expressions = _render.texts(result.relation.types)
    if whole:
        expressions = [_render.row_object(result.columns, result.relation.types)]
    counted = _Counted(fetch(result, expressions), limit)
    if form in ("csv", "tsv"):
        _csv(result, counted, out, header=header, separator="\t" if form == "tsv" else separator)
    elif whole:
        _json(counted, out, lines=form == "jsonl")
    elif form == "markdown":
        _markdown(result, counted, out)
    else:
        _screen(result, counted, out, form, header=header, width=width, color=color)
    return Shown(counted.rows, counted.more)


@dataclass(slots=True)
class _Lines:
    """Ends each row in a line feed. csv before Python 3.13 puts quotes around the line ends that it writes
    itself and no others, and readers take a bare return for the end of a row.
    """

    out: TextIO

    def write(self, row: str) -> None:
        """One row, as csv.writer writes it."""
        self.out.write(row.removesuffix("\r\n") + "\n")


def _csv(result: query.Result, batches: _Counted, out: TextIO, *, header: bool, separator: str) -> None:
    writer = csv.writer(_Lines(out), delimiter=separator, lineterminator="\r\n")
    for batch in batches:
        if header:
            writer.writerow(result.columns)
            header = False
        writer.writerows(batch)


def _json(batches: _Counted, out: TextIO, *, lines: bool) -> None:
    """One object a line; for `json` inside an array."""
    between = "\n" if lines else ",\n"
    before, after = ("", "") if lines else ("[\n", "]\n")
    for batch in batches:
        if batch:
            out.write(before + between.join(_render.valid_json(str(row[0])) for row in batch))
            before = between
    out.write("\n" if batches.rows else before)
    out.write(after)


def _markdown(result: query.Result, batches: _Counted, out: TextIO) -> None:
    head = True
    for batch in batches:
        if head:
            rule = ("---:" if _render.is_number(type_) else "---" for type_ in result.types)
            out.write(f"{_line(result.columns)}| {' | '.join(rule)} |\n")
            head = False
        out.writelines(_line(row) for row in batch)


def _line(values: Sequence[Any]) -> str:
    cells = (_render.NULL if value is None else _render.visible(value) for value in values)
    escaped = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;") for cell in cells)
    return f"| {' | '.join(escaped)} |\n"


def _screen(
    result: query.Result,
    batches: _Counted,
    out: TextIO,
    form: Form,
    *,
    header: bool,
    width: int,
    color: bool | None,
) -> None:
    """What is made for eyes; an EXPLAIN is a picture already."""
    if form == "table" and result.columns == ("explain_key", "explain_value"):
        for batch in batches:
            out.writelines(f"{text}\n" for _, text in batch)
        return
    columns = list(zip(result.columns, result.types, strict=True))
    rows: Iterator[Any] = (row for batch in batches for row in batch)
    if form == "line":
        _table.records(columns, rows, out)
    else:
        _table.table(columns, rows, out, header=header, width=width, color=color)
