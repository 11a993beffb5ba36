"""What only the DynamoDB ledger must withstand: its layout, lost answers, throttling, torn reads."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from tests.ledger import stores
from tests.ledger.stores import NOW, PARTITION, commit_of, data_file, record

from penstock.errors import ConfigError, OutcomeUnknown, Retry, Taken
from penstock.ledger import HeadMoved
from penstock.ledger import dynamodb_commit as transaction
from penstock.ledger import dynamodb_items as items
from penstock.ledger.commit import Committed, commit
from penstock.ledger.dynamodb import DynamoLedger
from penstock.model import Commit, CursorMove, Head, Intent, ObjectRecord, Schema

WRITE, READ = "TransactWriteItems", "GetItem"


@pytest.fixture
def ledger(moto_url: str, blobs: stores.DirectoryBlobs) -> DynamoLedger:
    """A fresh table on moto, whose client sends once and whose waits take no time."""
    first = stores.fresh_table(moto_url, blobs)
    return DynamoLedger(first.client, first.table, blobs, sleep=no_wait)


def no_wait(seconds: float) -> None:
    """Order matters here, not time."""


class Raw:
    """The body of an HTTP response."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self) -> Iterator[bytes]:
        yield self.body


def answer(status: int, code: str, **more: Any) -> AWSResponse:
    """DynamoDB's answer as it comes over the wire."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": code, **more}
    return AWSResponse("http://dynamodb", status, {}, Raw(json.dumps(body).encode()))  # type: ignore[arg-type]


def answering(ledger: DynamoLedger, operation: str, *answers: AWSResponse | None) -> None:
    """Let the next requests be answered so and not be sent; None lets one through."""
    queue = list(answers)

    def before_send(**_: Any) -> AWSResponse | None:
        return queue.pop(0) if queue else None

    ledger.client.meta.events.register(f"before-send.dynamodb.{operation}", before_send)  # type: ignore[arg-type]


def cancelled(*codes: str) -> AWSResponse:
    """A transaction cancelled for these reasons."""
    reasons = [{"Code": code} for code in codes]
    return answer(400, "TransactionCanceledException", CancellationReasons=reasons)


@dataclass
class LosingClient:
    """A client that loses the network around its transactions: `plan` says how, one by one."""

    client: Any
    plan: list[tuple[str, Exception]]
    sent: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def transact_write_items(self, **request: Any) -> Any:
        when, error = self.plan.pop(0) if self.plan else ("never", ValueError())
        self.sent.append(request["ClientRequestToken"])
        if when != "before":
            self.client.transact_write_items(**request)
        if when != "never":
            raise error


URL = "http://dynamodb"
READ_TIMEOUT = ReadTimeoutError(endpoint_url=URL)
CLOSED = ConnectionClosedError(endpoint_url=URL)
UNREACHED = [
    EndpointConnectionError(endpoint_url=URL, error="refused"),
    ConnectTimeoutError(endpoint_url=URL),
]


def losing(ledger: DynamoLedger, *plan: tuple[str, Exception]) -> tuple[DynamoLedger, LosingClient]:
    """The same table through a losing client."""
    client = LosingClient(ledger.client, list(plan))
    return DynamoLedger(client, ledger.table, ledger.blobs, sleep=no_wait), client  # type: ignore[arg-type]


def run(ledger: DynamoLedger, **more: Any) -> Committed:
    """Commit one file and one object without waiting."""
    more = {"done": [record("s3://b/1?etag=1")], "add": [data_file("f")], **more}
    return commit(ledger, partition=PARTITION, id="mine", kind="collect", time=NOW, sleep=no_wait, **more)


# Lost answers


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("error", [READ_TIMEOUT, CLOSED], ids=["timeout", "closed"])
def test_g1_lost_answer_is_unknown_then_resolved(dynamo: DynamoLedger, when: str, error: Exception) -> None:
    """G1: a transaction without an answer is OutcomeUnknown, and the same attempt again settles it."""
    flaky, client = losing(dynamo, (when, error))
    one = commit_of("c1", 1, done=[record("s3://b/1?etag=1")])
    with pytest.raises(OutcomeUnknown, match=r"dynamodb://ledger-\d+: commit c1 of aws_cloudtrail_log\.prod"):
        flaky.attempt(one)
    assert dynamo.head(PARTITION).version == (1 if when == "after" else 0)
    flaky.attempt(one)
    assert client.sent[0] == client.sent[1]
    assert [found.id for found in dynamo.commits(PARTITION, 0)] == ["c1"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_g1_commit_survives_lost_answers(dynamo: DynamoLedger, when: str) -> None:
    """G1: through the retry loop, two lost answers in a row still make one commit."""
    flaky, _ = losing(dynamo, (when, READ_TIMEOUT), ("before", READ_TIMEOUT))
    assert run(flaky).version == 1
    assert [found.id for found in dynamo.commits(PARTITION, 0)] == ["mine"]


@pytest.mark.parametrize("error", UNREACHED, ids=["refused", "connect-timeout"])
def test_unreachable_is_retry(ledger: DynamoLedger, error: Exception) -> None:
    """Without a connection nothing was sent: plain Retry, so the caller may drop its files."""
    flaky, _ = losing(ledger, ("before", error))
    with pytest.raises(Retry) as raised:
        flaky.attempt(commit_of("c1", 1))
    assert not isinstance(raised.value, OutcomeUnknown)


def test_real_refused_connection_is_retry(blobs: stores.DirectoryBlobs) -> None:
    """The same with a real socket that nobody listens on, for reads and writes."""
    ledger = DynamoLedger(stores.dynamodb_client("http://127.0.0.1:9"), "t", blobs, sleep=no_wait)
    with pytest.raises(Retry, match="dynamodb://t"):
        ledger.head(PARTITION)
    with pytest.raises(Retry) as raised:
        ledger.attempt(commit_of("c1", 1))
    assert not isinstance(raised.value, OutcomeUnknown)


def test_client_that_repeats_by_itself_leaves_doubt(moto_url: str, ledger: DynamoLedger) -> None:
    """When the client sent more than once, the last answer says nothing of the first: unknown."""
    twice = DynamoLedger(stores.dynamodb_client(moto_url, tries=2), ledger.table, ledger.blobs)
    answering(twice, WRITE, answer(500, "InternalServerError"), answer(400, "ThrottlingException"))
    with pytest.raises(OutcomeUnknown):
        twice.attempt(commit_of("c1", 1))
    flaky, _ = losing(twice, ("before", UNREACHED[0]))
    with pytest.raises(OutcomeUnknown):
        flaky.attempt(commit_of("c1", 1))


# The service's answers


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (answer(400, "ThrottlingException"), Retry),
        (answer(400, "ProvisionedThroughputExceededException"), Retry),
        (answer(400, "RequestLimitExceeded"), Retry),
        (cancelled("None", "ThrottlingError", "None"), Retry),
        (cancelled("ProvisionedThroughputExceeded", "None"), Retry),
        (answer(500, "InternalServerError"), OutcomeUnknown),
        (answer(503, "ServiceUnavailable"), OutcomeUnknown),
        (answer(400, "TransactionInProgressException"), OutcomeUnknown),
        (answer(400, "IdempotentParameterMismatchException"), OutcomeUnknown),
        (cancelled("TransactionConflict", "None"), HeadMoved),
        (cancelled("None", "None", "TransactionConflict"), HeadMoved),
        (answer(400, "ResourceNotFoundException"), ConfigError),
        (answer(400, "AccessDeniedException"), ConfigError),
        (answer(400, "ValidationException"), ClientError),
        (cancelled("ValidationError", "None"), ClientError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_answers_to_a_commit(ledger: DynamoLedger, said: AWSResponse, expected: type[Exception]) -> None:
    """Each answer is named for what the caller does; what is our own bug escapes as it is."""
    answering(ledger, WRITE, said)
    with pytest.raises(expected) as raised:
        ledger.attempt(commit_of("c1", 1))
    assert type(raised.value) is expected or expected is ClientError
    assert ledger.head(PARTITION) == Head()


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
def test_throttled_reads_are_retry(ledger: DynamoLedger, code: str) -> None:
    """A throttled ledger is Retry, whatever was asked of it."""
    for operation in ("GetItem", "Query", "BatchGetItem", "PutItem", "DeleteItem"):
        answering(ledger, operation, answer(400, code), answer(400, code))
    calls: list[Callable[[], object]] = [
        lambda: ledger.head(PARTITION),
        lambda: ledger.partitions(),
        lambda: ledger.objects(PARTITION, ["s3://b/1?etag=1"]),
        lambda: ledger.put_schema(Schema("t", "f", ())),
        lambda: ledger.drop_intent("c1"),
    ]
    for call in calls:
        with pytest.raises(Retry, match=code):
            call()


def test_throttled_then_through(ledger: DynamoLedger) -> None:
    """A ledger that is throttled for a while lets the commit through in the end."""
    answering(ledger, WRITE, *[answer(400, "ThrottlingException") for _ in range(4)])
    assert run(ledger) == Committed(1, 4)


def test_missing_table_is_told(ledger: DynamoLedger) -> None:
    """A table that is not there is a ConfigError that names it."""
    ledger = DynamoLedger(ledger.client, "nowhere", ledger.blobs)
    with pytest.raises(ConfigError, match="dynamodb://nowhere"):
        ledger.head(PARTITION)
    with pytest.raises(ConfigError, match="dynamodb://nowhere: commit c1"):
        ledger.attempt(commit_of("c1", 1))


def test_settling_unreachable_is_unknown(ledger: DynamoLedger) -> None:
    """When the head moved and the log cannot be read to see whose it is, the outcome is unknown."""
    ledger.attempt(commit_of("c1", 1))
    answering(ledger, READ, answer(400, "ThrottlingException"))
    with pytest.raises(OutcomeUnknown):
        ledger.attempt(commit_of("c2", 1))


def test_checkpoint_waits_its_turn(ledger: DynamoLedger) -> None:
    """The head is written by commits all the time: a conflict with one is tried again."""
    ledger.attempt(commit_of("c1", 1))
    busy = [answer(400, "TransactionConflictException") for _ in range(3)]
    answering(ledger, "UpdateItem", *busy)
    ledger.set_checkpoint(PARTITION, 1)
    assert ledger.head(PARTITION) == Head(1, 1)
    answering(ledger, "UpdateItem", *[answer(400, "TransactionConflictException") for _ in range(99)])
    ledger.attempt(commit_of("c2", 2))
    with pytest.raises(Retry, match="TransactionConflict"):
        ledger.set_checkpoint(PARTITION, 2)


# Reads that are not isolated


def hiding(ledger: DynamoLedger, operation: str, hide: Callable[[dict[str, Any]], None], times: int) -> None:
    """Let answers be as they are while a transaction is being applied."""
    left = [hide] * times

    def after_call(parsed: dict[str, Any], **_: Any) -> None:
        if left:
            left.pop()(parsed)

    ledger.client.meta.events.register(f"after-call.dynamodb.{operation}", after_call)


def test_g3_torn_log_is_read_again(ledger: DynamoLedger) -> None:
    """G3: a commit not yet visible below the head, or below a later one, is waited for, not skipped."""
    for version in range(1, 6):
        ledger.attempt(commit_of(f"c{version}", version))
    hiding(ledger, "Query", lambda parsed: parsed["Items"].pop(2), times=1)
    assert [one.version for one in ledger.commits(PARTITION, 0)] == [1, 2, 3, 4, 5]
    hiding(ledger, "Query", lambda parsed: parsed["Items"].pop(), times=1)
    assert [one.version for one in ledger.commits(PARTITION, 2)] == [3, 4, 5]
    hiding(ledger, "Query", lambda parsed: parsed["Items"].clear(), times=99)
    with pytest.raises(Retry, match="its commit 3 is not seen"):
        list(ledger.commits(PARTITION, 2))


def test_torn_read_while_settling(ledger: DynamoLedger) -> None:
    """Our commit's log item is not visible yet though the head is: it is waited for."""
    one = commit_of("c1", 1)
    ledger.attempt(one)
    ledger.attempt(commit_of("c2", 2))  # so the repeated token alone cannot settle it
    hiding(ledger, READ, lambda parsed: parsed.pop("Item", None), times=1)
    ledger.attempt(replace(one))


