"""Objects of samples as CloudTrail lays them into a bucket: keys, bodies, and the story among them.

Key layout: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from isal import igzip, isal_zlib

from infra.samples.draw import Draw
from infra.samples.records import ACCOUNTS, REGIONS, Record, account, event
from infra.samples.story import STEPS, story

__all__ = ["Expect", "SampleObject", "log_key", "objects", "pack", "unpack"]

Expect = Literal["done", "bad", "ignored"]

_WINDOW = 15 * 60  # seconds before its delivery that an object's events reach back
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class SampleObject:
    """One object of the tree and what collecting it must lead to.

    `events` counts the records in it, None where they cannot be counted. `stored` and `rejected`
    are what it must add to the hive. `reason` is a word that the recorded reason (of a bad object,
    or of its rejected rows) has, in any case of letters.
    """

    key: str
    body: bytes
    events: int | None
    kind: str = "log"
    expect: Expect = "done"
    stored: int = 0
    rejected: int = 0
    reason: str = ""

    @property
    def etag(self) -> str:
        """What S3 answers as ETag for a plain put, without quotes."""
        return hashlib.md5(self.body, usedforsecurity=False).hexdigest()


def log_key(
    rng: Random,
    account_id: str,
    region: str,
    at: dt.datetime,
    *,
    organization: str = "",
    prefix: str = "",
    kind: str = "CloudTrail",
) -> str:
    """A key as AWS names log files delivered at `at`."""
    day, minute = at.strftime("%Y/%m/%d"), at.strftime("%Y%m%dT%H%MZ")
    root = "/".join(
        part for part in (prefix.strip("/"), "AWSLogs", organization, account_id, kind, region, day) if part
    )
    return f"{root}/{account_id}_{kind}_{region}_{minute}_{''.join(rng.choices(_LETTERS, k=16))}.json.gz"


def pack(records: Sequence[Any]) -> bytes:
    """Records as CloudTrail delivers them: one `Records` array, compact, gzipped."""
    text = json.dumps({"Records": records}, separators=(",", ":"), ensure_ascii=False)
    return bytes(igzip.compress(text.encode(), 1, mtime=0))


def unpack(body: bytes) -> list[Record]:
    """The records of a sound gzipped log file."""
    records = json.loads(isal_zlib.decompress(body, wbits=31))["Records"]
    assert isinstance(records, list)  # noqa: S101 - only sound bodies are passed here
    return records


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where and when one object of the tree is delivered."""

    account_id: str
    region: str
    at: dt.datetime


def _slots(
    count: int, start: dt.datetime, span: dt.timedelta, account_ids: Sequence[str], regions: Sequence[str]
) -> list[_Slot]:
    """Deliveries spread evenly over `span`, on whole minutes, going round accounts, then regions."""
    minutes = span.total_seconds() / 60
    slots = []
    for i in range(count):
        at = start + dt.timedelta(minutes=int(minutes * i / count))
        region = regions[i // len(account_ids) % len(regions)]
        slots.append(_Slot(account_ids[i % len(account_ids)], region, at.replace(second=0, microsecond=0)))
    return slots


def _story_share(slots: Sequence[_Slot], events_per_object: int) -> dict[int, range]:
    """Which steps of the story stand in which object: some each, in the middle of the first slot's kind."""
    fit = [
        i
        for i, slot in enumerate(slots)
        if (slot.account_id, slot.region) == (slots[0].account_id, slots[0].region)
    ]
    each = min(events_per_object, max(1, -(-STEPS // len(fit)), events_per_object // 4))
    if each == 0:
        return {}
    needed = -(-STEPS // each)
    first = max(0, (len(fit) - needed) // 2)
    chosen = fit[first : first + needed]
    return {i: range(n * each, min(STEPS, (n + 1) * each)) for n, i in enumerate(chosen)}


def objects(
    seed: int | str,
    objects: int,
    events_per_object: int,
    start: dt.datetime,
    *,
    account_ids: Sequence[str] = ACCOUNTS,
    regions: Sequence[str] = REGIONS,
    span: dt.timedelta = dt.timedelta(days=1),
    organization: str = "",
    prefix: str = "",
    with_story: bool = True,
) -> Iterator[SampleObject]:
    """`objects` log files delivered over `span` after `start` (UTC), of `events_per_object` records each.

    The records of an object lie unordered in the quarter of an hour before its delivery, so those
    of the first after midnight belong to two days. The story takes the place of some records in the
    middle of the first account and region. Same arguments, same bytes.
    """
    slots = _slots(objects, start, span, account_ids, regions) if objects else []
    shares = _story_share(slots, events_per_object) if with_story and slots else {}
    plot = _plot(seed, slots, shares)
    for i, slot in enumerate(slots):
        rng = Random(f"{seed}:object:{i}")
        told = [plot[step] for step in shares.get(i, ())]
        owner = account(seed, slot.account_id)
        records = told + [
            event(Draw(rng, owner, slot.region, _before(rng, slot.at)))
            for _ in range(events_per_object - len(told))
        ]
        rng.shuffle(records)
        key = log_key(rng, slot.account_id, slot.region, slot.at, organization=organization, prefix=prefix)
        yield SampleObject(key, pack(records), len(records), stored=len(records))


def _before(rng: Random, at: dt.datetime) -> dt.datetime:
    return at - dt.timedelta(seconds=rng.randrange(_WINDOW))


def _plot(seed: int | str, slots: Sequence[_Slot], shares: dict[int, range]) -> list[Record]:
    """The story, its steps at rising times inside the windows of the objects that hold them."""
    times: list[dt.datetime] = []
    for i, steps in shares.items():
        pause = _WINDOW / (len(steps) + 1)
        opened = slots[i].at - dt.timedelta(seconds=_WINDOW)
        times += [opened + dt.timedelta(seconds=int(pause * (n + 1))) for n in range(len(steps))]
    if not times:
        return []
    slot = slots[next(iter(shares))]
    draw = Draw(Random(f"{seed}:story"), account(seed, slot.account_id), slot.region, times[0])
    return list(story(draw, times))
