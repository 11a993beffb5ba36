"""Floor: what DuckDB needs to turn the same records, ready as JSON lines, into Parquet.

No inflating, no ledger, no common columns, no order: what any collector built on DuckDB must spend.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import duckdb

from infra.bench import Context, Figure
from infra.bench.alone import Measured, alone, in_turns
from infra.bench.data import STANDARD, dataset
from penstock import tables

NEEDS: tuple[str, ...] = ()

_RUNS = 2


def run(context: Context) -> list[Figure]:
    """With the table's fields typed, and with types left to DuckDB."""
    data = dataset(context.data, STANDARD, lines=True)
    figures = []
    for name, typed in (("floor", True), ("floor, types detected", False)):
        (took,) = in_turns(_RUNS, partial(once, context, typed=typed))
        figures.append(Figure(name, data.events / took.cpu, "events/s", note=_note(data.inflated, took.cpu)))
    return figures


def once(context: Context, *, typed: bool = True) -> Measured:
    """One run of it."""
    data = dataset(context.data, STANDARD, lines=True)
    columns = duckdb_types(tables.find("aws_cloudtrail_log").record()) if typed else None
    out = str(context.work / "floor.parquet")
    took = alone(f"{__name__}:convert", lines=str(data.lines), out=out, columns=columns)
    if took.result != data.events:
        raise RuntimeError(f"floor: wrote {took.result} rows, expected {data.events}")
    return took


def _note(inflated: int, cpu: float) -> str:
    return f"{inflated / cpu / 1e6:.0f} MB/s inflated, {cpu:.2f} s cpu"


def duckdb_types(record: Mapping[str, object]) -> dict[str, str]:
    """The fields of a record (texts are types, mappings structs) as `columns` of read_json."""
    return {name: _type(kind) for name, kind in record.items()}


def _type(kind: object) -> str:
    if isinstance(kind, Mapping):
        return "STRUCT(" + ", ".join(f'"{name}" {_type(inner)}' for name, inner in kind.items()) + ")"
    return str(kind)


def convert(lines: str, out: str, columns: dict[str, str] | None) -> int:
    """All lines below a folder into one zstd Parquet file, on one thread; the rows written."""
    typed = "" if columns is None else f", columns = {_struct(columns)}"
    source = f"read_json('{Path(lines) / '*.jsonl'}', format = 'newline_delimited'{typed})"
    with duckdb.connect(config={"threads": 1}) as connection:
        copied = connection.execute(f"COPY (FROM {source}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")
        row = copied.fetchone()
    return int(row[0]) if row else 0


def _struct(columns: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"\"{name}\": '{kind}'" for name, kind in columns.items()) + "}"
