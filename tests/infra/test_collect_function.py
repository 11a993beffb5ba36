"""The deployed collect function, end to end in the local cloud, kept to its role."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from infra.local_cloud import COLLECT_KEY, Fault, LocalCloud
from infra.local_cloud.iam import Access, allowed
from infra.local_cloud.requests import ACCOUNT
from tests.infra.privilege import granted, used

CONFIG = """
partition "aws_cloudtrail_log" "local" {
  source "aws_s3_bucket" {
    bucket = "logs"
  }
  source "aws_s3_bucket" {
    bucket = "logs-plain"
  }
}
"""
EVENTS = 5
OBJECTS = 12

WAIVED = {
    ("DropLists", "s3:DeleteObject"): "lists too long for an item: tests/ledger makes them",
    ("ReadLists", "s3:GetObject"): "lists too long for an item: tests/ledger makes them",
    ("WriteLists", "s3:PutObject"): "lists too long for an item: tests/ledger makes them",
    ("OwnLog", "logs:CreateLogStream"): "Lambda itself writes the log",
    ("OwnLog", "logs:PutLogEvents"): "Lambda itself writes the log",
    ("WriteHive", "s3:GetObject"): "rows beside those that a delivery replaces: tests/collect makes them",
}
"""Granted, but not used by this test, and why; one that is used after all fails the test."""


def cloudtrail_object(number: int) -> tuple[str, bytes]:
    """Key and body of one CloudTrail object."""
    account = ACCOUNT
    records = [
        {
            "eventVersion": "1.11",
            "userIdentity": {"type": "IAMUser", "accountId": account, "userName": "ada"},
            "eventTime": "2026-01-31T10:00:00Z",
            "eventSource": "s3.amazonaws.com",
            "eventName": "GetObject",
            "awsRegion": "us-east-1",
            "sourceIPAddress": "192.0.2.1",
            "eventID": f"00000000-0000-0000-0000-{number:08d}{place:04d}",
            "eventType": "AwsApiCall",
            "recipientAccountId": account,
        }
        for place in range(EVENTS)
    ]
    folder = f"AWSLogs/{account}/CloudTrail/us-east-1/2026/01/31"
    name = f"{account}_CloudTrail_us-east-1_20260131T1000Z_{number:016d}.json.gz"
    return f"{folder}/{name}", gzip.compress(json.dumps({"Records": records}).encode(), mtime=0)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """Two log buckets, one with versions and one without, from which everything has been collected.

    On the way an object is gone before it is fetched, and two workers are given the same object at
    once, of whom the one that commits first is held up until the other has.
    """
    with LocalCloud(log_buckets=("logs", "logs-plain"), workers=2, parameters={"BatchSize": "1"}) as started:
        s3 = started.client("s3")
        versioned: Any = {"Status": "Enabled"}
        s3.put_bucket_versioning(Bucket="logs", VersioningConfiguration=versioned)
        started.put_config(CONFIG)
        for number in range(OBJECTS):
            key, body = cloudtrail_object(number)
            put = s3.put_object(Bucket="logs", Key=key, Body=body)
            if number == 0:
                started.send(_notice(key, put["ETag"], put["VersionId"]))
        gone, body = cloudtrail_object(OBJECTS)
        version = s3.put_object(Bucket="logs", Key=gone, Body=body)["VersionId"]
        s3.delete_object(Bucket="logs", Key=gone, VersionId=version)
        plain, body = cloudtrail_object(OBJECTS + 1)
        s3.put_object(Bucket="logs-plain", Key=plain, Body=body)
        started.fault(Fault("dynamodb:UpdateItem", status=0, delay=2.0))
        started.run_until_idle()
        yield started


def _notice(key: str, etag: str, version: str | None = None) -> dict[str, Any]:
    told = {"key": key, "etag": etag.strip('"'), "size": 1}
    if version:
        told["version-id"] = version
    return {
        "version": "0",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "detail": {"bucket": {"name": "logs"}, "object": told},
    }


def _rows(cloud: LocalCloud, folder: Path) -> tuple[Any, ...]:
    """Rows and different rows of the table in all files of the hive, readers of the ledger aside."""
    s3 = cloud.client("s3")
    listed = s3.list_objects_v2(Bucket=cloud.hive_bucket, Prefix="tp_table=aws_cloudtrail_log/")
    for number, one in enumerate(listed["Contents"]):
        s3.download_file(cloud.hive_bucket, one["Key"], str(folder / f"{number}.parquet"))
    query = f"select count(*), count(distinct tp_id) from '{folder}/*.parquet'"
    return duckdb.sql(query).fetchall()[0]


def test_everything_arrives(cloud: LocalCloud, tmp_path: Path) -> None:
    """Each object that is there is in the hive once; nothing is a dead letter, no worker raised."""
    assert [one.error for one in cloud.invocations if one.error] == []
    assert cloud.dead_letters() == []
    assert cloud.faults_left() == []
    expected = (OBJECTS + 1) * EVENTS
    assert _rows(cloud, tmp_path) == (expected, expected)


def test_again_adds_and_downloads_nothing(cloud: LocalCloud) -> None:
    """The same notices once more write no file and read no object."""
    before = len(cloud.calls(COLLECT_KEY))
    s3 = cloud.client("s3")
    for version in s3.list_object_versions(Bucket="logs")["Versions"]:
        cloud.send(_notice(version["Key"], version["ETag"], version["VersionId"]))
    cloud.run_until_idle()
    calls = cloud.calls(COLLECT_KEY)[before:]
    assert not [call for call in calls if call.resource.startswith("arn:aws:s3:::logs")]
    assert not [call for call in calls if call.action == "s3:PutObject"]


def test_least_privilege(cloud: LocalCloud) -> None:
    """No call of the function is refused, and every action that its role grants is used."""
    context = {"s3:prefix": "_config/", "dynamodb:LeadingKeys": "intent"}
    left = granted(cloud.stack.functions["CollectFunction"].policy) - used(cloud, "CollectFunction", context)
    assert sorted(left) == sorted(WAIVED)


@pytest.mark.parametrize(
    ("key", "expected"), [("intent", True), ("object#t.p#x", False), ("log#t.p", False), ("head#t.p", False)]
)
def test_what_it_may_delete_of_the_ledger(cloud: LocalCloud, key: str, expected: bool) -> None:
    """Intents, and no record of what was collected."""
    table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{cloud.ledger_url.removeprefix('dynamodb://')}"
    access = Access("dynamodb:DeleteItem", table, {"dynamodb:LeadingKeys": key})
    assert allowed(cloud.stack.collect.policy, access) is expected
