"""A run in a workspace on AWS: what is missing goes to the queue, and the ledger tells when it is done."""

from __future__ import annotations

import datetime as dt
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.collect.rig import Rig, logs
from tests.collect.runs import Runner, bucket, folder, lay, partition, sums

from infra import samples
from penstock import collect, config, notices
from penstock.collect.run import Away
from penstock.config import Config
from penstock.sweep.queue import Queue

START = dt.datetime(2026, 1, 30, tzinfo=dt.UTC)


@dataclass
class Cloud:
    """A queue with the functions behind it, which work while `working`."""

    rig: Rig
    sqs: Any
    url: str

    def away(self, *, detach: bool = False, deployed: Config | None = None) -> Away:
        """What a run needs of it."""
        reader = collect.prepare(self._settings()).read_config
        return Away(Queue(self.sqs, self.url), (lambda: deployed) if deployed else reader, detach)

    def _settings(self) -> config.Settings:
        return config.settings_from_env({"PENSTOCK_HIVE": self.rig.hive, "PENSTOCK_LEDGER": self.rig.ledger})

    def take(self) -> list[tuple[str, str]]:
        """The messages that lie on the queue (receipt, body)."""
        answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        return [(one["ReceiptHandle"], one["Body"]) for one in answer.get("Messages", [])]

    def work(self) -> collect.Report:
        """Collect what lies there, as the function does."""
        worker = self.rig.worker()
        total = collect.Report()
        while messages := self.take():
            report = worker.handle(messages)
            assert report.again == {}
            total.done += report.done
            for receipt, _ in messages:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=receipt)
        return total

    @contextmanager
    def working(self) -> Iterator[None]:
        """The functions work at the same time."""
        done = threading.Event()

        def run() -> None:
            while not done.wait(0.05):
                self.work()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


