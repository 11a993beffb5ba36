"""Tables: objects of other logs than CloudTrail through the conversion, beside DuckDB's own reader.

The floor reads the same files with the fields typed as the table types them and writes Parquet with
the table's own columns, null where the log lacks them; it makes no common column, keeps no order,
numbers no row and drops what it does not know. `bare` writes the fields alone. One thread, processor
time.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from functools import partial
from pathlib import Path

import duckdb

from infra.bench import Context, Figure
from infra.bench.alone import Measured, alone, in_turns
from infra.bench.cases.floor import duckdb_types
from infra.bench.lines import LOGS, Log, files
from penstock import convert, tables
from penstock.standardize import Recipe

NEEDS: tuple[str, ...] = ()

_RUNS = 3
_HALF = 0.5
_VPC_RATE = 250_000


def run(context: Context) -> list[Figure]:
    """Each table with its floor."""
    figures = []
    for log in LOGS:
        paths = [str(path) for path in files(log, context.data)]
        inflated = sum(Path(path).stat().st_size for path in paths)
        out = str(context.work / "floor")
        bare, floor, ours = in_turns(
            _RUNS,
            partial(_alone, "floored", table=log.table, paths=paths, out=out, whole=False),
            partial(_alone, "floored", table=log.table, paths=paths, out=out, whole=True),
            partial(_alone, "standardized", table=log.table, paths=paths),
        )
        if ours.result != floor.result:
            raise RuntimeError(f"{log.table}: stored {ours.result} rows, the floor {floor.result}")
        rate = ours.result / ours.cpu
        bound = _VPC_RATE if log.table == "aws_vpc_flow_log" else None
        note = f"{inflated / ours.cpu / 1e6:.0f} MB/s, {ours.cpu:.2f} s cpu, peak {ours.peak_mb:.0f} MB"
        figures += [
            Figure(log.table, rate, "rows/s", bound, note=note),
            Figure(
                f"{log.table} / floor", floor.cpu / ours.cpu, "x", _HALF, note=f"floor {floor.cpu:.2f} s cpu"
            ),
            Figure(f"{log.table} / bare", bare.cpu / ours.cpu, "x", note=f"bare {bare.cpu:.2f} s cpu"),
        ]
    return figures


def _alone(function: str, **arguments: object) -> Measured:
    return alone(f"{__name__}:{function}", **arguments)


def _log(table: str) -> Log:
    return next(log for log in LOGS if log.table == table)


def floored(table: str, paths: list[str], out: str, *, whole: bool) -> int:
    """The files by DuckDB's reader into one Parquet file, with all of the table's columns if `whole`.

    Returns the rows written.
    """
    record = duckdb_types(tables.find(table).record())
    columns = "{" + ", ".join(f"\"{name}\": '{kind}'" for name, kind in record.items()) + "}"
    source = _log(table).floor.format(files=paths, record=columns)
    with duckdb.connect(config={"threads": 1}) as connection:
        given = len(connection.execute(f"DESCRIBE FROM {source}").fetchall())
        lacking = [column.type for column in tables.find(table).columns][given:] if whole else []
        nulls = "".join(f", NULL::{kind} AS n{number}" for number, kind in enumerate(lacking))
        row = connection.execute(
            f"COPY (SELECT *{nulls} FROM {source}) TO '{out}' "
            "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
        ).fetchone()
    return int(row[0]) if row else 0


def standardized(table: str, paths: list[str]) -> int:
    """The files through the conversion, as the objects of one commit; the rows stored."""
    now = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    sources = [
        convert.Source(
            path, path, "file", "bench", path, Path(path), inflated=Path(path).stat().st_size, modified=now
        )
        for path in paths
    ]
    # The texts lie in the engine's folder as fetched ones do: reading them is measured, bringing them is not.
    with tempfile.TemporaryDirectory(dir=Path(paths[0]).parent, prefix=".outputs-") as folder:
        outputs = Path(folder).resolve()
        engine = convert.open_engine(outputs.parent, memory_mb=1024, threads=1)
        made = convert.convert(
            engine, Recipe(tables.find(table), "bench"), sources, commit="bench", time=now, folder=outputs
        )
        engine.close()
    return sum(record.stored for record in made.records)
