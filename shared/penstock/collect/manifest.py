"""Reads what is to be delivered: an object by itself, or the objects that a manifest names."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock import archive, aws, fetch
from penstock.collect.plan import Task
from penstock.collect.reach import opener
from penstock.collect.replaced import Scope
from penstock.config import Partition
from penstock.errors import BadObject, Retry
from penstock.model import ObjectRecord, ObjectRef
from penstock.sources.aws_s3_bucket import S3BucketSource
from penstock.tables import Deliveries

if TYPE_CHECKING:
    from penstock.collect.worker import Worker

__all__ = ["Delivery", "Superseded", "find"]

_MOST = (
    16 << 20
)  # bytes of a manifest; those of reports with thousands of objects have a few hundred thousand
_SETTLING = dt.timedelta(minutes=15)
_ARRIVING = dt.timedelta(hours=1)


class Superseded(Exception):
    """What was to be delivered is not the newest any more."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Objects (`tasks`) whose rows take the place of all others of the scope.

    `time` orders the deliveries of a scope, `id` tells them apart. `task` is what announced it: the
    manifest, or the object itself, and `record` the manifest's own.
    """

    task: Task
    scope: Scope
    time: dt.datetime
    id: str
    tasks: tuple[Task, ...]
    record: ObjectRecord | None = None

    @property
    def cursor(self) -> str:
        """The name under which the ledger remembers what stands of the scope; keys are too long for it."""
        scope = self.scope
        text = f"{scope.type}\n{scope.name}\n{scope.place}"
        return f"replaced {hashlib.sha256(text.encode()).hexdigest()[:32]}"

    @property
    def stamp(self) -> str:
        """What the ledger remembers: the time in a form that sorts, and the id."""
        return f"{self.time.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ} {self.id}"


def find(worker: Worker, partition: Partition, task: Task) -> Delivery | None:
    """What this object delivers; None of a manifest that names nothing the source wants.

    Superseded when a newer version of it stands at its place. BadObject when it can never be
    delivered as it is, Retry when it cannot be had now.
    """
    written, size = _written(worker, task)
    task = replace(task, ref=replace(task.ref, size=size, last_modified=written))
    if isinstance(task.source, S3BucketSource) and task.source.delivers is not None:
        return _named(worker, partition, task, task.source, written)
    return Delivery(task, _own(task), written, task.ref.version_id or task.ref.etag or "", (task,))


def _own(task: Task) -> Scope:
    """The scope of an object by itself, as its rows tell their origin."""
    ref = task.ref
    name, place = (ref.key, ref.etag or "") if ref.scheme == "command" else (ref.bucket, ref.key)
    return Scope(task.source.type, name, archive.location(place), folder=False)


def _written(worker: Worker, task: Task) -> tuple[dt.datetime, int | None]:
    """When this version was written, and its size. Superseded when another one stands there now."""
    ref = task.ref
    if not isinstance(task.source, S3BucketSource):
        try:
            found = (task.local or Path(ref.key)).stat()
        except OSError as error:
            raise Retry(f"{ref.uri}: cannot be read: {error.strerror}") from error
        return dt.datetime.fromtimestamp(found.st_mtime, dt.UTC), found.st_size
    head = _head(worker, task.source, ref)
    versioned = ref.version_id and ref.version_id != "null"
    same = head.get("VersionId") == ref.version_id if versioned else head["ETag"].strip('"') == ref.etag
    if not same:
        raise Superseded
    return head["LastModified"], int(head["ContentLength"])


def _head(worker: Worker, source: S3BucketSource, ref: ObjectRef) -> Mapping[str, Any]:
    payer: dict[str, Any] = {"RequestPayer": "requester"} if source.requester_pays else {}
    try:
        found: Mapping[str, Any] = worker.clients(source.connection).head_object(
            Bucket=ref.bucket, Key=ref.key, **payer
        )
    except aws.AwsError as error:
        raise aws.fault(error, ref.uri, "s3:GetObject") from error
    return found


def _named(
    worker: Worker, partition: Partition, task: Task, source: S3BucketSource, written: dt.datetime
) -> Delivery | None:
    """The delivery that a manifest describes."""
    deliveries = partition.table.deliveries
    assert deliveries is not None and source.delivers is not None  # noqa: S101, PT018 - `config` sees to it
    told = _content(worker, task)
    id_ = next((str(told[name]) for name in deliveries.ids if told.get(name)), task.ref.identity)
    keys = [key for key in _keys(task, told, deliveries) if source.delivers.match(key) is not None]
    if not keys:
        return None
    place = _period(task, keys, deliveries)

    def one(key: str) -> Task:
        return Task(_object(worker, task, key, written, in_key=id_ in key), source)

    with ThreadPoolExecutor(min(worker.settings.fetchers, len(keys))) as pool:
        tasks = tuple(pool.map(one, keys))
    record = ObjectRecord(task.ref.identity, bytes=task.ref.size or 0)
    scope = Scope(source.type, task.ref.bucket, archive.location(place), folder=True)
    return Delivery(task, scope, written, id_, tasks, record)


def _content(worker: Worker, task: Task) -> Mapping[str, Any]:
    with worker.workplace() as folder:
        try:
            found = fetch.fetch(
                opener(worker.clients, task), task.ref, folder / "manifest", at_once=_MOST, most=_MOST
            )
        except fetch.TooLarge as error:
            reason = f"it has more than {_MOST:,} bytes, expected a manifest"
            raise BadObject(task.ref.uri, reason) from error
        text = found.parts[0].text if found.parts else b""
        assert isinstance(text, bytes | Path)  # noqa: S101 - what is fetched at once does not stream
        data = text.read_bytes() if isinstance(text, Path) else text
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadObject(task.ref.uri, f"found no JSON, expected a manifest ({error})") from error
    if not isinstance(told, dict):
        raise BadObject(task.ref.uri, "found no JSON object, expected a manifest")
    return told


def _keys(task: Task, told: Mapping[str, Any], deliveries: Deliveries) -> list[str]:
    """The keys of the objects; a manifest may name its own bucket's, or one that this is a copy of."""
    found = next((told[name] for name in deliveries.objects if name in told), None)
    if not (isinstance(found, list) and all(isinstance(key, str) for key in found)):
        expected = " or ".join(deliveries.objects)
        raise BadObject(task.ref.uri, f"found no list of objects, expected {expected}")
    return list(dict.fromkeys(re.sub(r"^s3://[^/]+/", "", key) for key in found))


