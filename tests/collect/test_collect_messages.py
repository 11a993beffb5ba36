"""What a batch of messages leads to: every way an object can be announced, and what is no notice."""

from __future__ import annotations

import json

import pytest
from infra.samples import SampleObject
from tests.collect.rig import PROD, Rig, logs

from infra import samples
from penstock import notices
from penstock.model import ObjectRef, PartitionId


def _put(rig: Rig, *objects: SampleObject) -> list[ObjectRef]:
    return [rig.put(one.key, one.body) for one in objects]


def test_all_forms_in_one_batch(rig: Rig) -> None:
    """EventBridge, S3 notifications of several records, SNS around either, Penstock's own: all are read."""
    objects = logs(7)
    refs = _put(rig, *objects)
    removed = samples.s3_notification(rig.bucket, objects[:1])
    removed["Records"][0]["eventName"] = "ObjectRemoved:Delete"
    bodies = [
        samples.eventbridge_event(rig.bucket, objects[0]),
        samples.s3_notification(rig.bucket, objects[1:3]),
        samples.sns_wrapped(samples.s3_notification(rig.bucket, [objects[3]])),
        samples.sns_wrapped(samples.eventbridge_event(rig.bucket, objects[4])),
        samples.s3_test_event(rig.bucket),
        samples.sns_wrapped(samples.s3_test_event(rig.bucket)),
        removed,
    ]
    messages = [(str(number), json.dumps(body)) for number, body in enumerate(bodies)]
    messages += [rig.message(refs[5]), rig.message(refs[6], redrive=True)]

    report = rig.worker().handle(messages)

    assert report.again == {}
    assert (report.objects, report.done, report.bad, report.commits) == (7, 7, 0, 1)
    assert report.rows == report.stored == sum(one.stored for one in objects)
    assert sorted(rig.records(refs)) == sorted(one.key for one in objects)
    rig.check(refs)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("this is no JSON", "found 'this is no JSON', expected JSON"),
        ("[1, 2]", "found '[1, 2]', expected a JSON object"),
        ("{}", "found an object with nothing in it, expected an S3 event"),
        ('{"hello": 1, "world": 2}', "found an object with hello, world, expected an S3 event"),
        ('{"Records": [{"eventName": "ObjectCreated:Put"}]}', "lacks 's3'"),
        ('{"Records": ["text"]}', "looks like a notice"),
        ('{"penstock": {"objects": [{"bucket": "b"}]}}', "lacks 'key'"),
        ('{"Type": "Notification", "Message": "no JSON"}', "expected JSON"),
    ],
)
def test_what_is_no_notice_comes_again_alone(rig: Rig, body: str, reason: str) -> None:
    """A message that cannot be read comes again with the reason; the others are collected."""
    (ref,) = _put(rig, logs(1)[0])
    good = rig.message(ref)
    report = rig.worker().handle([("odd", body), good])
    assert list(report.again) == ["odd"]
    assert reason in report.again["odd"]
    assert report.again["odd"].startswith("message odd: ")
    assert report.done == 1
    rig.check([ref])


def test_nobodys_objects_are_passed_over(rig: Rig) -> None:
    """Unknown buckets, digests, insights and what lies beside the logs are counted and not fetched."""
    ignored = [one for one in samples.bad_objects("nobody") if one.expect == "ignored"]
    refs = _put(rig, *ignored)
    refs.append(ObjectRef("a-bucket-of-others", logs(1)[0].key, etag="e"))
    worker = rig.worker()
    rig.store.asked()
    report = worker.handle([rig.message(*refs)])
    assert (report.objects, report.unwanted, report.again) == (len(refs), len(refs), {})
    assert rig.live() == []
    fetched = [what for (operation, what), _ in rig.store.asked().items() if operation == "GET"]
    assert [what for what in fetched if what.startswith(rig.bucket)] == []


def test_same_object_many_times_in_one_batch(rig: Rig) -> None:
    """Duplicates inside one batch, in different forms, are one object."""
    one = logs(1)[0]
    (ref,) = _put(rig, one)
    event = json.dumps(samples.eventbridge_event(rig.bucket, one))
    notification = json.dumps(samples.s3_notification(rig.bucket, [one, one]))
    report = rig.worker().handle([("a", event), ("b", event), ("c", notification), rig.message(ref, ref)])
    assert (report.done, report.stored, report.again) == (1, one.stored, {})
    rig.check([ref])


