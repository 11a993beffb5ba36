"""The hive's root, a directory or `s3://bucket/prefix`: names, escaping, and putting files there.

A whole path of the hive's own kind (`s3://…`, `/…`) is taken as it is: `tiers` says whose they are.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from penstock import aws
from penstock.errors import Retry
from penstock.places import storage_class

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["Hive", "LocalHive", "S3Hive", "data_path", "escape", "open_hive", "split"]

# What Hive escapes in partition values: control characters and these; Trino and Spark do the same.
# https://github.com/apache/hive/blob/master/common/src/java/org/apache/hadoop/hive/common/FileUtils.java
_BLOCK = 1 << 20  # bytes; of a download

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\"#%'*/:=?\\{}\[\]^]")


def escape(value: str) -> str:
    """A partition value as it stands in a path: `%` and two hex digits for what Hive escapes.

    `.` and `..` are escaped too: a directory of that name is another one. So are the names that
    readers take for null.
    """
    if value in (".", "..") or value.upper() in ("NULL", "__HIVE_DEFAULT_PARTITION__"):
        return f"%{ord(value[0]):02X}" + value[1:].replace(".", "%2E")
    return _UNSAFE.sub(lambda found: f"%{ord(found.group()):02X}", value)


def data_path(table: str, partition: str, tp_index: str, tp_date: dt.date, name: str) -> str:
    """Where a file of these rows stands below the root: in Hive's folders, values escaped."""
    return (
        f"tp_table={escape(table)}/tp_partition={escape(partition)}/tp_index={escape(tp_index)}"
        f"/tp_date={tp_date.isoformat()}/{name}"
    )


def split(root: str) -> tuple[str, str]:
    """Bucket and key prefix (no slash at either end) of `s3://bucket/prefix`."""
    bucket, _, prefix = root.removeprefix("s3://").partition("/")
    return bucket, prefix.strip("/")


class Hive(Protocol):
    """A place for immutable files, addressed below its root. Writing the same again is harmless."""

    @property
    def root(self) -> str:
        """Directory or `s3://bucket/prefix`, without a slash at the end."""
        ...

    def upload(self, path: str, file: Path) -> None:
        """Put a local file there, whole or not at all. Retry when it cannot be done now."""
        ...

    def write_bytes(self, path: str, data: bytes) -> None:
        """Put these bytes there, whole or not at all. Retry when it cannot be done now."""
        ...

    def read_bytes(self, path: str) -> bytes:
        """What stands there. FileNotFoundError when nothing does."""
        ...

    def delete(self, path: str) -> None:
        """Take it away; nothing happens when it is not there."""
        ...

    def download(self, path: str, file: Path) -> None:
        """Bring it to a local file, a block at a time. FileNotFoundError when nothing stands there."""
        ...

    def copy(self, path: str, to: str) -> None:
        """Put the same bytes there under another path, whole. FileNotFoundError as with `read_bytes`."""
        ...

    def tail(self, path: str, count: int) -> bytes:
        """The last `count` bytes, or all there are. FileNotFoundError as with `read_bytes`."""
        ...

    def listing(self, prefix: str) -> Iterator[tuple[str, int]]:
        """(path, bytes) of every file whose path begins with `prefix`."""
        ...


@dataclass(frozen=True, slots=True)
class LocalHive:
    """A hive in a directory, for the embedded workspace and for trying.

    What was put is on the disk: the ledger's commit, which is, must not outlive it when the power fails.
    """

    root: str

    def upload(self, path: str, file: Path) -> None:
        """Copied beside its place, then renamed into it."""
        self._put(path, lambda beside: shutil.copyfile(file, beside))

    def write_bytes(self, path: str, data: bytes) -> None:
        """Written beside its place, then renamed into it."""
        self._put(path, lambda beside: beside.write_bytes(data))

    def read_bytes(self, path: str) -> bytes:
        """The file's bytes."""
        return Path(self.root, path).read_bytes()

    def delete(self, path: str) -> None:
        """Unlink."""
        target = Path(self.root, path)
        try:
            target.unlink(missing_ok=True)
        except OSError as error:
            raise Retry(f"{target}: it cannot be deleted: {error.strerror}") from error

    def download(self, path: str, file: Path) -> None:
        """Copied, so that the caller may do with it what it likes."""
        shutil.copyfile(Path(self.root, path), file)

    def copy(self, path: str, to: str) -> None:
        """Copied beside its place, then renamed into it."""
        self.upload(to, Path(self.root, path))

    def tail(self, path: str, count: int) -> bytes:
        """The file's end."""
        with Path(self.root, path).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - count))
            return file.read()

    def listing(self, prefix: str) -> Iterator[tuple[str, int]]:
        """A walk; what is being written beside its place is none of it."""
        root = Path(self.root)
        start = root / prefix if prefix.endswith("/") else (root / prefix).parent
        for found in sorted(start.rglob("*")):
            path = found.as_posix() if prefix.startswith("/") else found.relative_to(root).as_posix()
            if not path.startswith(prefix) or path.endswith(".tmp"):
                continue
            try:
                status = found.stat()
            except FileNotFoundError:  # it went while we looked
                continue
            if stat.S_ISREG(status.st_mode):
                yield path, status.st_size

    def _put(self, path: str, write: Callable[[Path], object]) -> None:
        target = Path(self.root, path)
        beside = target.with_name(f"_{target.name}.{os.getpid()}-{threading.get_ident()}.tmp")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write(beside)
            _sync(beside)
            beside.replace(target)
            _sync(target.parent)
        except OSError as error:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            if isinstance(error, FileNotFoundError):  # what was to be copied
                raise
            raise Retry(f"{target}: it cannot be written: {error.strerror}") from error


