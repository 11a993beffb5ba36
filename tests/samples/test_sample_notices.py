"""Messages about objects: encoded as AWS encodes them, nested as AWS nests them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from urllib.parse import unquote_plus

from aws_lambda_powertools.utilities.data_classes import S3EventBridgeNotificationEvent, SQSEvent

from infra import samples

ODD_KEY = "AWSLogs/a b+c=d%e/ü/..x&'\"(1).json.gz"
ODD = samples.SampleObject(ODD_KEY, b"body", None)
PLAIN = next(samples.objects(1, 1, 2, dt.datetime(2026, 1, 31, tzinfo=dt.UTC)))


def test_eventbridge_event_has_the_key_as_it_is() -> None:
    """The key is not URL-encoded; the rest is what the event class of Powertools reads.

    (That class decodes the key all the same, and so spoils a plus sign; see its `raw_event`.)
    """
    event = S3EventBridgeNotificationEvent(samples.eventbridge_event("logs", ODD, version_id="v1"))
    assert (event.source, event.detail_type) == ("aws.s3", "Object Created")
    assert event.detail.bucket.name == "logs"
    assert event.raw_event["detail"]["object"]["key"] == ODD_KEY
    assert (event.detail.object.size, event.detail.object.etag) == (4, hashlib.md5(b"body").hexdigest())  # noqa: S324
    assert event.detail.object.version_id == "v1"
    assert "version-id" not in samples.eventbridge_event("logs", ODD)["detail"]["object"]


def test_s3_notification_has_encoded_keys_and_several_records() -> None:
    """One record per object; blanks become plus signs, slashes stay."""
    message = samples.s3_notification("logs", [ODD, PLAIN], version_ids={PLAIN.key: "v9"})
    odd, plain = (record["s3"]["object"] for record in message["Records"])
    assert odd["key"] != ODD_KEY
    assert " " not in odd["key"]
    assert odd["key"].startswith("AWSLogs/a+b%2Bc%3Dd%25e/")
    assert unquote_plus(odd["key"]) == ODD_KEY
    assert "versionId" not in odd
    assert (plain["key"], plain["versionId"], plain["eTag"]) == (PLAIN.key, "v9", PLAIN.etag)


def test_test_event_names_no_object() -> None:
    """It has no Records."""
    event = samples.s3_test_event("logs")
    assert event["Event"] == "s3:TestEvent"
    assert "Records" not in event


def test_sns_inside_sqs_unwraps_to_the_same_message() -> None:
    """The body of the queue's record holds the envelope, its Message the notification as text."""
    message = samples.s3_notification("logs", [ODD])
    event = SQSEvent({"Records": [samples.sqs_record(samples.sns_wrapped(message), "m-1", received=3)]})
    record = next(event.records)
    envelope = json.loads(record.body)
    assert envelope["Type"] == "Notification"
    assert json.loads(envelope["Message"]) == message
    assert (record.message_id, record.attributes.approximate_receive_count) == ("m-1", "3")


def test_sqs_record_takes_any_text() -> None:
    """A body that is no JSON is carried as it is."""
    assert samples.sqs_record("no {json", "m-2")["body"] == "no {json"


def test_messages_are_the_same_each_time() -> None:
    """Same object, same message: ids are derived, not drawn."""
    assert samples.eventbridge_event("logs", PLAIN) == samples.eventbridge_event("logs", PLAIN)
    assert samples.eventbridge_event("logs", PLAIN)["id"] != samples.eventbridge_event("logs", ODD)["id"]
