"""Finds the objects of a `file` source: the files that its paths name, and those below its directories."""

from __future__ import annotations

import datetime as dt
import errno
import glob
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from penstock import fetch
from penstock.listing import EVER, Seen, Window
from penstock.model import ObjectRef
from penstock.sources.file import FileSource

__all__ = ["objects"]

_MAGIC = "*?["
_NOTHING = (errno.ENOENT, errno.ELOOP)  # it went while we looked, or is a link to nothing or to itself


def objects(source: FileSource, window: Window = EVER, *, seen: Seen | None = None) -> Iterator[ObjectRef]:
    """Every file that the source wants and whose time lies in the window, folder by folder.

    The time is the span that the layout reads from the path (it overlaps the window), else when the
    file last changed. Paths that are not there or cannot be looked into are in `seen.faults`: what
    they hold may come back, and must not be taken for nothing; the others are found all the same.
    """
    seen = Seen() if seen is None else seen
    for text in source.paths:
        for base, path in _files(text, seen):
            seen.keys += 1
            ref = _wanted(source, base, path, window, seen)
            if ref is not None:
                yield ref


def _files(text: str, seen: Seen) -> Iterator[tuple[str, str]]:
    """(directory that was given or empty, path) of every file that one of the paths means."""
    path = os.path.abspath(Path(text).expanduser())  # noqa: PTH100 - `resolve` would follow links
    if os.path.lexists(path):
        yield from _below(path, seen)
        return
    found = sorted(glob.glob(path, recursive=True)) if any(c in path for c in _MAGIC) else []  # noqa: PTH207
    if not found:
        seen.faults.append(f"{path}: found nothing, expected a directory, a file or a pattern that fits some")
    for one in found:
        # Of `**` the directories come as well as what is in them.
        if "**" not in text or not Path(one).is_dir():
            yield from _below(one, seen)


def _below(path: str, seen: Seen) -> Iterator[tuple[str, str]]:
    if not os.path.isdir(path):  # noqa: PTH112 - the other one raises where it may not look
        yield "", path
        return

    def note(error: OSError) -> None:
        seen.faults.append(f"{error.filename}: cannot be looked into: {error.strerror}")

    for folder, names, files in os.walk(path, onerror=note):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield path, f"{folder}/{name}"


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
    except OSError as error:
        if error.errno not in _NOTHING:
            seen.faults.append(f"{path}: cannot be looked at: {error.strerror}")
        return None
    if not stat.S_ISREG(found.st_mode):  # a pipe would never end
        return None
    changed = dt.datetime.fromtimestamp(found.st_mtime, dt.UTC)
    if not (window.overlaps(span) if span else window.holds(changed)):
        return None
    etag = fetch.file_etag(found.st_size, found.st_mtime_ns)
    return ObjectRef("", path, None, etag, found.st_size, changed, "file")
