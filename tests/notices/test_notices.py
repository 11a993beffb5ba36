"""Messages: every shape names its objects, and what is none says so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra import samples
from penstock.model import ObjectRef
from penstock.notices import compose, read

KEYS = [
    "plain.gz",
    "a b",
    "a+b",
    "ü/é😀.gz",
    "a=b&c",
    "50%",
    "%41",
    "../..",
    "a//b",
    " lead",
    "x\ny",
    "'\"",
    "a%2Fb",
    "日本",
]


def obj(key: str) -> samples.SampleObject:
    """An object of that name."""
    return samples.SampleObject(key, b"body", None)


def expected(key: str, version: str | None = None) -> ObjectRef:
    """What every shape must tell of it."""
    return ObjectRef("logs", key, version, obj(key).etag, 4)


@pytest.mark.parametrize("version", [None, "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY"])
@pytest.mark.parametrize("key", KEYS)
def test_every_shape_names_the_same_object(key: str, version: str | None) -> None:
    """EventBridge (key as it is), S3 (URL-encoded), either within SNS, and our own."""
    event = samples.eventbridge_event("logs", obj(key), version_id=version)
    told = samples.s3_notification("logs", [obj(key)], version_ids={key: version} if version else None)
    for message in (
        event,
        told,
        samples.sns_wrapped(event),
        samples.sns_wrapped(told),
        samples.sns_wrapped(samples.sns_wrapped(told)),
    ):
        notice = read(json.dumps(message))
        assert notice.objects == (expected(key, version),)
        assert not notice.redrive
    assert read(compose([expected(key, version)])).objects == (expected(key, version),)


def test_several_records_keep_their_order() -> None:
    """One S3 message may name several objects; those that were removed are left out."""
    message = samples.s3_notification("logs", [obj(key) for key in KEYS])
    message["Records"][1]["eventName"] = "ObjectRemoved:Delete"
    message["Records"][2]["eventName"] = "s3:ObjectCreated:CompleteMultipartUpload"
    assert [ref.key for ref in read(json.dumps(message)).objects] == [KEYS[0], *KEYS[2:]]


@pytest.mark.parametrize(
    "message",
    [
        samples.s3_test_event("logs"),
        samples.sns_wrapped(samples.s3_test_event("logs")),
        {"Records": []},
        {**samples.eventbridge_event("logs", obj("x")), "detail-type": "Object Deleted"},
        {"penstock": {"objects": []}},
    ],
)
def test_messages_that_name_nothing(message: dict[str, Any]) -> None:
    """Test events and events of other kinds are read and are empty."""
    assert read(json.dumps(message)).objects == ()


def spoilt(**changes: Any) -> dict[str, Any]:
    """An EventBridge event whose object is told otherwise."""
    event = samples.eventbridge_event("logs", obj("x"))
    event["detail"]["object"] |= changes
    return event


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "17",
        "null",
        '"text"',
        "[]",
        "{}",
        '{"a":1}',
        "[" * 200_000,
        '{"a":' * 100_000,
        '{"Records":[{}]}',
        '{"Records":[null]}',
        '{"Records":["x"]}',
        '{"Records":"x","source":"aws.s3"}',
        '{"Records":[{"eventName":"ObjectCreated:Put"}]}',
        '{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":17}}}]}',
        '{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{},"object":{"key":"k"}}}]}',
        '{"source":"aws.s3","detail-type":"Object Created","detail":null}',
        '{"source":"aws.s3","detail-type":"Object Created","detail":{}}',
        '{"Type":"Notification","Message":17}',
        '{"Type":"Notification","Message":{}}',
        '{"Type":"Notification","Message":"hello"}',
        '{"penstock":null}',
        '{"penstock":{}}',
        '{"penstock":{"objects":"abc"}}',
        '{"penstock":{"objects":[{"bucket":"b"}]}}',
        '{"penstock":{"objects":[{"bucket":"b","key":null}]}}',
        json.dumps(spoilt(key=17)),
        json.dumps(spoilt(key=None)),
        json.dumps(spoilt(key="\ud800")),
        json.dumps(spoilt(size="12")),
        json.dumps(spoilt(size=-1)),
        json.dumps(spoilt(size=True)),
        json.dumps(spoilt(etag=17)),
        json.dumps(spoilt(**{"version-id": ["x"]})),
    ],
    ids=lambda body: body[:60],
)
def test_what_is_no_notice_says_so(body: str) -> None:
    """ValueError, with what was found, in a line or two."""
    with pytest.raises(ValueError) as caught:
        read(body)
    assert type(caught.value) is ValueError
    assert 10 < len(str(caught.value)) < 600


def test_etags_lose_their_quotes() -> None:
    """Wherever they come with them."""
    assert read(json.dumps(spoilt(etag='"abc"'))).objects[0].etag == "abc"
    assert read(json.dumps(spoilt(etag=None))).objects[0].etag is None


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
REFS = st.builds(
    ObjectRef,
    bucket=TEXTS,
    key=TEXTS,
    version_id=st.none() | TEXTS,
    etag=st.none() | st.from_regex(r"[0-9a-f]{32}(-[0-9]{1,4})?", fullmatch=True),
    size=st.none() | st.integers(0, 5 << 40),
)


@given(refs=st.lists(REFS, max_size=5), redrive=st.booleans())
def test_what_is_composed_is_read(refs: list[ObjectRef], redrive: bool) -> None:
    """Any objects, alone or within SNS."""
    body = compose(refs, redrive=redrive)
    for text in (body, json.dumps(samples.sns_wrapped(body))):
        notice = read(text)
        assert (list(notice.objects), notice.redrive) == (refs, redrive)


NAMES = [
    "Records",
    "source",
    "detail",
    "detail-type",
    "object",
    "bucket",
    "key",
    "name",
    "s3",
    "eventName",
    "penstock",
    "objects",
    "Message",
    "Type",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(NAMES),
        inner | st.sampled_from(["aws.s3", "Object Created", "ObjectCreated:Put", "Notification"]),
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(message=JSON)
def test_any_json_is_a_notice_or_a_value_error(message: Any) -> None:
    """No message of any shape ends a worker."""
    try:
        notice = read(json.dumps(message))
    except ValueError:
        return
    assert all(isinstance(ref.key, str) and isinstance(ref.bucket, str) for ref in notice.objects)


@pytest.mark.parametrize(
    "ref",
    [
        ObjectRef("b", "a b/ü?etag=x?versionId=y%20", None, "e-1"),
        ObjectRef("b", "a?etag=1", "v.1"),
        ObjectRef("", "/logs/a b?#%/ü\udcff\n", None, "7-1", scheme="file"),
        ObjectRef("", "cat 'a b'", None, "0f", scheme="command"),
    ],
)
def test_an_identity_tells_its_object(ref: ObjectRef) -> None:
    """By it a bad object is found again."""
    assert ObjectRef.of(ref.identity) == ref
