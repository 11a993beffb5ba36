"""The ledger in one DynamoDB table: a commit is one transaction of conditional writes.

The time lines below say what the conditions in `dynamodb_commit` must withstand. `h4` is a head at
version 4, `put` the writing of Parquet files, `T5` the transaction that makes version 5.

    duplicate notice      A  put ─ T5(x) ok
                          B        put ─ T5(x) refused: x is taken ─ Taken, B's files are dropped
    two workers at once   A  h4 ─ put ─ T5 ok
                          B  h4 ─ put ─ T5 refused: head is 5 ─ reads 5 ─ T6 ok
    death before the put  A  intent ─ ✗              the notice comes back, B does it all
    … after the put       A  intent ─ put ─ ✗        B does it all under its own id; A's files are in
                                                     no commit, its intent tells compact to clear them
    … after the commit    A  put ─ T5(x) ok ─ ✗      the notice comes back, x is known: nothing to do
    answer lost           A  put ─ T5 sent ─ ? ─ T5 again: same token, or the log shows A's id: ok
    late object           C  h4 ─ T5(remove a b, add ab) ok
                          B  h4 ─ put c ─ T5 refused ─ reads 5: took nothing of B's ─ T6(add c) ok
    death in a flip       C  T5(remove a, add _b) ✓ ─ copy _b to b ─ ✗ ─ again: copy ─ T6(remove _b, add b)
    missed notice         no A at all ─ sweep lists x, `objects` does not know it ─ queue ─ A
    overwritten in place  x has another ETag or version, so another identity: its rows are added
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from penstock.errors import ConfigError, OutcomeUnknown, PenstockError, Problem, Retry
from penstock.ledger import BEGINNING, Blobs, Dropped, Floor, codec
from penstock.ledger import dynamodb_commit as transaction
from penstock.ledger import dynamodb_faults as faults
from penstock.ledger import dynamodb_items as items
from penstock.ledger.dynamodb_table import CHUNK, TRIES, Table, wait
from penstock.model import Commit, Head, Intent, Lease, ObjectRecord, PartitionId, Schema

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

__all__ = ["DynamoLedger", "create_table"]


class DynamoLedger:
    """`Ledger` in the table `table_name`, with lists too long for an item kept by `blobs`.

    `client` is a boto3 DynamoDB client and may be shared by threads. A client that does not try
    again by itself (`total_max_attempts=1`) is told more exactly what a lost answer means;
    `commit.commit` does the trying.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table_name: str,
        blobs: Blobs,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.client = client
        self.table = table_name
        self.blobs = blobs
        self._sleep = sleep
        self._table = Table(client, table_name, sleep)

    def partitions(self) -> list[PartitionId]:
        """See `Ledger.partitions`."""
        return sorted(
            items.partition_from_item(item) for item in self._table.query(items.text(items.PARTITIONS))
        )

    def head(self, partition: PartitionId) -> Head:
        """See `Ledger.head`."""
        item = self._table.get(items.head_key(partition))
        if "version" not in item:
            return Head()
        if int(item["format"]["N"]) > items.FORMAT:
            found = f"{partition} has format {item['format']['N']}, this Penstock reads {items.FORMAT}"
            raise ConfigError(Problem(self._table.url, 0, found, "upgrade Penstock"))
        return Head(int(item["version"]["N"]), int(item["checkpoint"]["N"]))

    def commits(self, partition: PartitionId, after: int, upto: int | None = None) -> Iterator[Commit]:
        """See `Ledger.commits`.

        A Query is not isolated from a transaction that is being applied, so it can see the head
        before the log, or a commit before the one below it: what is missing is asked for again.
        """
        head = self.head(partition).version
        last = head if upto is None else min(upto, head)
        tries = 0
        while after < last:
            first = after
            for item in self._table.query(
                items.log_pk(partition), after=items.log_sk(after), last=items.log_sk(last)
            ):
                if int(item["version"]["N"]) != after + 1:
                    break
                yield items.commit_from_item(partition, item, self._listed(partition, item))
                after += 1
            if after == first and (begins := self.begins(partition)) > after:
                raise Dropped(partition, after, begins)
            tries = 0 if after > first else tries + 1
            if tries == TRIES:
                raise Retry(
                    f"{self._table.url}: {partition} is at {head}, its commit {after + 1} is not seen"
                )
            if after < last:
                self._sleep(wait(tries))

    def begins(self, partition: PartitionId) -> int:
        """See `Ledger.begins`."""
        item = self._table.get(items.floor_key(partition))
        return int(item["version"]["N"]) if item else 0

    def floor(self, partition: PartitionId) -> Floor:
        """See `Ledger.floor`. A list that went while it was asked for has made room for a newer one."""
        seen = -1
        while True:
            item = self._table.get(items.floor_key(partition))
            if not item:
                return BEGINNING
            version = int(item["version"]["N"])
            try:
                return Floor(version, codec.time_from_text(item["time"]["S"]), self._lists(item))
            except FileNotFoundError as error:
                if version == seen:
                    lost = f"the floor of its log, {item['lists_at']['S']}, is gone from the hive"
                    raise PenstockError(f"{self._table.url}: {partition}: {lost}; restore it") from error
                seen = version

    def put_floor(self, partition: PartitionId, floor: Floor) -> None:
        """See `Ledger.put_floor`. The list of the one before is left to `drop`: some may read it."""
        codec.check_floor(floor, self.head(partition), partition)
        before = self._table.get(items.floor_key(partition))
        if before and int(before["version"]["N"]) >= floor.version:
            return
        lists = self._pack(floor.data, "floor", partition, f"{floor.version:012d}")
        if "lists_at" in before:
            lists |= {"was_at": before["lists_at"]}
        item = items.floor_item(partition, floor, lists)
        taken = self._table.unless_refused(
            lambda: self.client.put_item(
                TableName=self.table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk) OR #version < :new",
                ExpressionAttributeNames={"#version": "version"},
                ExpressionAttributeValues={":new": items.whole(floor.version)},
            )
        )
        if not taken and "lists_at" in item and self.begins(partition) != floor.version:
            self.blobs.delete(item["lists_at"]["S"])  # another one went further

    def drop(self, partition: PartitionId) -> int:
        """See `Ledger.drop`. A commit's list goes before its item, so that nothing forgets it."""
        found = self._table.get(items.floor_key(partition))
        if not found:
            return 0
        if "was_at" in found:
            self.blobs.delete(found["was_at"]["S"])
        last = items.log_sk(int(found["version"]["N"]))
        count = 0
        for item in self._table.query(items.log_pk(partition), after=items.log_sk(0), last=last):
            if "lists_at" in item:
                self.blobs.delete(item["lists_at"]["S"])
            key = items.log_key(partition, int(item["version"]["N"]))
            self._table.call(partial(self.client.delete_item, TableName=self.table, Key=key))
            count += 1
        return count

    def objects(self, partition: PartitionId, identities: Sequence[str]) -> dict[str, ObjectRecord]:
        """See `Ledger.objects`."""
        found: dict[str, ObjectRecord] = {}
        wanted = list(dict.fromkeys(identities))
        for start in range(0, len(wanted), CHUNK):
            keys = [items.object_key(partition, identity) for identity in wanted[start : start + CHUNK]]
            records = [items.record_from_item(item) for item in self._table.batch_get(keys)]
            found.update((record.identity, record) for record in records)
        return found

    def contents(self, partition: PartitionId, place: str) -> list[ObjectRecord]:
        """See `Ledger.contents`."""
        key = items.object_key(partition, f"{place}{items.CONTENT}")
        return [items.record_from_item(item) for item in self._table.query(key["pk"])]

    def attempt(self, commit: Commit) -> None:
        """See `Ledger.attempt`."""
        codec.check(commit)
        move = commit.cursor
        beside = len((move.seen or "").encode()) + len(move.now.encode()) if move else 0
        lists = self._pack(codec.encode_lists(commit), "log", commit.partition, commit.id, beside)
        actions = transaction.actions(commit, self.table, lists)
        try:
            self.client.transact_write_items(
                TransactItems=[action.write for action in actions],
                ClientRequestToken=transaction.token(actions),
            )
        except faults.FAULTS as error:
            refused = transaction.refused(actions, faults.cancellation_codes(error))
            if refused is None:
                self._escape_or_raise(error, commit)
            elif refused.head and self._landed(commit):
                return
            else:
                transaction.refuse(commit, refused, error)

    def cursor(self, partition: PartitionId, source: str) -> str | None:
        """See `Ledger.cursor`."""
        item = self._table.get(items.cursor_key(partition, source))
        return item["position"]["S"] if item else None

    def put_intent(self, intent: Intent) -> None:
        """See `Ledger.put_intent`."""
        lists = self._pack(codec.encode_paths(intent.paths), "intent", intent.partition, intent.commit_id)
        item = items.intent_item(intent, lists)
        self._table.call(lambda: self.client.put_item(TableName=self.table, Item=item))

    def drop_intent(self, commit_id: str) -> None:
        """See `Ledger.drop_intent`. Its list goes after its item: an intent that is there can be read."""
        key = items.intent_key(commit_id)
        answer = self._table.call(
            lambda: self.client.delete_item(TableName=self.table, Key=key, ReturnValues="ALL_OLD")
        )
        if "lists_at" in (dropped := answer.get("Attributes", {})):
            self.blobs.delete(dropped["lists_at"]["S"])

    def intents(self, before: dt.datetime) -> Iterator[Intent]:
        """See `Ledger.intents`. Live ones are as few as workers, so they are sorted here."""
        limit = codec.time_to_text(before)
        old = [item for item in self._table.query(items.text(items.INTENTS)) if item["time"]["S"] < limit]
        for item in sorted(old, key=lambda item: (item["time"]["S"], item["commit_id"]["S"])):
            try:
                lists = self._lists(item)
            except FileNotFoundError:  # it was dropped meanwhile
                continue
            yield items.intent_from_item(item, lists)

    def acquire(self, name: str, owner: str, now: dt.datetime, until: dt.datetime) -> Lease | None:
        """See `Ledger.acquire`. An unknown outcome needs no care: the owner's next call renews."""
        item = {
            **items.lease_key(name),
            "name": items.text(name),
            "owner": items.text(owner),
            "until": items.text(codec.time_to_text(until)),
        }
        taken = self._table.unless_refused(
            lambda: self.client.put_item(
                TableName=self.table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk) OR #owner = :owner OR #until <= :now",
                ExpressionAttributeNames={"#owner": "owner", "#until": "until"},
                ExpressionAttributeValues={
                    ":owner": items.text(owner),
                    ":now": items.text(codec.time_to_text(now)),
                },
            )
        )
        return Lease(name, owner, until) if taken else None

    def release(self, name: str, owner: str) -> None:
        """See `Ledger.release`."""
        self._table.unless_refused(
            lambda: self.client.delete_item(
                TableName=self.table,
                Key=items.lease_key(name),
                ConditionExpression="#owner = :owner",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues={":owner": items.text(owner)},
            )
        )

    def put_schema(self, schema: Schema) -> None:
        """See `Ledger.put_schema`."""
        item = items.schema_item(schema)
        self._table.call(lambda: self.client.put_item(TableName=self.table, Item=item))

    def schemas(self, table: str) -> Mapping[str, Schema]:
        """See `Ledger.schemas`."""
        found = [items.schema_from_item(table, item) for item in self._table.query(items.schema_pk(table))]
        return {schema.fingerprint: schema for schema in found}

    def set_checkpoint(self, partition: PartitionId, version: int) -> None:
        """See `Ledger.set_checkpoint`. Commits write the same item all the time: wait one's turn."""
        head = self.head(partition)
        if version > head.version:
            raise ValueError(f"{partition}: checkpoint {version} lies beyond the head {head.version}")
        if version <= head.checkpoint:
            return
        for tries in range(TRIES):
            try:
                self._table.unless_refused(
                    lambda: self.client.update_item(
                        TableName=self.table,
                        Key=items.head_key(partition),
                        UpdateExpression="SET checkpoint = :new",
                        ConditionExpression="checkpoint < :new",
                        ExpressionAttributeValues={":new": items.whole(version)},
                    )
                )
                return
            except Retry:
                if tries == TRIES - 1:
                    raise
                self._sleep(wait(tries))

    def _landed(self, commit: Commit) -> bool:
        """Whether this very commit stands at its version: an earlier send of it came through."""
        try:
            for tries in range(TRIES):
                found = self._table.get(items.log_key(commit.partition, commit.version))
                if found:
                    return codec.is_same(commit, found["id"]["S"], found["digest"]["S"])
                if self.head(commit.partition).version < commit.version:
                    return False
                self._sleep(wait(tries))  # the head is there, its log item must follow
        except Retry as error:
            raise OutcomeUnknown(f"{commit.partition} version {commit.version}: {error}") from error
        raise OutcomeUnknown(f"{commit.partition}: commit {commit.version} exists but cannot be seen")

    def _escape_or_raise(self, error: Exception, commit: Commit) -> None:
        # `retries` is set on a client's own Config only, so the stubs do not know it.
        once = (getattr(self.client.meta.config, "retries", None) or {}).get("total_max_attempts") == 1
        what = f"{self._table.url}: commit {commit.id} of {commit.partition}"
        fault = faults.of_write(error, what, sent_once=once)
        if fault is None:
            raise error
        raise fault from error

    def _pack(
        self, data: bytes, kind: str, partition: PartitionId, commit_id: str, beside: int = 0
    ) -> dict[str, AttributeValueTypeDef]:
        """The attribute for a list, whose blob, if it needs one, is written first.

        So many bytes stand `beside` it: the item of a commit has a position as it was and as it is.
        """
        if len(data) + beside <= items.LIST_LIMIT:
            return items.packed(data, None)
        path = items.blob_path(kind, partition, commit_id)
        self.blobs.write_bytes(path, data)
        return items.packed(data, path)

    def _listed(self, partition: PartitionId, item: items.Item) -> bytes:
        """A commit's lists; Dropped when they went with it while it was read."""
        try:
            return self._lists(item)
        except FileNotFoundError:
            version = int(item["version"]["N"])
            if (begins := self.begins(partition)) >= version:
                raise Dropped(partition, version - 1, begins) from None
            raise

    def _lists(self, item: items.Item) -> bytes:
        return self.blobs.read_bytes(item["lists_at"]["S"]) if "lists_at" in item else item["lists"]["B"]


def create_table(client: DynamoDBClient, name: str) -> None:
    """Make an empty ledger table for tests and local use; `template.yaml` declares the real one."""
    client.create_table(
        TableName=name,
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
