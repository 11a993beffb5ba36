"""Moves the files of old days to their partition's tiers: another storage class, another root, or both.

    intent ─ copy a to _a' ─ commit(-a +_a') ─ forget        the copy has a hidden name, as a merge's output
    a grace later, by `settle`: copy _a' to a' (in its class) ─ commit(-_a' +a') ─ delete a; later _a'

So readers of the ledger switch at the first commit, readers that glob see a until the flip, and what
dies on the way leaves an intent, or a copy that the ledger proves. A day is one commit, its rejected rows
with it. Where files lie their paths say (`tiers`), so a day that is where it belongs costs nothing.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from penstock.collect.landing import commit_id
from penstock.compact.expire import first_kept
from penstock.compact.landing import copy, land
from penstock.compact.live import Group, Live, Wanted, is_hidden
from penstock.compact.site import Site
from penstock.config import Partition, Tier
from penstock.errors import ConfigError, Problem
from penstock.hive import data_path
from penstock.model import DataFile, Intent, PartitionId
from penstock.places import Place

__all__ = ["Day", "Moved", "due", "move", "require_apart"]


@dataclass(frozen=True, slots=True)
class Day:
    """Files of one partition and day that belong at `place` and lie elsewhere."""

    partition: PartitionId
    tp_date: dt.date
    place: Place
    files: tuple[DataFile, ...]

    def __str__(self) -> str:
        return f"{self.partition}/{self.tp_date}"

    @property
    def bytes(self) -> int:
        """What is copied."""
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class Moved:
    """One day's commit."""

    files: int
    bytes: int


def require_apart(partition: Partition, hive: str) -> None:
    """Refuse tiers that this hive cannot have: ConfigError names the partition, and what was expected."""
    for place in (tier.place for tier in partition.tiers):
        if f"{place.root}/".startswith(f"{hive}/"):
            message = f"tier: found the root {place.root}, which is the hive {hive} or lies in it"
            hint = "leave root away to keep files where they are"
            raise ConfigError(Problem(partition.file, partition.line, f"{message}, expected one apart", hint))
        if place.storage_class and not place.root and not hive.startswith("s3://"):
            message = f"tier: found storage_class, but the hive {hive} is a directory, expected a root on S3"
            raise ConfigError(Problem(partition.file, partition.line, message))


def due(
    live: Live,
    tiers: Mapping[PartitionId, Sequence[Tier]],
    wanted: Wanted,
    site: Site,
    busy: Collection[Group],
) -> Iterator[Day]:
    """The days whose files belong elsewhere, oldest first; those of `busy` groups are merged first.

    Hidden files wait for their flip, as with merges, and what is another machine's is left to it.
    """
    for partition, several in sorted(tiers.items()):
        last = first_kept(site.now(), several[0].after) - dt.timedelta(days=1)
        asked = Wanted(frozenset({partition}), wanted.from_, min(wanted.to or last, last))
        days: dict[dt.date, list[DataFile]] = defaultdict(list)
        for group, files in live.groups(asked).items():
            if group not in busy:
                days[group.tp_date] += files
        for day, standing in sorted(days.items()):
            place = [tier.place for tier in several if day < first_kept(site.now(), tier.after)][-1]
            away = tuple(file for file in standing if _moves(site, file, place))
            if away:
                yield Day(partition, day, place, away)


def _moves(site: Site, file: DataFile, place: Place) -> bool:
    reached = site.reaches(file.path) and site.reaches(place.path(""))
    return reached and not is_hidden(file.path) and Place.of(file.path) != place


def move(site: Site, day: Day, base: int) -> Moved | None:
    """Move a day in one commit; `base` is the version it was looked at.

    None when the day is another's, or another commit removed a file of it first. Retry when it cannot be
    done now; PenstockError when a live file is not there.
    """
    with site.lease(f"compact#{day.partition}#tier#{day.tp_date}") as held:
        if not held:
            return None
        name = commit_id(site.now())
        copies = [_copy_of(file, day.place, f"_{name}-{n}.parquet") for n, file in enumerate(day.files)]
        site.step("tier intent")
        intent = Intent(name, day.partition, tuple(one.path for one in copies), site.now())
        site.ledger.put_intent(intent)
        site.step("tier copy")
        copy(site, day.files, copies, "tier copy one")
        site.step("tier commit")
        landed = land(
            site, day.partition, name, "tier", add=copies, remove=day.files, base=base, intended=intent.time
        )
        if landed is None:
            return None
        site.step("tier forget")
        site.forget(name)
        return Moved(len(copies), day.bytes)


def _copy_of(file: DataFile, place: Place, name: str) -> DataFile:
    below = data_path(file.table, file.partition, file.tp_index, file.tp_date, name)
    return replace(file, path=place.path(below))
