"""Finds the objects of a `file` source: the files that its paths name, and those below its directories."""

from __future__ import annotations

import datetime as dt
import glob
import os
from collections.abc import Iterator
from pathlib import Path

from penstock import fetch
from penstock.errors import Retry
from penstock.listing import EVER, Seen, Window
from penstock.model import ObjectRef
from penstock.sources.file import FileSource

__all__ = ["objects"]

_MAGIC = "*?["


def objects(source: FileSource, window: Window = EVER, *, seen: Seen | None = None) -> Iterator[ObjectRef]:
    """Every file that the source wants and whose time lies in the window, folder by folder.

    The time is the span that the layout reads from the path (it overlaps the window), else when the
    file last changed. Retry, naming the path, when one is not there or cannot be looked into:
    what it holds may come back, and must not be taken for nothing.
    """
    seen = Seen() if seen is None else seen
    for text in source.paths:
        for base, path in _files(text):
            seen.keys += 1
            ref = _wanted(source, base, path, window, seen)
            if ref is not None:
                yield ref


def _files(text: str) -> Iterator[tuple[str, str]]:
    """(directory that was given or empty, path) of every file that one of the paths means."""
    path = os.path.abspath(Path(text).expanduser())  # noqa: PTH100 - `resolve` would follow links
    if os.path.lexists(path):
        yield from _below(path)
        return
    found = sorted(glob.glob(path, recursive=True)) if any(c in path for c in _MAGIC) else []  # noqa: PTH207
    if not found:
        raise Retry(f"{path}: found nothing, expected a directory, a file or a pattern that fits some")
    for one in found:
        # Of `**` the directories come as well as what is in them.
        if "**" not in text or not Path(one).is_dir():
            yield from _below(one)


def _below(path: str) -> Iterator[tuple[str, str]]:
    if not Path(path).is_dir():
        yield "", path
        return
    for folder, names, files in os.walk(path, onerror=_refuse):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield path, f"{folder}/{name}"


def _refuse(error: OSError) -> None:
    raise Retry(f"{error.filename}: cannot be looked into: {error.strerror}") from error


def _wanted(source: FileSource, base: str, path: str, window: Window, seen: Seen) -> ObjectRef | None:
    span = None
    if source.layout is not None:
        captures = source.layout.match(path[len(base) + 1 :] if base else path)
        if captures is None:
            seen.missed(path, path.count("/"))
            return None
        span = source.layout.span(captures)
    seen.matched += 1
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None  # it went while we looked, or is a link to nothing
    except OSError as error:
        raise Retry(f"{path}: cannot be looked at: {error.strerror}") from error
    changed = dt.datetime.fromtimestamp(found.st_mtime, dt.UTC)
    if not (window.overlaps(span) if span else window.holds(changed)):
        return None
    etag = fetch.file_etag(found.st_size, found.st_mtime_ns)
    return ObjectRef("", path, None, etag, found.st_size, changed, "file")
