"""The deployed compact function, end to end in the local cloud, kept to its role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import pytest
from infra.local_cloud import Fault, LocalCloud, key_of
from infra.local_cloud.iam import Access, allowed
from infra.local_cloud.template import load
from tests.infra.privilege import granted, used
from tests.infra.test_collect_function import CONFIG, EVENTS, cloudtrail_object

from penstock import compact
from penstock.errors import Retry

OBJECTS = 4
KEY = key_of("CompactFunction")

WAIVED = {
    ("GoOn", "lambda:InvokeFunction"): "another test of this file runs out of time",
    ("DropLists", "s3:DeleteObject"): "only lists of more than 256 KB stand there; tests/ledger drops them",
    ("OwnLog", "logs:CreateLogStream"): "Lambda itself writes the log",
    ("OwnLog", "logs:PutLogEvents"): "Lambda itself writes the log",
}
"""Granted, but not used by that test, and why; one that is used after all fails the test."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A hive with a few small files of one day; a removed file may go at once."""
    with LocalCloud(log_buckets=("logs", "logs-plain"), parameters={"GraceSeconds": "0"}) as started:
        started.put_config(CONFIG)
        for number in range(OBJECTS):
            key, body = cloudtrail_object(number)
            started.client("s3").put_object(Bucket="logs", Key=key, Body=body)
            started.run_until_idle()
        yield started


def files(cloud: LocalCloud) -> list[str]:
    """Names of the Parquet files in the hive."""
    bucket = cloud.hive.removeprefix("s3://")
    found = cloud.client("s3").list_objects_v2(Bucket=bucket, Prefix="tp_table=").get("Contents", [])
    return [entry["Key"].rpartition("/")[2] for entry in found]


def test_from_small_files_to_one(cloud: LocalCloud, tmp_path: Any) -> None:
    """Merged, then shown to all engines, then cleaned up, a run each; plain DuckDB attaches the catalogue."""
    assert len(files(cloud)) == OBJECTS
    first = cloud.invoke("CompactFunction")
    assert (first["files_in"], first["files_out"], first["rows"]) == (OBJECTS, 1, OBJECTS * EVENTS)
    assert len(files(cloud)) == OBJECTS + 1
    second = cloud.invoke("CompactFunction")
    assert (second["flipped"], second["failed"]) == (1, {})
    cloud.invoke("CompactFunction")
    (name,) = files(cloud)
    assert not name.startswith("_")
    target = tmp_path / "penstock.ducklake"
    bucket = cloud.hive.removeprefix("s3://")
    cloud.client("s3").download_file(bucket, "_catalog/penstock.ducklake", str(target))
    with duckdb.connect(str(target), read_only=True) as db:
        found = db.execute("SELECT path, record_count FROM ducklake_data_file").fetchall()
    assert [(path.rpartition("/")[2], rows) for path, rows in found] == [(name, OBJECTS * EVENTS)]


def test_least_privilege(cloud: LocalCloud) -> None:
    """No call of the function is refused, and every action that its role grants is used."""
    context = {"dynamodb:LeadingKeys": "lease#publish"}
    left = granted(cloud.stack.functions["CompactFunction"].policy) - used(cloud, "CompactFunction", context)
    assert sorted(left) == sorted(WAIVED)


@pytest.mark.parametrize(
    ("action", "resource", "context", "expected"),
    [
        ("s3:DeleteObject", "HIVE/tp_table=t/x.parquet", {}, True),
        ("s3:DeleteObject", "HIVE/_config/x.tpc", {}, False),
        ("s3:DeleteObject", "HIVE/_catalog/log/x.json.gz", {}, True),
        ("s3:DeleteObject", "HIVE/_catalog/penstock.ducklake", {}, False),
        ("s3:PutObject", "HIVE/_config/x.tpc", {}, False),
        ("s3:GetObject", "arn:aws:s3:::logs/x", {}, False),
        ("s3:ListBucket", "arn:aws:s3:::logs", {}, False),
        ("dynamodb:DeleteItem", "LEDGER", {"dynamodb:LeadingKeys": "intent"}, True),
        ("dynamodb:DeleteItem", "LEDGER", {"dynamodb:LeadingKeys": "lease#compact#t.p#x"}, True),
        ("dynamodb:DeleteItem", "LEDGER", {"dynamodb:LeadingKeys": "lease#sweep#t.p"}, False),
        ("dynamodb:DeleteItem", "LEDGER", {"dynamodb:LeadingKeys": "object#t.p#x"}, False),
        ("dynamodb:DeleteItem", "LEDGER", {"dynamodb:LeadingKeys": "log#t.p"}, True),
        ("dynamodb:DeleteItem", "LEDGER", {"dynamodb:LeadingKeys": "head#t.p"}, False),
        ("s3:PutObject", "arn:aws:s3:::cold/tp_table=t/x.parquet", {}, False),
        ("dynamodb:Scan", "LEDGER", {}, False),
        ("sqs:SendMessage", "QUEUE", {}, False),
    ],
)
def test_what_the_function_may(
    cloud: LocalCloud, action: str, resource: str, context: Mapping[str, str], expected: bool
) -> None:
    """It changes the hive's files and its own items of the ledger; log buckets are closed to it."""
    ledger = cloud.ledger_url.removeprefix("dynamodb://")
    arn = (
        resource.replace("HIVE", f"arn:aws:s3:::{cloud.hive.removeprefix('s3://')}")
        .replace("LEDGER", f"arn:aws:dynamodb:us-east-1:123456789012:table/{ledger}")
        .replace("QUEUE", cloud.stack.outputs["QueueArn"])
    )
    policy = cloud.stack.functions["CompactFunction"].policy
    assert allowed(policy, Access(action, arn, context)) is expected


def test_it_fails_so_that_an_alarm_can_tell(cloud: LocalCloud) -> None:
    """A hive that cannot be written fails the invocation, which names what it could not do."""
    key, body = cloudtrail_object(1000)
    cloud.client("s3").put_object(Bucket="logs", Key=key, Body=body)
    cloud.run_until_idle()
    cloud.fault(
        Fault("s3:PutObject", f"arn:aws:s3:::{cloud.hive[5:]}/tp_table=*", 403, "AccessDenied", caller=KEY)
    )
    with pytest.raises(Retry, match=r"aws_cloudtrail_log.*/default/2026-01-31: .*AccessDenied"):
        cloud.invoke("CompactFunction")


@pytest.mark.parametrize(
    ("report", "calls"),
    [
        (compact.Report(left=1, merges=1), [True]),
        (compact.Report(left=1, merges=0), []),
        (compact.Report(merges=1), []),
    ],
)
def test_it_goes_on_by_calling_itself(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, report: compact.Report, calls: list[bool]
) -> None:
    """Out of time, the function invokes itself, as its role allows; not without any progress."""
    monkeypatch.setattr(compact.Compactor, "run", lambda *_, **__: report)
    cloud.forget_calls()
    assert cloud.invoke("CompactFunction")["left"] == report.left
    found = [call for call in cloud.calls(KEY) if call.action == "lambda:InvokeFunction"]
    assert [call.allowed for call in found] == calls


def test_the_schedule(cloud: LocalCloud) -> None:
    """The function is called at the rate of the parameter, and its alarm watches for failures."""
    rules = cloud.client("events").list_rules()["Rules"]
    assert "rate(15 minutes)" in [rule.get("ScheduleExpression") for rule in rules]
    alarm = load()["Resources"]["CompactAlarm"]["Properties"]
    assert alarm["MetricName"] == "Errors"
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "CompactFunction"}}]
