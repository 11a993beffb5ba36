"""How AWS delivers cost and usage: objects of a billing period, then their manifest, several times a day.

Legacy reports: `<report>/<YYYYMMDD-YYYYMMDD>/[<assembly>/]<report>-<n>.csv.gz` (for Athena
`<report>/<report>/year=<Y>/month=<M>/`), https://docs.aws.amazon.com/cur/latest/userguide/understanding-report-versions.html
Data exports: `<export>/data/BILLING_PERIOD=<YYYY-MM>/[<time>-<execution>/]<file>`, manifests under
`metadata/`, https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

from penstock.tables._declaration import Deliveries

__all__ = ["BILLING"]

BILLING = Deliveries(
    manifests="%{DATA}[Mm]anifest.json$",
    objects=("reportKeys", "dataFiles"),
    ids=("assemblyId", "executionId"),
    period=r"^(?:.*/)?(?:\d{8}-\d{8}|data/[^/=]+=[^/]+|year=\d{4}/month=\d{1,2})/",
)
"""Deliveries of cost and usage reports and of data exports."""