def test_long_log_is_read_in_pages(dynamo: DynamoLedger) -> None:
    """A log of more than the 1 MB that one answer holds is read whole."""
    names = [hashlib.sha512(str(number).encode()).hexdigest() for number in range(2000)]
    for version in range(1, 11):
        dynamo.attempt(commit_of(f"c{version}", version, add=[], remove=[n[version:] for n in names]))
    queries: list[str] = []
    dynamo.client.meta.events.register("before-call.dynamodb.Query", lambda **_: queries.append("Query"))
    assert [one.version for one in dynamo.commits(PARTITION, 0)] == list(range(1, 11))
    assert len(queries) > 1


def test_unprocessed_keys_are_asked_again(ledger: DynamoLedger) -> None:
    """What BatchGetItem leaves unprocessed is asked again; when it never comes, Retry."""
    done = [record(f"s3://b/{number}?etag=1") for number in range(90)]
    ledger.attempt(commit_of("c1", 1, done=done))

    def half(parsed: dict[str, Any]) -> None:
        found = parsed["Responses"][ledger.table]
        keys = [{"pk": one["pk"], "sk": one["sk"]} for one in found[::2]]
        parsed["Responses"][ledger.table] = found[1::2]
        parsed["UnprocessedKeys"] = {ledger.table: {"Keys": keys, "ConsistentRead": True}}

    names = [one.identity for one in done]
    hiding(ledger, "BatchGetItem", half, times=3)
    assert set(ledger.objects(PARTITION, names)) == set(names)

    def none(parsed: dict[str, Any]) -> None:
        keys = [items.object_key(PARTITION, names[0])]
        parsed.update(Responses={}, UnprocessedKeys={ledger.table: {"Keys": keys}})

    hiding(ledger, "BatchGetItem", none, times=99)
    with pytest.raises(Retry, match="1 objects still unread"):
        ledger.objects(PARTITION, names)