def _sync(path: Path) -> None:
    """Have the disk keep a file, or a directory's names; Windows keeps those by itself, and opens none."""
    if sys.platform == "win32" and path.is_dir():
        return
    opened = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@dataclass(frozen=True, slots=True)
class S3Hive:
    """A hive in a bucket. One PutObject a file: S3 shows an object whole or not at all."""

    root: str
    client: S3Client

    def upload(self, path: str, file: Path) -> None:
        """PutObject from the file."""
        with file.open("rb") as body:
            self._put(path, body)

    def write_bytes(self, path: str, data: bytes) -> None:
        """PutObject."""
        self._put(path, data)

    def read_bytes(self, path: str) -> bytes:
        """GetObject."""
        bucket, key = self._place(path)
        with _faults(bucket, key):
            return self.client.get_object(Bucket=bucket, Key=key)["Body"].read()

    def delete(self, path: str) -> None:
        """DeleteObject."""
        bucket, key = self._place(path)
        try:
            self.client.delete_object(Bucket=bucket, Key=key)
        except (ClientError, BotoCoreError) as error:
            raise Retry(f"s3://{bucket}/{key}: {aws.code(error)}: {error}") from error

    def download(self, path: str, file: Path) -> None:
        """GetObject, a block at a time."""
        bucket, key = self._place(path)
        with _faults(bucket, key), file.open("wb") as target:
            body = self.client.get_object(Bucket=bucket, Key=key)["Body"]
            for block in body.iter_chunks(_BLOCK):
                target.write(block)

    def copy(self, path: str, to: str) -> None:
        """CopyObject: up to 5 GB, whole or not at all, without passing through here.

        A public name that is marked with a storage class goes there; hidden ones do not live long enough.
        """
        bucket, key = self._place(path)
        target, new = self._place(to)
        wanted = "" if new.rpartition("/")[2].startswith("_") else storage_class(to)
        with _faults(bucket, key):
            self.client.copy_object(
                Bucket=target,
                Key=new,
                CopySource={"Bucket": bucket, "Key": key},
                StorageClass=wanted or "STANDARD",  # type: ignore[arg-type]  # the configuration checked it
            )

    def tail(self, path: str, count: int) -> bytes:
        """GetObject of a range that is counted from the end."""
        bucket, key = self._place(path)
        with _faults(bucket, key):
            return self.client.get_object(Bucket=bucket, Key=key, Range=f"bytes=-{count}")["Body"].read()

    def listing(self, prefix: str) -> Iterator[tuple[str, int]]:
        """ListObjectsV2, page by page."""
        bucket, start = self._place(prefix)
        whole = f"s3://{bucket}/" if prefix.startswith("s3://") else ""
        cut = 0 if whole else len(start) - len(prefix)
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start)
        turning = iter(pages)
        while True:
            with _faults(bucket, start):
                page = next(turning, None)
            if page is None:
                return
            yield from ((whole + entry["Key"][cut:], entry["Size"]) for entry in page.get("Contents", []))

    def _put(self, path: str, body: object) -> None:
        bucket, key = self._place(path)
        try:
            self.client.put_object(Bucket=bucket, Key=key, Body=body)  # type: ignore[arg-type]
        except (ClientError, BotoCoreError) as error:
            raise Retry(f"s3://{bucket}/{key}: {aws.code(error)}: {error}") from error

    def _place(self, path: str) -> tuple[str, str]:
        if path.startswith("s3://"):
            bucket, _, key = path.removeprefix("s3://").partition("/")
            return bucket, key
        bucket, prefix = split(self.root)
        return bucket, f"{prefix}/{path}" if prefix else path


@contextmanager
def _faults(bucket: str, key: str) -> Iterator[None]:
    """What reading an object can fail with, named for the caller."""
    try:
        yield
    except aws.AwsError as error:
        if aws.code(error) in ("NoSuchKey", "404"):
            raise FileNotFoundError(f"s3://{bucket}/{key}") from error
        raise Retry(f"s3://{bucket}/{key}: {aws.code(error)}: {error}") from error


def open_hive(root: str, client: S3Client | None = None) -> Hive:
    """The hive at `root`; a client is needed for S3 only."""
    if not root.startswith("s3://"):
        return LocalHive(root.rstrip("/"))
    if client is None:
        raise TypeError(f"{root}: an S3 client is needed to open it")
    return S3Hive(root.rstrip("/"), client)
