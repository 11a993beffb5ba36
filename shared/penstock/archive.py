"""Archives (zip, tar): the members of one object, each to be read as a log of its own.

zip: https://support.pkware.com/pkzip/appnote
tar: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06
"""

from __future__ import annotations

import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

__all__ = ["MOST_MEMBERS", "Member", "kind", "location", "members", "parted"]

MOST_MEMBERS = 100_000
"""Members of an archive that are looked at: its list of names stands in memory."""

_BLOCK = 64 << 10
_ENCRYPTED = 0x1
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError)


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive: its place among all of them, its name, and how to read its bytes."""

    number: int
    name: str
    blocks: Callable[[], Iterator[bytes]]


def kind(head: bytes) -> str:
    """`zip`, `tar` or `none`, from the first bytes (263 of them for tar)."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return "tar" if head[257:262] == b"ustar" else "none"


def location(place: str, member: str = "") -> str:
    """Where rows say that they come from: the place of an object, or `<place>!/<member>`.

    A `!/` in the place itself is written `%21/` (and what is written so already `%2521/`): the first
    `!/` always divides the two, and no two of them come out alike. Names of files may hold bytes that
    are no text: those do not stand in it.
    """
    escaped = re.sub(r"%(?=(?:25)*21/)", "%25", place).replace("!/", "%21/")
    told = f"{escaped}!/{member}" if member else escaped
    return told.encode("utf-8", "replace").decode()


def parted(location: str) -> tuple[str, str]:
    """The place as a location has it, and the member; empty if it is no archive's."""
    place, _, member = location.partition("!/")
    return place, member


def members(file: Path, kind: str) -> Iterator[Member]:
    """The files in the archive `file` (`zip`, or `tar` already inflated), in its order.

    What packers add beside the files (folders, links, `__MACOSX/`, names that begin with a dot) is
    left out. ValueError with the reason when it is damaged or cannot be read; so do the blocks.
    """
    try:
        yield from _zip(file) if kind == "zip" else _tar(file)
    except _DAMAGE as error:
        raise ValueError(f"its {kind} archive is damaged: {error}") from error


def _wanted(name: str) -> bool:
    return not name.startswith("__MACOSX/") and not name.rpartition("/")[2].startswith(".")


def _zip(file: Path) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    _refuse_many(len(entries))
    for number, entry in enumerate(entries):
        if not entry.is_dir() and _wanted(entry.filename):
            yield Member(number, entry.filename, lambda entry=entry: _unzipped(file, entry))  # type: ignore[misc]


def _unzipped(file: Path, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    if entry.flag_bits & _ENCRYPTED:
        raise ValueError(f"its member {entry.filename} is encrypted")
    try:
        with zipfile.ZipFile(file) as archive, archive.open(entry) as body:
            yield from _blocks(body)
    except NotImplementedError as error:
        raise ValueError(
            f"its member {entry.filename} is compressed in a way unknown here: {error}"
        ) from error
    except _DAMAGE as error:
        raise ValueError(f"its member {entry.filename} is damaged: {error}") from error


def _tar(file: Path) -> Iterator[Member]:
    with tarfile.open(file, "r:") as archive:
        for number, entry in enumerate(archive):
            _refuse_many(number + 1)
            if entry.isreg() and _wanted(entry.name):
                yield Member(number, entry.name, lambda entry=entry: _untarred(file, entry))  # type: ignore[misc]


def _untarred(file: Path, entry: tarfile.TarInfo) -> Iterator[bytes]:
    """A member's bytes: a tar holds them as they are, at its offset."""
    left = entry.size
    with file.open("rb") as body:
        body.seek(entry.offset_data)
        while left:
            block = body.read(min(_BLOCK, left))
            if not block:
                raise ValueError(f"its member {entry.name} is cut short")
            left -= len(block)
            yield block


def _blocks(body: IO[bytes]) -> Iterator[bytes]:
    while block := body.read(_BLOCK):
        yield block


def _refuse_many(count: int) -> None:
    if count > MOST_MEMBERS:
        raise ValueError(f"its archive holds more than {MOST_MEMBERS:,} members")
