"""Wrapped records: what CloudWatch Logs sends to a subscription holds log lines as messages.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from penstock.sql import literal

__all__ = ["slices", "unwrapped"]

_CLOUDWATCH = re.compile(rb'\s*\{(?s:.*)"messageType"\s*:\s*"(?:DATA|CONTROL)_MESSAGE"')


def unwrapped(path: str, beginning: bytes) -> str | None:
    """SQL for the messages of a text that is wrapped, one a line, in their order: (text); None if it is not.

    Control messages say that a subscription is alive and hold no record.
    """
    if not _CLOUDWATCH.match(beginning):
        return None
    messages = "from_json(json_extract(json, '$.logEvents'), '[{\"message\":\"VARCHAR\"}]')"
    line = "replace(rtrim(event.message, chr(10)), chr(10), ' ')"
    return (
        f"SELECT coalesce(string_agg({line}, chr(10) ORDER BY i, j), '') "
        "FROM (SELECT i, unnest(events) AS event, unnest(range(len(events))) AS j FROM ("
        f"SELECT row_number() OVER () AS i, {messages} AS events "
        f"FROM read_json_objects({literal(path)}, format = 'unstructured') "
        "WHERE json_extract_string(json, '$.messageType') = 'DATA_MESSAGE'))"
    )


_LONGEST = 16 << 20  # bytes beyond the limit within which a document must end


def slices(blocks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Cut documents that follow each other into pieces of about `limit` bytes, each of whole ones.

    In JSON a brace that closes is followed by one that opens and the first key only where a document
    ends: inside a text the quote of the key would be escaped. ValueError when none ends.
    """
    buffer = bytearray()
    between: re.Pattern[bytes] | None = None
    for block in blocks:
        buffer += block
        while len(buffer) > limit:
            if between is None:
                first = re.match(rb'\s*\{\s*("(?:[^"\\]|\\.)*")\s*:', buffer)
                if not first:
                    raise ValueError("it begins with no JSON object, so it cannot be read in pieces")
                between = re.compile(rb"\}\s*(?=\{\s*" + re.escape(first[1]) + rb"\s*:)")
            place = max((m.end() for m in between.finditer(buffer, 0, limit)), default=0)
            if not place:
                beyond = between.search(buffer, limit)
                place = beyond.end() if beyond else 0
            if not place:
                if len(buffer) > limit + _LONGEST:
                    raise ValueError(
                        f"no document ends within {len(buffer):,} bytes, so it cannot be read in pieces"
                    )
                break
            yield bytes(memoryview(buffer)[:place])
            del buffer[:place]
    if buffer.strip():
        yield bytes(buffer)
