"""Notices reach the queue as they do in AWS, callers are kept to their policies, faults can be ordered."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from infra.local_cloud import COLLECT_KEY, Fault, LocalCloud
from infra.local_cloud.__main__ import greeting

KEY = "AWSLogs/1/a b+ü=%41/..x.json.gz"


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A local cloud with a bucket for each way notices take, and one that nobody configured."""
    with LocalCloud(log_buckets=("logs", "logs-direct", "logs-topic")) as started:
        started.notify_queue("logs-direct")
        started.notify_topic("logs-topic")
        started.create_log_bucket("strangers-logs")
        started.drain()
        yield started


def _told(cloud: LocalCloud, bucket: str) -> list[Any]:
    cloud.client("s3").put_object(Bucket=bucket, Key=KEY, Body=b"x")
    return [json.loads(body) for body in cloud.drain()]


def _code(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_eventbridge_tells_the_queue(cloud: LocalCloud) -> None:
    """The template's rule brings a log bucket's new object to the queue, its key as it is."""
    (event,) = _told(cloud, "logs")
    assert (event["source"], event["detail-type"]) == ("aws.s3", "Object Created")
    assert event["detail"]["bucket"]["name"] == "logs"
    assert event["detail"]["object"]["key"] == KEY


def test_s3_tells_the_queue(cloud: LocalCloud) -> None:
    """A notification straight from S3 has its key URL-encoded."""
    (event,) = _told(cloud, "logs-direct")
    (record,) = event["Records"]
    assert record["s3"]["bucket"]["name"] == "logs-direct"
    assert record["s3"]["object"]["key"] == "AWSLogs%2F1%2Fa+b%2B%C3%BC%3D%2541%2F..x.json.gz"


def test_a_topic_tells_the_queue(cloud: LocalCloud) -> None:
    """A notification by way of SNS is S3's, wrapped as text."""
    (event,) = _told(cloud, "logs-topic")
    assert event["Type"] == "Notification"
    (record,) = json.loads(event["Message"])["Records"]
    assert record["s3"]["bucket"]["name"] == "logs-topic"


def test_other_buckets_are_not_told_of(cloud: LocalCloud) -> None:
    """Objects in a bucket that is not in LogBuckets, or in the hive, make no message."""
    assert _told(cloud, "strangers-logs") == []
    assert _told(cloud, cloud.hive_bucket) == []


def test_events_of_any_bucket() -> None:
    """On request the rule takes the events of buckets without naming them, but not the hive's own."""
    with LocalCloud(parameters={"EventsOfAnyBucket": "true"}) as cloud:
        cloud.client("s3").create_bucket(Bucket="unnamed-logs")
        cloud.client("s3").put_bucket_notification_configuration(
            Bucket="unnamed-logs", NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        (event,) = _told(cloud, "unnamed-logs")
        assert event["detail"]["bucket"]["name"] == "unnamed-logs"
        assert _told(cloud, cloud.hive_bucket) == []


def test_the_function_may_do_what_its_role_says_and_no_more(cloud: LocalCloud) -> None:
    """With the function's key, calls outside of the template's policy are refused as AWS refuses them."""
    s3, admin = cloud.client("s3", COLLECT_KEY), cloud.client("s3")
    for bucket in ("logs", "strangers-logs"):
        admin.put_object(Bucket=bucket, Key="a", Body=b"x")
    cloud.drain()
    assert s3.get_object(Bucket="logs", Key="a")["Body"].read() == b"x"
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket="strangers-logs", Key="a")
    assert _code(refused) == ("AccessDenied", 403)
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket="logs", Key="a", Body=b"y")
    assert _code(refused) == ("AccessDenied", 403)
    with pytest.raises(ClientError) as refused:
        s3.delete_object(Bucket=cloud.hive_bucket, Key="_config/penstock.tpc")
    assert _code(refused) == ("AccessDenied", 403)
    with pytest.raises(ClientError) as refused:
        cloud.client("dynamodb", COLLECT_KEY).scan(TableName=cloud.ledger_url.removeprefix("dynamodb://"))
    assert _code(refused) == ("AccessDeniedException", 400)
    assert admin.get_object(Bucket="logs", Key="a")["Body"].read() == b"x"


def test_absence_is_told_only_to_those_who_may_list(cloud: LocalCloud) -> None:
    """A missing object is NoSuchKey where the caller may list the bucket and AccessDenied elsewhere."""
    s3 = cloud.client("s3", COLLECT_KEY)
    with pytest.raises(ClientError) as gone:
        s3.get_object(Bucket="logs", Key="gone")
    assert _code(gone) == ("NoSuchKey", 404)
    with pytest.raises(ClientError) as hidden:
        s3.get_object(Bucket=cloud.hive_bucket, Key="_config/gone")
    assert _code(hidden) == ("AccessDenied", 403)


def test_faults_come_to_order(cloud: LocalCloud) -> None:
    """A fault before the work does nothing; one after it does the work and loses the answer."""
    s3 = cloud.client("s3")
    single = boto3.client("s3", endpoint_url=cloud.endpoint, config=Config(retries={"total_max_attempts": 1}))
    cloud.fault(Fault("s3:PutObject", "arn:aws:s3:::logs/before", times=1))
    with pytest.raises(ClientError) as slow:
        single.put_object(Bucket="logs", Key="before", Body=b"x")
    assert _code(slow) == ("SlowDown", 503)
    cloud.fault(
        Fault("s3:PutObject", "arn:aws:s3:::logs/after", status=500, code="InternalError", after=True)
    )
    with pytest.raises(ClientError) as lost:
        single.put_object(Bucket="logs", Key="after", Body=b"x")
    assert _code(lost) == ("InternalError", 500)
    keys = {one["Key"] for one in s3.list_objects_v2(Bucket="logs")["Contents"]}
    assert "after" in keys
    assert "before" not in keys
    assert cloud.faults_left() == []
    cloud.drain()


def test_calls_are_counted(cloud: LocalCloud) -> None:
    """Each request is noted with its caller, permission, resource and answer."""
    cloud.forget_calls()
    cloud.client("s3").put_object(Bucket="logs", Key="counted", Body=b"x")
    (call,) = [one for one in cloud.calls() if one.action == "s3:PutObject"]
    assert (call.resource, call.allowed, call.status) == ("arn:aws:s3:::logs/counted", True, 200)
    cloud.drain()


def test_large_objects_and_ranges(cloud: LocalCloud) -> None:
    """Multipart uploads and range requests pass the gate unharmed."""
    s3 = cloud.client("s3")
    body = os.urandom(9 * 2**20)
    s3.upload_fileobj(BytesIO(body), "logs", "big")
    assert s3.get_object(Bucket="logs", Key="big")["Body"].read() == body
    part = s3.get_object(Bucket="logs", Key="big", Range="bytes=100-199")
    assert part["Body"].read() == body[100:200]
    assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
    cloud.drain()


def test_a_person_is_told_how_to_use_it(cloud: LocalCloud) -> None:
    """The greeting names what is there, and its workspace points here."""
    text = greeting(cloud)
    for wanted in (cloud.endpoint, cloud.hive, cloud.ledger_url, cloud.queue_url, "workspace"):
        assert wanted in text
    assert f'endpoint_url = "{cloud.endpoint}"' in cloud.workspace


def test_it_leaves_no_trace() -> None:
    """Leaving the local cloud restores the environment and ends its process."""
    before = dict(os.environ)
    with LocalCloud() as cloud:
        assert os.environ["AWS_ENDPOINT_URL"] == cloud.endpoint
        process = cloud._server
    assert dict(os.environ) == before
    assert process.poll() is not None
