"""Wrapped records: what CloudWatch Logs sends to a subscription holds log lines as messages.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from penstock.sql import literal

__all__ = [
    "BEGINNING",
    "BRIDGED",
    "DELIVERED",
    "EXPORTED",
    "FIRST_KEY",
    "LONGEST",
    "TEXT",
    "Ends",
    "between",
    "cut",
    "first_message",
    "found",
    "pieces",
    "slices",
    "unwrapped",
]

BEGINNING = 4 << 10
"""First bytes of a text, by which it is told how it is written."""

DELIVERED = rb'"messageType"\s*:\s*"(?:DATA|CONTROL)_MESSAGE"'
"""The member by which CloudWatch Logs says that it delivers."""

BRIDGED: dict[str, object] = {"unwrap": "$.detail", "unwrap_when": r'"detail-type"\s*:'}
"""Options of a JSON text whose records EventBridge may have wrapped, each in an event.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
"""

TEXT = rb'"(?:[^"\\]++|\\.)*+"'
"""A text as JSON has it, with its quotes; a pattern."""

EXPORTED = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z +"
"""How a line begins that an export of CloudWatch Logs wrote: its time; a pattern.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html
"""

FIRST_KEY = re.compile(rb"\s*\{\s*(" + TEXT + rb")\s*:")
"""How an object begins that has a member: its key, with the quotes."""

_MESSAGE = re.compile(rb'"message"\s*:\s*("(?:[^"\\]++|\\u[0-9a-fA-F]{4}|\\[^u])*+)')
_TOKEN = re.compile(TEXT + rb'|[{}]|[^"{}]+|"')


def found(pattern: bytes, text: bytes) -> bool:
    """Whether a text begins as `pattern` (a regular expression) says, which may be found anywhere in it.

    A pattern that begins with a quote is of a member, and is looked for among those of the outermost
    objects: what a record holds may look like anything.
    """
    text = text[:BEGINNING]
    return re.search(pattern, text) is not None and (
        not pattern.startswith(b'"') or re.search(pattern, _outermost(text)) is not None
    )


def first_message(beginning: bytes) -> bytes | None:
    """How the first log line begins in a text that CloudWatch Logs wrapped; None if it is not wrapped."""
    if not _wrapped(beginning):
        return None
    for text in _MESSAGE.findall(beginning[:BEGINNING]):
        try:
            message = str(json.loads(text.decode("utf-8", "replace") + '"', strict=False))
        except ValueError:
            continue
        if not message.startswith("CWL CONTROL MESSAGE"):
            return message.encode("utf-8", "replace")
    return b""


def _wrapped(beginning: bytes) -> bool:
    return re.match(rb"\s*\{", beginning) is not None and found(DELIVERED, beginning)


def _outermost(text: bytes) -> bytes:
    """The members of JSON objects that stand in no other, their values cut at a brace."""
    depth, kept = 0, []
    for token in _TOKEN.findall(text):
        depth -= token == b"}"
        if depth < 2:
            kept.append(token)
        depth += token == b"{"
    return b"".join(kept)


def unwrapped(path: str, beginning: bytes) -> tuple[str, ...]:
    """SQL for the messages of a text that is wrapped, one a line, in their order: (text).

    Empty if the text is not wrapped; else two ways, the second for what the first cannot read:
    documents however they are spread over lines, and one a line. Control messages say that a
    subscription is alive and hold no record; what is no envelope stays as it is.
    """
    if not _wrapped(beginning):
        return ()
    documents = (
        "SELECT row_number() OVER () AS i, json, NULL::VARCHAR AS raw "
        f"FROM read_json_objects({literal(path)}, format = 'unstructured')"
    )
    lines = f"SELECT string_split(content, chr(10)) AS lines FROM read_text([{literal(path)}])"
    lines = f"SELECT unnest(range(len(lines))) AS i, unnest(lines) AS raw FROM ({lines})"
    lines = f"SELECT i, TRY(raw::JSON) AS json, raw FROM ({lines})"
    return _messages(documents), _messages(lines)


def _messages(documents: str) -> str:
    """SQL: the text of messages in documents (i, json, raw); `json` is null where `raw` is none."""
    events = "from_json(json_extract(json, '$.logEvents'), '[{\"message\":\"VARCHAR\"}]')"
    message = "replace(rtrim(coalesce(event.message, '{}'), chr(10)), chr(10), ' ')"
    itself = "[replace(coalesce(raw, json::VARCHAR), chr(10), ' ')]"
    found = (
        "CASE json_extract_string(json, '$.messageType') WHEN 'CONTROL_MESSAGE' THEN [] WHEN 'DATA_MESSAGE' "
        f"THEN coalesce(list_transform({events}, lambda event: {message}), {itself}) ELSE {itself} END"
    )
    return (
        "SELECT coalesce(string_agg(line, chr(10) ORDER BY i, j), '') "
        "FROM (SELECT i, unnest(found) AS line, unnest(range(len(found))) AS j FROM ("
        f"SELECT i, {found} AS found FROM ({documents})))"
    )


LONGEST = 30 << 20
"""Bytes beyond the limit within which a piece of a text must end."""


class Ends(NamedTuple):
    """What stands between two documents, and the first key of each."""

    pattern: re.Pattern[bytes]
    key: bytes


def between(text: bytes | bytearray) -> Ends | None:
    """What stands where a document ends and another begins, by the first key of a text; None if it has none.

    In JSON a brace that closes is followed by one that opens and the first key only there: inside a
    text the quote of the key would be escaped.
    """
    first = FIRST_KEY.match(text)
    if not first:
        return None
    return Ends(re.compile(rb"\}\s*(?=\{\s*" + re.escape(first[1]) + rb"\s*:)"), first[1])


def cut(ends: Ends, buffer: bytearray, limit: int, seen: int = 0) -> int:
    """Where the last document ends before the limit, else the first beyond it, as yet unseen; 0: nowhere."""
    place = 0
    # Looking for the key alone takes half of the pattern's time; in one document it stands nowhere else.
    if not seen and buffer.rfind(ends.key, len(ends.key)) > 0:
        place = max((m.end() for m in ends.pattern.finditer(buffer, 0, limit)), default=0)
    beyond = None if place else ends.pattern.search(buffer, max(limit, seen))
    return beyond.end() if beyond else place


def slices(blocks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Cut documents that follow each other into pieces of about `limit` bytes, each of whole ones.

    ValueError when none ends.
    """

    def end(buffer: bytearray, seen: int) -> int:
        ends = between(buffer)
        if not ends:
            raise ValueError("it begins with no JSON object, so it cannot be read in pieces")
        return cut(ends, buffer, limit, seen)

    return pieces(blocks, limit, end, "document")


def pieces(
    blocks: Iterable[bytes], limit: int, end: Callable[[bytearray, int], int], what: str
) -> Iterator[bytes]:
    """Cut a text into pieces of about `limit` bytes.

    `end` says where the first one ends, 0 for nowhere yet, and is told how far it looked in vain.
    ValueError when a piece (`what` it is) does not end within LONGEST beyond the limit.
    """
    buffer = bytearray()
    seen = 0
    for block in blocks:
        buffer += block
        while len(buffer) > limit:
            place = end(buffer, seen)
            if not place:
                seen = max(1, len(buffer) - _BOUNDARY)
                if len(buffer) > limit + LONGEST:
                    raise ValueError(
                        f"no {what} ends within {len(buffer):,} bytes, so it cannot be read in pieces"
                    )
                break
            yield bytes(memoryview(buffer)[:place])
            del buffer[:place]
            seen = 0
    if buffer.strip():
        yield bytes(buffer)


_BOUNDARY = 512  # bytes that may stand where two documents meet, their key included
