"""Requests to poll, on the same queue as notices: `{"penstock": {"poll": ["<table>.<partition>", …]}}`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from penstock.collect.report import Report, add
from penstock.collect.worker import FOREVER, Worker
from penstock.errors import Retry
from penstock.model import PartitionId
from penstock.poll.turn import Services, poll_partition

__all__ = ["compose", "handle", "read"]


def compose(partitions: Sequence[PartitionId]) -> str:
    """A message that asks for these partitions to be polled."""
    return json.dumps(
        {"penstock": {"poll": [str(partition) for partition in partitions]}}, separators=(",", ":")
    )


def read(body: str) -> tuple[PartitionId, ...] | None:
    """The partitions that a message asks to be polled; None when it asks for nothing of the kind."""
    if '"poll"' not in body:
        return None
    try:
        told = json.loads(body)["penstock"]["poll"]
        return tuple(PartitionId.parse(name) for name in told)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def handle(
    worker: Worker,
    messages: Sequence[tuple[str, str]],
    services: Services,
    environ: Mapping[str, str],
    remaining_ms: Callable[[], int] = lambda: FOREVER,
) -> Report:
    """Collect what the messages name, objects first, then polls; as `Worker.handle`.

    A partition that the configuration does not name any more is passed over, as objects are.
    """
    asked = {message_id: read(body) for message_id, body in messages}
    report = Report()
    notices = [(message_id, body) for message_id, body in messages if asked[message_id] is None]
    if notices:
        add(report, worker.handle(notices, remaining_ms))
    for message_id, partitions in asked.items():
        if partitions:
            again = _poll(worker, partitions, services, environ, remaining_ms, report)
            if again:
                report.again[message_id] = again
    return report


def _poll(
    worker: Worker,
    partitions: Sequence[PartitionId],
    services: Services,
    environ: Mapping[str, str],
    remaining_ms: Callable[[], int],
    report: Report,
) -> str:
    """Poll these partitions; why the request must come again, if it must."""
    try:
        config = worker.read_config()
    except Retry as error:
        return str(error)
    reasons: list[str] = []
    for name in partitions:
        partition = config.partitions.get(name)
        if partition is None:
            report.unwanted += 1
            continue
        turn = poll_partition(worker, partition, services, environ, remaining_ms)
        reasons += turn.again.values()
        turn.again = {}
        add(report, turn)
    return "; ".join(reasons)
