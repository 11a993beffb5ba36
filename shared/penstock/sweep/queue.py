"""Send the names of objects to the queue, in the form that collect reads beside S3's own notices.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock import aws, notices
from penstock.errors import ConfigError, Problem, Retry
from penstock.model import ObjectRef

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import BatchResultErrorEntryTypeDef

__all__ = ["Queue"]

_OBJECTS = 10
_BYTES = 8 << 20
"""Of one message: a batch of 95 messages must be collected within one invocation's time."""
_BATCH = 10  # SQS's own limit
_BATCH_BYTES = 250_000  # of 262,144, for a service that counts what we do not
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Queue:
    """The queue that collect reads. `sleep` takes seconds."""

    client: SQSClient
    url: str
    sleep: Callable[[float], None] = clock.sleep

    def send(self, objects: Sequence[ObjectRef], *, redrive: bool = False) -> int:
        """Put the objects on the queue, several to a message; how many messages that took.
        `redrive` asks for bad ones to be tried again.

        Retry when some could not be sent: others may have been, and are harmless when they are sent
        again (G1). ConfigError when the queue does not exist.
        """
        bodies = [notices.compose(group, redrive=redrive) for group in _grouped(objects)]
        for batch in _batches(bodies):
            self._send(batch)
        return len(bodies)

    def waiting(self) -> int:
        """About how many messages nobody has taken yet. Errors as of `send`."""
        with self._told("sqs:GetQueueAttributes"):
            answer = self.client.get_queue_attributes(
                QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessages"]
            )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def _send(self, bodies: Sequence[str]) -> None:
        left = {str(number): body for number, body in enumerate(bodies)}
        for tries in range(_TRIES):
            if tries:
                self.sleep(0.1 * 2**tries)
            answer = self._call(left)
            failed = {one["Id"]: one for one in answer}
            left = {number: body for number, body in left.items() if number in failed}
            if not left:
                return
        why = sorted({f"{one['Code']}: {one.get('Message', '')}" for one in failed.values()})
        raise Retry(f"{self.url}: {len(left)} of {len(bodies)} messages were refused: {'; '.join(why)}")

    def _call(self, bodies: dict[str, str]) -> Sequence[BatchResultErrorEntryTypeDef]:
        entries: Any = [{"Id": number, "MessageBody": body} for number, body in bodies.items()]
        with self._told("sqs:SendMessage"):
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
        return answer.get("Failed", [])

    @contextmanager
    def _told(self, permission: str) -> Iterator[None]:
        """What a failed call means."""
        try:
            yield
        except aws.AwsError as error:
            what = aws.code(error)
            if what in ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"):
                raise ConfigError(Problem(self.url, 0, f"found no such queue ({what})")) from error
            raise Retry(f"{self.url}: {what}: {error}; {permission} is needed on it") from error


def _grouped(objects: Iterable[ObjectRef]) -> Iterator[list[ObjectRef]]:
    group: list[ObjectRef] = []
    size = 0
    for ref in objects:
        if group and (len(group) == _OBJECTS or size + (ref.size or 0) > _BYTES):
            yield group
            group, size = [], 0
        group.append(ref)
        size += ref.size or 0
    if group:
        yield group


def _batches(bodies: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for body in bodies:
        # Bodies are ASCII: `notices.compose` escapes the rest.
        if batch and (len(batch) == _BATCH or size + len(body) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += len(body)
    if batch:
        yield batch