# The layout


def everything(ledger: DynamoLedger) -> dict[tuple[str, str], dict[str, Any]]:
    """The whole table."""
    found = ledger.client.scan(TableName=ledger.table, ConsistentRead=True)["Items"]
    return {(one["pk"]["S"], one["sk"]["S"]): dict(one) for one in found}


def test_layout_is_that_of_the_design(dynamo: DynamoLedger) -> None:
    """Keys as docs/ledger.md has them, and what a person looks for stands in plain attributes."""
    broken = ObjectRecord("s3://b/2?etag=1", state="bad", reason="truncated gzip")
    dynamo.attempt(
        commit_of(
            "c1",
            1,
            add=[data_file("a", rows=3), data_file("r", rows=2, table="tp_rejected")],
            remove=["old"],
            done=[record("s3://b/1?etag=1"), broken],
            cursor=CursorMove("aws_s3_bucket.x", None, "9"),
        )
    )
    dynamo.put_intent(Intent("c2", PARTITION, ("x",), NOW))
    dynamo.acquire("sweep", "me", NOW, NOW + dt.timedelta(minutes=1))
    dynamo.put_schema(Schema("aws_cloudtrail_log", "0123", (("a", "VARCHAR"),)))
    found = everything(dynamo)
    name = "aws_cloudtrail_log.prod"
    assert set(found) == {
        (f"head#{name}", "-"),
        (f"log#{name}", "000000000001"),
        (f"object#{name}#s3://b/1?etag=1", "-"),
        (f"object#{name}#s3://b/2?etag=1", "-"),
        (f"cursor#{name}", "aws_s3_bucket.x"),
        ("intent", "c2"),
        ("lease#sweep", "-"),
        ("schema#aws_cloudtrail_log", "0123"),
        ("partitions", name),
    }
    head = found[(f"head#{name}", "-")]
    assert (head["version"], head["checkpoint"], head["format"]) == ({"N": "1"}, {"N": "0"}, {"N": "1"})
    log = found[(f"log#{name}", "000000000001")]
    plain = {key: next(iter(value.values())) for key, value in log.items() if key not in ("lists", "cursor")}
    assert plain.pop("digest")
    assert plain == {
        "pk": f"log#{name}",
        "sk": "000000000001",
        "id": "c1",
        "kind": "collect",
        "time": "2026-01-31T12:00:00.123456Z",
        "version": "1",
        "files_added": "2",
        "files_removed": "1",
        "rows": "3",
        "rejected": "2",
        "bytes": "500",
        "objects": "2",
        "bad": "1",
    }
    one = found[(f"object#{name}#s3://b/2?etag=1", "-")]
    assert (one["state"], one["reason"]) == ({"S": "bad"}, {"S": "truncated gzip"})


