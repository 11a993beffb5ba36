"""Make a sweeper from the settings: clients, queue, ledger, and the configuration in the hive."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping

from penstock import aws, collect
from penstock.config import Partition, Settings
from penstock.errors import ConfigError, Problem
from penstock.poll import AwsServices, poll_partition
from penstock.sweep.queue import Queue
from penstock.sweep.sweeper import Sweeper

__all__ = ["prepare"]


def prepare(settings: Settings, environ: Mapping[str, str], account: aws.Account | None = None) -> Sweeper:
    """A sweeper for these settings. `account` is whose credentials reach queue, hive and ledger;
    `environ` holds what the headers of `http` sources name.

    Nothing is read yet. ConfigError for settings that name no ledger or no queue.
    """
    account = account or aws.Account()
    if not settings.queue:
        raise ConfigError(Problem("PENSTOCK_QUEUE", 0, "is not set, expected the URL of an SQS queue"))
    worker = collect.prepare(settings, account)
    services = AwsServices(account, worker.read_config)

    def poll(partition: Partition, remaining_ms: Callable[[], int]) -> collect.Report:
        return poll_partition(worker, partition, services, environ, remaining_ms)

    return Sweeper(
        settings=settings,
        ledger=worker.ledger,
        queue=Queue(aws.client("sqs", account), settings.queue),
        clients=worker.clients,
        read_config=worker.read_config,
        poll=poll,
        owner=uuid.uuid4().hex,
    )
