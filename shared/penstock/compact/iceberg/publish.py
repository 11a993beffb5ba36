"""Brings Iceberg tables to the state of a catalogue: what is live and not listed is added, the rest removed.

    load ─▶ newest snapshot: versions, files ─▶ difference ─▶ manifests ─▶ commit, if nobody was quicker

Dying before the commit leaves metadata that nothing names; dying after it, a snapshot that the next run
finds to be up to date. Of two at once the catalogue takes one, and the other looks again.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from penstock.catalogue import State
from penstock.catalogue.shape import Columns
from penstock.catalogue.widening import plain
from penstock.compact.iceberg import leftovers
from penstock.compact.iceberg.catalogs import Home
from penstock.compact.live import Live, Wanted
from penstock.compact.site import Site
from penstock.errors import ConfigError, PenstockError, Retry
from penstock.ledger import Dropped
from penstock.model import REJECTED_TABLE, DataFile, PartitionId

__all__ = ["Published", "publish"]

_VERSION = "penstock.version."
"""A snapshot's property for each partition: the version of which it shows the files."""

_SINCE = "penstock.since"
"""A snapshot's property: when the one before it ceased to be what the ledger has. Of a snapshot that
somebody else made it is not known: the one before counts from when it was made."""

_LONGEST_RUN = dt.timedelta(minutes=15)
"""Between this look at the clock and the deletion of files (Lambda's limit)."""

_LONG_AGO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_ATTEMPTS = 4
_MANIFESTS = 100
"""Manifests of a snapshot beyond which they are put together: each is a request of every query."""

_PROPERTIES = {
    "format-version": "2",
    # One that lost the race has to look again: trying on top would add files twice.
    "commit.retry.num-retries": "0",
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "2",
    "write.metadata.previous-versions-max": f"{leftovers.PREVIOUS}",
    "write.metadata.delete-after-commit.enabled": "true",
}


@dataclass(slots=True)
class Published:
    """What one run did: tables that moved, files that came and went; `failed` says why others did not."""

    tables: int = 0
    added: int = 0
    removed: int = 0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Wish:
    """How a table shall be: its columns, its files by URI, and the versions that these are of."""

    table: str
    columns: Columns
    files: Mapping[str, DataFile]
    schemas: Mapping[str, Columns]
    versions: Mapping[PartitionId, int]


def publish(site: Site, home: Home, state: State, partitions: Set[PartitionId]) -> Published:
    """Make the tables of these partitions show the files that are live in `state`, and no others'.

    Never raises for what a single table lacks: `Published.failed` has the reason by its name.
    """
    done = Published()
    for wish in _wishes(site, state, partitions):
        try:
            _publish(site, home, wish, done)
        except PenstockError as error:
            done.failed[wish.table] = str(error)
    return done


def _wishes(site: Site, state: State, partitions: Set[PartitionId]) -> Iterator[_Wish]:
    live = Live(state.path, site.hive.root)
    files: dict[str, dict[str, DataFile]] = defaultdict(dict)
    wanted = frozenset(partitions & state.versions.keys())
    for group, found in live.groups(Wanted(wanted)).items():
        files[group.table] |= {live.uri(file.path): file for file in found}
    for table in sorted({partition.table for partition in partitions} | {REJECTED_TABLE}):
        yield _Wish(
            table,
            state.shapes[table],
            files[table],
            {mark: schema.columns for (of, mark), schema in state.schemas.items() if of == table},
            {p: state.versions[p] for p in wanted if table in (p.table, REJECTED_TABLE)},
        )


