"""Brings files of the hive here, or removes them: the working set that queries then read locally.

    plan      live files of the chosen partitions and range, from the catalogue: here, or missing
    tidy      what is no longer live or not whole goes
    fetch     the missing ones, several at once, each under another name until it is whole
    drop      removes copies

A pull that dies leaves whole files and perhaps a few halves, which no session reads; run again, it
fetches only what is missing. One at a time works on a folder.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from penstock import catalogue, extensions
from penstock.catalogue.files import LIVE_FILES
from penstock.catalogue.lake import root
from penstock.errors import PenstockError, Retry
from penstock.hive import Hive
from penstock.model import REJECTED_TABLE, PartitionId
from penstock.places import root_of
from penstock.query.pulled import copies, marker, place_of, seal, standing
from penstock.sql import literal

__all__ = ["Fetched", "File", "Wanted", "alone", "drop", "fetch", "live", "missing", "tidy"]

_AT_ONCE = 8  # connections
_ATTEMPTS = 3
_MAGIC = b"PAR1"  # https://parquet.apache.org/docs/file-format/: first and last of every file


@dataclass(frozen=True, slots=True)
class File:
    """A live file of the hive: its path in the ledger, bytes, whose it is and what times it holds.

    `partition` is whose commits change it (of rejected rows: their table's). `first` and `last` are
    the extremes of tp_timestamp (None: not known).
    """

    path: str
    bytes: int
    table: str
    partition: PartitionId
    tp_index: str
    tp_date: dt.date
    first: dt.datetime | None
    last: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files are meant: of these partitions (None: all) that may hold rows of [from_, to].

    Aware times, both ends included; None is open. It is what a query with the same `--from`, `--to`
    and `--partition` may open.
    """

    partitions: frozenset[PartitionId] | None = None
    from_: dt.datetime | None = None
    to: dt.datetime | None = None

    def means(self, file: File) -> bool:
        """Whether the file is among them."""
        if self.partitions is not None and file.partition not in self.partitions:
            return False
        if self.from_ and (
            file.tp_date < self.from_.astimezone(dt.UTC).date() or (file.last and file.last < self.from_)
        ):
            return False
        return not self.to or not (
            file.tp_date > self.to.astimezone(dt.UTC).date() or (file.first and file.first > self.to)
        )


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: files and bytes; and how many were gone from the hive meanwhile (replaced there)."""

    files: int = 0
    bytes: int = 0
    gone: int = 0


_FILES = f"""
SELECT path, file_size_bytes, table_name, own_table, partition_name, tp_index, tp_date, first_time, last_time
FROM ({LIVE_FILES}) WHERE starts_with(path, $root) OR contains(path, '://')
ORDER BY tp_date DESC, path
"""


def live(state: catalogue.State, hive: str) -> list[File]:
    """Every live file of the hive (not those that a tier keeps in a directory), the newest days first."""
    place = root(hive)
    with extensions.connect(threads=1) as db:
        db.execute(f"ATTACH {literal(str(state.path))} AS lake (READ_ONLY)")
        rows = db.execute(_FILES, {"rejected": REJECTED_TABLE, "root": place}).fetchall()
    return [
        File(uri.removeprefix(place), size, table, PartitionId(own, name), index, day, _utc(low), _utc(high))
        for uri, size, table, own, name, index, day, low, high in rows
    ]


def _utc(time: dt.datetime | None) -> dt.datetime | None:
    return time.replace(tzinfo=dt.UTC) if isinstance(time, dt.datetime) else None


def missing(files: Sequence[File], folder: Path) -> list[File]:
    """Those of the files that have no whole copy in the folder."""
    here = copies(folder)
    return [file for file in files if here.get(file.path) != file.bytes]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else pulls or drops there meanwhile; Retry when somebody does. A killed one lets go.

    Where there is no flock, two pulls may fetch the same files twice.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    import fcntl

    with folder.with_name(f"{folder.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Retry(f"{folder}: another pull is at work there; try again when it is done") from error
        yield


def tidy(folder: Path, files: Sequence[File]) -> Fetched:
    """Remove what is not a whole copy of one of the live `files`, the halves of a killed pull too."""
    known = {file.path: file.bytes for file in files}
    found = list(standing(folder))
    return _remove(folder, [(p, size) for p, size, whole in found if not whole or known.get(p) != size])


def drop(folder: Path, paths: Sequence[str]) -> Fetched:
    """Remove the copies of these files; those that are not there are passed over."""
    here = {path: size for path, size, _ in standing(folder)}
    return _remove(folder, [(path, here[path]) for path in paths if path in here])


def _remove(folder: Path, found: Sequence[tuple[str, int]]) -> Fetched:
    if not found:
        return Fetched()
    marker(folder).touch()
    for path, _ in found:
        file = folder / place_of(path)
        file.unlink(missing_ok=True)
        for parent in file.relative_to(folder).parents:
            if any((folder / parent).iterdir()):
                break
            (folder / parent).rmdir()
    marker(folder).touch()  # sessions that looked in between look again
    return Fetched(len(found), sum(size for _, size in found))


def fetch(
    hive: Hive, folder: Path, files: Sequence[File], tell: Callable[[File], None] = lambda _: None
) -> Fetched:
    """Bring the files to the folder, _AT_ONCE at a time; `tell` hears of each as it is whole.

    What was brought stays when it fails: Retry when the hive cannot be reached, PenstockError when a
    file there is not what the ledger says. A file that compaction has replaced and cleared away
    meanwhile is counted as gone.
    """
    waiting = iter(files)
    came = Fetched()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = {pool.submit(_bring, hive, folder, file) for file in islice(waiting, 2 * _AT_ONCE)}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for file, is_here in (future.result() for future in done):
                    came = _count(came, file) if is_here else Fetched(came.files, came.bytes, came.gone + 1)
                    tell(file)
                running |= {pool.submit(_bring, hive, folder, file) for file in islice(waiting, len(done))}
        finally:
            pool.shutdown(cancel_futures=True)
            if folder.is_dir():
                marker(folder).touch()
    return came


def _count(came: Fetched, file: File) -> Fetched:
    return Fetched(came.files + 1, came.bytes + file.bytes, came.gone)


def _bring(hive: Hive, folder: Path, file: File) -> tuple[File, bool]:
    """The file, and whether it is here; False: it is gone from the hive."""
    target = folder / place_of(file.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.tmp")
    try:
        _download(hive, file, beside)
        _require_whole(hive, file, beside)
        seal(beside)
        beside.replace(target)
    except FileNotFoundError:
        return file, False
    except OSError as error:
        raise PenstockError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)
    return file, True


def _download(hive: Hive, file: File, to: Path) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            hive.download(file.path, to)
            return
        except Retry:
            if attempt == _ATTEMPTS - 1:
                raise


def _require_whole(hive: Hive, file: File, beside: Path) -> None:
    with beside.open("rb") as came:
        first = came.read(len(_MAGIC))
        size = came.seek(0, 2)
        came.seek(max(0, size - len(_MAGIC)))
        last = came.read()
    name = file.path if root_of(file.path) else f"{root(hive.root)}{file.path}"
    if size != file.bytes:
        raise PenstockError(f"{name}: found {size} bytes, expected {file.bytes}")
    if not first == last == _MAGIC:
        raise PenstockError(f"{name}: found {last!r} at its end, expected {_MAGIC!r}")
