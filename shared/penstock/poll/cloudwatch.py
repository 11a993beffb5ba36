"""Events of CloudWatch Logs, in batches that a commit takes.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock import aws
from penstock.errors import Retry
from penstock.poll.memory import Memory
from penstock.sources.aws_cloudwatch_log_group import LogGroupSource

__all__ = ["Batch", "cursor_name", "forgotten", "groups", "read", "streams"]

_DAY = 86_400_000  # ms
_STREAMS = 100  # names that one request takes
_MOST_BYTES = 16 << 20  # of messages in a batch; one page may make it longer


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages by log stream, one a line, and where the source stands when they are committed.

    `times` are those of the events (ms), in the same order. `more` says that events are left which were
    not fetched.
    """

    texts: Mapping[str, bytes]
    times: Mapping[str, Sequence[int]]
    events: int
    memory: Memory
    more: bool


def cursor_name(source: LogGroupSource, group: str) -> str:
    """The name of a group's cursor: another choice of its events has another one."""
    told = hashlib.sha256("\n".join((*source.streams, source.filter)).encode()).hexdigest()[:16]
    return f"{source.type}:{source.region or ''}:{group}:{told}"


def groups(client: Any, source: LogGroupSource) -> list[str]:
    """Names of the groups that the source means, sorted. Retry when they cannot be listed."""
    if source.group:
        return [source.group]
    try:
        pages = client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=source.prefix)
        return sorted(group["logGroupName"] for page in pages for group in page["logGroups"])
    except aws.AwsError as error:
        raise _fault(error, source.place, "logs:DescribeLogGroups") from error


def forgotten(client: Any, group: str, now: int) -> int:
    """The time (ms) before which a group may have forgotten events, which its rows must outlive; 0: never.

    Retry when the group is not there, or cannot be asked.
    """
    try:
        pages = client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=group)
        found = [one for page in pages for one in page["logGroups"] if one["logGroupName"] == group]
    except aws.AwsError as error:
        raise _fault(error, group, "logs:DescribeLogGroups") from error
    if not found:
        raise Retry(f"log group {group}: it does not exist, or is being deleted")
    days = found[0].get("retentionInDays")
    return now - (days - 1) * _DAY if days else 0


def read(
    client: Any,
    source: LogGroupSource,
    group: str,
    memory: Memory,
    end: int,
    tick: Callable[[], None] = lambda: None,
    wants: Callable[[int, str], bool] = lambda _at, _mark: True,
) -> Batch:
    """The events of a group from the memory's place up to `end` (ms), or as many as a batch takes.

    Events that the memory has seen are left out, and those that `wants` refuses, by their time and
    mark. `tick` is called before each request.
    """
    start = max(memory.floor, memory.until - source.overlap * 1000)
    wanted = _streams(client, source, group, start, tick)
    taken = _Taken(dict.fromkeys(mark for _, mark in memory.seen), wants)
    until = end
    for names in wanted:
        until = min(until, taken.events(_events(client, source, group, names, start, until, tick), until))
    kept = [event for event in taken.found if event["timestamp"] < until]
    texts: dict[str, list[str]] = defaultdict(list)
    times: dict[str, list[int]] = defaultdict(list)
    for event in sorted(kept, key=lambda one: (one["timestamp"], one["logStreamName"], one["eventId"])):
        # A message is a row: line ends in it would make several.
        texts[event["logStreamName"]].append(" ".join(event["message"].splitlines()))
        times[event["logStreamName"]].append(event["timestamp"])
    more = [(event["timestamp"], Memory.mark(event["eventId"])) for event in kept]
    return Batch(
        {name: ("\n".join(lines) + "\n").encode("utf-8", "replace") for name, lines in sorted(texts.items())},
        times,
        len(kept),
        memory.after(max(until, memory.until), source.overlap * 1000, more),
        more=until < end,
    )


@dataclass(slots=True)
class _Taken:
    """Events fetched so far, without those seen before."""

    seen: dict[str, None]
    wants: Callable[[int, str], bool]
    found: list[dict[str, Any]] = field(default_factory=list)
    bytes: int = 0

    def events(self, events: Iterator[dict[str, Any]], end: int) -> int:
        """Take events in the order of their times; up to which time (ms) all were taken.

        It ends between two times, never among events of one.
        """
        last = -1
        for event in events:
            if self.bytes > _MOST_BYTES and event["timestamp"] > last >= 0:
                return int(event["timestamp"])
            last = max(last, event["timestamp"])
            mark = Memory.mark(event["eventId"])
            if mark not in self.seen and self.wants(event["timestamp"], mark):
                self.seen[mark] = None
                self.found.append(event)
                self.bytes += len(event["message"])
        return end


def _events(
    client: Any,
    source: LogGroupSource,
    group: str,
    names: Sequence[str],
    start: int,
    end: int,
    tick: Callable[[], None],
) -> Iterator[dict[str, Any]]:
    """Events of these streams (none: of all) from start up to end, page by page."""
    given: dict[str, Any] = {"logGroupName": group, "startTime": start, "endTime": end - 1}
    if names:
        given["logStreamNames"] = list(names)
    if source.filter:
        given["filterPattern"] = source.filter
    token = None
    while True:
        tick()
        try:
            page = client.filter_log_events(**given, **({"nextToken": token} if token else {}))
        except aws.AwsError as error:
            raise _fault(error, group, "logs:FilterLogEvents") from error
        yield from sorted(page["events"], key=lambda event: event["timestamp"])
        token = page.get("nextToken")
        if not token:
            return


def _streams(
    client: Any, source: LogGroupSource, group: str, start: int, tick: Callable[[], None]
) -> list[list[str]]:
    """Names of the streams wanted, by the hundred; one empty list where all are."""
    if not source.streams:
        return [[]]
    names = sorted(streams(client, source, group, start, tick))
    return [names[at : at + _STREAMS] for at in range(0, len(names), _STREAMS)]


def streams(
    client: Any, source: LogGroupSource, group: str, start: int, tick: Callable[[], None]
) -> list[str]:
    """Names of the streams wanted that have events from `start` (ms) on, and of some more."""
    names: list[str] = []
    token = None
    while True:
        tick()
        try:
            page = client.describe_log_streams(
                logGroupName=group,
                orderBy="LastEventTime",
                descending=True,
                **({"nextToken": token} if token else {}),
            )
        except aws.AwsError as error:
            raise _fault(error, group, "logs:DescribeLogStreams") from error
        found = page["logStreams"]
        names += [one["logStreamName"] for one in found if source.wants(one["logStreamName"])]
        token = page.get("nextToken")
        # Newest first; the time of the last event is told an hour late at worst.
        oldest = found[-1].get("lastEventTimestamp") if found else None
        if not token or (oldest is not None and oldest < start - 3_600_000):
            return names


def _fault(error: Exception, group: str, permission: str) -> Retry:
    """What a refused call means: somebody grants the permission, the group comes back, or it was too much."""
    what = aws.code(error)
    if what == "ResourceNotFoundException":
        return Retry(f"log group {group}: it does not exist, or is being deleted ({what})")
    if what in ("AccessDeniedException", "AccessDenied", "UnrecognizedClientException"):
        return Retry(f"log group {group}: access denied ({what}); {permission} is needed on it")
    return Retry(f"log group {group}: {what}: {error}")
