"""Planning: a one-day query on a catalogue of 100,000 files, from the start of the command to the first row.

The files of one day are there; the others are entries of the ledger alone, so reading one would fail.
"""

from __future__ import annotations

import datetime as dt
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from infra.bench import Context, Figure
from infra.bench.alone import best
from penstock import query
from penstock.hive import data_path
from penstock.ledger.sqlite import SqliteLedger
from penstock.model import ColumnStats, Commit, DataFile, PartitionId, Schema

NEEDS: tuple[str, ...] = ()

_DAYS, _A_DAY, _THERE = 100, 1000, 10
_FIRST = dt.date(2026, 1, 1)
_DAY = _FIRST + dt.timedelta(days=40)
_RUNS = 5
_PARTITION = PartitionId("login", "prod")
_SCHEMA = Schema.of("login", (("n", "BIGINT"), ("who", "VARCHAR"), ("tp_timestamp", "TIMESTAMP")))
_SQL = f"SELECT who FROM login WHERE tp_timestamp >= '{_DAY}' AND tp_timestamp < '{_DAY}'::DATE + 1 LIMIT 1"


def run(context: Context) -> list[Figure]:
    """Made once from the ledger, once from the published catalogue; then asked."""
    home = context.work / "home"
    hive, ledger = home / "hive", home / "ledger.db"
    _fill(hive, ledger)
    made = best(1, f"{__name__}:plan", home=str(home), runs=1)
    (hive / "_catalog").mkdir()
    (home / "c.ducklake").rename(hive / "_catalog" / "penstock.ducklake")
    started = best(1, f"{__name__}:plan", home=str(home), runs=1)
    took = best(3, f"{__name__}:plan", home=str(home), runs=_RUNS)
    rows = [_first_row(home, hive, ledger) for _ in range(_RUNS)]
    first, cpu = (statistics.median(seconds) for seconds in zip(*rows, strict=True))
    return [
        Figure("catalogue from the ledger", made.result["open"], "s", note="100,000 files, SQLite"),
        Figure("catalogue from the published one", started.result["open"], "s", 5, "<=", "a new reader"),
        Figure("planning", took.result["plan"], "s", 0.2, "<=", "one day of 100, in an open session"),
        Figure("estimate", took.result["estimate"], "s", note="for --explain"),
        Figure("first row", first, "s", 1.5, "<=", "`penstock query`, whole process, nothing is new"),
        Figure("first row, processor", cpu, "s cpu", note="the same; tells a slow machine from a busy one"),
        Figure("reader's memory", took.peak_mb, "MB", 300, "<=", "peak, resident"),
    ]


def plan(home: str, runs: int) -> dict[str, float]:
    """Seconds to open a session, and the median of planning and of estimating a one-day query."""
    hive = Path(home, "hive")

    def published(path: Path) -> None:
        path.write_bytes(Path(hive, "_catalog", "penstock.ducklake").read_bytes())

    ledger = SqliteLedger(Path(home, "ledger.db"))
    place = query.Place(
        Path(home, "c.ducklake"),
        ledger,
        str(hive),
        "bench",
        {},
        lambda: None,
        Path(home),
        published=published,
    )
    begun = time.perf_counter()
    session = query.open_at(place)
    opened = time.perf_counter() - begun
    planned, estimated = [], []
    for _ in range(runs):
        begun = time.perf_counter()
        session.connection.execute(f"EXPLAIN {_SQL}").fetchall()
        planned.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        found = query.estimate(session, _SQL)
        estimated.append(time.perf_counter() - begun)
        if found.files != _THERE:
            raise RuntimeError(f"planning: {found.files} files, expected {_THERE}")
    return {"open": opened, "plan": statistics.median(planned), "estimate": statistics.median(estimated)}


def _first_row(home: Path, hive: Path, ledger: Path) -> tuple[float, float]:
    """Seconds of the whole command, and of the processor."""
    (home / "main.tpc").write_text(
        f'workspace "default" {{\n  hive = "{hive}"\n  ledger = "sqlite:///{ledger}"\n}}\n'
    )
    command = [sys.executable, "-m", "penstock.cli", "query", "--output", "csv", "--no-header", _SQL]
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command, cwd=home, env={**os.environ, "HOME": str(home)}, capture_output=True, text=True, check=False
    )
    if done.stdout != "user 0\n":
        raise RuntimeError(f"planning: found {done.stdout!r}, expected a row\n{done.stderr}")
    took, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _fill(hive: Path, ledger: Path) -> None:
    """A commit for each day; the files of `_DAY`, all the same, are written."""
    hive.mkdir(parents=True)
    store = SqliteLedger(ledger)
    store.put_schema(_SCHEMA)
    body, footer = _body(hive)
    for number in range(_DAYS):
        day = _FIRST + dt.timedelta(days=number)
        count = _THERE if day == _DAY else _A_DAY + (_A_DAY - _THERE) // (_DAYS - 1)
        files = tuple(_entry(day, n, len(body), footer) for n in range(count))
        if day == _DAY:
            for file in files:
                path = Path(hive, file.path)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
        time_ = dt.datetime.combine(day, dt.time(12), dt.UTC)
        store.attempt(Commit(f"c{number:03}", _PARTITION, "collect", time_, number + 1, files))


def _body(hive: Path) -> tuple[bytes, int]:
    file = hive / "one.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT i AS n, 'user 0' AS who, TIMESTAMP '{_DAY}' AS tp_timestamp"
            f" FROM range(100) t(i)) TO '{file}'"
        )
    body, footer = file.read_bytes(), pq.ParquetFile(file).metadata.serialized_size
    file.unlink()
    return body, footer


def _entry(day: dt.date, number: int, size: int, footer: int) -> DataFile:
    second = f"{number * 85 // 3600:02}:{number * 85 // 60 % 60:02}:{number * 85 % 60:02}"
    times = ColumnStats(f"{day} {second}", f"{day} {second}", 0)
    path = data_path(_PARTITION.table, _PARTITION.name, "default", day, f"{number:04}-0.parquet")
    stats = {"tp_timestamp": times, "n": ColumnStats("0", "99", 0)}
    return DataFile(
        path, _PARTITION.table, _PARTITION.name, "default", day, 100, size, footer, _SCHEMA.fingerprint, stats
    )
