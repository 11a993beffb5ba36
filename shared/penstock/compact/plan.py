"""Decides which files of a group are merged together: size-tiered while its day is open, to the fewest
files that the target allows once it is closed.

Pure: sizes and times in, jobs out. Each merge makes fewer files than it takes, so planning again
after it comes to an end.

    open day      files of about the same size (a factor of four) are merged once there are `FAN` of
                  them, so a row is rewritten a few times at most, however many files come
    closed day    all files below three quarters of the target; one that is left alone goes into the
                  smallest full file that has room for it
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from penstock.compact.live import Group, is_hidden
from penstock.model import DataFile
from penstock.places import HERE, Place

__all__ = ["CLOSED_AFTER", "FAN", "Job", "Policy", "cut", "earliest", "is_closed", "jobs", "latest"]

FAN = 8
"""Files of a size that an open day lets gather before they are merged."""

CLOSED_AFTER = dt.timedelta(hours=6)
"""How long after its end (UTC) a day counts as closed: by then nearly all of its logs are delivered."""

_SMALLEST = 1 << 20
_FULL = 0.75


@dataclass(frozen=True, slots=True)
class Policy:
    """How large files shall become, and how many bytes one merge may take; sizes as stored."""

    target_bytes: int
    job_bytes: int


@dataclass(frozen=True, slots=True)
class Job:
    """Files of one group that are merged in one commit into about `outputs` files at `place`."""

    group: Group
    files: tuple[DataFile, ...]
    outputs: int
    place: Place = HERE

    @property
    def bytes(self) -> int:
        """What is read."""
        return sum(file.bytes for file in self.files)

    @property
    def rows(self) -> int:
        """Rows in its files."""
        return sum(file.rows for file in self.files)


def is_closed(day: dt.date, now: dt.datetime) -> bool:
    """Whether nearly all of a day's rows have come."""
    end = dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=1)
    return now >= end + CLOSED_AFTER


def jobs(
    groups: Mapping[Group, Sequence[DataFile]],
    policy: Policy,
    now: dt.datetime,
    *,
    unique: frozenset[Group] = frozenset(),
) -> list[Job]:
    """What to merge now, where it saves readers the most files first.

    Hidden files wait for their flip and are left out: what they replace still stands for readers
    that glob. Files are merged where they are: what came late to a day whose files have moved to a tier
    is merged with them once it has followed. In groups of `unique` one row is kept of those that share
    a key: files of a closed day whose times overlap are merged there whatever their size.
    """
    found: list[Job] = []
    for group, files in groups.items():
        places: dict[Place, list[DataFile]] = defaultdict(list)
        for file in files:
            if not is_hidden(file.path):
                places[Place.of(file.path)].append(file)
        for place, shown in places.items():
            if not is_closed(group.tp_date, now):
                chosen = _alike(shown, policy)
            else:
                chosen = [_small(shown, policy)]
                if group in unique:
                    chosen = [_overlapping(shown) or chosen[0]]
            made = (job for few in chosen for job in cut(group, few, policy, anyway=group in unique))
            found.extend(replace(job, place=place) for job in made)
    return sorted(found, key=lambda job: (len(job.files) - job.outputs, job.group), reverse=True)


def _alike(files: Sequence[DataFile], policy: Policy) -> list[list[DataFile]]:
    """Files of about the same size, where enough of them have gathered."""
    sizes: dict[int, list[DataFile]] = defaultdict(list)
    for file in files:
        if file.bytes < policy.target_bytes / 2:
            sizes[math.floor(math.log(max(1.0, file.bytes / _SMALLEST), 4))].append(file)
    return [few for few in sizes.values() if len(few) >= FAN]


def _small(files: Sequence[DataFile], policy: Policy) -> list[DataFile]:
    small = [file for file in files if file.bytes < _FULL * policy.target_bytes]
    if len(small) == 1:
        room = policy.target_bytes - small[0].bytes
        fitting = [file for file in files if file not in small and file.bytes <= room]
        small += sorted(fitting, key=lambda file: file.bytes)[:1]
    return small


def _overlapping(files: Sequence[DataFile]) -> list[DataFile]:
    """Files whose times meet those of another: the only ones in which one key can stand twice."""
    chosen: dict[str, DataFile] = {}
    last: DataFile | None = None
    for file in sorted(files, key=earliest):
        if last is not None and earliest(file) <= latest(last):
            chosen |= {last.path: last, file.path: file}
        if last is None or latest(file) > latest(last):
            last = file
    return list(chosen.values())


def cut(group: Group, files: Sequence[DataFile], policy: Policy, *, anyway: bool = False) -> Iterator[Job]:
    """Jobs of files in order of time, cut where one would take too many bytes.

    A job that would not make fewer files is none, unless it is to be done `anyway`.
    """
    batch: list[DataFile] = []
    size = 0
    for file in sorted(files, key=earliest):
        if batch and size + file.bytes > policy.job_bytes:
            yield from _job(group, batch, policy, anyway)
            batch, size = [], 0
        batch.append(file)
        size += file.bytes
    yield from _job(group, batch, policy, anyway)


def _job(group: Group, files: Sequence[DataFile], policy: Policy, anyway: bool) -> Iterator[Job]:
    outputs = max(1, math.ceil(sum(file.bytes for file in files) / policy.target_bytes))
    if files and (anyway or outputs < len(files)):
        yield Job(group, tuple(files), outputs)


_NEVER, _ALWAYS = "0000", "9999"


def earliest(file: DataFile) -> str:
    """The earliest time in a file, as DuckDB writes it; before all others when nobody knows."""
    stats = file.stats.get("tp_timestamp")
    return (stats.min if stats else None) or _NEVER


def latest(file: DataFile) -> str:
    """The latest time, after all others when nobody knows."""
    stats = file.stats.get("tp_timestamp")
    return (stats.max if stats else None) or _ALWAYS