def _period(task: Task, keys: list[str], deliveries: Deliveries) -> str:
    """What the keys of all deliveries of this period begin with."""
    places: dict[str, str] = {}
    for key in keys:
        match = re.match(deliveries.period, key)
        places.setdefault(match[0] if match else "", key)
    if "" in places:
        raise BadObject(task.ref.uri, f"it names {places['']}, a key that tells no period")
    if len(places) > 1:
        raise BadObject(task.ref.uri, f"it names objects of {', '.join(sorted(places))}, expected one period")
    return next(iter(places))


def _object(worker: Worker, task: Task, key: str, written: dt.datetime, *, in_key: bool) -> ObjectRef:
    """An object as it stands at a key now, which must be the one that the manifest meant."""
    assert isinstance(task.source, S3BucketSource)  # noqa: S101 - only a bucket has manifests
    ref = ObjectRef(task.ref.bucket, key)
    try:
        head = _head(worker, task.source, ref)
    except BadObject as error:
        if worker.now() - written < _ARRIVING:  # copied from another bucket, the manifest may be first
            raise Retry(f"{task.ref.uri}: it names {ref.uri}, which is not there yet") from error
        raise BadObject(task.ref.uri, f"it names {ref.uri}, which is not there") from error
    # Where deliveries have no folder of their own, the next one is written over this one.
    if not in_key and head["LastModified"] > written + _SETTLING:
        raise Retry(f"{task.ref.uri}: {ref.uri} is newer; it awaits a manifest of its own")
    return replace(
        ref,
        etag=head["ETag"].strip('"'),
        version_id=head.get("VersionId"),
        size=int(head["ContentLength"]),
        last_modified=head["LastModified"],
    )
