"""Naive: the Lambda that most people write first: gzip, json, pandas, to_parquet, object by object.

Free-form fields become JSON text, as they must for the columns of objects to agree; the rest is
flattened by json_normalize (or kept as it is, the lighter variant).
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from infra.bench import Context, Figure
from infra.bench.alone import best
from infra.bench.data import STANDARD, dataset, object_paths

NEEDS: tuple[str, ...] = ()

_RUNS = 1
_FREE = (
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "serviceEventDetails",
    "resources",
    "eventContext",
    "edgeDeviceDetails",
    "addendum",
)


def run(context: Context) -> list[Figure]:
    """Flattened to columns, and with every nested field as text."""
    data = dataset(context.data, STANDARD)
    figures = []
    for name, flat in (("naive", True), ("naive, nested as text", False)):
        took = best(
            _RUNS, f"{__name__}:convert", objects=str(data.objects), out=str(context.work / name), flat=flat
        )
        if took.result != data.events:
            raise RuntimeError(f"{name}: wrote {took.result} rows, expected {data.events}")
        note = (
            f"{data.inflated / took.cpu / 1e6:.0f} MB/s inflated, {took.cpu:.2f} s cpu, {took.peak_mb:.0f} MB"
        )
        figures.append(Figure(name, data.events / took.cpu, "events/s", note=note))
    return figures


def convert(objects: str, out: str, flat: bool) -> int:
    """Every object below a folder into a Parquet file each; the rows written."""
    pa.set_cpu_count(1)
    Path(out).mkdir(parents=True, exist_ok=True)
    return sum(
        _one(path, Path(out) / f"{n}.parquet", flat) for n, path in enumerate(object_paths(Path(objects)))
    )


def _one(path: Path, out: Path, flat: bool) -> int:
    records = json.loads(gzip.decompress(path.read_bytes()))["Records"]
    for record in records:
        for name in _FREE if flat else (*_FREE, "userIdentity", "tlsDetails"):
            if record.get(name) is not None:
                record[name] = json.dumps(record[name])
    frame = _frame(records, flat)
    frame["eventTime"] = pd.to_datetime(frame["eventTime"])
    frame.to_parquet(out, compression="zstd", index=False)
    return len(frame)


def _frame(records: list[dict[str, Any]], flat: bool) -> Any:
    if not flat:
        return pd.DataFrame(records)
    frame = pd.json_normalize(records, max_level=3)
    ragged = [name for name in frame.columns if frame[name].map(type).eq(dict).any()]
    for name in ragged:
        frame[name] = frame[name].map(json.dumps)
    return frame
