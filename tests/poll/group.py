"""A log group in (moto's) CloudWatch Logs, and a partition that polls it."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections import Counter
from typing import Any

from tests.collect.rig import Rig

from penstock import poll
from penstock.collect import Report, Worker
from penstock.model import PartitionId

AUDIT = PartitionId("aws_eks_audit_log", "prod")
GROUP = "/aws/eks/prod/cluster"
CONFIG = """
partition "aws_eks_audit_log" "prod" {{
  source "aws_cloudwatch_log_group" {{
    {arguments}
  }}
}}
"""
_NAMES = itertools.count()


class Group:
    """A log group in the store, and the partition that polls it."""

    def __init__(self, rig: Rig, arguments: str = "", beginning: str = GROUP) -> None:
        self.rig = rig
        self.name = f"{beginning}-{next(_NAMES)}"
        self.logs: Any = rig.store.client("logs")
        self.logs.create_log_group(logGroupName=self.name)
        rig.configure(CONFIG.format(arguments=f'log_group_name = "{self.name}"\n{arguments}'))
        self.now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        self.streams: set[str] = set()

    def put(
        self, *names: str, stream: str = "audit-1", seconds_ago: float = 60, own: float | None = None
    ) -> None:
        """Events of these names, all of one time; `own` is the time (seconds ago) that they tell."""
        if stream not in self.streams:
            self.logs.create_log_stream(logGroupName=self.name, logStreamName=stream)
            self.streams.add(stream)
        when = self.now - dt.timedelta(seconds=seconds_ago)
        told = self.now - dt.timedelta(seconds=seconds_ago if own is None else own)
        events = [
            {
                "timestamp": int(when.timestamp() * 1000),
                "message": json.dumps(
                    {"kind": "Event", "auditID": name, "verb": "get", "stageTimestamp": told.isoformat()}
                ),
            }
            for name in names
        ]
        self.logs.put_log_events(logGroupName=self.name, logStreamName=stream, logEvents=events)

    def worker(self) -> Worker:
        """A worker whose clock is this test's."""
        worker = self.rig.worker()
        worker.now = lambda: self.now
        return worker

    def poll(self, worker: Worker | None = None, **given: Any) -> Report:
        """One turn."""
        worker = worker or self.worker()
        partition = worker.read_config().partitions[AUDIT]
        services = lambda service, _connection, _region: self.rig.store.client(service)  # noqa: E731
        return poll.poll_partition(worker, partition, services, {}, **given)

    def names(self) -> Counter[str]:
        """How often each event is stored."""
        rows = self.rig.rows(AUDIT.table, AUDIT)
        return Counter(rows["audit_id"].to_pylist() if rows.num_rows else [])
