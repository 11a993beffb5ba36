"""G2 nothing silently lost: whatever notifications S3 loses, the next sweep finds."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from infra.bench.cases import sweep as case
from tests.collect.rig import PROD, logs
from tests.collect.store import Store
from tests.listing.bucket import Bucket, etag
from tests.sweep.deployment import Deployment, at, running

from penstock import config, sweep
from penstock.collect.prepare import S3Clients
from penstock.errors import ConfigError
from penstock.model import ObjectRef

FOLDERS = "AWSLogs/111122223333/CloudTrail/{}/{:%Y/%m/%d}/{:05d}.json.gz"


def keys(count: int, days: int = 7, last: str = "2026-01-31", regions: int = 3) -> list[str]:
    """Keys of CloudTrail objects, spread over regions and the days up to the last."""
    return [
        FOLDERS.format(f"r-{n % regions}", at(last) - dt.timedelta(days=n % days), n) for n in range(count)
    ]


def days_of(identities: Sequence[str]) -> list[str]:
    """The day in the key of each object."""
    return [found[0] for one in identities for found in [re.search(r"\d{4}/\d\d/\d\d", one)] if found]


def identities(deployment: Deployment, wanted: Sequence[str]) -> list[str]:
    """As the simulated bucket makes the objects of these keys."""
    bucket = deployment.rig.bucket
    return [ObjectRef(bucket, key, etag=etag(key)).identity for key in wanted]


def dropped_of(store: Store, folder: Path, count: int, requests: Sequence[int], older: int = 0) -> None:
    """Of `count` objects the ledger lacks one in a hundred; one sweep queues exactly those, and the next
    one none. They make so many LIST requests, with `older` objects of the years before in the bucket.
    """
    tree = keys(count)
    before = keys(older, days=1000, last="2026-01-24")
    deployed = Bucket([*tree, *before])
    with running(store, folder, now="2026-02-01T00:00", bucket=deployed) as deployment:
        deployment.bucket.modified = dict.fromkeys(deployed.keys, at("2026-01-31"))
        dropped = Random(7).sample(tree, count // 100)
        deployment.remember(identities(deployment, sorted(set(tree) - set(dropped))))
        report = deployment.sweeper().run()
        assert report.objects == count
        assert (report.known, report.queued) == (count - len(dropped), len(dropped))
        assert (report.failed, report.unfinished, report.busy) == ({}, [], [])
        assert sorted(deployment.queued()) == sorted(identities(deployment, dropped))
        deployment.remember(identities(deployment, dropped))
        later = deployment.sweeper().run()
        assert (later.queued, later.known) == (0, len([key for key in tree if "/2026/01/3" in key]))
        assert [report.requests, later.requests] == list(requests)


def test_g2_one_per_cent_of_the_events_dropped(store: Store, tmp_path: Path) -> None:
    """One sweep queues exactly the dropped ones, with one LIST request per thousand keys."""
    dropped_of(store, tmp_path, 2_000, (2, 2))


@pytest.mark.soak
def test_g2_one_per_cent_of_the_events_of_10_000_dropped(store: Store, tmp_path: Path) -> None:
    """The same with 10,000 objects in 21 folders: ten full pages."""
    dropped_of(store, tmp_path, 10_000, (10, 4))


@pytest.mark.soak
def test_g2_10_000_among_as_many_of_the_years_before(store: Store, tmp_path: Path) -> None:
    """Older days cost a page that is not full for each of the three regions."""
    dropped_of(store, tmp_path, 10_000, (10 + 3, 4), older=10_000)


def test_g2_what_was_missed_is_collected(store: Store, tmp_path: Path) -> None:
    """Objects without events come into the hive by a sweep, those with events once; then none is missing."""
    with running(store, tmp_path, now="2026-02-03T00:00", kind="dynamodb") as deployment:
        rig = deployment.rig
        refs = [rig.put(one.key, one.body) for one in logs(40)]
        deployment.now = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        days = (deployment.now - at("2026-01-30")).days
        worker = rig.worker()
        assert worker.handle([rig.message(*refs[:-4])]).done == 36
        store.asked()
        report = deployment.sweeper(sweep_first_days=days).run()
        assert (report.known, report.queued) == (36, 4)
        asked = store.asked()
        # What the ledger knows costs its share of one batch read; no object is opened.
        assert asked["BatchGetItem", ""] == 1
        assert (
            sum(n for (operation, _), n in asked.items() if operation in ("GET", "HEAD")) == 1
        )  # configuration
        assert deployment.collect() == 4
        rig.check(refs)
        assert set(rig.records(refs)) == {ref.key for ref in refs}
        again = deployment.sweeper(sweep_first_days=days, sweep_look_back_hours=24 * 300).run()
        assert (again.queued, again.failed) == (0, {})


def test_only_what_the_partition_wants(store: Store, tmp_path: Path) -> None:
    """Digests and what no layout names are not queued; an object two sources name is queued once."""
    tree = keys(20)
    others = [key.replace("CloudTrail", "CloudTrail-Digest") for key in keys(5)]
    others += [key.replace("CloudTrail", "Config") for key in keys(5)]
    text = """
    partition "aws_cloudtrail_log" "prod" {
      source "aws_s3_bucket" {
        bucket = "%s"
      }
      source "aws_s3_bucket" {
        bucket      = "%s"
        file_layout = `AWSLogs/%%{DATA}/%%{DATA:kind}/%%{DATA:region}/%%{YEAR:year}/%%{DATA}.gz`
      }
    }
    """
    with running(store, tmp_path, now="2026-02-01T00:00", bucket=Bucket(tree + others)) as deployment:
        deployment.bucket.modified = dict.fromkeys(tree + others, at("2026-01-31"))
        name = deployment.rig.bucket
        deployment.rig.configure(text % (name, name))
        assert deployment.sweeper().run().failed == {}
        found = deployment.queued()
        assert sorted(found) == sorted({*found})
        assert {one for one in found if "/CloudTrail/" in one} == set(identities(deployment, tree))
        assert not [one for one in found if "Digest" in one]


@pytest.mark.parametrize("look_back", [24, 48])
def test_late_objects(store: Store, tmp_path: Path, look_back: int) -> None:
    """Later passes begin the look-back before the end of the one before, and take the oldest day first."""
    tree = keys(14)
    with running(store, tmp_path, now="2026-02-01T00:00", bucket=Bucket(tree)) as deployment:
        deployment.bucket.modified = dict.fromkeys(tree, at("2026-01-31"))
        assert deployment.sweeper().run().queued == 14
        deployment.remember(deployment.queued())
        late = {
            day: FOLDERS.format("r-0", at(day), 99_999) for day in ("2026-01-29", "2026-01-30", "2026-02-01")
        }
        young = FOLDERS.format("r-0", at("2026-02-01"), 99_998)
        arrived = dict.fromkeys(late.values(), at("2026-02-01T05:00"))
        modified = {**deployment.bucket.modified, **arrived, young: at("2026-02-01T05:55")}
        deployment.bucket = Bucket([*tree, *late.values(), young], modified=modified)
        deployment.now = at("2026-02-01T06:00")
        deployment.sweeper(sweep_look_back_hours=look_back).run()
        expected = list(late.values())[1 if look_back == 24 else 0 :]
        found = deployment.queued()
        assert found == identities(deployment, expected)
        deployment.remember(found)
        deployment.now = at("2026-02-01T07:00")
        deployment.sweeper(sweep_look_back_hours=look_back).run()
        assert deployment.queued() == identities(deployment, [young])


def test_young_objects_of_an_old_day(store: Store, tmp_path: Path) -> None:
    """What is put just now is left to its event, unless the next pass would not look at its day any more."""
    old, new = (FOLDERS.format("r-0", at(day), 1) for day in ("2026-01-27", "2026-01-31"))
    with running(store, tmp_path, now="2026-02-01T00:00", bucket=Bucket([old, new])) as deployment:
        deployment.bucket.modified = dict.fromkeys((old, new), at("2026-01-31T23:50"))
        deployment.sweeper().run()
        assert deployment.queued() == identities(deployment, [old])
        deployment.now = at("2026-02-01T01:00")
        deployment.sweeper().run()
        assert deployment.queued() == identities(deployment, [new])


def test_a_pass_leaves_no_gap(store: Store, tmp_path: Path) -> None:
    """After a week without sweeps the next pass begins where the last one ended."""
    tree = keys(30, days=30, last="2026-02-20")
    with running(store, tmp_path, now="2026-02-01T00:00", bucket=Bucket(tree)) as deployment:
        deployment.bucket.modified = {key: at(key[-24:-14].replace("/", "-")) for key in tree}
        found: list[str] = []
        for now in ("2026-02-01T00:00", "2026-02-02T00:00", "2026-02-10T00:00", "2026-02-21T12:00"):
            deployment.now = at(now)
            assert deployment.sweeper().run().failed == {}
            queued = deployment.queued()
            if found:
                assert days_of(queued) == sorted(days_of(queued))
            deployment.remember(queued)
            found += queued
        expected = [key for key in tree if at(key[-24:-14].replace("/", "-")) >= at("2026-01-25")]
        assert sorted(found) == sorted(identities(deployment, expected))


def test_without_dates(store: Store, tmp_path: Path) -> None:
    """A source whose layout tells no time is listed whole, and swept by when objects were last modified."""
    tree = [f"app-{n % 3}/{n:04d}.json.gz" for n in range(30)]
    text = """
    partition "aws_cloudtrail_log" "prod" {
      source "aws_s3_bucket" {
        bucket      = "%s"
        file_layout = `%%{DATA}.json.gz`
      }
    }
    """
    with running(store, tmp_path, now="2026-02-01T00:00", bucket=Bucket(tree)) as deployment:
        deployment.rig.configure(text % deployment.rig.bucket)
        days = {key: at("2026-01-20") + dt.timedelta(days=int(key[-12:-8]) % 12) for key in tree}
        deployment.bucket.modified = days
        first = deployment.sweeper()
        assert first.run().failed == {}
        expected = [key for key in sorted(tree) if days[key] >= at("2026-01-25")]
        assert deployment.queued() == identities(deployment, expected)
        deployment.remember(identities(deployment, expected))
        new = "app-1/9999.json.gz"
        deployment.bucket = Bucket([*tree, new], modified={**days, new: at("2026-02-01T01:00")})
        deployment.now = at("2026-02-01T02:00")
        deployment.sweeper().run()
        assert deployment.queued() == identities(deployment, [new])


def test_one_partition_that_fails(store: Store, tmp_path: Path) -> None:
    """Others are swept all the same; the report says which one failed, and what to do."""
    tree = keys(10)
    text = """
    partition "aws_cloudtrail_log" "gone" {
      source "aws_s3_bucket" {
        bucket = "no-such-bucket-anywhere"
      }
    }
    connection "aws" "typo" {
      profile = "no-such-profile"
    }
    partition "aws_cloudtrail_log" "profile" {
      source "aws_s3_bucket" {
        bucket     = "some-bucket"
        connection = connection.aws.typo
      }
    }
    partition "aws_cloudtrail_log" "prod" {
      source "aws_s3_bucket" {
        bucket = "%s"
      }
    }
    """
    with running(store, tmp_path, now="2026-02-01T00:00") as deployment:
        deployment.rig.configure(text % deployment.rig.bucket)
        for key in tree:
            deployment.rig.put(key, b"x")
        deployment.now = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        sweeper = deployment.sweeper(sweep_first_days=(deployment.now - at("2026-01-24")).days)
        reader: Any = sweeper.read_config
        sweeper.clients = S3Clients(store.account, reader, 10)
        report = sweeper.run()
        assert report.queued == 10
        assert list(report.failed) == ["aws_cloudtrail_log.gone", "aws_cloudtrail_log.profile"]
        gone, profile = report.failed.values()
        assert "s3://no-such-bucket-anywhere: found no such bucket" in gone
        assert "s3://some-bucket/: connection.aws.typo: " in profile
        assert "no-such-profile" in profile
        assert not report.goes_on


def test_the_cursor_is_for_a_person_to_read(store: Store, tmp_path: Path) -> None:
    """The ledger's cursor names the source and says up to when it is swept; the pass is a commit `sweep`."""
    with running(store, tmp_path, now="2026-02-01T00:00", bucket=Bucket([])) as deployment:
        deployment.sweeper().run()
        (found,) = deployment.rig.open_ledger().commits(PROD, 0)
        assert (found.kind, found.add, found.objects) == ("sweep", (), 0)
        assert found.cursor is not None
        assert found.cursor.source.startswith(f"sweep s3://{deployment.rig.bucket}/ AWSLogs/")
        assert found.cursor.now == '{"until":"2026-01-31T23:45:00+00:00"}'


def test_a_large_tree_is_planned_by_its_pages(tmp_path: Path) -> None:
    """What the bench measures is the real sweep: each key is queued once, by about a request a thousand."""
    found = case.sweep(work=str(tmp_path), accounts=2, regions=3, days=4, each=1001)
    assert found["objects"] == found["queued"] == 2 * 3 * 4 * 1001
    # Of a region no more than one page is not full; one page shows where each account's regions begin.
    assert found["requests"] <= 2 * 3 * (4 + 1) + 2 * 2


def test_nothing_is_swept_without_a_queue(store: Store, tmp_path: Path) -> None:
    """Settings without a queue are refused."""
    environ = {"PENSTOCK_HIVE": "s3://hive/root", "PENSTOCK_LEDGER": f"sqlite:///{tmp_path}/l.sqlite"}
    settings: Any = config.settings_from_env(environ)
    with pytest.raises(ConfigError, match="PENSTOCK_QUEUE: is not set"):
        sweep.prepare(settings, {}, store.account)
