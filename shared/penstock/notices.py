"""What a queue message says: which objects landed. Told apart by shape, whichever way it came.

EventBridge "Object Created": https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
S3 notification: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
SNS envelope: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
Penstock's own: `{"penstock": {"objects": [{bucket, key, version_id, etag, size}], "redrive": false}}`
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from penstock.model import ObjectRef

__all__ = ["Notice", "compose", "read"]


@dataclass(frozen=True, slots=True)
class Notice:
    """The objects a message names; `redrive` asks for bad ones to be tried again."""

    objects: tuple[ObjectRef, ...]
    redrive: bool = False


def read(body: str) -> Notice:
    """The notice in a message body; empty for test events and events of other kinds.

    ValueError when it is none of the known shapes, with what was found.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"found {body[:80]!r}, expected JSON ({error})") from None
    if not isinstance(message, dict):
        raise ValueError(f"found {body[:80]!r}, expected a JSON object")
    try:
        return _read(message)
    except KeyError as error:
        raise ValueError(f"a message that looks like a notice lacks {error}: {body[:200]!r}") from None
    except (TypeError, AttributeError) as error:
        raise ValueError(f"a message that looks like a notice is not one ({error}): {body[:200]!r}") from None


def _read(message: Mapping[str, Any]) -> Notice:
    if message.get("Type") == "Notification" and "Message" in message:
        return read(message["Message"])
    if message.get("Event") == "s3:TestEvent":
        return Notice(())
    if message.get("source") == "aws.s3" and "detail" in message:
        return Notice(_eventbridge(message))
    if isinstance(message.get("Records"), list):
        return Notice(tuple(_record(record) for record in message["Records"] if _created(record)))
    if "penstock" in message:
        own = message["penstock"]
        return Notice(tuple(_own(given) for given in own["objects"]), bool(own.get("redrive", False)))
    found = ", ".join(sorted(message)[:8])
    raise ValueError(f"found an object with {found or 'nothing in it'}, expected an S3 event")


def _eventbridge(message: Mapping[str, Any]) -> tuple[ObjectRef, ...]:
    if message.get("detail-type") != "Object Created":
        return ()
    told = message["detail"]["object"]
    bucket = message["detail"]["bucket"]["name"]
    return (_ref(bucket, told["key"], told.get("version-id"), told.get("etag"), told.get("size")),)


def _created(record: Mapping[str, Any]) -> bool:
    return str(record["eventName"]).removeprefix("s3:").startswith("ObjectCreated:")


def _record(record: Mapping[str, Any]) -> ObjectRef:
    told = record["s3"]["object"]
    # Keys are URL-encoded here, with + for a space, and nowhere else.
    key = unquote_plus(told["key"])
    bucket = record["s3"]["bucket"]["name"]
    return _ref(bucket, key, told.get("versionId"), told.get("eTag"), told.get("size"))


def _own(given: Mapping[str, Any]) -> ObjectRef:
    return _ref(given["bucket"], given["key"], given.get("version_id"), given.get("etag"), given.get("size"))


def _ref(bucket: Any, key: Any, version_id: Any, etag: Any, size: Any) -> ObjectRef:
    """The object, once each part is what it must be; a wrong one would fail far from here."""
    texts = {"bucket": bucket, "key": key, "version id": version_id, "ETag": etag}
    for name, value in texts.items():
        if not isinstance(value, str) and (value is not None or name in ("bucket", "key")):
            raise TypeError(f"found {name} {value!r}, expected a text")
        # Half a surrogate pair can be written in JSON and in no request.
        if value and not value.isascii() and value != value.encode("utf-8", "replace").decode():
            raise TypeError(f"found {name} {value!r}, expected Unicode text")
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise TypeError(f"found size {size!r}, expected a number of bytes")
    return ObjectRef(bucket, key, version_id, etag.strip('"') or None if etag else None, size)


def compose(objects: Sequence[ObjectRef], *, redrive: bool = False) -> str:
    """A message body in Penstock's own form."""
    told = [
        {
            name: value
            for name in ("bucket", "key", "version_id", "etag", "size")
            if (value := getattr(ref, name)) is not None
        }
        for ref in objects
    ]
    return json.dumps({"penstock": {"objects": told, "redrive": redrive}}, separators=(",", ":"))