def test_nothing_scans_the_table(ledger: DynamoLedger) -> None:
    """Partitions, intents and schemas are listed by key."""
    ledger.attempt(commit_of("c1", 1))
    ledger.put_intent(Intent("c2", PARTITION, ("x",), NOW))
    asked: list[str] = []
    ledger.client.meta.events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name))
    assert ledger.partitions() == [PARTITION]
    assert len(list(ledger.intents(NOW + dt.timedelta(seconds=1)))) == 1
    assert ledger.schemas("t") == {}
    assert set(asked) == {"Query"}


def test_long_list_stands_in_the_hive(dynamo: DynamoLedger, blobs: stores.DirectoryBlobs) -> None:
    """Only a list too long for an item becomes a blob, and the item points to it."""
    names = [hashlib.sha512(str(number).encode()).hexdigest() for number in range(8000)]
    dynamo.attempt(commit_of("short", 1))
    assert blobs.paths() == []
    dynamo.attempt(commit_of("long", 2, remove=names))
    path = "_catalog/log/aws_cloudtrail_log.prod/long.json.gz"
    assert blobs.paths() == [path]
    item = everything(dynamo)[("log#aws_cloudtrail_log.prod", "000000000002")]
    assert item["lists_at"] == {"S": path}
    assert "lists" not in item
    assert next(dynamo.commits(PARTITION, 1)).remove == tuple(names)


