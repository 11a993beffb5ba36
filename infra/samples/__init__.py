"""Samples: our own CloudTrail logs for the demo, the tests and the bench, the same for the same seed.

    events        records, as dicts
    objects       log files in AWS's key layout, the story of a stolen key among them
    bad_objects   everything odd that lands in such a bucket, each with what must become of it
    notices       messages that tell of objects: EventBridge, S3, SNS, SQS

Nothing here reads a clock or the machine; nothing was taken from real logs.
"""

from infra.samples.bad import HOSTILE, bad_objects, bomb
from infra.samples.notices import eventbridge_event, s3_notification, s3_test_event, sns_wrapped, sqs_record
from infra.samples.records import ACCOUNTS, REGIONS, events
from infra.samples.story import INTRUDER_ADDRESS, INTRUDER_USER, NEW_USER
from infra.samples.trees import SampleObject, log_key, objects, pack, unpack

__all__ = [
    "ACCOUNTS",
    "HOSTILE",
    "INTRUDER_ADDRESS",
    "INTRUDER_USER",
    "NEW_USER",
    "REGIONS",
    "SampleObject",
    "bad_objects",
    "bomb",
    "eventbridge_event",
    "events",
    "log_key",
    "objects",
    "pack",
    "s3_notification",
    "s3_test_event",
    "sns_wrapped",
    "sqs_record",
    "unpack",
]
