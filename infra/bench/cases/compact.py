"""Compact: the day's small files merged, against DuckDB's own sorted COPY of the same files."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from infra.bench import Context, Figure, asking
from infra.bench.alone import alone, in_turns
from infra.bench.collecting import collect
from infra.bench.data import STANDARD, dataset
from penstock import aws, config
from penstock.compact import Wanted
from penstock.compact.prepare import compactor
from penstock.hive import LocalHive
from penstock.ledger.sqlite import SqliteLedger

NEEDS: tuple[str, ...] = ()

_RUNS = 2


def run(context: Context) -> list[Figure]:
    """Both start from the same hive, each in a process of its own, on one thread."""
    data = dataset(context.data, STANDARD)
    work = context.work / "hive"
    shutil.rmtree(work, ignore_errors=True)
    collect(str(data.objects), str(work))
    floor, ours = in_turns(
        _RUNS,
        lambda: alone(f"{__name__}:sorted_copy", work=str(work)),
        lambda: alone(f"{__name__}:merged", work=str(work)),
    )
    if not floor.result["rows"] == ours.result["rows"] == data.events:
        raise RuntimeError(f"merged {ours.result}, copied {floor.result}, expected {data.events} rows")
    asked = _questions(work)
    pace = data.events / ours.cpu
    before, after = ours.result["before"], ours.result["after"]
    files = f"{before['files']} files to {after['files']}"
    size = f"{before['bytes']:,} bytes to {after['bytes']:,}"
    needle = f"row groups left for one event_id: {before['needle']} to {after['needle']}"
    return [
        Figure("merge, of a sorted COPY", floor.cpu / ours.cpu, "x", note=f"{pace:,.0f} rows/s; {files}"),
        Figure("merge, bytes on disk", after["bytes"] / before["bytes"], "x", note=size),
        Figure("merge, needle", after["needle"] / before["needle"], "x", note=needle),
        *(
            Figure(f"merge, {name} {unit}", now / max(1, then), "x", note=f"{then:,} {unit} to {now:,}")
            for name, unit, then, now in asked
        ),
        Figure("merge, peak memory", ours.peak_mb, "MB", 1000, "<=", "resident, of the whole process"),
    ]


def _questions(work: Path) -> Iterator[tuple[str, str, int, int]]:
    """(question, unit, before, after) of the hive as it was collected and as `merged` left it, both on S3."""
    with duckdb.connect() as db:
        files = str(work / "hive" / "**" / "*.parquet")
        found = db.execute("SELECT event_id FROM read_parquet(?) OFFSET 12345 LIMIT 1", [files]).fetchone()
    assert found is not None  # noqa: S101 - there are rows
    questions = {
        "needle": f"SELECT * FROM aws_cloudtrail_log WHERE event_id = '{found[0]}'",
        "aggregate": "SELECT event_name, count(*) FROM aws_cloudtrail_log GROUP BY 1",
    }
    before = asking.asked(work / "hive", work / "ledger.db", questions)
    after = asking.asked(work / "copy" / "hive", work / "copy" / "ledger.db", questions)
    for name in questions:
        yield name, "requests", before[name].requests, after[name].requests
        yield name, "bytes", before[name].bytes, after[name].bytes


def sorted_copy(work: str) -> dict[str, Any]:
    """What DuckDB alone needs: all rows of each day's files sorted into one, with the same level."""
    total = 0
    days = sorted(Path(work, "hive").rglob("tp_date=*"))
    with duckdb.connect(config={"threads": 1}) as db:
        for number, day in enumerate(days):
            source = f"read_parquet('{day}/*.parquet', hive_partitioning = false)"
            target = Path(work, f"sorted-{number}.parquet")
            row = db.execute(
                f"COPY (SELECT * FROM {source} ORDER BY tp_timestamp, tp_id) TO '{target}'"
                " (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 6)"
            ).fetchone()
            total += int(row[0]) if row else 0
            target.unlink()
    return {"rows": total}


def merged(work: str) -> dict[str, Any]:
    """The compactor on a copy of the hive, until each day is one file; before and after."""
    copy = Path(work, "copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(Path(work, "hive"), copy / "hive")
    shutil.copyfile(Path(work, "ledger.db"), copy / "ledger.db")
    url = f"sqlite:///{copy / 'ledger.db'}"
    settings = config.settings_of(str(copy / "hive"), url, {"PENSTOCK_GRACE_SECONDS": "0"})
    empty = config.Config({}, {}, {})
    ledger = SqliteLedger(copy / "ledger.db")
    made = compactor(settings, LocalHive(settings.hive), ledger, lambda: empty, aws.Account())
    made.site = replace(made.site, now=lambda: dt.datetime(2100, 1, 1, tzinfo=dt.UTC))
    before = _state(made.live(made.look(empty)).groups(Wanted()), settings.hive)
    report = made.run()
    if report.failed:
        raise RuntimeError(str(report.failed))
    after = _state(made.live(made.look(empty)).groups(Wanted()), settings.hive)
    made.close()
    return {"rows": after["rows"], "before": before, "after": after}


def _state(groups: Any, hive: str) -> dict[str, int]:
    files = [file for found in groups.values() for file in found]
    paths = [str(Path(hive, file.path)) for file in files]
    with duckdb.connect() as db:
        needle = db.execute("SELECT event_id FROM read_parquet(?) LIMIT 1", [paths]).fetchone()
        assert needle is not None  # noqa: S101 - there are rows
        left = sum(int(db.execute(_LEFT, [path, needle[0]]).fetchall()[0][0]) for path in paths)
    return {
        "files": len(files),
        "rows": sum(file.rows for file in files),
        "bytes": sum(file.bytes for file in files),
        "needle": left,
    }


_LEFT = "SELECT count(*) FILTER (NOT bloom_filter_excludes) FROM parquet_bloom_probe($1, 'event_id', $2)"
