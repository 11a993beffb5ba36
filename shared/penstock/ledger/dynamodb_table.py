"""Reads and single writes of one DynamoDB table, consistent and with errors named for the caller."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from penstock.errors import Retry
from penstock.ledger import dynamodb_faults as faults

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, KeysAndAttributesOutputTypeDef

    Item = Mapping[str, AttributeValueTypeDef]

__all__ = ["CHUNK", "TRIES", "Refused", "Table", "wait"]

CHUNK = 100
"""Keys that BatchGetItem takes."""

TRIES = 8
_FIRST_WAIT, _LONGEST_WAIT = 0.02, 1.0

_Answer = TypeVar("_Answer")


def wait(tries: int) -> float:
    """Seconds to wait after so many tries."""
    return float(min(_LONGEST_WAIT, _FIRST_WAIT * 2**tries))


class Refused(Exception):
    """The condition of a single conditional write did not hold."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of one client; `sleep` takes seconds."""

    client: DynamoDBClient
    name: str
    sleep: Callable[[float], None]

    def get(self, key: dict[str, AttributeValueTypeDef]) -> Item:
        """One item, read consistently; empty when it is not there."""
        answer = self.call(lambda: self.client.get_item(TableName=self.name, Key=key, ConsistentRead=True))
        return answer.get("Item", {})

    def query(self, pk: AttributeValueTypeDef, *, after: str = "", last: str = "") -> Iterator[Item]:
        """The items under one key in order, page by page; `after` and `last` bound the sort key."""
        values = {":pk": pk}
        condition = "pk = :pk"
        if last:
            # BETWEEN is closed on both sides: the first, `after` itself, is passed over.
            condition += " AND sk BETWEEN :after AND :last"
            values |= {":after": {"S": after}, ":last": {"S": last}}
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        turning = iter(pages)
        while (page := self.call(lambda: next(turning, None))) is not None:
            yield from (item for item in page["Items"] if not last or item["sk"]["S"] > after)

    def batch_get(self, keys: list[dict[str, AttributeValueTypeDef]]) -> Iterator[Item]:
        """The items that are there, of at most CHUNK keys without repetition."""
        asked: dict[str, KeysAndAttributesOutputTypeDef] = {self.name: {"Keys": keys, "ConsistentRead": True}}
        for tries in range(TRIES):
            answer = self.call(partial(self.client.batch_get_item, RequestItems=asked))
            yield from answer["Responses"].get(self.name, [])
            asked = answer.get("UnprocessedKeys") or {}
            if not asked:
                return
            self.sleep(wait(tries))
        raise Retry(f"{self.url}: {len(asked[self.name]['Keys'])} objects still unread, throttled")

    def unless_refused(self, send: Callable[[], object]) -> bool:
        """Whether the condition held."""
        try:
            self.call(send)
        except Refused:
            return False
        return True

    def call(self, send: Callable[[], _Answer]) -> _Answer:
        """Send what may be sent again freely; Refused when its condition did not hold."""
        try:
            return send()
        except faults.FAULTS as error:
            if faults.code_of(error) == "ConditionalCheckFailedException":
                raise Refused from error
            fault = faults.of_call(error, self.url)
            if fault is None:
                raise
            raise fault from error

    @property
    def url(self) -> str:
        """How messages name the table."""
        return f"dynamodb://{self.name}"
