"""Where a partition's log begins once its oldest commits were dropped: the live files at that version.

    version   1 … 400 401 402 …                         401 402 …
    log       [all of them]             ──drop──▶  floor + the rest
                                                   at 400: every live file, and the bad objects

A floor is made from the one before and the commits after it, so that it never has to be guessed, and
the published catalogue may be lost without loss. It is gzipped JSON, a line for each file: it is read
and written without holding all of them.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from penstock.ledger import Floor, Ledger, codec
from penstock.model import Commit, DataFile, ObjectRecord, PartitionId

__all__ = ["EVER", "Kept", "bad", "files", "fold", "since"]

EVER = 2**53
"""A version beyond all."""

_CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a floor; its rows came with commits of the versions `first` to `last`, or some of them."""

    file: DataFile
    first: int
    last: int


def files(floor: Floor) -> Iterator[Kept]:
    """Its live files, a line at a time."""
    for line in _lines(floor):
        if "file" in line:
            yield Kept(codec.file_from_json(line["file"]), line["first"], line["last"])


def bad(floor: Floor) -> Iterator[ObjectRecord]:
    """The bad objects that commits up to it recorded; some may have been redriven since."""
    for line in _lines(floor):
        if "bad" in line:
            yield ObjectRecord(**line["bad"])


def fold(floor: Floor, commits: Sequence[Commit]) -> Floor:
    """The floor after some commits that follow it without a gap. The same ones give the same bytes."""
    asked = {path for commit in commits for path in commit.remove}
    spans = {kept.file.path: (kept.first, kept.last) for kept in files(floor) if kept.file.path in asked}
    added, gone = _net(commits, spans)
    told = (record for commit in commits for record in commit.done)
    reasons = {record.identity: record for record in told if record.state == "bad"}
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=6, mtime=0) as packed:
        for kept in files(floor):
            if kept.file.path not in gone:
                packed.write(_line(kept))
        for kept in added.values():
            packed.write(_line(kept))
        for record in (*(one for one in bad(floor) if one.identity not in reasons), *reasons.values()):
            packed.write(codec.json_of({"bad": codec.record_to_json(record)}) + b"\n")
    return Floor(commits[-1].version, commits[-1].time, out.getvalue())


def since(ledger: Ledger, partition: PartitionId, after: int, upto: int | None = None) -> Iterator[Commit]:
    """The commits after `after`; from 0 on the whole log, with its floor as commits of the kind `floor`.

    `upto` lies at the floor or after it. Dropped when the floor lies after `after`, or comes to while it is
    read: begin again, from 0.
    """
    if after:
        yield from ledger.commits(partition, after, upto)
        return
    floor = ledger.floor(partition)
    yield from _as_commits(floor, partition)
    yield from ledger.commits(partition, floor.version, upto)


def _net(commits: Sequence[Commit], spans: Mapping[str, tuple[int, int]]) -> tuple[dict[str, Kept], set[str]]:
    """What some commits leave of their own files, and which files of the floor they took out."""
    added: dict[str, Kept] = {}
    gone: set[str] = set()
    for commit in commits:
        found = [(commit.version, commit.version)]
        for path in commit.remove:
            kept = added.pop(path, None)
            found.append((kept.first, kept.last) if kept else spans.get(path, found[0]))
            gone.add(path)
        first, last = min(one for one, _ in found), max(one for _, one in found)
        if commit.kind == "overwrite":  # records of a large one are written by commits behind it
            first, last = 0, EVER
        added |= {file.path: Kept(file, first, last) for file in commit.add}
    return added, gone


def _line(kept: Kept) -> bytes:
    value = {"file": codec.file_to_json(kept.file), "first": kept.first, "last": kept.last}
    return codec.json_of(value) + b"\n"


def _lines(floor: Floor) -> Iterator[dict[str, Any]]:
    if floor.version:
        with gzip.GzipFile(fileobj=io.BytesIO(floor.data)) as packed:
            yield from map(json.loads, packed)


def _as_commits(floor: Floor, partition: PartitionId) -> Iterator[Commit]:
    standing = (kept.file for kept in files(floor))
    while few := tuple(islice(standing, _CHUNK)):
        yield Commit("", partition, "floor", floor.time, floor.version, add=few)
    if floor.version:  # also where nothing is left: whoever counts versions begins there
        yield Commit("", partition, "floor", floor.time, floor.version, done=tuple(bad(floor)))
