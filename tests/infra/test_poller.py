"""The local cloud plays the event source mapping by Lambda's rules, seen from a handler."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from infra.local_cloud import LocalCloud, WorkerKilled
from infra.local_cloud.poller import Poller, failed_messages
from infra.local_cloud.worker import inline

Event = Mapping[str, Any]


@pytest.fixture
def cloud(local_cloud: LocalCloud) -> Iterator[LocalCloud]:
    """The file's local cloud, its queues empty."""
    yield local_cloud
    local_cloud.drain()
    local_cloud.dead_letters(take=True)


def _poller(cloud: LocalCloud, handler: Any, **changes: Any) -> Poller:
    mapping = replace(cloud.stack.collect.mapping, **changes.pop("mapping", {}))
    settings = {"workers": 2, "window": 0.0, "retry_after": 0, **changes}
    sqs = cloud.client("sqs")
    return Poller(sqs, sqs, mapping, lambda: inline(cloud.stack.collect, handler), **settings)


def _run(poller: Poller, timeout: float = 20) -> None:
    poller.start()
    try:
        poller.wait_until_idle(timeout, lambda _: None)
    finally:
        poller.stop()


def _bodies(event: Event) -> list[str]:
    return [record["body"] for record in event["Records"]]


def _failing(event: Event, *bodies: str) -> dict[str, Any]:
    ids = [record["messageId"] for record in event["Records"] if record["body"] in bodies]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in ids]}


def test_named_messages_come_again_and_the_others_do_not(cloud: LocalCloud) -> None:
    """Partial-batch response: only the messages that the answer names are delivered again."""
    seen: Counter[str] = Counter()

    def handler(event: Event, _: Any) -> Any:
        seen.update(_bodies(event))
        return _failing(event, *(body for body in _bodies(event) if body == "2" and seen[body] < 3))

    for number in range(5):
        cloud.send(str(number))
    _run(_poller(cloud, handler))
    assert seen == {"0": 1, "1": 1, "2": 3, "3": 1, "4": 1}
    assert cloud.dead_letters() == []


def test_given_up_after_five_receives(cloud: LocalCloud) -> None:
    """A message that always fails is handled maxReceiveCount times and then a dead letter."""
    seen: Counter[str] = Counter()

    def handler(event: Event, _: Any) -> Any:
        seen.update(_bodies(event))
        return _failing(event, "bad")

    cloud.send("good")
    cloud.send("bad")
    _run(_poller(cloud, handler))
    assert seen == {"good": 1, "bad": 5}
    assert cloud.dead_letters() == ["bad"]
    assert cloud.dead_letters() == ["bad"], "looking at dead letters leaves them there"


def test_an_exception_fails_the_whole_batch(cloud: LocalCloud) -> None:
    """A handler that raises gets all of its messages again, in the same environment."""
    calls: list[int] = []

    def handler(event: Event, _: Any) -> Any:
        calls.append(len(event["Records"]))
        if len(calls) == 1:
            raise RuntimeError("first time")
        return {"batchItemFailures": []}

    for number in range(3):
        cloud.send(str(number))
    poller = _poller(cloud, handler, workers=1)
    _run(poller)
    assert calls == [3, 3]
    assert [(one.messages, one.failed) for one in poller.invocations] == [(3, 3), (3, 0)]


def test_a_killed_worker_is_replaced_and_its_messages_come_again(cloud: LocalCloud) -> None:
    """After a worker's death nothing of its batch is deleted, and a new environment starts."""
    started: list[int] = []

    def start() -> Any:
        started.append(1)

        def handler(_: Event, __: Any) -> Any:
            if len(started) == 1:
                raise WorkerKilled
            return None

        return inline(cloud.stack.collect, handler)

    cloud.send("x")
    poller = replace(_poller(cloud, None, workers=1), start_environment=start)
    _run(poller)
    assert len(started) == 2
    assert [one.failed for one in poller.invocations] == [1, 0]


