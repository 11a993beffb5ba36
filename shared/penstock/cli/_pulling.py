"""Brings files of the hive here for commands, with a bar; and keeps those of materialized schemas."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from penstock import query
from penstock.cli._answer import size
from penstock.errors import PenstockError, UsageError
from penstock.hive import Hive
from penstock.query import pulled, pulling
from penstock.query.pulling import Fetched, File, Wanted

__all__ = ["fetch", "keep", "summed"]


def fetch(hive: Hive, folder: Path, files: Sequence[File]) -> Fetched:
    """Fetch the files with a bar on a terminal; errors as with `pulling.fetch`. UsageError: no room."""
    needed = sum(file.bytes for file in files)
    free = shutil.disk_usage(folder.parent).free
    if needed > free:
        raise UsageError(
            f"{folder}: found {size(free)} free, expected {size(needed)}; narrow it or --drop something"
        )
    with _bar(needed) as tell:
        return pulling.fetch(hive, folder, files, tell=tell)


def summed(files: int, bytes_: int) -> str:
    """`2 files, 1.3 MB`."""
    return f"{files:,} {'file' if files == 1 else 'files'}, {size(bytes_)}"


@contextmanager
def _bar(total: int) -> Iterator[Any]:
    """What is told of each file that came; on a terminal it moves a bar."""
    if not sys.stderr.isatty() or not total:
        yield lambda _: None
        return
    shown = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*shown, console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("", total=total)
        yield lambda file: progress.update(task, advance=file.bytes)


def keep(place: query.Place, hive: Callable[[], Hive]) -> None:
    """Bring the copies of materialized schemas up to date: what is new comes, what they show no more goes.

    What was pulled is not fetched again. It is for speed alone: what cannot be brought is told, and
    queries read S3 for it.
    """
    if not place.pulled:
        return
    by_hand, folder = place.pulled
    state = query.newest(place)
    shown = [
        (views, Wanted(views.partitions(state), views.filters.from_, views.filters.to))
        for views in place.views()
        if views.materialized
    ]
    meant = [
        file
        for file in pulling.live(state, place.hive)
        if any(v.shows(file.table) and v.shows_index(file.tp_index) and w.means(file) for v, w in shown)
    ]
    try:
        with pulling.alone(folder):
            pulling.tidy(folder, meant)
            here = pulled.copies(by_hand)
            lacking = [f for f in pulling.missing(meant, folder) if here.get(f.path) != f.bytes]
            if lacking:
                total = summed(len(lacking), sum(file.bytes for file in lacking))
                click.echo(f"materialized schemas: {total} to fetch", err=True)
                fetch(hive(), folder, lacking)
    except PenstockError as error:
        click.echo(f"materialized schemas: {error}; S3 is read for what is not here", err=True)
