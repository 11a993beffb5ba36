"""Cost reports as AWS delivers them: objects of a period, then a manifest, then all of it once more."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from moto.s3.models import s3_backends
from tests.collect.rig import Rig

from penstock.model import ObjectRef, PartitionId

CUR = PartitionId("aws_cost_and_usage_report", "prod")
FIRST = dt.datetime(2026, 2, 1, 6, tzinfo=dt.UTC)
TEXT = """
partition "aws_cost_and_usage_report" "prod" {
  source "aws_s3_bucket" {
    bucket = "%s"
%s  }
%s}
"""


def text(rig: Rig, more: str = "", source: str = "") -> str:
    """The configuration of a partition of cost reports."""
    return TEXT % (rig.bucket, source, more)


def body(number: int, rows: int, cost: float) -> bytes:
    """An object of a report: so many lines over the first days of January."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["identity/LineItemId", "lineItem/UsageStartDate", "lineItem/UnblendedCost"])
    for row in range(rows):
        writer.writerow([f"{number}-{row}", f"2026-01-0{1 + row % 3}T00:00:00Z", str(cost)])
    return gzip.compress(out.getvalue().encode(), mtime=0)


def parquet(rows: int, cost: float) -> bytes:
    """The same as Parquet, with the names that it has there."""
    out = io.BytesIO()
    columns = {
        "identity_line_item_id": [str(row) for row in range(rows)],
        "line_item_usage_start_date": [FIRST - dt.timedelta(days=20)] * rows,
        "line_item_unblended_cost": [cost] * rows,
    }
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


@dataclass(frozen=True)
class Delivered:
    """What stands in the bucket of one delivery: its objects, then its manifests."""

    objects: tuple[ObjectRef, ...]
    manifests: tuple[ObjectRef, ...]

    @property
    def all(self) -> tuple[ObjectRef, ...]:
        """Everything, in the order it came."""
        return (*self.objects, *self.manifests)


def legacy(
    rig: Rig, name: str, costs: Sequence[float], at: dt.datetime, *, rows: int = 4, report: str = "cost"
) -> Delivered:
    """A delivery into a folder of its own: the assembly `name`, an object for each of the costs."""
    period = f"billing/{report}/20260101-20260201"
    keys = [f"{period}/{name}/{report}-{n:05d}.csv.gz" for n in range(len(costs))]
    manifest = {"assemblyId": name, "bucket": rig.bucket, "reportKeys": keys}
    places = [f"{period}/{name}/{report}-Manifest.json", f"{period}/{report}-Manifest.json"]
    return _put(rig, keys, costs, rows, places, manifest, at)


def export(rig: Rig, name: str, costs: Sequence[float], at: dt.datetime, *, rows: int = 4) -> Delivered:
    """A delivery of a data export that is written over the one before it."""
    keys = [f"x/costs/data/BILLING_PERIOD=2026-01/costs-{n:05d}.csv.gz" for n in range(len(costs))]
    manifest = {"executionId": name, "dataFiles": [f"s3://{rig.bucket}/{key}" for key in keys]}
    place = "x/costs/metadata/BILLING_PERIOD=2026-01/costs-Manifest.json"
    return _put(rig, keys, costs, rows, [place], manifest, at)


def _put(
    rig: Rig,
    keys: Sequence[str],
    costs: Sequence[float],
    rows: int,
    places: Sequence[str],
    manifest: dict[str, Any],
    at: dt.datetime,
) -> Delivered:
    objects = [
        rig.put(key, body(n, rows, cost)) for n, (key, cost) in enumerate(zip(keys, costs, strict=True))
    ]
    manifests = [rig.put(place, json.dumps(manifest).encode()) for place in places]
    for ref in (*objects, *manifests):
        written_at(rig, ref, at)
    return Delivered(tuple(objects), tuple(manifests))


def written_at(rig: Rig, ref: ObjectRef, at: dt.datetime) -> None:
    """Make it so that S3 says the object was written then."""
    found = s3_backends["123456789012"]["aws"].buckets[rig.bucket].keys[ref.key]
    found.last_modified = at.replace(tzinfo=None)


def costs(rig: Rig, partition: PartitionId = CUR) -> list[float]:
    """The costs of the rows that a reader of the ledger sees, sorted."""
    found = rig.rows(partition.table, partition)
    return sorted(found.column("line_item_unblended_cost").to_pylist()) if found.num_rows else []