def _publish(site: Site, home: Home, wish: _Wish, done: Published) -> None:
    from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException

    _require_readable(wish)
    faults: tuple[type[Exception], ...] = (CommitStateUnknownException, *home.faults)
    for _ in range(_ATTEMPTS):
        site.step("export")
        try:
            table = _opened(home, wish)
            change = _change(site, table, wish)
            if change is not None:
                _commit(site, table, wish, *change)
                done.tables += 1
                done.added += len(change[0])
                done.removed += len(change[1])
        except CommitFailedException:
            continue  # somebody else was quicker
        except faults as error:
            raise Retry(f"{wish.table}: {error}") from error
        except FileNotFoundError as error:
            text = f"{wish.table}: {error}: metadata of the Iceberg table is gone"
            raise PenstockError(f"{text}; drop the table, and it is made anew") from error
        return
    raise Retry(f"{wish.table}: others published {_ATTEMPTS} times meanwhile; the next run looks again")


def _require_readable(wish: _Wish) -> None:
    """PenstockError when a live file has a type that Iceberg does not take for the table's."""
    from penstock.compact.iceberg.columns import promotes

    types = {name.lower(): type_ for name, type_ in wish.columns}
    for mark in {file.schema for file in wish.files.values()}:
        for name, type_ in wish.schemas[mark]:
            wanted = types[name.lower()]
            if not promotes(type_, wanted):
                count = sum(file.schema == mark for file in wish.files.values())
                raise PenstockError(
                    f"{wish.table}.{name}: found {type_} in {count} live files, which Iceberg does not read "
                    f"as {wanted}; it follows once they are merged, or give the column another name"
                )


def _opened(home: Home, wish: _Wish) -> Any:
    """The table, made with its columns when it is not there."""
    from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError, TableAlreadyExistsError

    from penstock.compact.iceberg.columns import schema_of, spec_of

    name = (home.database, wish.table)
    try:
        return home.catalog.load_table(name)
    except NoSuchTableError:
        schema = schema_of(wish.table, wish.columns)
        where = home.location(wish.table)
        try:
            return home.catalog.create_table(name, schema, where, spec_of(schema), properties=_PROPERTIES)
        except TableAlreadyExistsError:
            return home.catalog.load_table(name)
        except NoSuchNamespaceError as error:
            raise ConfigError(f"{wish.table}: found no database {home.database} in the catalogue") from error


_Change = tuple[dict[str, DataFile], list[Any], list[int]]
"""Files to add by URI, entries to remove, snapshots that are too old to be kept."""


def _change(site: Site, table: Any, wish: _Wish) -> _Change | None:
    """What to do to the table; None when it is as it shall be, or somebody knows a newer state."""
    snapshot = table.current_snapshot()
    noted = snapshot.summary.additional_properties if snapshot else {}
    seen = {partition: int(noted.get(f"{_VERSION}{partition}", 0)) for partition in wish.versions}
    if any(seen[partition] > version for partition, version in wish.versions.items()) and all(
        seen[partition] <= site.ledger.head(partition).version for partition in seen
    ):
        return None
    old = _too_old(table, site.now() - site.kept + _LONGEST_RUN)
    names = {name for name in noted if name.startswith(_VERSION)}
    same = names == {f"{_VERSION}{partition}" for partition in wish.versions}
    if snapshot and same and seen == wish.versions and not old and not _reshaped(table, wish):
        return None
    listed = {entry.file_path: entry for entry in _entries(table, snapshot)}
    added = {uri: file for uri, file in wish.files.items() if uri not in listed}
    removed = [entry for uri, entry in listed.items() if uri not in wish.files]
    nothing = not added and not removed and not old and not _reshaped(table, wish)
    return None if snapshot and nothing else (added, removed, old)


def _entries(table: Any, snapshot: Any) -> Iterator[Any]:
    for manifest in snapshot.manifests(table.io) if snapshot else ():
        for one in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
            yield one.data_file


def _too_old(table: Any, before: dt.datetime) -> list[int]:
    """Snapshots of which files may have been deleted by now: who went back to one would miss them."""
    snapshots = sorted(table.snapshots(), key=lambda one: one.sequence_number)
    return [one.snapshot_id for one, next_ in itertools.pairwise(snapshots) if _ended(one, next_) <= before]


