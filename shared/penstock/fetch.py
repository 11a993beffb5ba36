"""Fetch objects, from S3 or from this machine, and inflate them into texts that can be read at once."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock import archive, aws, inflate
from penstock.errors import BadObject, Retry
from penstock.model import ObjectRef

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = [
    "Answer",
    "Fetched",
    "Open",
    "Part",
    "TooLarge",
    "fetch",
    "file_etag",
    "from_file",
    "from_s3",
    "stream",
]

_READ = 64 << 10
# Texts up to this size stay in memory: a file for each costs more than it saves.
_KEPT = 128 << 10


class TooLarge(Exception):
    """An object inflates beyond what is read at once: it goes the way of `stream`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An object that was opened: its bytes as stored, how many they are, and when they were written.

    Whoever takes it reads the blocks to the end or closes it.
    """

    blocks: Iterator[bytes]
    bytes: int
    modified: dt.datetime | None
    close: Callable[[], None]


Open = Callable[[ObjectRef], Answer]
"""Opens exactly the version that was announced. BadObject when it is gone, Retry when it cannot be had."""


@dataclass(frozen=True, slots=True)
class Part:
    """A text of an object: in a file, by itself where it is short, or block by block.

    Of an archive there are several; `number` and `name` are then the member's. `inflated` is its
    size in bytes, 0 while it streams.
    """

    text: Path | bytes | Iterable[bytes]
    inflated: int = 0
    number: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An object's texts: one, or those of an archive's members. `bytes` is its size as stored."""

    parts: tuple[Part, ...]
    bytes: int
    modified: dt.datetime | None


def fetch(
    open_: Open,
    ref: ObjectRef,
    path: Path,
    *,
    at_once: int,
    most: int,
    wanted: Callable[[str], bool] = lambda _: True,
) -> Fetched:
    """The object's texts, written to `path` and beside it where they are not short.

    `wanted` says of an archive's member, by its name, whether it is a log. TooLarge when they
    inflate beyond `at_once` bytes. BadObject when the object is gone, cut short, damaged or larger
    than `most` bytes inflated; Retry when it cannot be had now.
    """
    answer = open_(ref)
    try:
        kind, blocks = _unwrapped(ref, answer.blocks, most)
        if kind == "none":
            text, inflated = _take(blocks, ref, path, at_once)
            return Fetched((Part(text, inflated),), answer.bytes, answer.modified)
        _spool(ref, blocks, path, most)
    finally:
        answer.close()
    parts: list[Part] = []
    room = at_once
    for member, read in _members(ref, path, kind, most, wanted):
        text, inflated = _take(read(), ref, _beside(path, member), room)
        parts.append(Part(text, inflated, member.number, member.name))
        room -= inflated
    path.unlink()
    return Fetched(tuple(parts), answer.bytes, answer.modified)


def stream(
    open_: Open,
    ref: ObjectRef,
    path: Path,
    *,
    at_once: int,
    most: int,
    wanted: Callable[[str], bool] = lambda _: True,
) -> Fetched:
    """The object's text block by block; of an archive, kept at `path`, the members that inflate beyond
    `at_once` bytes, in the order they are to be read, and the others in files beside it.

    Otherwise as `fetch`; what is wrong with bytes that stream is told as they are read.
    """
    answer = open_(ref)
    kind, blocks = _unwrapped(ref, answer.blocks, most)
    if kind == "none":
        return Fetched((Part(_closing(blocks, answer)),), answer.bytes, answer.modified)
    try:
        _spool(ref, blocks, path, most)
    finally:
        answer.close()
    parts: list[Part] = []
    for member, read in _members(ref, path, kind, most, wanted):
        file = _beside(path, member)
        text: Path | bytes | Iterator[bytes]
        try:
            # Never in memory: there may be a hundred thousand of them.
            text, inflated = _take(read(), ref, file, at_once, kept=0)
        except TooLarge:
            file.unlink()
            text, inflated = read(), 0
        parts.append(Part(text, inflated, member.number, member.name))
    return Fetched(tuple(parts), answer.bytes, answer.modified)


def from_s3(client: S3Client, *, requester_pays: bool = False) -> Open:
    """Opens objects by GetObject."""

    def open_(ref: ObjectRef) -> Answer:
        which: dict[str, str] = {"RequestPayer": "requester"} if requester_pays else {}
        permission = "s3:GetObject"
        if ref.version_id and ref.version_id != "null":
            which["VersionId"], permission = ref.version_id, "s3:GetObjectVersion"
        elif ref.etag:
            which["IfMatch"] = f'"{ref.etag}"'
        try:
            answer: Any = client.get_object(Bucket=ref.bucket, Key=ref.key, **which)  # type: ignore[arg-type]
        except aws.AwsError as error:
            raise aws.fault(error, ref.uri, permission) from error
        body = answer["Body"]
        return Answer(_body(ref, body), int(answer["ContentLength"]), answer.get("LastModified"), body.close)

    return open_


