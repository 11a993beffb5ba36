"""The sweep function: has the library look for what is missing, and calls itself to go on."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from penstock import aws, config, sweep
from penstock.errors import Retry

METRICS = {
    "requests": "SweepRequests",
    "keys": "SweepKeys",
    "objects": "SweepObjects",
    "known": "SweepObjectsKnown",
    "queued": "SweepObjectsQueued",
    "rows": "RowsPolled",
}
"""CloudWatch metrics in the namespace Penstock, by the field of the report they come from."""

logger = Logger()
metrics = EphemeralMetrics()
sweeper = sweep.prepare(config.settings_from_env(os.environ), os.environ)
functions = aws.client("lambda")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Sweep every partition, or those in `only`; the answer is the report.

    Fails, so that an alarm can tell, when one of them did.
    """
    report = sweeper.run(context.get_remaining_time_in_millis, event.get("only", ()))
    _tell(report)
    if report.goes_on:
        again = json.dumps({"only": report.unfinished})
        functions.invoke(FunctionName=context.function_name, InvocationType="Event", Payload=again)
    if report.failed:
        raise Retry("; ".join(f"{name}: {reason}" for name, reason in report.failed.items()))
    return asdict(report)


def _tell(report: sweep.Report) -> None:
    """Log and measure what was done. ERROR: someone must look; WARNING: it is tried again."""
    logger.info("swept", extra=asdict(report))
    for name, reason in report.failed.items():
        logger.error("partition not swept", extra={"partition": name, "reason": reason})
    if report.unfinished and not report.goes_on:
        logger.warning("time ran out without progress", extra={"partitions": report.unfinished})
    metrics.add_metric("SweepFailures", MetricUnit.Count, len(report.failed))
    for field, name in METRICS.items():
        metrics.add_metric(name, MetricUnit.Count, getattr(report, field))
