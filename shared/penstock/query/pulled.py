"""Lets a session read the local copies of the hive's files that `penstock pull` made, where it has them.

Files of a hive never change, so a copy is as good as the file and is kept under the same path, in a
folder of the hive's own (that of a tier's file below `_tiers/`). A session works on a copy of the
catalogue that names the local files; what is not here is read from S3. A copy counts when its size is
the ledger's and nobody has written to it since it was made whole, which its time of change tells: what
is half there or damaged is passed over.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

import duckdb

from penstock import extensions
from penstock.catalogue import State
from penstock.catalogue.lake import root
from penstock.hive import escape
from penstock.places import root_of
from penstock.sql import literal

__all__ = ["copies", "folder_of", "localize", "mark", "marker", "place_of", "seal", "standing"]

_WHOLE = 1_000_000_000  # seconds since 1970; the time of change of a copy that is whole


def folder_of(pulled: Path, hive: str) -> Path:
    """Where the copies of one hive's files stand below the folder of all pulled ones."""
    return pulled / escape(hive.rstrip("/"))


def place_of(path: str) -> str:
    """Where the copy of a file stands below its folder, by the file's path in the ledger."""
    root = root_of(path)
    return f"_tiers/{escape(root)}{path.removeprefix(root)}" if root else path


def _path_of(place: str) -> str:
    """The path in the ledger of the file whose copy stands there."""
    if not place.startswith("_tiers/"):
        return place
    root, _, below = place.removeprefix("_tiers/").partition("/")
    return f"{unquote(root)}/{below}"


def seal(file: Path) -> None:
    """Note that a copy is whole; whatever writes to it later breaks the seal."""
    os.utime(file, (_WHOLE, _WHOLE))


def standing(folder: Path) -> Iterator[tuple[str, int, bool]]:
    """(path in the ledger, bytes, whether it is whole) of every file in the folder."""
    waiting = [folder] if folder.is_dir() else []
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                    continue
                found = entry.stat(follow_symlinks=False)
                whole = int(found.st_mtime) == _WHOLE
                yield _path_of(Path(entry.path).relative_to(folder).as_posix()), found.st_size, whole


def copies(folder: Path) -> dict[str, int]:
    """Bytes of every whole copy, by the file's path in the ledger."""
    return {path: size for path, size, whole in standing(folder) if whole}


def marker(folder: Path) -> Path:
    """The file whose time of change says when copies last came or went."""
    return folder.with_name(f"{folder.name}.changed")


def mark(folders: Sequence[Path]) -> int:
    """When copies last came or went in any of them, in nanoseconds since 1970; 0 when there never was one."""
    return max((_changed(marker(folder)) for folder in folders), default=0)


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def localize(state: State, hive: str, folders: Sequence[Path], to: Path) -> tuple[Path, ...]:
    """Write the catalogue to `to` with the local paths of files that have a copy in one of the folders.

    Gives the folders that are named in it; nothing is written when none of them holds a copy.
    """
    standing_there = {folder.absolute(): here for folder in folders if (here := copies(folder))}
    if not standing_there:
        return ()
    shutil.copyfile(state.path, to)
    with extensions.connect(threads=1) as db:
        db.execute(f"ATTACH {literal(str(to))} AS lake")
        named = [folder for folder, here in standing_there.items() if _rename(db, root(hive), folder, here)]
        db.execute("CHECKPOINT lake")  # no write-ahead log beside a file that is read-only from now on
    return tuple(named)


def _rename(db: duckdb.DuckDBPyConnection, hive: str, folder: Path, here: Mapping[str, int]) -> bool:
    db.execute(
        "CREATE OR REPLACE TEMP TABLE here AS SELECT unnest($1::VARCHAR[]) AS path,"
        " unnest($2::VARCHAR[]) AS place, unnest($3::BIGINT[]) AS bytes",
        [
            [path if root_of(path) else hive + path for path in here],
            [f"{folder.as_posix()}/{place_of(path)}" for path in here],
            list(here.values()),
        ],
    )
    # A copy whose size is not the ledger's is passed over.
    renamed = db.execute(
        "UPDATE lake.main.ducklake_data_file f SET path = h.place FROM here h"
        " WHERE f.path = h.path AND f.file_size_bytes = h.bytes"
    ).fetchone()
    return bool(renamed and renamed[0])