def from_file(path: Path) -> Open:
    """Opens a file of this machine, as whatever `ref` calls it; Retry when it changed or went since."""

    def open_(ref: ObjectRef) -> Answer:
        try:
            file = path.open("rb")
            found = path.stat()
        except OSError as error:
            raise Retry(f"{ref.uri}: cannot be read: {error.strerror}") from error
        if ref.scheme == "file" and file_etag(found.st_size, found.st_mtime_ns) != ref.etag:
            file.close()
            raise Retry(f"{ref.uri}: it changed before it was read; it is found anew by the next run")
        modified = dt.datetime.fromtimestamp(found.st_mtime, dt.UTC)
        return Answer(_blocks(ref, file, found.st_size), found.st_size, modified, file.close)

    return open_


def file_etag(size: int, mtime_ns: int) -> str:
    """What changes when a file does: its size in bytes and its time of change in nanoseconds."""
    return f"{size}-{mtime_ns}"


def _unwrapped(ref: ObjectRef, blocks: Iterator[bytes], most: int) -> tuple[str, Iterator[bytes]]:
    """`zip` with the bytes as they are, else `tar` or `none` with the inflated ones."""
    head, blocks = _peek(blocks, 4)
    if archive.kind(head) == "zip":
        return "zip", blocks
    head, inflated = _peek(_inflated(ref, blocks, most), 263)
    return archive.kind(head), inflated


def _peek(blocks: Iterator[bytes], least: int) -> tuple[bytes, Iterator[bytes]]:
    """The first block (of `least` bytes, if there are so many), and all of them."""
    head = next(blocks, b"")
    while len(head) < least and (more := next(blocks, b"")):
        head += more

    def all_of() -> Iterator[bytes]:
        if head:
            yield head
        yield from blocks

    return head, all_of()


def _spool(ref: ObjectRef, blocks: Iterator[bytes], path: Path, most: int) -> None:
    """An archive is read from its end: it is kept in a file first."""
    total = 0
    with path.open("wb") as file:
        for block in blocks:
            total += len(block)
            if total > most:
                reason = f"it is an archive of more than {most:,} bytes (PENSTOCK_MAX_INFLATED_BYTES)"
                raise BadObject(ref.uri, reason)
            file.write(block)


def _members(
    ref: ObjectRef, path: Path, kind: str, most: int, wanted: Callable[[str], bool]
) -> Iterator[tuple[archive.Member, Callable[[], Iterator[bytes]]]]:
    """The wanted members and how to read each, inflated if it is compressed itself; all of them are at
    most `most` bytes.
    """
    sizes: dict[int, int] = {}
    total = 0

    def read(member: archive.Member) -> Iterator[bytes]:
        nonlocal total
        total -= sizes.pop(member.number, 0)  # it is read again
        for block in _inflated(ref, member.blocks(), most, member.name):
            sizes[member.number] = sizes.get(member.number, 0) + len(block)
            total += len(block)
            if total > most:
                reason = (
                    f"its members inflate beyond the limit of {most:,} bytes (PENSTOCK_MAX_INFLATED_BYTES)"
                )
                raise BadObject(ref.uri, reason)
            yield block

    try:
        for member in archive.members(path, kind):
            if wanted(member.name):
                yield member, partial(read, member)
    except ValueError as error:
        raise BadObject(ref.uri, str(error)) from error


def _beside(path: Path, member: archive.Member) -> Path:
    return path.with_name(f"{path.name}-{member.number}")


def _take(
    blocks: Iterator[bytes], ref: ObjectRef, path: Path, at_once: int, kept: int = _KEPT
) -> tuple[Path | bytes, int]:
    """The text, in a file if it is longer than `kept` bytes, and its length in bytes."""
    short: list[bytes] = []
    total = 0
    for block in blocks:
        short.append(block)
        total += len(block)
        if total > min(kept, at_once):
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


def _body(ref: ObjectRef, body: Any) -> Iterator[bytes]:
    try:
        yield from body.iter_chunks(_READ)
    except aws.AwsError as error:
        raise aws.fault(error, ref.uri, "s3:GetObject") from error
    finally:
        body.close()


def _blocks(ref: ObjectRef, file: Any, size: int) -> Iterator[bytes]:
    """What the file held when it was opened: what is appended meanwhile is another object's."""
    before = os.fstat(file.fileno())
    left = size
    try:
        with file:
            while left and (block := file.read(min(_READ, left))):
                left -= len(block)
                yield block
            after = os.fstat(file.fileno())
            if after.st_size < size or (after.st_size == size and after.st_mtime_ns != before.st_mtime_ns):
                raise Retry(f"{ref.uri}: it changed while it was read; it is found anew by the next run")
    except OSError as error:
        raise Retry(f"{ref.uri}: cannot be read: {error.strerror}") from error


def _closing(blocks: Iterator[bytes], answer: Answer) -> Iterator[bytes]:
    try:
        yield from blocks
    finally:
        answer.close()


def _inflated(ref: ObjectRef, body: Iterator[bytes], most: int, member: str = "") -> Iterator[bytes]:
    try:
        yield from inflate.blocks(body, most)
    except ValueError as error:
        where = f"member {member}: " if member else ""
        raise BadObject(ref.uri, f"{where}{error}") from error
