"""Counts what AWS would bill for the calls of boto3 clients, in the units it bills in.

S3 by requests, SQS by requests, DynamoDB by request units: sizes of items are those of their
names and values (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html);
writes in a transaction count twice, consistent reads one unit per 4 KB.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

__all__ = ["Meter", "item_bytes"]

_GETS = ("GetObject", "HeadObject", "HeadBucket")
_FREE = ("DeleteObject", "DeleteObjects")  # https://aws.amazon.com/s3/pricing/


class Meter:
    """Watches clients; `used` is by the names of `prices.PRICES`, `calls` by service and operation."""

    def __init__(self) -> None:
        self.used: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def watch(self, client: Any) -> None:
        """Count what this client asks from now on, once a call (tries of it are not told apart)."""
        client.meta.events.register("provide-client-params.*.*", self._asked, unique_id=f"meter-{id(self)}")
        client.meta.events.register("after-call.dynamodb.*", self._answered, unique_id=f"meter2-{id(self)}")

    def _asked(self, params: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        context["keys"] = _keys(params) if model.name == "BatchGetItem" else 0
        service, name = model.service_model.service_name, model.name
        self.calls[f"{service}:{name}"] += 1
        if service == "s3" and name not in _FREE:
            self.used["s3 get" if name in _GETS else "s3 put"] += 1
        elif service == "sqs":
            self.used["sqs"] += 1
        elif service == "dynamodb":
            self.used["write units"] += _written(name, params)

    def _answered(self, parsed: Mapping[str, Any], model: Any, context: Mapping[str, Any], **_: Any) -> None:
        self.used["read units"] += _read(model.name, parsed, context.get("keys", 0))


def _keys(params: Mapping[str, Any]) -> int:
    return sum(len(wanted["Keys"]) for wanted in params.get("RequestItems", {}).values())


def _written(name: str, params: Mapping[str, Any]) -> int:
    if name == "TransactWriteItems":
        return 2 * sum(_one_write(write) for write in params["TransactItems"])
    if name in ("PutItem", "UpdateItem", "DeleteItem"):
        return _units(item_bytes(params.get("Item", {})), 1024)
    return 0


def _one_write(write: Mapping[str, Any]) -> int:
    return _units(item_bytes(write.get("Put", {}).get("Item", {})), 1024)


def _read(name: str, answer: Mapping[str, Any], keys: int) -> int:
    """`keys`: how many BatchGetItem asked for; one that is not there costs a unit too."""
    if name == "GetItem":
        return _units(item_bytes(answer.get("Item", {})), 4096)
    if name == "Query":
        return _units(sum(map(item_bytes, answer.get("Items", []))), 4096)
    if name == "BatchGetItem":
        found = [item for rows in answer.get("Responses", {}).values() for item in rows]
        return sum(_units(item_bytes(item), 4096) for item in found) + max(0, keys - len(found))
    return 0


def _units(size: int, unit: int) -> int:
    return max(1, math.ceil(size / unit))


def item_bytes(item: Mapping[str, Any]) -> int:
    """Bytes of an item in the form of the API (`{"name": {"S": "text"}}`), as DynamoDB counts them."""
    return sum(len(name.encode()) + _value(value) for name, value in item.items())


def _value(typed: Mapping[str, Any]) -> int:
    ((kind, value),) = typed.items()
    if kind == "S":
        return len(value.encode())
    if kind == "N":
        return len(value) // 2 + 2
    if kind == "B":
        return len(value)
    if kind == "M":
        return 3 + sum(len(name.encode()) + _value(inner) + 1 for name, inner in value.items())
    if kind == "L":
        return 3 + sum(_value(inner) + 1 for inner in value)
    if kind in ("SS", "NS", "BS"):
        return sum(len(one) for one in value)
    return 1