@pytest.mark.parametrize(
    "name", ["with space", "ünï", "a=b", "50%25", "a+b", "../..", "%2F", "'quote\"", "q?x=1#y"]
)
def test_keys_with_special_characters(rig: Rig, name: str) -> None:
    """A key arrives as it stands in S3, URL-encoded in the notice or not."""
    rig.configure(
        f'partition "aws_cloudtrail_log" "prod" {{\n source "aws_s3_bucket" {{\n'
        f'  bucket = "{rig.bucket}"\n  file_layout = `%{{DATA}}.json.gz`\n }}\n}}\n'
    )
    first, second = logs(2)
    plain = SampleObject(f"{name}/plain {name}.json.gz", first.body, 3)
    encoded = SampleObject(f"{name}/encoded {name}.json.gz", second.body, 3)
    refs = _put(rig, plain, encoded)
    messages = [
        ("event", json.dumps(samples.eventbridge_event(rig.bucket, plain))),
        ("notification", json.dumps(samples.s3_notification(rig.bucket, [encoded]))),
    ]
    report = rig.worker().handle(messages)
    assert (report.done, report.bad, report.again) == (2, 0, {})
    assert set(rig.rows()["tp_source_location"].to_pylist()) == {plain.key, encoded.key}
    rig.check(refs)


def test_key_wanted_by_two_partitions(rig: Rig) -> None:
    """Each partition gets the object's rows, by its own filter, and remembers it for itself."""
    rig.configure(
        "".join(
            f'partition "aws_cloudtrail_log" "{name}" {{\n filter = `{condition}`\n'
            f' source "aws_s3_bucket" {{\n  bucket = "{rig.bucket}"\n }}\n}}\n'
            for name, condition in (
                ("prod", "aws_region = 'us-east-1'"),
                ("other", "aws_region <> 'us-east-1'"),
            )
        )
    )
    other = PartitionId(PROD.table, "other")
    refs = _put(rig, *logs(8))
    report = rig.worker().handle([rig.message(*refs)])
    assert (report.done, report.again) == (16, {})
    rows, others = rig.rows(), rig.rows(partition=other)
    assert set(rows["aws_region"].to_pylist()) == {"us-east-1"}
    assert set(others["aws_region"].to_pylist()) == {"eu-central-1"}
    assert rows.num_rows + others.num_rows == sum(one.stored for one in logs(8))
    rig.check(refs)
    rig.check(refs, other)


def test_again_adds_nothing_and_downloads_nothing(rig: Rig) -> None:
    """What is committed already is known: no commit, no GetObject of a log, no PutObject (G1)."""
    objects = [*logs(20), *(one for one in samples.bad_objects("again") if one.expect != "ignored")]
    refs = _put(rig, *objects)
    message = rig.message(*refs)
    worker = rig.worker(commit_objects=16)
    worker.handle([message])
    before = rig.open_ledger().head(PROD)
    rig.store.asked()

    for again in (worker, rig.worker()):
        report = again.handle([message, message])
        assert (report.commits, report.done, report.bad, report.again) == (0, 0, 0, {})
        assert report.known == len({ref.identity for ref in refs})

    asked = rig.store.asked()
    assert rig.open_ledger().head(PROD) == before
    assert [what for operation, what in asked if operation in ("PUT", "POST", "DELETE", "HEAD")] == []
    assert [what for operation, what in asked if operation == "GET" and what.startswith(rig.bucket)] == []
    assert {operation for operation, what in asked if not what} == {"BatchGetItem"}


def test_redriven_and_plain_notice_in_one_batch(rig: Rig) -> None:
    """One redrive among several notices of a bad object is enough, in whichever order they come."""
    one = logs(1, 40)[0]
    (ref,) = _put(rig, one)
    assert rig.worker(max_inflated_bytes=1000).handle([rig.message(ref)]).bad == 1
    report = rig.worker().handle([rig.message(ref), rig.message(ref, redrive=True), rig.message(ref)])
    assert (report.done, report.known, report.stored) == (1, 0, one.stored)
    rig.check([ref])


def test_composed_messages_are_read_back(rig: Rig) -> None:
    """Penstock's own form says everything it was given."""
    ref = ObjectRef("bucket", "a key/ü+%.gz", "v1", "etag", 7)
    assert notices.read(notices.compose([ref], redrive=True)) == notices.Notice((ref,), True)
