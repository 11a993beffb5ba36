"""Fetch objects from S3 and inflate them, into files small enough to be read at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock import aws, inflate
from penstock.errors import BadObject
from penstock.model import ObjectRef

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["Fetched", "TooLarge", "fetch", "stream"]

_READ = 64 << 10
# Texts up to this size stay in memory: a file for each costs more than it saves.
_KEPT = 128 << 10


class TooLarge(Exception):
    """An object inflates beyond what is read at once: it goes the way of `stream`."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An object's inflated text: in a file, or by itself where it is short.

    `bytes` is the size as stored, `inflated` the text's.
    """

    text: Path | bytes
    bytes: int
    inflated: int
    modified: dt.datetime | None


def fetch(client: S3Client, ref: ObjectRef, path: Path, *, at_once: int, most: int) -> Fetched:
    """The object's text, written to `path` where it is not short.

    TooLarge when it inflates beyond `at_once` bytes. BadObject when it is gone, cut short, damaged
    or larger than `most` bytes inflated; Retry when it cannot be had now.
    """
    answer, body = _open(client, ref)
    try:
        text, inflated = _take(_inflated(ref, body, most), ref, path, at_once)
    finally:
        answer["Body"].close()
    return Fetched(text, int(answer["ContentLength"]), inflated, answer.get("LastModified"))


def _take(blocks: Iterator[bytes], ref: ObjectRef, path: Path, at_once: int) -> tuple[Path | bytes, int]:
    """The text, and its length in bytes."""
    short: list[bytes] = []
    total = 0
    for block in blocks:
        short.append(block)
        total += len(block)
        if total > min(_KEPT, at_once):
            break
    else:
        return b"".join(short), total
    with path.open("wb") as file:
        file.writelines(short)
        while total <= at_once:
            block = next(blocks, b"")
            if not block:
                return path, total
            file.write(block)
            total += len(block)
    raise TooLarge(ref.uri)


def stream(client: S3Client, ref: ObjectRef, *, most: int) -> tuple[Fetched, Iterator[bytes]]:
    """The object's text block by block; what is known of it has no text and no inflated size yet."""
    answer, body = _open(client, ref)
    known = Fetched(b"", int(answer["ContentLength"]), 0, answer.get("LastModified"))
    return known, _inflated(ref, body, most)


def _open(client: S3Client, ref: ObjectRef) -> tuple[Any, Iterator[bytes]]:
    """GetObject of exactly the version that was announced."""
    which: dict[str, str] = {}
    if ref.version_id and ref.version_id != "null":
        which["VersionId"] = ref.version_id
    elif ref.etag:
        which["IfMatch"] = f'"{ref.etag}"'
    try:
        answer = client.get_object(Bucket=ref.bucket, Key=ref.key, **which)  # type: ignore[arg-type]
    except aws.AwsError as error:
        permission = "s3:GetObjectVersion" if "VersionId" in which else "s3:GetObject"
        raise aws.fault(error, ref.uri, permission) from error
    return answer, _body(ref, answer["Body"])


def _body(ref: ObjectRef, body: Any) -> Iterator[bytes]:
    try:
        yield from body.iter_chunks(_READ)
    except aws.AwsError as error:
        raise aws.fault(error, ref.uri, "s3:GetObject") from error
    finally:
        body.close()


def _inflated(ref: ObjectRef, body: Iterator[bytes], most: int) -> Iterator[bytes]:
    try:
        yield from inflate.blocks(body, most)
    except ValueError as error:
        raise BadObject(ref.uri, str(error)) from error
