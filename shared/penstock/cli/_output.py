"""Prints the rows of a query as a table, CSV, JSON, JSON lines or one value a line.

DuckDB renders the values; rows come a batch at a time and go out at once, so an answer of any size
passes through. What a log holds never reaches a terminal as a control sequence.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from penstock import query
from penstock.catalogue.lake import literal

__all__ = ["FORMS", "Form", "write"]

Form = Literal["table", "csv", "json", "jsonl", "line"]
FORMS: tuple[Form, ...] = ("table", "csv", "json", "jsonl", "line")

CHUNK_ROWS = 1000
"""Rows of one block of a table: its columns are as wide as they and those before them need."""

_LEAST_WIDTH = 6
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL", "DOUBLE", "FLOAT", "UBIGINT")
_HIDDEN = [*range(32), *range(127, 160), 0x061C, *range(0x200E, 0x2010), *range(0x2028, 0x202F)]
_VISIBLE = {n: f"\\x{n:02x}" if n < 256 else f"\\u{n:04x}" for n in [*_HIDDEN, *range(0x2066, 0x206A)]} | {
    9: "\\t",
    10: "\\n",
    13: "\\r",
}


def write(result: query.Result, form: Form, out: TextIO, *, header: bool, separator: str, width: int) -> int:
    """Print all rows of `result` to `out` and say how many there were.

    `header` and `separator` (one character) are for csv, `header` for table too. `width` is that
    of the terminal in cells, 0 when there is none: then nothing is cut or folded. QueryError when
    the statement fails on the way; what was printed before stays.
    """
    if form == "csv":
        return _csv(result, out, header=header, separator=separator)
    if form in ("json", "jsonl"):
        return _json(result, out, lines=form == "jsonl")
    if form == "line":
        return _line(result, out)
    return _table(result, out, header=header, width=width)


def _csv(result: query.Result, out: TextIO, *, header: bool, separator: str) -> int:
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    count = 0
    for batch in _started(query.batches(result, _texts(result))):
        if header and not count:
            writer.writerow(result.columns)
            header = False
        writer.writerows(batch)
        count += len(batch)
    return count


def _json(result: query.Result, out: TextIO, *, lines: bool) -> int:
    """One object a line; for `json` inside an array."""
    count = 0
    separator = "\n" if lines else ",\n"
    batches = _started(query.batches(result, [_object(result)]))
    for batch in batches:
        if not lines and not count:
            out.write("[\n")
        if batch:
            out.write(separator if count else "")
            out.write(separator.join(str(row[0]) for row in batch))
        count += len(batch)
    out.write("\n" if count else "")
    out.write("" if lines else "]\n")
    return count


def _line(result: query.Result, out: TextIO) -> int:
    return _records(result, _rows(result), out)


def _records(result: query.Result, rows: Iterable[Sequence[str | None]], out: TextIO) -> int:
    names = [name.translate(_VISIBLE) for name in result.columns]
    widest = max(map(cell_len, names), default=0)
    count = 0
    for count, row in enumerate(rows, start=1):
        out.write(f"-[ RECORD {count} ]".ljust(40, "-") + "\n")
        for name, value in zip(names, row, strict=True):
            shown = "<null>" if value is None else value.translate(_VISIBLE)
            out.write(f"{name}{' ' * (widest - cell_len(name))} | {shown}\n")
    return count


def _table(result: query.Result, out: TextIO, *, header: bool, width: int) -> int:
    if result.columns == ("explain_key", "explain_value"):
        return _plan(result, out)
    rows = _rows(result)
    chunk = list(itertools.islice(rows, CHUNK_ROWS))
    wanted = _wanted(chunk, [cell_len(name.translate(_VISIBLE)) for name in result.columns])
    if _fitted(wanted, width) is None:
        return _records(result, itertools.chain(chunk, rows), out)
    count = 0
    while chunk or header:
        widths = _fitted(wanted, width) or wanted
        console = Console(file=out, width=width or sum(widths) + 3 * len(widths) + 1, highlight=False)
        console.print(_grid(result, chunk, widths, header=header), overflow="fold")
        header = False
        count += len(chunk)
        chunk = list(itertools.islice(rows, CHUNK_ROWS))
        wanted = _wanted(chunk, wanted)
    return count


def _grid(
    result: query.Result, rows: Iterable[Sequence[str | None]], widths: Sequence[int], *, header: bool
) -> Table:
    grid = Table(box=box.SIMPLE_HEAD if header else None, show_header=header, show_edge=False, pad_edge=False)
    grid.padding = (0, 1)
    for name, type_, wide in zip(result.columns, result.types, widths, strict=True):
        right = "right" if type_.startswith(_NUMBERS) and not type_.endswith("]") else "left"
        title = Text(name.translate(_VISIBLE))
        grid.add_column(title, width=wide, justify=right, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        grid.add_row(*(_cell(value) for value in row))
    return grid


def _cell(value: str | None) -> Text:
    return Text("<null>", style="dim") if value is None else Text(value.translate(_VISIBLE))


def _wanted(rows: Sequence[Sequence[str | None]], least: Sequence[int]) -> list[int]:
    """Cells that each column needs to show these rows whole, at least `least`."""
    widths = list(least)
    for row in rows:
        for n, value in enumerate(row):
            widths[n] = max(widths[n], cell_len("<null>" if value is None else value.translate(_VISIBLE)))
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


def _plan(result: query.Result, out: TextIO) -> int:
    count = 0
    for batch in query.batches(result, _texts(result)):
        for _, text in batch:
            out.write(f"{text}\n")
        count += len(batch)
    return count


def _rows(result: query.Result) -> Iterator[Sequence[str | None]]:
    for batch in query.batches(result, _texts(result)):
        yield from batch  # type: ignore[misc]  # `_texts` makes every value a text or null


def _started(batches: Iterator[list[tuple[Any, ...]]]) -> Iterator[list[tuple[Any, ...]]]:
    """The batches, at least one (empty), so that a statement that fails at once prints nothing."""
    yield next(batches, [])
    yield from batches


def _texts(result: query.Result) -> list[str]:
    """Each column as text: times in ISO 8601, nested values as JSON."""
    return [_text(f"#{n}", type_) for n, type_ in enumerate(result.types, start=1)]


def _text(column: str, type_: str) -> str:
    if type_ == "TIMESTAMP WITH TIME ZONE":
        return f"replace(replace({column}::VARCHAR, ' ', 'T'), '+00', 'Z')"  # the session's zone is UTC
    if type_.startswith("TIMESTAMP") and not type_.endswith("]"):
        return f"replace({column}::VARCHAR, ' ', 'T')"
    if type_.endswith("]") or type_.startswith(("STRUCT(", "MAP(", "UNION(")):
        return f"to_json({column})::VARCHAR"
    return f"{column}::VARCHAR"


def _object(result: query.Result) -> str:
    """The whole row as the text of one JSON object; columns of one name are told apart."""
    fields = []
    for number, (name, type_) in enumerate(
        zip(_distinct(result.columns), result.types, strict=True), start=1
    ):
        key = literal(json.dumps(name, ensure_ascii=False) + ": ")
        fields.append(f"{key} || coalesce({_json_value(f'#{number}', type_)}, 'null')")
    return "'{' || " + " || ', ' || ".join(fields) + " || '}'"


def _json_value(column: str, type_: str) -> str:
    if type_.startswith("TIMESTAMP") and not type_.endswith("]"):
        return f"to_json({_text(column, type_)})::VARCHAR"
    if type_ in ("DOUBLE", "FLOAT"):  # JSON has neither NaN nor infinity
        return f"CASE WHEN isfinite({column}) THEN to_json({column})::VARCHAR END"
    return f"to_json({column})::VARCHAR"


def _distinct(names: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    found = []
    for name in names:
        candidates = itertools.chain([name], (f"{name}_{n}" for n in itertools.count(1)))
        free = next(candidate for candidate in candidates if candidate not in seen)
        seen.add(free)
        found.append(free)
    return found
