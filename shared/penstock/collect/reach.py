"""Reaches the objects of a batch: how those of each kind of source are opened, and their texts fetched."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from penstock import archive, aws, convert, fetch
from penstock.collect.plan import Task
from penstock.config import Partition
from penstock.errors import BadObject, Retry
from penstock.model import ObjectRecord, ObjectRef
from penstock.sources.aws_s3_bucket import S3BucketSource
from penstock.tables import Syntax, Table

__all__ = ["Clients", "Gathered", "gather", "named", "opener", "streamed"]


_ROOM = 1 << 30
"""Bytes of inflated texts after which the rest of a batch is read block by block, an object at a time.

What 32 MiB of objects inflate to is mostly less. The work folder (2 GiB in the template) holds these,
what the other fetchers are at meanwhile, and the files that are made of them; without an end to it, a
batch of very repetitive logs would fill the folder each time that it came back.
"""


class Clients(Protocol):
    """S3 clients by connection (`aws.<name>`)."""

    def __call__(self, connection: str) -> Any: ...


@dataclass(slots=True)
class Gathered:
    """What fetching a batch gave.

    `sources` are the texts to convert, several for an archive; `owner` tells whose they are where
    their identity is not the object's own. `bad` has the records of what cannot be read, `large`
    what is too large to be read at once, or for which the work folder has no room beside the others,
    `again` what cannot be had now, with the reason.
    """

    sources: list[convert.Source] = field(default_factory=list)
    owner: dict[str, str] = field(default_factory=dict)
    bad: list[ObjectRecord] = field(default_factory=list)
    large: list[Task] = field(default_factory=list)
    again: list[tuple[Task, str]] = field(default_factory=list)


def named(clients: Clients, ref: ObjectRef, source: S3BucketSource) -> ObjectRef:
    """The object with the version or ETag that its identity needs; asked of S3 if not told."""
    if ref.etag or (ref.version_id and ref.version_id != "null"):
        return ref
    payer: dict[str, Any] = {"RequestPayer": "requester"} if source.requester_pays else {}
    try:
        head = clients(source.connection).head_object(Bucket=ref.bucket, Key=ref.key, **payer)
    except aws.AwsError as error:
        raise aws.fault(error, ref.uri, "s3:GetObject") from error
    return replace(
        ref,
        etag=head["ETag"].strip('"'),
        version_id=head.get("VersionId"),
        size=head.get("ContentLength", ref.size),
    )


def opener(clients: Clients, task: Task) -> fetch.Open:
    """How an object is opened: the one place that tells kinds of source apart."""
    if task.local is not None:
        return fetch.from_file(task.local)
    assert isinstance(task.source, S3BucketSource)  # noqa: S101 - all others lie on this machine
    return fetch.from_s3(clients(task.source.connection), requester_pays=task.source.requester_pays)


def gather(
    clients: Clients, partition: Partition, batch: Sequence[Task], folder: Path, *, fetchers: int, most: int
) -> Gathered:
    """The texts of a batch's objects, fetched by so many at once into `folder`."""
    wanted = _log(partition.table)
    inflated: list[int] = []

    def one(number: int, task: Task) -> fetch.Fetched | BadObject | Retry | None:
        if sum(inflated) > _ROOM:
            return None
        try:
            fetched = fetch.fetch(
                opener(clients, task),
                task.ref,
                folder / f"{number:06d}",
                at_once=convert.AT_ONCE,
                most=most,
                wanted=wanted,
            )
            inflated.append(sum(part.inflated for part in fetched.parts))
            return fetched
        except fetch.TooLarge:
            return None
        # Made anew: the traceback of the one that was raised keeps its connection open.
        except BadObject as error:
            return BadObject(error.name, error.reason)
        except Retry as error:
            return Retry(str(error))
        except aws.AwsError as error:  # of making the client: a profile or a role that is not there
            return Retry(f"{task.ref.uri}: {_connection(task)}: {error}")
        except OSError as error:
            return Retry(f"{task.ref.uri}: no room in the work folder: {error}")

    with ThreadPoolExecutor(min(fetchers, len(batch))) as pool:
        results = list(pool.map(one, range(len(batch)), batch))
    found = Gathered()
    for task, result in zip(batch, results, strict=True):
        if isinstance(result, fetch.Fetched):
            _add(found, partition, task, result)
        elif isinstance(result, BadObject):
            found.bad.append(_bad(task, result.reason))
        elif isinstance(result, Retry):
            found.again.append((task, str(result)))
        else:
            found.large.append(task)
    return found


def streamed(clients: Clients, partition: Partition, task: Task, folder: Path, *, most: int) -> Gathered:
    """An object too large to be read at once, block by block. Retry when it cannot be had now."""
    found = Gathered()
    try:
        fetched = fetch.stream(
            opener(clients, task),
            task.ref,
            folder / "object",
            at_once=convert.AT_ONCE,
            most=most,
            wanted=_log(partition.table),
        )
    except BadObject as error:
        found.bad.append(_bad(task, error.reason))
    else:
        _add(found, partition, task, fetched)
    return found


def _add(found: Gathered, partition: Partition, task: Task, fetched: fetch.Fetched) -> None:
    """An object's texts as sources. Of an archive each member is one: its rows have ids of their own."""
    if not fetched.parts:
        found.bad.append(_bad(task, "its archive holds no log"))
    for part in fetched.parts:
        identity = task.ref.identity
        if part.name:
            identity = f"{identity}#{part.number}"
            found.owner[identity] = task.ref.identity
        found.sources.append(_source(task, fetched, part, identity, partition.syntax(task.source)))


def _source(
    task: Task, fetched: fetch.Fetched, part: fetch.Part, identity: str, syntax: Syntax | None
) -> convert.Source:
    place = (task.ref.etag or "") if task.ref.scheme == "command" else task.ref.key
    name = task.ref.key if task.ref.scheme == "command" else task.ref.bucket
    return convert.Source(
        identity=identity,
        name=f"{task.ref.uri}!/{part.name}" if part.name else task.ref.uri,
        type=task.source.type,
        source_name=name,
        location=archive.location(place, part.name),
        text=part.text,
        inflated=part.inflated,
        bytes=fetched.bytes,
        modified=fetched.modified,
        redrive=task.redrive,
        syntax=syntax,
    )


def _bad(task: Task, reason: str) -> ObjectRecord:
    size = task.ref.size or 0
    return ObjectRecord(task.ref.identity, "bad", reason=reason, bytes=size, redrive=task.redrive)


def _connection(task: Task) -> str:
    return f"connection.{getattr(task.source, 'connection', '')}"


def _log(table: Table) -> Callable[[str], bool]:
    """Whether a member of an archive is a log of the table, by its name."""
    passed_over = [re.compile(regex) for regex in table.not_logs]
    return lambda name: not any(regex.search(f"/{name}") for regex in passed_over)
