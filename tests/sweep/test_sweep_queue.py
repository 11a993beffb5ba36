"""What goes to the queue arrives there, several objects to a message, however the service answers."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collect.store import Fault, Store

from penstock import notices
from penstock.errors import ConfigError, Retry
from penstock.listing import Stretch
from penstock.model import ObjectRef
from penstock.sweep import Queue
from penstock.sweep.position import Extent, Pass, Place, Position, begin


def refs(count: int, size: int = 1000, name: str = "k") -> list[ObjectRef]:
    """Objects of a size."""
    return [ObjectRef("logs", f"{name}{n:04d}", etag="e", size=size) for n in range(count)]


class Picky:
    """Stands before SQS's client: refuses entries as SQS does when it is busy, and measures requests.

    moto never refuses a part of a batch.
    """

    def __init__(self, client: Any, refusals: int) -> None:
        self.client, self.refusals = client, refusals
        self.sizes: list[tuple[int, int]] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        """Refuse the last entry, as long as there are refusals left."""
        self.sizes.append((len(Entries), sum(len(entry["MessageBody"].encode()) for entry in Entries)))
        refused = Entries[-1:] if self.refusals > 0 else []
        self.refusals -= 1
        taken = Entries[:-1] if refused else Entries
        if taken:
            self.client.send_message_batch(QueueUrl=QueueUrl, Entries=taken)
        busy = {"Code": "InternalError", "SenderFault": False, "Message": "busy"}
        return {"Failed": [{"Id": entry["Id"], **busy} for entry in refused]}


@pytest.fixture
def url(store: Store) -> str:
    """A queue of its own."""
    store.faults.clear()
    made: str = store.client("sqs").create_queue(QueueName=f"q-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    return made


def taken(store: Store, url: str) -> list[list[ObjectRef]]:
    """Objects of each message on the queue."""
    found: list[list[ObjectRef]] = []
    sqs = store.client("sqs")
    while page := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [list(notices.read(one["Body"]).objects) for one in page]
    return found


def test_what_is_sent_is_what_collect_reads(store: Store, url: str) -> None:
    """Bucket, key, version, ETag and size of each object; ten objects to a message."""
    odd = ObjectRef("logs", "a b+ü%41/\x01\U0001f600", "v1", "e", 7)
    sent = [*refs(34), odd]
    queue = Queue(store.client("sqs"), url)
    assert queue.send(sent) == 4
    assert queue.waiting() == 4
    found = taken(store, url)
    assert [len(group) for group in found] == [10, 10, 10, 5]
    assert [ref for group in found for ref in group] == sent


def test_large_objects_share_no_message(store: Store, url: str) -> None:
    """A message names objects of 8 MiB together at most, so that a batch is collected in time."""
    sent = [*refs(3, 5 << 20), *refs(2, 4 << 20, "l"), *refs(1, 900 << 20, "m"), *refs(1, 1, "n")]
    Queue(store.client("sqs"), url).send(sent)
    assert [len(group) for group in taken(store, url)] == [1, 1, 1, 2, 1, 1]


def test_requests_stay_within_the_limits(store: Store, url: str) -> None:
    """Keys as long as they can be and as odd: no request of more than 10 messages and 256 KiB."""
    picky: Any = Picky(store.client("sqs"), 0)
    sent = refs(150, name="\U0001f600" * 255)
    Queue(picky, url).send(sent)
    assert all(count <= 10 and size <= 262_144 for count, size in picky.sizes)
    assert sum(count for count, _ in picky.sizes) == 15
    assert [ref for group in taken(store, url) for ref in group] == sent


def test_refused_messages_are_sent_again(store: Store, url: str) -> None:
    """Those, and not the ones that were taken, until they are taken too."""
    waits: list[float] = []
    picky: Any = Picky(store.client("sqs"), 3)
    Queue(picky, url, waits.append).send(refs(55))
    assert [count for count, _ in picky.sizes] == [6, 1, 1, 1]
    assert waits == sorted(waits)
    assert sorted(ref.key for group in taken(store, url) for ref in group) == [r.key for r in refs(55)]


def test_messages_that_are_refused_for_good(store: Store, url: str) -> None:
    """Retry names the queue, how many, and why."""
    picky: Any = Picky(store.client("sqs"), 99)
    with pytest.raises(Retry, match=rf"{url}: 1 of 2 messages were refused: InternalError: busy"):
        Queue(picky, url, lambda _: None).send(refs(20))


def test_a_queue_that_is_not_there(store: Store, url: str) -> None:
    """Someone must correct the setting."""
    with pytest.raises(ConfigError, match="found no such queue"):
        Queue(store.client("sqs"), f"{url}-gone").send(refs(1))


def test_a_queue_that_cannot_be_reached(store: Store, url: str) -> None:
    """Retry names the permission."""
    store.faults.append(Fault("denied", "SendMessageBatch", times=5))
    with pytest.raises(Retry, match="sqs:SendMessage"):
        Queue(store.client("sqs"), url).send(refs(1))


TIMES = st.datetimes(timezones=st.just(dt.UTC))
STRETCHES = st.builds(Stretch, st.text(), st.none() | st.tuples(TIMES, TIMES))
PASSES = st.builds(Pass, TIMES, TIMES, st.booleans(), st.none() | st.builds(Place, STRETCHES, st.text()))


@given(st.builds(Position, st.none() | TIMES, st.none() | PASSES))
def test_a_position_is_a_text_and_back(position: Position) -> None:
    """A cursor read is the position that was written."""
    text = position.to_text()
    json.loads(text)
    assert Position.from_text(text) == position


def test_a_source_that_was_never_swept() -> None:
    """No cursor is a position without a pass; the first one is newest first."""
    extent = Extent(dt.timedelta(days=7), dt.timedelta(hours=24), dt.timedelta(minutes=15))
    now = dt.datetime(2026, 2, 8, tzinfo=dt.UTC)
    first = begin(Position.from_text(None), extent, now)
    assert (first.start, first.end, first.newest_first) == (
        now - dt.timedelta(days=7),
        now - dt.timedelta(minutes=15),
        True,
    )
    second = begin(Position(first.end), extent, now + dt.timedelta(hours=1))
    assert (second.start, second.end, second.newest_first) == (
        first.end - dt.timedelta(hours=24),
        now + dt.timedelta(minutes=45),
        False,
    )
    assert begin(Position(first.end, second), extent, now) == second