def test_batches_are_at_most_the_size_of_the_mapping(cloud: LocalCloud) -> None:
    """A batch never holds more than BatchSize messages and takes more than SQS's ten at once."""
    sizes: list[int] = []
    sqs = cloud.client("sqs")
    for start in (0, 10, 20):
        entries = [{"Id": str(n), "MessageBody": str(start + n)} for n in range(10)]
        sqs.send_message_batch(QueueUrl=cloud.queue_url, Entries=entries)
    poller = _poller(
        cloud, lambda event, _: sizes.append(len(event["Records"])), workers=1, mapping={"batch_size": 13}
    )
    _run(poller)
    assert sizes == [13, 13, 4]


def test_the_window_waits_for_a_fuller_batch(cloud: LocalCloud) -> None:
    """Messages that come within the window of the first one are handled with it."""
    batches: list[list[str]] = []
    poller = _poller(cloud, lambda event, _: batches.append(_bodies(event)), workers=1, window=0.6)
    cloud.send("first")
    poller.start()
    time.sleep(0.2)
    cloud.send("second")
    try:
        poller.wait_until_idle(10, lambda _: None)
    finally:
        poller.stop()
    assert batches == [["first", "second"]]


def test_failed_messages_stay_hidden_for_the_visibility_timeout(cloud: LocalCloud) -> None:
    """Left to the queue, a failed message is in flight for the template's visibility timeout."""
    cloud.send("x")
    poller = _poller(cloud, lambda event, _: _failing(event, "x"), retry_after=None)
    with pytest.raises(TimeoutError, match="1 messages left"):
        _run(poller, timeout=2)
    assert len(poller.invocations) == 1
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = cloud.client("sqs").get_queue_attributes(QueueUrl=cloud.queue_url, AttributeNames=names)[
        "Attributes"
    ]
    assert found == {names[0]: "0", names[1]: "1"}
    cloud.client("sqs").purge_queue(QueueUrl=cloud.queue_url)


def test_no_more_at_once_than_the_mapping_says(cloud: LocalCloud) -> None:
    """MaximumConcurrency bounds the invocations at once, however many workers are asked for."""
    running, most, lock = 0, 0, threading.Lock()

    def handler(_: Event, __: Any) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.1)
        with lock:
            running -= 1

    for number in range(8):
        cloud.send(str(number))
    _run(_poller(cloud, handler, workers=8, mapping={"batch_size": 1, "concurrency": 3}))
    assert most == 3


def test_a_timeout_fails_the_batch(cloud: LocalCloud) -> None:
    """A handler that takes longer than its function's timeout has failed, and sees its time run out."""
    left: list[int] = []

    def handler(_: Event, context: Any) -> None:
        left.append(context.get_remaining_time_in_millis())
        time.sleep(0 if len(left) > 1 else 1.1)
        left.append(context.get_remaining_time_in_millis())

    function = replace(cloud.stack.collect, timeout=1)
    cloud.send("x")
    poller = replace(_poller(cloud, None, workers=1), start_environment=lambda: inline(function, handler))
    _run(poller)
    assert isinstance(poller.invocations[0].error, TimeoutError)
    assert 0 < left[0] <= 1000
    assert left[1] == 0


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"a"}),
        ({"batchItemFailures": [{"itemIdentifier": "z"}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, {"a", "b"}),
        ({"batchItemFailures": [{"wrong": "a"}]}, {"a", "b"}),
    ],
)
def test_answers(answer: Any, failed: set[str]) -> None:
    """An answer is read by Lambda's rules; one that names what was not in the batch fails all of it."""
    assert failed_messages(answer, ["a", "b"], partial=True) == failed


def test_without_partial_batches_an_answer_means_success() -> None:
    """A mapping that does not report failures of single messages ignores the answer."""
    assert failed_messages({"batchItemFailures": [{"itemIdentifier": "a"}]}, ["a"], partial=False) == set()
