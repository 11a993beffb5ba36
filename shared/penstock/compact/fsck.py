"""Holds the hive against the ledger: what is live but missing or not as promised, what stands unasked for.

The hive is listed first, then intents and ledger are read: a file that a worker puts and commits
meanwhile is then in an intent or live, and no orphan. Nothing is changed but by `repair`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from penstock.compact import tail
from penstock.compact.clean import ABANDONED
from penstock.compact.live import Live, hidden, is_hidden, public
from penstock.compact.site import Site
from penstock.places import root_of

__all__ = ["Fault", "Finding", "Found", "check", "listed", "repair"]

Fault = Literal["missing", "size", "unreadable", "count", "orphan"]

_AT_ONCE = 16
_MAGIC = b"PAR1"
_OWN_NAME = re.compile(r"_?(\d{8}T\d{6}Z)-[0-9a-f]{16}-(kept-)?\d+(\.[A-Z_]+)?\.parquet")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: what, of which file, and what was found and expected."""

    fault: Fault
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Found:
    """Files that were looked at, and what is wrong with them, in order of path."""

    live: int
    standing: int
    findings: tuple[Finding, ...]


def listed(site: Site, roots: Iterable[str] = ()) -> dict[str, int]:
    """Every Parquet file that stands in the hive and at the roots of its tiers, with its bytes.

    List before the ledger is read.
    """
    starts = ["tp_table=", *(f"{root}/tp_table=" for root in sorted(set(roots)) if root)]
    found = (one for start in starts for one in site.hive.listing(start))
    return {path: size for path, size in found if path.endswith(".parquet")}


def check(site: Site, standing: Mapping[str, int], live: Live) -> Found:
    """Compare `standing` (see `listed`) with `live`, which was brought to the head after it.

    One small read for each live file: its footer. Retry when the hive cannot be reached.
    """
    intents = site.ledger.intents(dt.datetime.max.replace(tzinfo=dt.UTC))
    asked = {path for intent in intents for path in intent.paths}
    for partition in site.ledger.partitions():
        asked |= tail.read(site.ledger, partition).names()
    known = {path: (rows, size, footer) for path, rows, size, footer in live.paths()}
    findings = list(_wrong(site, known, standing))
    findings += [
        Finding("orphan", path, f"{size} bytes stand in the hive, but the ledger names no such file")
        for path, size in standing.items()
        if path not in known and path not in asked
    ]
    return Found(len(known), len(standing), tuple(sorted(findings, key=lambda one: (one.path, one.fault))))


def repair(site: Site, found: Found, standing: Mapping[str, int]) -> tuple[list[str], list[Finding]]:
    """Mend what can be mended without losing anything: lines that say what was done, and what is left.

    A file that is not as promised comes back from its twin (the hidden or the public name of the
    same bytes) where that still stands. An orphan goes if it bears a name of Penstock's own that is
    a day old and stands in the hive itself: the root of a tier may be shared with another hive. The
    rest is for a person to decide.
    """
    done: list[str] = []
    left: list[Finding] = []
    for one in found.findings:
        twin = _twin(one.path)
        if one.fault == "orphan":
            if not root_of(one.path) and _is_abandoned(one.path, site.now()):
                site.hive.delete(one.path)
                done.append(f"{one.path}: deleted")
                continue
        elif twin in standing:
            site.hive.copy(twin, one.path)
            done.append(f"{one.path}: copied from {PurePosixPath(twin).name}")
            continue
        left.append(one)
    return done, left


def _wrong(
    site: Site, known: Mapping[str, tuple[int, int, int]], standing: Mapping[str, int]
) -> Iterator[Finding]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        # A file that came after the listing was put whole: its end says the rest.
        for found in pool.map(
            lambda path: _look(site, path, standing.get(path, known[path][1]), *known[path]), sorted(known)
        ):
            yield from found


def _look(site: Site, path: str, there: int, rows: int, size: int, footer: int) -> Sequence[Finding]:
    try:
        end = site.hive.tail(path, footer + 8)
    except FileNotFoundError:
        return [Finding("missing", path, f"the ledger says {rows} rows, but no file stands there")]
    findings = []
    if there != size:
        findings.append(Finding("size", path, f"found {there} bytes, expected {size}"))
    if end[-4:] != _MAGIC or int.from_bytes(end[-8:-4], "little") != footer:
        return [*findings, Finding("unreadable", path, f"found no Parquet footer of {footer} bytes")]
    try:
        # The footer is found from the end, so the end alone reads as a file.
        found = pq.read_metadata(pa.BufferReader(_MAGIC + end)).num_rows
    except (pa.ArrowException, OSError) as error:
        return [*findings, Finding("unreadable", path, f"the footer does not read: {error}")]
    if found != rows:
        findings.append(Finding("count", path, f"found {found} rows, expected {rows}"))
    return findings


def _twin(path: str) -> str:
    return public(path) if is_hidden(path) else hidden(path)


def _is_abandoned(path: str, now: dt.datetime) -> bool:
    name = _OWN_NAME.fullmatch(PurePosixPath(path).name)
    if name is None:
        return False
    made = dt.datetime.strptime(name[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    return made <= now - ABANDONED
