"""The one transaction that changes the hive: its conditions, and what their refusal means.

    head     from N to N+1, if it is N          two workers at once, late object: one waits
    log      N+1, if it is not there            no version is ever written twice
    object   each, if it is not there           duplicate notice: the second one is Taken
             (or is bad and being redriven, or done and taken anew by an overwrite that saw it so)
    cursor   if it is where the caller saw it   two pollers: the second is a Conflict
    partition  always, with version 1 only      so that partitions can be listed

Either all are written or none is: a worker that dies has committed or has not, and what it only
put in the hive is in no commit, so no reader sees it. `dynamodb` draws the cases in time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn

from penstock.errors import Conflict, Taken
from penstock.ledger import HeadMoved, codec
from penstock.ledger import dynamodb_items as items
from penstock.model import Commit, CursorMove, ObjectRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, PutTypeDef, TransactWriteItemTypeDef

__all__ = ["Action", "Refusal", "actions", "refuse", "refused", "token"]

_ABSENT = "attribute_not_exists(pk)"


@dataclass(frozen=True, slots=True)
class Action:
    """One write of the transaction; `name` is the identity of an object."""

    kind: Literal["head", "log", "partition", "cursor", "object"]
    name: str
    write: TransactWriteItemTypeDef


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which conditions of a cancelled transaction did not hold."""

    head: bool
    cursor: bool
    objects: tuple[str, ...]


def actions(commit: Commit, table: str, lists: dict[str, AttributeValueTypeDef]) -> list[Action]:
    """All writes of a commit, at most 99 (DynamoDB takes 100); `lists` is `items.packed`."""
    all_of = [_head(commit, table), _log(commit, table, lists)]
    if commit.version == 1:
        item = items.partition_item(commit.partition)
        all_of.append(Action("partition", "", {"Put": {"TableName": table, "Item": item}}))
    if commit.cursor:
        all_of.append(_cursor(commit, commit.cursor, table))
    return all_of + [_object(commit, record, table) for record in commit.done]


def token(all_of: Sequence[Action]) -> str:
    """The client token: a hash of the whole request.

    The same request bears the same token, so DynamoDB answers a repeated one with the first one's
    outcome for ten minutes; another request never does, so IdempotentParameterMismatch cannot be
    our doing. After the ten minutes the conditions and the log say the same.
    """
    request = json.dumps([action.write for action in all_of], sort_keys=True, default=bytes.hex)
    return hashlib.sha256(request.encode()).hexdigest()[:36]


def refused(all_of: Sequence[Action], codes: Sequence[str] | None) -> Refusal | None:
    """Read the cancellation reasons, which stand in the order of the actions.

    A transaction that met another one on the same item (TransactionConflict) wrote nothing and
    may try again at once: for the caller the head moves, or is about to. None when no condition
    and no other transaction was the reason.
    """
    failed = [action for action, code in zip(all_of, codes or ()) if code == "ConditionalCheckFailed"]
    if not failed and "TransactionConflict" not in (codes or ()):
        return None
    return Refusal(
        head=any(action.kind in ("head", "log") for action in failed),
        cursor=any(action.kind == "cursor" for action in failed),
        objects=tuple(action.name for action in failed if action.kind == "object"),
    )


def refuse(commit: Commit, refusal: Refusal, cause: Exception) -> NoReturn:
    """Raise what the refusal means: first what trying on top cannot mend."""
    if refusal.objects:
        raise Taken(refusal.objects) from cause
    if refusal.cursor and commit.cursor:
        move = commit.cursor
        message = f"{commit.partition}: cursor of {move.source} is not at {move.seen!r}, as was expected"
        raise Conflict(message) from cause
    raise HeadMoved(f"{commit.partition} does not stand at {commit.version - 1}") from cause


def _head(commit: Commit, table: str) -> Action:
    values = {":new": items.whole(commit.version), ":format": items.whole(items.FORMAT)}
    if commit.version == 1:
        condition = "attribute_not_exists(pk)"
        update = "SET #version = :new, #format = :format, checkpoint = :none"
        values[":none"] = items.whole(0)
    else:
        condition = "#version = :old AND #format = :format"
        update = "SET #version = :new"
        values[":old"] = items.whole(commit.version - 1)
    return Action(
        "head",
        "",
        {
            "Update": {
                "TableName": table,
                "Key": items.head_key(commit.partition),
                "UpdateExpression": update,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {"#version": "version", "#format": "format"},
                "ExpressionAttributeValues": values,
            }
        },
    )


def _log(commit: Commit, table: str, lists: dict[str, AttributeValueTypeDef]) -> Action:
    item = items.log_item(commit, lists)
    return Action("log", "", {"Put": {"TableName": table, "Item": item, "ConditionExpression": _ABSENT}})


def _object(commit: Commit, record: ObjectRecord, table: str) -> Action:
    item = items.object_item(commit.partition, codec.recorded(record, commit.version))
    put: PutTypeDef = {"TableName": table, "Item": item, "ConditionExpression": _ABSENT}
    if record.retake:
        put["ConditionExpression"] = "#state = :done AND #version = :seen"
        put["ExpressionAttributeNames"] = {"#state": "state", "#version": "version"}
        seen = items.whole(record.retake)
        put["ExpressionAttributeValues"] = {":done": items.text("done"), ":seen": seen}
    elif record.redrive:
        put["ConditionExpression"] = f"{_ABSENT} OR #state = :bad"
        put["ExpressionAttributeNames"] = {"#state": "state"}
        put["ExpressionAttributeValues"] = {":bad": items.text("bad")}
    return Action("object", record.identity, {"Put": put})


def _cursor(commit: Commit, move: CursorMove, table: str) -> Action:
    key = items.cursor_key(commit.partition, move.source)
    item = {**key, "source": items.text(move.source), "position": items.text(move.now)}
    if move.seen is None:
        return Action(
            "cursor", "", {"Put": {"TableName": table, "Item": item, "ConditionExpression": _ABSENT}}
        )
    return Action(
        "cursor",
        "",
        {
            "Put": {
                "TableName": table,
                "Item": item,
                "ConditionExpression": "#position = :seen",
                "ExpressionAttributeNames": {"#position": "position"},
                "ExpressionAttributeValues": {":seen": items.text(move.seen)},
            }
        },
    )
