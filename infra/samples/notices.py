"""Messages as a queue carries them when objects land: EventBridge, S3 notifications, SNS, SQS.

Shapes, as AWS documents them:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html,
https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html and
https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote_plus

from infra.samples.trees import SampleObject

__all__ = [
    "NOTICE_TIME",
    "eventbridge_event",
    "s3_notification",
    "s3_test_event",
    "sns_wrapped",
    "sqs_record",
]

Message = dict[str, Any]

NOTICE_TIME = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
_ACCOUNT = "111122223333"
_REGION = "eu-central-1"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


def _uuid(*parts: str) -> str:
    text = _digest(*parts)
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


def eventbridge_event(
    bucket: str, obj: SampleObject, *, version_id: str | None = None, time: dt.datetime = NOTICE_TIME
) -> Message:
    """The "Object Created" event of one object; its key is as S3 stores it, not URL-encoded."""
    told: Message = {"key": obj.key, "size": len(obj.body), "etag": obj.etag}
    if version_id is not None:
        told["version-id"] = version_id
    told["sequencer"] = _digest("sequencer", bucket, obj.key)[:18].upper()
    return {
        "version": "0",
        "id": _uuid("event", bucket, obj.key),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": _ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": _REGION,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": told,
            "request-id": _digest("request", obj.key)[:16].upper(),
            "requester": "cloudtrail.amazonaws.com",
            "source-ip-address": "192.0.2.10",
            "reason": "PutObject",
        },
    }


def s3_notification(
    bucket: str,
    objs: Iterable[SampleObject],
    *,
    version_ids: Mapping[str, str] | None = None,
    time: dt.datetime = NOTICE_TIME,
) -> Message:
    """The notification of several objects, in version 2.1 of the shape; their keys are URL-encoded."""
    return {"Records": [_s3_record(bucket, obj, (version_ids or {}).get(obj.key), time) for obj in objs]}


def _s3_record(bucket: str, obj: SampleObject, version_id: str | None, time: dt.datetime) -> Message:
    told: Message = {"key": quote_plus(obj.key, safe="/"), "size": len(obj.body), "eTag": obj.etag}
    if version_id is not None:
        told["versionId"] = version_id
    told["sequencer"] = _digest("sequencer", bucket, obj.key)[:18].upper()
    owner = {"principalId": "A3NL1KOZZKEXAMPLE"}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": _REGION,
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AROAEXAMPLE:cloudtrail"},
        "requestParameters": {"sourceIPAddress": "192.0.2.10"},
        "responseElements": {
            "x-amz-request-id": _digest("request", obj.key)[:16].upper(),
            "x-amz-id-2": _digest("host", obj.key),
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "penstock",
            "bucket": {"name": bucket, "ownerIdentity": owner, "arn": f"arn:aws:s3:::{bucket}"},
            "object": told,
        },
    }


def s3_test_event(bucket: str, *, time: dt.datetime = NOTICE_TIME) -> Message:
    """What S3 sends once when notifications are configured; it names no object."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "Bucket": bucket,
        "RequestId": _digest("test", bucket)[:16].upper(),
        "HostId": _digest("test host", bucket),
    }


def sns_wrapped(body: Message | str, *, time: dt.datetime = NOTICE_TIME) -> Message:
    """A message inside the envelope that SNS puts on it on the way to a queue (no raw delivery)."""
    text = body if isinstance(body, str) else json.dumps(body)
    topic = f"arn:aws:sns:{_REGION}:{_ACCOUNT}:log-objects"
    host = f"https://sns.{_REGION}.amazonaws.com"
    return {
        "Type": "Notification",
        "MessageId": _uuid("sns", text),
        "TopicArn": topic,
        "Subject": "Amazon S3 Notification",
        "Message": text,
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "SignatureVersion": "1",
        "Signature": _digest("signature", text),
        "SigningCertURL": f"{host}/SimpleNotificationService-example.pem",
        "UnsubscribeURL": f"{host}/?Action=Unsubscribe&SubscriptionArn={topic}:example",
    }


def sqs_record(
    body: Message | str, message_id: str, *, received: int = 1, time: dt.datetime = NOTICE_TIME
) -> Message:
    """One record of the event that Lambda hands over from a queue; `body` may be text that is no JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    sent = str(int(time.timestamp() * 1000))
    return {
        "messageId": message_id,
        "receiptHandle": _digest("receipt", message_id),
        "body": text,
        "attributes": {
            "ApproximateReceiveCount": str(received),
            "SentTimestamp": sent,
            "SenderId": "AIDAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": sent,
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{_REGION}:{_ACCOUNT}:penstock",
        "awsRegion": _REGION,
    }