def _ended(snapshot: Any, next_: Any) -> dt.datetime:
    told = next_.summary.additional_properties.get(_SINCE) if next_.summary else None
    if told is not None:
        return dt.datetime.fromisoformat(told)
    return dt.datetime.fromtimestamp(snapshot.timestamp_ms / 1000, dt.UTC)


def _since(site: Site, snapshot: Any, versions: Mapping[PartitionId, int]) -> dt.datetime:
    """The time of the first commit that a snapshot does not show; now, when it shows all."""
    noted = snapshot.summary.additional_properties if snapshot else {}
    times = [site.now()]
    for partition, version in versions.items():
        seen = int(noted.get(f"{_VERSION}{partition}", version))
        if seen < version:
            try:
                times += [commit.time for commit in site.ledger.commits(partition, seen, seen + 1)]
            except Dropped:
                return _LONG_AGO
    return min(times)


def _reshaped(table: Any, wish: _Wish) -> bool:
    """Whether the table lacks a column, a member or a wider type."""
    from penstock.compact.iceberg.columns import schema_of

    have, wanted = table.schema(), schema_of(wish.table, wish.columns)
    known = set(have.column_names)
    return any(
        name not in known or ((kind := wanted.find_type(name)).is_primitive and kind != have.find_type(name))
        for name in wanted.column_names
    )


def _commit(
    site: Site, table: Any, wish: _Wish, added: Mapping[str, DataFile], removed: list[Any], old: list[int]
) -> None:
    """One commit to the catalogue: columns, files, and the snapshots that go."""
    from pyiceberg.table.update.snapshot import ExpireSnapshots

    from penstock.compact.iceberg.columns import replaced, schema_of

    snapshot = table.current_snapshot()
    properties = {f"{_VERSION}{partition}": str(version) for partition, version in wish.versions.items()}
    properties[_SINCE] = _since(site, snapshot, wish.versions).isoformat()
    change = table.transaction()
    if _MAPPING not in table.properties:
        change.set_properties({_MAPPING: table.schema().name_mapping.model_dump_json()})
    wanted = schema_of(wish.table, wish.columns)
    if others := replaced(table.schema(), wanted):
        with change.update_schema(allow_incompatible_changes=True) as columns:
            for name in others:
                columns.delete_column(name)
    with change.update_schema() as columns:
        columns.union_by_name(wanted)
    if added or removed or snapshot is None:
        _list(change, wish, added, removed, properties)
    if snapshot is not None and len(snapshot.manifests(table.io)) > _MANIFESTS:
        change.update_snapshot(snapshot_properties=properties).merge_append().commit()
    if old:
        ExpireSnapshots(change).by_ids(old).commit()
    forgotten = leftovers.forgotten(table, site.now() - site.kept)
    site.step("export commit")
    change.commit_transaction()
    site.step("exported")
    with suppress(Retry):  # a few kB stay, then
        for path in forgotten:
            table.io.delete(path)


def _list(
    change: Any,
    wish: _Wish,
    added: Mapping[str, DataFile],
    removed: list[Any],
    properties: Mapping[str, str],
) -> None:
    """A snapshot with these files in and these entries out."""
    from penstock.compact.iceberg.entries import entry

    metadata = change.table_metadata
    own = dict(wish.columns)
    types = {
        mark: {name: type_ for name, type_ in columns if own.get(name) == plain(type_)}
        for mark, columns in wish.schemas.items()
    }
    snapshots = change.update_snapshot(snapshot_properties=dict(properties))
    producer = snapshots.overwrite() if removed else snapshots.fast_append()
    for uri, file in added.items():
        producer.append_data_file(
            entry(uri, file, metadata.schema(), types[file.schema], metadata.default_spec_id)
        )
    for one in removed:
        producer.delete_data_file(one)
    producer.commit()


_MAPPING = "schema.name-mapping.default"