@pytest.fixture
def cloud(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """An empty queue."""
    monkeypatch.setattr("penstock.collect.follow.EVERY", 0.05)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", rig.store.url)
    sqs = rig.store.client("sqs")
    url = sqs.create_queue(QueueName=f"logs-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    return Cloud(rig, sqs, url)


def fill(rig: Rig, count: int = 12) -> tuple[samples.SampleObject, ...]:
    """Objects in the bucket."""
    for one in logs(count):
        rig.put(one.key, one.body)
    return logs(count)


def test_it_waits_for_the_functions(cloud: Cloud) -> None:
    """Everything is collected by them, and told as if it had been done here."""
    objects = fill(cloud.rig)
    bad = next(one for one in samples.bad_objects("away") if one.kind == "truncated gzip")
    key = objects[0].key.replace(".json.gz", "-bad.json.gz")
    cloud.rig.put(key, bad.body)
    runner = Runner(cloud.rig, partition(bucket(cloud.rig.bucket)))
    with cloud.working():
        outcome = runner(START, away=cloud.away())
    assert (outcome.state, sums(outcome), outcome.sent) == ("done", (13, 12, 0, 1), 13)
    assert outcome.report.stored == cloud.rig.rows().num_rows == sum(one.stored for one in objects)
    assert outcome.report.files == len(cloud.rig.live())
    assert sum(report.objects for report in runner.told) == 13
    again = runner(START, away=cloud.away())
    assert (again.state, sums(again), again.sent) == ("done", (13, 0, 13, 0), 0)
    assert cloud.take() == []


def test_bad_objects_are_redriven_by_the_functions(cloud: Cloud) -> None:
    """They are sent so that the functions try them again, and waited for: what was known is no answer."""
    (one,) = fill(cloud.rig, 1)
    runner = Runner(cloud.rig, partition(bucket(cloud.rig.bucket)), {"PENSTOCK_MAX_INFLATED_BYTES": "100"})
    assert sums(runner(START)) == (1, 0, 0, 1)
    with cloud.working():
        outcome = runner(redrive=True, away=cloud.away())
    assert (outcome.state, sums(outcome), outcome.sent) == ("done", (1, 1, 0, 0), 1)
    assert cloud.rig.rows().num_rows == one.stored


def test_detached(cloud: Cloud) -> None:
    """It sends exactly what is missing, in the form of an event, and leaves; here afterwards is the same."""
    objects = fill(cloud.rig)
    some = [cloud.rig.put(one.key, one.body) for one in objects[:5]]
    assert cloud.rig.worker().handle([cloud.rig.message(*some)]).done == 5
    runner = Runner(cloud.rig, partition(bucket(cloud.rig.bucket)))
    outcome = runner(START, away=cloud.away(detach=True))
    assert (outcome.state, outcome.found, outcome.skipped, outcome.sent) == ("sent", 12, 5, 7)
    bodies = [body for _, body in cloud.take()]
    names = [ref.key for body in bodies for ref in notices.read(body).objects]
    assert sorted(names) == sorted(one.key for one in objects[5:])
    assert all("penstock" in json.loads(body) for body in bodies)
    assert sums(runner(START)) == (12, 7, 5, 0)


def test_what_only_this_machine_has_is_done_here(cloud: Cloud, tmp_path: Path) -> None:
    """Files do not go to the queue, the bucket's objects beside them do."""
    one, two = logs(2)
    cloud.rig.put(one.key, one.body)
    lay(tmp_path / "logs", [two])
    text = partition(bucket(cloud.rig.bucket), folder(tmp_path / "logs"))
    outcome = Runner(cloud.rig, text)(START, away=cloud.away(detach=True))
    assert (outcome.state, outcome.sent, outcome.report.done) == ("sent", 1, 1)
    assert cloud.rig.rows().num_rows == two.stored
    assert cloud.work().done == 1


def test_a_partition_that_is_not_deployed(cloud: Cloud) -> None:
    """The functions would leave its objects lying: nothing is sent, and the message says what to do."""
    fill(cloud.rig, 2)
    runner = Runner(cloud.rig, partition(bucket(cloud.rig.bucket)))
    other = config.loads({"main.tpc": runner.text.replace('"prod"', '"test"')})
    outcome = runner(START, away=cloud.away(deployed=other))
    assert (outcome.state, outcome.sent) == ("failed", 0)
    assert "the functions do not know it, only aws_cloudtrail_log.test" in outcome.messages[0]
    assert "--here" in outcome.messages[0]
    assert cloud.take() == []


def test_files_alone_need_no_function(cloud: Cloud, tmp_path: Path) -> None:
    """They are collected here, whether or not the functions know the partition."""
    (one,) = logs(1)
    lay(tmp_path / "logs", [one])
    runner = Runner(cloud.rig, partition(folder(tmp_path / "logs")))
    other = config.loads({"main.tpc": runner.text.replace('"prod"', '"test"')})
    outcome = runner(START, away=cloud.away(deployed=other))
    assert (outcome.state, outcome.sent, outcome.report.done) == ("done", 0, 1)


def test_nothing_moves(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait for ever: it fails with the first object that is still to come."""
    monkeypatch.setattr("penstock.collect.follow.PATIENCE", 0.2)
    objects = fill(cloud.rig, 2)
    outcome = Runner(cloud.rig, partition(bucket(cloud.rig.bucket)))(START, away=cloud.away())
    assert (outcome.state, outcome.sent) == ("failed", 2)
    assert "nothing was collected for" in outcome.messages[0]
    assert objects[0].key in outcome.messages[0]


def test_stopped_while_it_waits(cloud: Cloud) -> None:
    """What was sent is collected all the same."""
    fill(cloud.rig, 3)
    runner = Runner(cloud.rig, partition(bucket(cloud.rig.bucket)))
    away = cloud.away()
    sent: list[int] = []
    send = Queue.send

    class Watched:
        """The queue, and a note that it was used."""

        def send(self, objects: Any, *, redrive: bool) -> int:
            """Send, then want to stop."""
            sent.append(len(objects))
            return send(away.queue, objects, redrive=redrive)

    runner.stop_at = lambda: bool(sent)
    outcome = runner(START, away=Away(Watched(), away.read_config))  # type: ignore[arg-type]
    assert (outcome.state, outcome.sent) == ("cancelled", 3)
    assert cloud.work().done == 3


def test_the_ledger_is_asked_some_at_a_time(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many were sent, a look costs no more; each object is asked for until it is there."""
    monkeypatch.setattr("penstock.collect.follow._LOOKED_AT", 3)
    fill(cloud.rig, 10)
    runner = Runner(cloud.rig, partition(bucket(cloud.rig.bucket)))
    with cloud.working():
        outcome = runner(START, away=cloud.away())
    assert sums(outcome) == (10, 10, 0, 0)
    assert max(report.objects for report in runner.told) <= 3
