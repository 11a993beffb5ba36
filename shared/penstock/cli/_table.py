"""Prints rows as a table fitted to a terminal, or one value a line where no table fits."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from penstock.cli._render import NULL, is_number, visible

__all__ = ["Columns", "records", "table"]

Columns = Sequence[tuple[str, str]]
"""(name, DuckDB type) of each column."""
Row = Sequence[str | None]

CHUNK_ROWS = 1000
"""Rows of one block of a table: its columns are as wide as they and those before them need."""

_LEAST_WIDTH = 6


def records(columns: Columns, rows: Iterable[Row], out: TextIO) -> None:
    """One value a line, a heading for each row."""
    names = [visible(name) for name, _ in columns]
    widest = max(map(cell_len, names), default=0)
    for number, row in enumerate(rows, start=1):
        out.write(f"-[ RECORD {number} ]".ljust(40, "-") + "\n")
        for name, value in zip(names, row, strict=True):
            out.write(
                f"{name}{' ' * (widest - cell_len(name))} | {NULL if value is None else visible(value)}\n"
            )


def table(
    columns: Columns, rows: Iterator[Row], out: TextIO, *, header: bool, width: int, color: bool | None = None
) -> None:
    """A table at most `width` cells wide (0: as wide as it needs to be), in blocks of CHUNK_ROWS rows.

    Where not even narrow columns fit, `records`. `color` None means whatever `out` is fit for.
    """
    chunk = list(itertools.islice(rows, CHUNK_ROWS))
    wanted = _wanted(chunk, [cell_len(visible(name)) for name, _ in columns])
    if _fitted(wanted, width) is None:
        records(columns, itertools.chain(chunk, rows), out)
        return
    while chunk or header:
        widths = _fitted(wanted, width) or wanted
        across = width or sum(widths) + 3 * len(widths) + 1
        console = Console(file=out, width=across, highlight=False, force_terminal=color)
        console.print(_grid(columns, chunk, widths, header=header), overflow="fold")
        header = False
        chunk = list(itertools.islice(rows, CHUNK_ROWS))
        wanted = _wanted(chunk, wanted)


def _grid(columns: Columns, rows: Iterable[Row], widths: Sequence[int], *, header: bool) -> Table:
    grid = Table(box=box.SIMPLE_HEAD if header else None, show_header=header, show_edge=False, pad_edge=False)
    grid.padding = (0, 1)
    for (name, type_), wide in zip(columns, widths, strict=True):
        side = "right" if is_number(type_) else "left"
        grid.add_column(Text(visible(name)), width=wide, justify=side, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        grid.add_row(*(_cell(value) for value in row))
    return grid


def _cell(value: str | None) -> Text:
    return Text(NULL, style="dim") if value is None else Text(visible(value))


def _wanted(rows: Sequence[Row], least: Sequence[int]) -> list[int]:
    """Cells that each column needs to show these rows whole, at least `least`."""
    widths = list(least)
    for row in rows:
        for n, value in enumerate(row):
            widths[n] = max(widths[n], cell_len(NULL if value is None else visible(value)))
    return widths


def _fitted(wanted: Sequence[int], width: int) -> list[int] | None:
    """The widths with the widest shrunk until all fit a terminal; None when there are too many."""
    room = width - 3 * len(wanted)
    if not width or sum(wanted) <= room:
        return list(wanted)
    if sum(min(wide, _LEAST_WIDTH) for wide in wanted) > room:
        return None
    limit = max(wanted)
    while sum(min(wide, limit) for wide in wanted) > room:
        limit -= 1
    return [min(wide, limit) for wide in wanted]