def test_blob_that_cannot_be_written_leaves_nothing(ledger: DynamoLedger) -> None:
    """The blob comes before the transaction: when it fails, nothing was committed."""

    class Failing(stores.DirectoryBlobs):
        def write_bytes(self, path: str, data: bytes) -> None:
            raise Retry(f"{path}: slow down")

    names = [hashlib.sha512(str(number).encode()).hexdigest() for number in range(8000)]
    failing = DynamoLedger(ledger.client, ledger.table, Failing(ledger.blobs.root))  # type: ignore[attr-defined]
    with pytest.raises(Retry, match="slow down"):
        failing.attempt(commit_of("long", 1, remove=names))
    assert everything(ledger) == {}


def test_largest_commit_fits(dynamo: DynamoLedger) -> None:
    """95 bad objects with the longest keys and reasons and a list just under the limit fit at once."""
    done = [
        ObjectRecord(f"s3://b/{number}/{'é' * 2000}", state="bad", reason="🪵" * 5000) for number in range(95)
    ]
    names = [hashlib.sha512(str(number).encode()).hexdigest() for number in range(3300)]
    one = commit_of("c1", 1, done=done, remove=names, cursor=CursorMove("s", None, "1"))
    dynamo.attempt(one)
    assert len(everything(dynamo)[("log#aws_cloudtrail_log.prod", "000000000001")]["lists"]["B"]) > 200_000
    assert len(dynamo.objects(PARTITION, [each.identity for each in done])) == 95


