"""What the ledger's items look like in DynamoDB: their keys, and values to items and back.

The layout is the table of `docs/ledger.md`, "Items in DynamoDB".
Numbers and times a person wants to read are plain attributes, long lists are gzipped JSON.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from penstock.ledger import Floor, codec
from penstock.model import Commit, CursorMove, Intent, ObjectRecord, PartitionId, Schema

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = Mapping[str, AttributeValueTypeDef]

__all__ = [
    "FORMAT",
    "INTENTS",
    "LIST_LIMIT",
    "PARTITIONS",
    "blob_path",
    "commit_from_item",
    "cursor_key",
    "floor_item",
    "floor_key",
    "head_key",
    "intent_from_item",
    "intent_item",
    "intent_key",
    "lease_key",
    "log_item",
    "log_key",
    "log_pk",
    "log_sk",
    "object_item",
    "object_key",
    "packed",
    "partition_from_item",
    "partition_item",
    "record_from_item",
    "schema_from_item",
    "schema_item",
    "schema_pk",
    "text",
    "whole",
]

FORMAT = 1
"""Of the items; stands in every head, so that an older Penstock can refuse a newer ledger."""

LIST_LIMIT = 256 * 1024
"""Bytes of gzipped lists that an item holds; longer ones stand in the hive. Items end at 400 KB."""

PARTITIONS = "partitions"
INTENTS = "intent"
CONTENT = "?etag="
"""Between a file's place and what it held, in an identity."""

_PK_LIMIT, _SK_LIMIT = 2048, 1024  # bytes, DynamoDB's own
_CUT = re.compile(r"#sha256:[0-9a-f]{64}\Z")


def text(value: str) -> AttributeValueTypeDef:
    """A string attribute."""
    return {"S": value}


def whole(value: int) -> AttributeValueTypeDef:
    """A number attribute."""
    return {"N": str(value)}


def _key(pk: str, sk: str = "-") -> dict[str, AttributeValueTypeDef]:
    return {"pk": text(_fit(pk, _PK_LIMIT)), "sk": text(_fit(sk, _SK_LIMIT))}


def _fit(key: str, limit: int) -> str:
    """The key itself, or its head and its hash when it is too long.

    A short key that looks like a cut one is hashed too, so two keys never become one.
    """
    data = key.encode()
    if len(data) <= limit and not _CUT.search(key):
        return key
    tail = "#sha256:" + hashlib.sha256(data).hexdigest()
    return data[: limit - len(tail)].decode("utf-8", "ignore") + tail


def _name(partition: PartitionId) -> str:
    """The partition in a key: `#` separates there, so one in a name is escaped."""
    return str(partition).replace("%", "%25").replace("#", "%23")


def head_key(partition: PartitionId) -> dict[str, AttributeValueTypeDef]:
    """Where the head stands."""
    return _key(f"head#{_name(partition)}")


def log_pk(partition: PartitionId) -> AttributeValueTypeDef:
    """What all commits of a partition stand under."""
    return _key(f"log#{_name(partition)}")["pk"]


def log_sk(version: int) -> str:
    """A version so that text order is its order."""
    return f"{version:012d}"


def log_key(partition: PartitionId, version: int) -> dict[str, AttributeValueTypeDef]:
    """Where a commit stands."""
    return _key(f"log#{_name(partition)}", log_sk(version))


def floor_key(partition: PartitionId) -> dict[str, AttributeValueTypeDef]:
    """Where the floor of a log stands."""
    return _key(f"floor#{_name(partition)}")


def floor_item(
    partition: PartitionId, floor: Floor, lists: dict[str, AttributeValueTypeDef]
) -> dict[str, AttributeValueTypeDef]:
    """The floor of a log; `lists` is `packed`."""
    when = text(codec.time_to_text(floor.time))
    return {**floor_key(partition), "version": whole(floor.version), "time": when, **lists}


def object_key(partition: PartitionId, identity: str) -> dict[str, AttributeValueTypeDef]:
    """Where a source object's record stands; all contents of a file stand under one key."""
    place, content = identity, ""
    if identity.startswith("file://"):
        place, _, content = identity.rpartition(CONTENT)
    return _key(f"object#{_name(partition)}#{place or identity}", content or "-")


def cursor_key(partition: PartitionId, source: str) -> dict[str, AttributeValueTypeDef]:
    """Where a source's position stands."""
    return _key(f"cursor#{_name(partition)}", source)


def intent_key(commit_id: str) -> dict[str, AttributeValueTypeDef]:
    """Where an intent stands: under one key, so that all can be listed without a scan."""
    return _key(INTENTS, commit_id)


def lease_key(name: str) -> dict[str, AttributeValueTypeDef]:
    """Where a lease stands."""
    return _key(f"lease#{name}")


def schema_pk(table: str) -> AttributeValueTypeDef:
    """What all schemas of a table stand under."""
    return _key(f"schema#{table}")["pk"]


def blob_path(kind: str, partition: PartitionId, commit_id: str) -> str:
    """Where a list too long for its item stands, relative to the hive's root."""
    return f"_catalog/{kind}/{quote(str(partition), safe='')}/{quote(commit_id, safe='')}.json.gz"


