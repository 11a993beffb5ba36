"""The collect function: hands SQS messages to the library and names those that must come again."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from penstock import collect, config

METRICS = {
    "objects": "Objects",
    "known": "ObjectsKnown",
    "done": "ObjectsDone",
    "bad": "ObjectsBad",
    "rows": "RowsRead",
    "stored": "RowsStored",
    "filtered": "RowsFiltered",
    "rejected": "RowsRejected",
    "bytes": "Bytes",
    "commits": "Commits",
    "retries": "CommitRetries",
}
"""CloudWatch metrics in the namespace Penstock, by the field of the report they come from."""

logger = Logger()
metrics = EphemeralMetrics()
worker = collect.prepare(config.settings_from_env(os.environ))


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Collect the objects that the messages name; the answer is Lambda's partial-batch response.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    messages = [(record["messageId"], record["body"]) for record in event["Records"]]
    report = worker.handle(messages, context.get_remaining_time_in_millis)
    _tell(len(messages), report)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in report.again]}


def _tell(messages: int, report: collect.Report) -> None:
    """Log and measure what was done. ERROR: someone must look; WARNING: it is tried again."""
    logger.info("collected", extra={"messages": messages, **asdict(report)})
    for name, reason in report.reasons.items():
        logger.error("bad object", extra={"object": name, "reason": reason})
    for message_id, reason in report.again.items():
        logger.warning("comes again", extra={"message_id": message_id, "reason": reason})
    metrics.add_metric("Messages", MetricUnit.Count, messages)
    metrics.add_metric("MessagesReturned", MetricUnit.Count, len(report.again))
    for field, name in METRICS.items():
        unit = MetricUnit.Bytes if field == "bytes" else MetricUnit.Count
        metrics.add_metric(name, unit, getattr(report, field))
