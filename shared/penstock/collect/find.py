"""Finds what a partition's sources hold in a window of time, whatever kind they are."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penstock import aws, listing
from penstock.collect import command, files
from penstock.collect.plan import Task
from penstock.collect.reach import Clients
from penstock.config import Partition
from penstock.errors import ConfigError, Problem
from penstock.layout import Layout
from penstock.listing import Seen, Window
from penstock.sources import Configured
from penstock.sources.aws_s3_bucket import S3BucketSource
from penstock.sources.command import CommandSource
from penstock.sources.file import FileSource

__all__ = ["find", "is_here", "is_listed", "nothing"]


def is_listed(source: Configured) -> bool:
    """Whether a person's run finds its objects; other kinds are polled by sweep, with a cursor."""
    return isinstance(source, S3BucketSource | FileSource | CommandSource)


def is_here(source: Configured) -> bool:
    """Whether only this machine has what it holds."""
    return isinstance(source, FileSource | CommandSource)


def find(
    clients: Clients,
    partition: Partition,
    source: Configured,
    window: Window,
    *,
    folder: Path,
    most: int,
    now: dt.datetime,
    seen: Seen,
) -> Iterator[Task]:
    """The objects of one source in the window that are logs of the partition's table, oldest first.

    `folder` keeps what a program prints, at most `most` bytes. Retry or ConfigError when the source
    cannot be looked into, with what it is and what is missing.
    """
    by_manifest = isinstance(source, S3BucketSource) and source.delivers is not None
    # To a source that goes by manifests they are no strangers.
    passed_over = [] if by_manifest else [re.compile(regex) for regex in partition.table.not_logs]
    for task in _found(clients, source, window, folder, most, now, seen):
        named = task.ref.scheme != "command"
        if not (named and any(regex.search(task.ref.key) for regex in passed_over)):
            yield task


def _found(
    clients: Clients,
    source: Configured,
    window: Window,
    folder: Path,
    most: int,
    now: dt.datetime,
    seen: Seen,
) -> Iterator[Task]:
    if isinstance(source, S3BucketSource):
        for ref in listing.objects(source, _client(clients, source), window, seen=seen):
            yield Task(ref, source)
    elif isinstance(source, FileSource):
        for ref in files.objects(source, window, seen=seen):
            yield Task(ref, source, local=Path(ref.key))
    elif isinstance(source, CommandSource):
        printed = command.run(source, window, folder, most=most, now=now, tick=seen.tick)
        if printed is not None:
            yield Task(printed[0], source, local=printed[1])


def _client(clients: Clients, source: S3BucketSource) -> Any:
    try:
        return clients(source.connection)
    except aws.AwsError as error:
        raise ConfigError(Problem(f"connection.{source.connection}", 0, str(error))) from error


def nothing(clients: Clients, source: Configured, seen: Seen) -> str:
    """Why a source gave nothing, where its layout is to blame; empty when it is not."""
    layout: Layout | None = getattr(source, "layout", None)
    if layout is None or seen.matched:
        return ""
    near = seen.nearest
    if isinstance(source, S3BucketSource):
        near = listing.nearest_key(source, clients(source.connection), seen) or ""
    if not near or layout.match(near) is not None:  # nothing at all, or nothing of that time
        return ""
    return f"{source.place}: nothing matches the layout {layout.text}; the nearest found is {near}"
