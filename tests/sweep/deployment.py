"""A deployment with a queue, sweepers on it, and what they put there."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.collect import rig as rigs
from tests.collect.rig import PROD, Rig
from tests.collect.store import Store

from penstock import collect, config, notices, sweep
from penstock.collect.prepare import ConfigReader
from penstock.ledger.commit import commit
from penstock.model import ObjectRecord, ObjectRef, PartitionId

__all__ = ["Deployment", "at", "remaining", "running"]


def at(text: str) -> dt.datetime:
    """A time in UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def _live(step: str) -> None:
    """Nobody dies."""


@dataclass
class Deployment:
    """A rig and its queue. `now` is what the sweepers' clocks show; `bucket` stands in for S3's listing."""

    rig: Rig
    queue_url: str
    now: dt.datetime
    bucket: Any = None
    environ: dict[str, str] = field(default_factory=dict)

    def sweeper(self, step: Callable[[str], None] = _live, owner: str = "", **more: Any) -> sweep.Sweeper:
        """A sweeper with settings by their field's name. Clients are shared: making them is what is slow."""
        environ = {
            "PENSTOCK_HIVE": self.rig.hive,
            "PENSTOCK_LEDGER": self.rig.ledger,
            "PENSTOCK_QUEUE": self.queue_url,
            **{f"PENSTOCK_{name.upper()}": str(value) for name, value in more.items()},
        }
        store = self.rig.store
        return sweep.Sweeper(
            settings=config.settings_from_env(environ),
            ledger=self.rig.open_ledger(),
            queue=sweep.Queue(store.client("sqs"), self.queue_url),
            clients=lambda _: self.bucket or store.client("s3"),
            read_config=ConfigReader(f"{self.rig.hive}/_config/", store.client("s3")),
            poll=lambda *_: collect.Report(),
            owner=owner or uuid.uuid4().hex,
            now=lambda: self.now,
            step=step,
        )

    def queued(self) -> list[str]:
        """Take everything off the queue: identities of the objects named, as often as they are."""
        return [ref.identity for ref in self.named()]

    def named(self) -> list[ObjectRef]:
        """Take everything off the queue: the objects named, in the order sent."""
        found = [notices.read(body).objects for _, body in self.messages()]
        return [ref for refs in found for ref in refs]

    def messages(self) -> list[tuple[str, str]]:
        """Take everything off the queue: ids and bodies of the messages."""
        sqs = self.rig.store.client("sqs")
        found: list[tuple[str, str]] = []
        wanted = {"QueueUrl": self.queue_url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0}
        while page := sqs.receive_message(**wanted).get("Messages"):
            found += [(one["MessageId"], one["Body"]) for one in page]
            entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(page)]
            sqs.delete_message_batch(QueueUrl=self.queue_url, Entries=entries)
        return found

    def collect(self) -> int:
        """Have a worker collect what is on the queue; how many objects it did not know before."""
        worker = self.rig.worker()
        report = worker.handle(self.messages())
        assert report.again == {}
        return report.done + report.bad

    def remember(self, identities: Sequence[str], partition: PartitionId = PROD) -> None:
        """Have the ledger know these objects as collected, without their rows."""
        ledger = self.rig.open_ledger()
        for start in range(0, len(identities), 95):
            done = [ObjectRecord(identity) for identity in identities[start : start + 95]]
            time = at("2026-01-01")
            commit(ledger, partition=partition, id=uuid.uuid4().hex, kind="collect", time=time, done=done)


@contextmanager
def running(
    store: Store, folder: Path, *, now: str, bucket: Any = None, kind: str = "sqlite", text: str = ""
) -> Iterator[Deployment]:
    """An empty deployment; `bucket` stands in for what S3 lists."""
    store.faults.clear()
    rig = rigs.make(store, folder, kind=kind, text=text)
    url = store.client("sqs").create_queue(QueueName=f"queue-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    try:
        yield Deployment(rig, url, at(now), bucket)
    finally:
        store.faults.clear()
        rig.close()


def remaining(seconds: float, clock: Callable[[], float]) -> Callable[[], int]:
    """A budget of so many seconds from now on that clock."""
    end = clock() + seconds
    return lambda: max(0, int((end - clock()) * 1000))