def test_g2_longest_positions_fit(dynamo: DynamoLedger, blobs: stores.DirectoryBlobs) -> None:
    """A position as long as a poll makes it, before and after, and a list that fits an item alone."""
    one, two = ("x" * 197_000, "y" * 197_000)
    names = [hashlib.sha512(str(number).encode()).hexdigest() for number in range(3300)]
    dynamo.attempt(commit_of("c1", 1, cursor=CursorMove("s", None, one)))
    dynamo.attempt(commit_of("c2", 2, remove=names, cursor=CursorMove("s", one, two)))
    assert dynamo.cursor(PARTITION, "s") == two
    (found,) = dynamo.commits(PARTITION, 1)
    assert (found.cursor, found.remove) == (CursorMove("s", one, two), tuple(names))
    assert len(blobs.paths()) == 1


def test_cut_key_cannot_be_forged() -> None:
    """An identity spelled like the cut key of a long one is another object."""
    long = "s3://b/" + "k" * 3000
    cut = items.object_key(PARTITION, long)["pk"]["S"]
    assert len(cut.encode()) <= 2048
    forged = cut.removeprefix(f"object#{PARTITION}#")
    assert items.object_key(PARTITION, forged) != items.object_key(PARTITION, long)


def test_token_is_the_request() -> None:
    """The same request has the same token, any other another, of at most 36 characters."""

    def token(one: Commit) -> str:
        return transaction.token(transaction.actions(one, "t", items.packed(b"x", None)))

    one = commit_of("c1", 1, done=[record("s3://b/1?etag=1")])
    assert token(one) == token(replace(one))
    assert len(token(one)) <= 36
    others = [replace(one, version=2), replace(one, id="c2"), replace(one, done=())]
    assert len({token(each) for each in [one, *others]}) == 4


def test_later_format_is_refused(ledger: DynamoLedger) -> None:
    """A ledger of a later Penstock is neither read nor written."""
    ledger.attempt(commit_of("c1", 1))
    ledger.client.update_item(
        TableName=ledger.table,
        Key=items.head_key(PARTITION),
        UpdateExpression="SET #format = :later",
        ExpressionAttributeNames={"#format": "format"},
        ExpressionAttributeValues={":later": {"N": "9"}},
    )
    with pytest.raises(ConfigError, match="has format 9, this Penstock reads 1"):
        ledger.head(PARTITION)
    with pytest.raises(ConfigError, match="has format 9"):
        ledger.attempt(commit_of("c2", 2))
    assert len(everything(ledger)) == 3


def test_two_workers_one_object(dynamo: DynamoLedger) -> None:
    """Of two workers with the same notice, one commits and the other is told what was taken."""
    assert run(dynamo).version == 1
    with pytest.raises(Taken) as taken:
        commit(
            dynamo,
            partition=PARTITION,
            id="other",
            kind="collect",
            time=NOW,
            done=[record("s3://b/1?etag=1"), record("s3://b/2?etag=1")],
            base=0,
        )
    assert taken.value.identities == ("s3://b/1?etag=1",)


def test_a_dropped_intent_leaves_no_list(ledger: DynamoLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too long for its item stands in the hive, and goes with it."""
    monkeypatch.setattr(items, "LIST_LIMIT", 10)
    ledger.put_intent(Intent("c1", PARTITION, ("x",), NOW))
    assert ledger.blobs.paths() == ["_catalog/intent/aws_cloudtrail_log.prod/c1.json.gz"]  # type: ignore[attr-defined]
    ledger.drop_intent("c1")
    assert ledger.blobs.paths() == []  # type: ignore[attr-defined]
    ledger.drop_intent("c1")
