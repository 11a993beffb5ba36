"""The compact function: has the library do what is due, and calls itself to go on."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from penstock import aws, compact, config
from penstock.compact.prepare import prepare
from penstock.errors import Retry

METRICS = {
    "merges": "Merges",
    "files_in": "FilesMerged",
    "files_out": "FilesMade",
    "rows": "RowsMerged",
    "bytes_in": "BytesMerged",
    "bytes_out": "BytesMade",
    "repeated": "RowsRepeated",
    "left": "MergesLeft",
    "flipped": "FilesShown",
    "deleted": "FilesDeleted",
    "owed": "FilesAwaitingDeletion",
    "expired_rows": "RowsExpired",
    "tiered_files": "FilesTiered",
    "tiered_bytes": "BytesTiered",
    "orphans": "OrphansDeleted",
    "dropped": "CommitsDropped",
}
"""CloudWatch metrics in the namespace Penstock, by the field of the report they come from."""

logger = Logger()
metrics = EphemeralMetrics()
compactor = prepare(config.settings_from_env(os.environ))
functions = aws.client("lambda")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Compact every partition; the answer is the report. Fails, so that an alarm can tell, when one did."""
    report = compactor.run(remaining_ms=context.get_remaining_time_in_millis)
    _tell(report)
    if report.goes_on:
        functions.invoke(FunctionName=context.function_name, InvocationType="Event", Payload=b"{}")
    if report.failed:
        raise Retry("; ".join(f"{name}: {reason}" for name, reason in report.failed.items()))
    return asdict(report)


def _tell(report: compact.Report) -> None:
    """Log and measure what was done. ERROR: someone must look."""
    logger.info("compacted", extra=asdict(report))
    for name, reason in report.failed.items():
        logger.error("not compacted", extra={"part": name, "reason": reason})
    metrics.add_metric("CompactFailures", MetricUnit.Count, len(report.failed))
    for field, name in METRICS.items():
        unit = MetricUnit.Bytes if "bytes" in field else MetricUnit.Count
        metrics.add_metric(name, unit, getattr(report, field))
