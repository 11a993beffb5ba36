"""The deployed sweep function, end to end in the local cloud, kept to its role."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from infra.local_cloud import Fault, LocalCloud, key_of
from infra.local_cloud.iam import Access, allowed
from infra.local_cloud.template import load
from tests.infra.privilege import granted, used
from tests.infra.test_collect_function import CONFIG, cloudtrail_object

from penstock import sweep
from penstock.errors import Retry

OBJECTS = 6
KEY = key_of("SweepFunction")
PARAMETERS = {"SweepFirstDays": "3650", "SweepLookBackHours": "8784", "SweepSettleMinutes": "0"}

WAIVED = {
    ("GoOn", "lambda:InvokeFunction"): "another test of this file runs out of time",
    ("Ledger", "dynamodb:Query"): "a commit that another one overtakes: tests/ledger makes them",
    ("ListLogs", "s3:ListBucket"): "folders are asked for where a full page ends in others: tests/listing",
    ("Lists", "s3:GetObject"): "lists too long for an item: tests/ledger makes them",
    ("OwnLog", "logs:CreateLogStream"): "Lambda itself writes the log",
    ("OwnLog", "logs:PutLogEvents"): "Lambda itself writes the log",
}
"""Granted, but not used by that test, and why; one that is used after all fails the test."""


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """Two log buckets, of which one tells nobody of its objects."""
    with LocalCloud(log_buckets=("logs", "logs-plain"), parameters=PARAMETERS) as started:
        started.put_config(CONFIG)
        silent: Any = {}
        started.client("s3").put_bucket_notification_configuration(
            Bucket="logs-plain", NotificationConfiguration=silent
        )
        for bucket, first in (("logs", 0), ("logs-plain", 100)):
            for number in range(first, first + OBJECTS):
                key, body = cloudtrail_object(number)
                started.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        yield started


def collected(cloud: LocalCloud) -> int:
    """Objects that the ledger knows."""
    items = cloud.client("dynamodb").get_paginator("scan")
    pages = items.paginate(TableName=cloud.ledger_url.removeprefix("dynamodb://"))
    return sum(item["pk"]["S"].startswith("object#") for page in pages for item in page["Items"])


def test_what_events_missed_is_found(cloud: LocalCloud) -> None:
    """The bucket without notices is collected by a sweep; a second sweep finds nothing."""
    cloud.run_until_idle()
    assert collected(cloud) == OBJECTS
    report = cloud.invoke("SweepFunction")
    assert (report["known"], report["queued"], report["failed"]) == (OBJECTS, OBJECTS, {})
    cloud.run_until_idle()
    assert collected(cloud) == 2 * OBJECTS
    assert cloud.dead_letters() == []
    again = cloud.invoke("SweepFunction")
    assert (again["known"], again["queued"], again["unfinished"]) == (2 * OBJECTS, 0, [])


def test_least_privilege(cloud: LocalCloud) -> None:
    """No call of the function is refused, and every action that its role grants is used."""
    context = {"s3:prefix": "_config/", "dynamodb:LeadingKeys": "lease#sweep#t.p"}
    left = granted(cloud.stack.functions["SweepFunction"].policy) - used(cloud, "SweepFunction", context)
    assert sorted(left) == sorted(WAIVED)


@pytest.mark.parametrize(
    ("action", "resource", "context", "expected"),
    [
        ("s3:ListBucketVersions", "arn:aws:s3:::logs", {}, True),
        ("s3:ListBucket", "arn:aws:s3:::logs-plain", {}, True),
        ("s3:ListBucket", "arn:aws:s3:::others", {}, False),
        ("s3:GetObject", "arn:aws:s3:::logs/x", {}, False),
        ("s3:PutObject", "arn:aws:s3:::logs/x", {}, False),
        ("dynamodb:DeleteItem", "LEDGER", {"dynamodb:LeadingKeys": "lease#sweep#t.p"}, True),
        ("dynamodb:DeleteItem", "LEDGER", {"dynamodb:LeadingKeys": "object#t.p#x"}, False),
        ("dynamodb:DeleteItem", "LEDGER", {}, False),
        ("sqs:ReceiveMessage", "QUEUE", {}, False),
        ("sqs:SendMessage", "QUEUE", {}, True),
        ("lambda:InvokeFunction", "FUNCTION", {}, True),
        ("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:other", {}, False),
    ],
)
def test_what_the_function_may(
    cloud: LocalCloud, action: str, resource: str, context: Mapping[str, str], expected: bool
) -> None:
    """It lists the log buckets and opens nothing in them; of the ledger it deletes leases only."""
    here = "us-east-1:123456789012"
    function = cloud.stack.functions["SweepFunction"]
    arns = {
        "LEDGER": f"arn:aws:dynamodb:{here}:table/{cloud.ledger_url.removeprefix('dynamodb://')}",
        "QUEUE": cloud.stack.outputs["QueueArn"],
        "FUNCTION": f"arn:aws:lambda:{here}:function:{function.name}",
    }
    assert allowed(function.policy, Access(action, arns.get(resource, resource), context)) is expected


def test_it_fails_so_that_an_alarm_can_tell(cloud: LocalCloud) -> None:
    """A bucket that cannot be listed fails the invocation; the error names partition and permission."""
    cloud.fault(Fault("s3:ListBucketVersions", "arn:aws:s3:::logs", 403, "AccessDenied", caller=KEY))
    with pytest.raises(Retry, match=r"aws_cloudtrail_log.local: s3://logs: access denied.*s3:ListBucket"):
        cloud.invoke("SweepFunction")
    assert cloud.faults_left() == []


@pytest.mark.parametrize(
    ("report", "calls"),
    [
        (sweep.Report(unfinished=["t.p"], moves=1), [True]),
        (sweep.Report(unfinished=["t.p"], moves=0), []),
        (sweep.Report(moves=1), []),
    ],
)
def test_it_goes_on_by_calling_itself(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, report: sweep.Report, calls: list[bool]
) -> None:
    """Out of time, the function invokes itself, as its role allows; not without any progress."""
    monkeypatch.setattr(sweep.Sweeper, "run", lambda *_: report)
    cloud.forget_calls()
    assert cloud.invoke("SweepFunction")["unfinished"] == report.unfinished
    found = [call for call in cloud.calls(KEY) if call.action == "lambda:InvokeFunction"]
    assert [call.allowed for call in found] == calls


def test_log_groups_are_polled() -> None:
    """With the parameters for it, the function polls a log group into the hive, within its role."""
    group = "/aws/eks/prod/cluster"
    parameters = {
        "PollsSources": "true",
        "PolledLogGroupArns": f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*",
    }
    with LocalCloud(parameters=parameters) as polled:
        polled.put_config(
            'partition "aws_eks_audit_log" "prod" {\n  source "aws_cloudwatch_log_group" {\n'
            f'    log_group_name = "{group}"\n  }}\n}}\n'
        )
        logs = polled.client("logs")
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="audit")
        when = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
        event = {"kind": "Event", "auditID": "a", "verb": "get", "stageTimestamp": when.isoformat()}
        events = [{"timestamp": int(when.timestamp() * 1000), "message": json.dumps(event)}]
        logs.put_log_events(logGroupName=group, logStreamName="audit", logEvents=events)
        report = polled.invoke("SweepFunction")
        assert (report["rows"], report["failed"], report["unfinished"]) == (1, {}, [])
        assert polled.invoke("SweepFunction")["rows"] == 0
        assert [call for call in polled.calls(KEY) if not call.allowed] == []
        listed = polled.client("s3").list_objects_v2(Bucket=polled.hive_bucket, Prefix="tp_table=")
        assert listed["KeyCount"] == 1


def test_the_schedule(cloud: LocalCloud) -> None:
    """The function is called at the rate of the parameter, and its alarm watches for failures."""
    rules = cloud.client("events").list_rules()["Rules"]
    assert "rate(1 hour)" in [rule.get("ScheduleExpression") for rule in rules]
    alarm = load()["Resources"]["SweepAlarm"]["Properties"]
    assert alarm["MetricName"] == "Errors"
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "SweepFunction"}}]


def test_a_person_can_run_it_now(cloud: LocalCloud) -> None:
    """A cloud that another process keeps running is found by its endpoint, and its sweep run by hand."""
    before = dict(os.environ)
    there = LocalCloud.at(cloud.endpoint, ["logs", "logs-plain"], PARAMETERS)
    assert there.invoke("SweepFunction")["failed"] == {}
    assert dict(os.environ) == before
    with pytest.raises(KeyError, match="NoFunction"):
        there.invoke("NoFunction")


def test_a_running_cloud_is_not_invoked_in_its_process(cloud: LocalCloud) -> None:
    """Functions share this process's environment, so one waits for the workers to stop."""
    cloud.start()
    try:
        with pytest.raises(RuntimeError, match="stop them first"):
            cloud.invoke("SweepFunction")
    finally:
        cloud.stop()
