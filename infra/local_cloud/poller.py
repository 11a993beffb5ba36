"""Plays the event source mapping: takes messages off the queue and gives them to the function.

The rules are Lambda's (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html):
a batch is full, or its window over; messages that the answer does not name are deleted; named ones
stay until their visibility runs out; an exception fails the batch; an answer that names an unknown
message fails the batch. After maxReceiveCount receives the queue itself moves a message to the
dead-letter queue (moto does that).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.local_cloud.stack import Source
from infra.local_cloud.worker import Environment, WorkerKilled

__all__ = ["Invocation", "Poller", "failed_messages"]

_PAUSE, _LONGEST_PAUSE = 0.02, 0.3  # seconds between looks at an empty queue: a cloud that is kept must idle

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of the handler: how many messages, which of them failed, how long, what was raised."""

    messages: int
    failed: int
    seconds: float
    error: BaseException | None = None


@dataclass(slots=True)
class Poller:
    """Workers on one queue.

    sqs: a client with the function's permissions; clock: one that may make time pass on the queue.
    window: seconds to wait for a fuller batch. retry_after: seconds until failed messages are seen
    again; None leaves them to the queue's visibility timeout. `on_invocation` is told of each call.
    """

    sqs: Any
    clock: Any
    source: Source
    start_environment: Callable[[], Environment]
    workers: int
    window: float
    retry_after: int | None = None
    on_invocation: Callable[[Invocation], None] = lambda _: None
    invocations: list[Invocation] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _busy: int = 0
    _broken: list[BaseException] = field(default_factory=list)

    def start(self) -> None:
        """Start the workers."""
        self._stop.clear()
        self._broken.clear()
        count = min(self.workers, self.source.concurrency)
        self._threads = [threading.Thread(target=self._guarded, name=f"worker-{n}") for n in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the workers after what they are doing; a fault of the poller itself comes out here."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._broken:
            raise self._broken[0]

    def wait_until_idle(self, timeout: float, progress: Callable[[int], None]) -> None:
        """Return when no message is waiting or in flight; `progress` is told how many are left."""
        deadline = time.monotonic() + timeout
        while not self._broken:
            left = self._left()
            progress(left)
            if not left and not self._busy and not self._left():
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{left} messages left on {self.source.queue_url} after {timeout} s")
            time.sleep(_PAUSE)

    def _left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.source.queue_url, AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def _guarded(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - a dead thread must fail the test that runs it
            self._broken.append(error)
            self._stop.set()

    def _work(self) -> None:
        environment: Environment | None = None
        pause = _PAUSE
        while not self._stop.is_set():
            batch = self._batch()
            if not batch:
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            pause = _PAUSE
            with self._lock:
                self._busy += 1
            try:
                environment = self._serve(environment, batch)
            finally:
                with self._lock:
                    self._busy -= 1
        if environment:
            environment.close()

    def _batch(self) -> list[Message]:
        batch: list[Message] = []
        until = 0.0
        while len(batch) < self.source.batch_size:
            most = min(10, self.source.batch_size - len(batch))
            found = self.sqs.receive_message(
                QueueUrl=self.source.queue_url,
                MaxNumberOfMessages=most,
                WaitTimeSeconds=0,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            if found and not batch:
                until = time.monotonic() + self.window
            batch += found
            if not found:
                if not batch or time.monotonic() >= until or self._stop.is_set():
                    break
                time.sleep(_PAUSE)
        return batch

    def _serve(self, environment: Environment | None, batch: Sequence[Message]) -> Environment | None:
        """Call the handler and settle the batch; the environment for the next call, None if it died."""
        began = time.monotonic()
        error: BaseException | None = None
        answer: Any = None
        try:
            environment = environment or self.start_environment()
            answer = environment.invoke({"Records": [_record(message) for message in batch]})
        except (Exception, WorkerKilled) as raised:  # noqa: BLE001 - whatever a handler raises fails its batch
            error = raised
            environment = None if isinstance(raised, WorkerKilled) else environment
        ids = [message["MessageId"] for message in batch]
        failed = set(ids) if error else failed_messages(answer, ids, self.source.partial)
        self._settle(batch, failed)
        invocation = Invocation(len(batch), len(failed), time.monotonic() - began, error)
        self.invocations.append(invocation)
        self.on_invocation(invocation)
        return environment

    def _settle(self, batch: Sequence[Message], failed: set[str]) -> None:
        for start in range(0, len(batch), 10):
            part = batch[start : start + 10]
            done = [_entry(message) for message in part if message["MessageId"] not in failed]
            again = [_entry(message) for message in part if message["MessageId"] in failed]
            if done:
                self.sqs.delete_message_batch(QueueUrl=self.source.queue_url, Entries=done)
            if again and self.retry_after is not None:
                entries = [{**entry, "VisibilityTimeout": self.retry_after} for entry in again]
                self.clock.change_message_visibility_batch(QueueUrl=self.source.queue_url, Entries=entries)


def failed_messages(answer: Any, ids: Sequence[str], partial: bool) -> set[str]:
    """Ids of the messages that Lambda would leave on the queue after that answer of the handler."""
    if not partial or not answer or not answer.get("batchItemFailures"):
        return set()
    named = {one.get("itemIdentifier") for one in answer["batchItemFailures"]}
    return named if named <= set(ids) else set(ids)


def _entry(message: Message) -> dict[str, Any]:
    return {"Id": message["MessageId"], "ReceiptHandle": message["ReceiptHandle"]}


def _record(message: Message) -> dict[str, Any]:
    """A message as Lambda passes it on: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:queue",
        "awsRegion": "us-east-1",
    }
