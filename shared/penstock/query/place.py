"""Opens sessions on a workspace: its catalogue is brought to the ledger's head first, and again later."""

from __future__ import annotations

import datetime as dt
import tempfile
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from penstock import catalogue
from penstock.catalogue.earlier import require_known, version_at
from penstock.catalogue.shape import Columns
from penstock.errors import Retry, UsageError
from penstock.ledger import Ledger
from penstock.model import PartitionId
from penstock.query.filters import Filters, NamedViews, chosen_partitions
from penstock.query.pulled import mark
from penstock.query.ranges import Ranges
from penstock.query.session import Engine, Session, open_session

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["Place", "bring_up", "newest", "open_at", "open_earlier", "refresh"]

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Place:
    """All that sessions on one workspace are opened from.

    `catalogue` is the DuckLake file that is kept at the ledger's head, `source` names the ledger
    (its URL), `declared` has the columns of the tables that exist before they have files. `client`
    gives one for S3 whenever a session is opened (None: the hive is a directory), `scratch` is
    where DuckDB spills. `threads` 0 means as many as there are cores. `views` gives the further
    schemas, with their times as they are when a session is opened. `published` fetches the catalogue that
    stands in the hive to a path: a reader without one of its own starts from it. `pulled` are folders
    where local copies of this hive's files may be: those that `penstock pull` brought, then those of
    materialized schemas. `ranges` gives what keeps on disk the ranges that a session reads of S3.
    """

    catalogue: Path
    ledger: Ledger
    hive: str
    source: str
    declared: Mapping[str, Columns]
    client: Callable[[], S3Client | None]
    scratch: Path
    threads: int = 0
    views: Callable[[], tuple[NamedViews, ...]] = tuple
    published: Callable[[Path], None] | None = None
    pulled: tuple[Path, ...] = ()
    ranges: Callable[[], Ranges | None] = lambda: None


def bring_up(
    path: Path, ledger: Ledger, hive: str, *, source: str, declared: Mapping[str, Columns]
) -> catalogue.State:
    """Refresh the catalogue until the file in place is at least as new as the ledger's head was.

    Another process may rename an older state over ours between our renaming and our reading; then
    it is brought up again. Retry when that goes on.
    """
    for _ in range(_ATTEMPTS):
        before = _stamp(path)
        wanted = catalogue.refresh(path, ledger, hive, source=source, declared=declared)
        if before is not None and before == _stamp(path):
            return wanted  # it was new enough, and is what has been read
        found = catalogue.read(path)
        if found and found.identity == wanted.identity and catalogue.covers(found, wanted.versions):
            return found
    raise Retry(f"{path}: other processes keep replacing the catalogue with older states; try again")


def _stamp(path: Path) -> tuple[int, int] | None:
    """Tells a file from the one that is renamed over it."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_ino, found.st_mtime_ns


def open_at(place: Place, filters: Filters | None = None, engine: Engine | None = None) -> Session:
    """A session on the newest state of `place`, with `engine` if one was begun for its hive.

    UsageError when a filter names no partition; ConfigError when there are no credentials; the
    ledger's errors pass through.
    """
    return _open(place, newest(place), filters or Filters(), engine)


def open_earlier(
    place: Place, at: dt.datetime | int, filters: Filters | None = None, engine: Engine | None = None
) -> Session:
    """A session on an earlier state of `place`: as it was at a time, or one partition at a version.

    A version asks for filters that leave one partition. UsageError when they do not, when the state is
    not known any more, or its files are gone; the rest as `open_at`.
    """
    filters = filters or Filters()
    versions = _versions(place, at, filters)
    for partition, version in versions.items():
        require_known(place.ledger, partition, version)
    with tempfile.TemporaryDirectory(prefix="penstock-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, "earlier.ducklake")
        state = catalogue.at_versions(
            path, place.ledger, place.hive, versions, source=place.source, declared=place.declared
        )
        # What is attached stays open without its name; where an open file cannot be removed, it is left.
        return replace(_open(place, state, filters, engine), is_earlier=True)


def _versions(place: Place, at: dt.datetime | int, filters: Filters) -> dict[PartitionId, int]:
    state = newest(place)
    chosen = chosen_partitions(state, filters.partitions) or frozenset(state.versions)
    if isinstance(at, dt.datetime):
        found = {partition: version_at(place.ledger, partition, at) for partition in sorted(chosen)}
        return {partition: version for partition, version in found.items() if version}
    if len(chosen) != 1:
        raise UsageError(f"version {at}: found {len(chosen)} partitions, expected --partition to name one")
    return dict.fromkeys(chosen, at)


def refresh(place: Place, session: Session, filters: Filters | None = None) -> Session:
    """The session that sees what is committed by now, with other `filters` if given.

    It is `session` itself when nothing changed, neither in the hive nor among the pulled files; else
    a new one, and `session` is closed. When the new one cannot be opened, the error passes through
    and `session` stays open.
    """
    filters = session.filters if filters is None else filters
    state = newest(place)
    if (state, filters, mark(place.pulled)) == (session.state, session.filters, session.mark):
        return session
    newer = _open(place, state, filters)
    session.close()
    return newer


def newest(place: Place) -> catalogue.State:
    """The catalogue at the ledger's head, brought up if need be; the ledger's errors pass through."""
    if place.published is not None and not place.catalogue.exists():
        _start(place.catalogue, place.published)
    return bring_up(place.catalogue, place.ledger, place.hive, source=place.source, declared=place.declared)


def _start(path: Path, fetch: Callable[[Path], None]) -> None:
    """Begin with the published state, if it can be had: then only what is newer is asked of the ledger.

    One that was made from another hive or ledger is thrown away by whoever brings it up.
    """
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fetch(fresh)
        fresh.replace(path)
    except (OSError, Retry):  # nothing is published, or there is no room: from the ledger alone, then
        fresh.unlink(missing_ok=True)


def _open(place: Place, state: catalogue.State, filters: Filters, engine: Engine | None = None) -> Session:
    return open_session(
        state,
        place.hive,
        client=place.client(),
        ranges=place.ranges(),
        engine=engine,
        filters=filters,
        scratch=place.scratch,
        threads=place.threads,
        views=place.views(),
        pulled=place.pulled,
    )