def packed(data: bytes, blob: str | None) -> dict[str, AttributeValueTypeDef]:
    """The attribute that holds a list, or points to it."""
    return {"lists": {"B": data}} if blob is None else {"lists_at": text(blob)}


def partition_item(partition: PartitionId) -> dict[str, AttributeValueTypeDef]:
    """Written with a partition's first commit, so that partitions are listed without a scan."""
    names = {"table": text(partition.table), "name": text(partition.name)}
    return {**_key(PARTITIONS, _name(partition)), **names}


def partition_from_item(item: Item) -> PartitionId:
    """Read `partition_item`."""
    return PartitionId(item["table"]["S"], item["name"]["S"])


def log_item(commit: Commit, lists: dict[str, AttributeValueTypeDef]) -> dict[str, AttributeValueTypeDef]:
    """A commit; `lists` is `packed`."""
    sums = codec.totals(commit)
    item = {
        **log_key(commit.partition, commit.version),
        "id": text(commit.id),
        "kind": text(commit.kind),
        "time": text(codec.time_to_text(commit.time)),
        "version": whole(commit.version),
        "files_added": whole(sums.files_added),
        "files_removed": whole(sums.files_removed),
        "rows": whole(sums.rows),
        "rejected": whole(sums.rejected),
        "bytes": whole(sums.bytes),
        "objects": whole(sums.objects),
        "bad": whole(sums.bad),
        "digest": text(codec.digest(commit)),
        **lists,
    }
    if commit.cursor:
        item["cursor"] = {"M": _cursor_map(commit.cursor)}
    return item


def _cursor_map(move: CursorMove) -> dict[str, AttributeValueTypeDef]:
    seen: AttributeValueTypeDef = {"NULL": True} if move.seen is None else text(move.seen)
    return {"source": text(move.source), "seen": seen, "now": text(move.now)}


def commit_from_item(partition: PartitionId, item: Item, lists: bytes) -> Commit:
    """Read `log_item`; `lists` are the bytes it holds or points to."""
    version = int(item["version"]["N"])
    read = codec.decode_lists(lists, version)
    move = item["cursor"]["M"] if "cursor" in item else None
    return Commit(
        id=item["id"]["S"],
        partition=partition,
        kind=item["kind"]["S"],  # type: ignore[arg-type]  # we wrote it
        time=codec.time_from_text(item["time"]["S"]),
        version=version,
        add=read.add,
        remove=read.remove,
        done=read.bad,
        cursor=CursorMove(move["source"]["S"], move["seen"].get("S"), move["now"]["S"]) if move else None,
        objects=int(item["objects"]["N"]),
    )


def object_item(partition: PartitionId, record: ObjectRecord) -> dict[str, AttributeValueTypeDef]:
    """A source object's record; the whole identity, as the key may hold only its head."""
    return {
        **object_key(partition, record.identity),
        "identity": text(record.identity),
        "state": text(record.state),
        "version": whole(record.version),
        "rows_read": whole(record.rows_read),
        "stored": whole(record.stored),
        "filtered": whole(record.filtered),
        "rejected": whole(record.rejected),
        "bytes": whole(record.bytes),
        "reason": text(record.reason),
    }


def record_from_item(item: Item) -> ObjectRecord:
    """Read `object_item`."""
    return ObjectRecord(
        identity=item["identity"]["S"],
        state=item["state"]["S"],  # type: ignore[arg-type]  # we wrote it
        rows_read=int(item["rows_read"]["N"]),
        stored=int(item["stored"]["N"]),
        filtered=int(item["filtered"]["N"]),
        rejected=int(item["rejected"]["N"]),
        bytes=int(item["bytes"]["N"]),
        reason=item["reason"]["S"],
        version=int(item["version"]["N"]),
    )


def intent_item(intent: Intent, lists: dict[str, AttributeValueTypeDef]) -> dict[str, AttributeValueTypeDef]:
    """An intent; `lists` is `packed`."""
    return {
        **intent_key(intent.commit_id),
        "commit_id": text(intent.commit_id),
        "table": text(intent.partition.table),
        "name": text(intent.partition.name),
        "time": text(codec.time_to_text(intent.time)),
        "files": whole(len(intent.paths)),
        **lists,
    }


def intent_from_item(item: Item, lists: bytes) -> Intent:
    """Read an intent; `lists` are the bytes it holds or points to."""
    return Intent(
        commit_id=item["commit_id"]["S"],
        partition=PartitionId(item["table"]["S"], item["name"]["S"]),
        paths=codec.decode_paths(lists),
        time=codec.time_from_text(item["time"]["S"]),
    )


def schema_item(schema: Schema) -> dict[str, AttributeValueTypeDef]:
    """A table's columns."""
    return {
        "pk": schema_pk(schema.table),
        "sk": text(schema.fingerprint),
        "columns": text(json.dumps(schema.columns)),
    }


def schema_from_item(table: str, item: Item) -> Schema:
    """Read `schema_item`."""
    columns = tuple((name, kind) for name, kind in json.loads(item["columns"]["S"]))
    return Schema(table, item["sk"]["S"], columns)
