"""Fetching: exactly the version that was announced, inflated, and each failure with its meaning."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, IncompleteReadError

from penstock import aws
from penstock.errors import BadObject, PenstockError, Retry
from penstock.fetch import Fetched, TooLarge, fetch, from_s3, stream
from penstock.model import ObjectRef

TEXT = b'{"Records":[]}' * 1000
MOST = 1 << 30


def put(s3: Any, key: str, body: bytes = gzip.compress(TEXT, mtime=0), bucket: str = "logs") -> ObjectRef:
    """An object and what its event would say."""
    answer = s3.put_object(Bucket=bucket, Key=key, Body=body)
    return ObjectRef(bucket, key, answer.get("VersionId"), answer["ETag"].strip('"'), len(body))


def read(s3: Any, ref: ObjectRef, path: Path, at_once: int = MOST, most: int = MOST) -> bytes:
    """What `fetch` writes."""
    got = fetch(from_s3(s3), ref, path / "text", at_once=at_once, most=most)
    assert got.modified is not None
    assert got.modified.tzinfo is not None
    (text,) = texts(got)
    assert got.parts[0].inflated == len(text)
    return text


def texts(got: Fetched) -> list[bytes]:
    """What its parts hold."""
    found = []
    for part in got.parts:
        if isinstance(part.text, bytes):
            found.append(part.text)
        else:
            found.append(part.text.read_bytes() if isinstance(part.text, Path) else b"".join(part.text))
    return found


@pytest.mark.parametrize(
    "key", ["plain.gz", "a b", "ü/é😀.gz", "a=b&c", "50%", "%41", "a+b", "..x/..y", "'\"", "a//b"]
)
def test_any_key_is_fetched(s3: Any, key: str, tmp_path: Path) -> None:
    """Keys come decoded and go as they are."""
    ref = put(s3, key, gzip.compress(key.encode(), mtime=0))
    assert read(s3, ref, tmp_path) == key.encode()


def test_sizes_are_as_stored_and_as_inflated(s3: Any, tmp_path: Path) -> None:
    """Both are told."""
    ref = put(s3, "sizes")
    got = fetch(from_s3(s3), ref, tmp_path / "text", at_once=MOST, most=MOST)
    assert (got.bytes, got.parts[0].inflated) == (ref.size, len(TEXT))


def test_the_announced_version_is_fetched(s3: Any, tmp_path: Path) -> None:
    """Also when it is no longer the newest; deleted ones are bad."""
    old, new = put(s3, "v", b"old", "versioned"), put(s3, "v", b"new", "versioned")
    assert (read(s3, old, tmp_path), read(s3, new, tmp_path)) == (b"old", b"new")
    s3.delete_object(Bucket="versioned", Key="v")
    assert read(s3, old, tmp_path) == b"old"
    s3.delete_object(Bucket="versioned", Key="v", VersionId=old.version_id)
    with pytest.raises(BadObject, match="deleted"):
        read(s3, old, tmp_path)


def test_an_overwritten_object_is_bad(s3: Any, tmp_path: Path) -> None:
    """Without versions the old bytes are gone: PreconditionFailed; the new ones have their own notice."""
    old = put(s3, "over", b"old")
    put(s3, "over", b"new")
    with pytest.raises(BadObject, match="overwritten") as caught:
        read(s3, old, tmp_path)
    assert caught.value.name == "s3://logs/over"


def test_the_version_null_is_no_version(s3: Any, tmp_path: Path) -> None:
    """The ETag is asked for instead."""
    ref = put(s3, "null")
    assert read(s3, ObjectRef("logs", "null", "null", ref.etag), tmp_path) == TEXT
    with pytest.raises(BadObject, match="overwritten"):
        read(s3, ObjectRef("logs", "null", "null", "0" * 32), tmp_path)


def test_too_large_is_told_before_it_is_read(s3: Any, tmp_path: Path) -> None:
    """It goes the way of `stream`, which gives the same text."""
    ref = put(s3, "large")
    assert read(s3, ref, tmp_path, at_once=len(TEXT)) == TEXT
    with pytest.raises(TooLarge, match="s3://logs/large"):
        read(s3, ref, tmp_path, at_once=len(TEXT) - 1)
    streamed = stream(from_s3(s3), ref, tmp_path / "spool", at_once=10, most=MOST)
    assert (streamed.bytes, texts(streamed)) == (ref.size, [TEXT])


@pytest.mark.parametrize(
    ("body", "most", "words"),
    [
        (gzip.compress(TEXT, mtime=0)[:-9], MOST, "cut short"),
        (gzip.compress(TEXT, mtime=0), 1000, "limit of 1,000 bytes"),
        (b"\x1f\x8b\x08\x00damage", MOST, "gzip"),
    ],
    ids=["cut", "limit", "damaged"],
)
def test_what_does_not_inflate_is_bad(s3: Any, body: bytes, most: int, words: str, tmp_path: Path) -> None:
    """The object is named; streamed it is the same."""
    ref = put(s3, "broken", body)
    with pytest.raises(BadObject, match=words) as caught:
        read(s3, ref, tmp_path, most=most)
    assert caught.value.name == ref.uri
    with pytest.raises(BadObject, match=words):
        texts(stream(from_s3(s3), ref, tmp_path / "spool", at_once=10, most=most))


def failed(s3: Any, **request: Any) -> ClientError:
    """What botocore raises for a real refusal."""
    with pytest.raises(ClientError) as caught:
        s3.get_object(**request)
    return caught.value


def test_real_refusals_and_their_meaning(s3: Any) -> None:
    """NoSuchKey, NoSuchBucket and PreconditionFailed, as S3 answers them, are the object's fault."""
    put(s3, "there")
    cases = {
        "NoSuchKey": {"Bucket": "logs", "Key": "gone"},
        "NoSuchBucket": {"Bucket": "no-such-bucket", "Key": "x"},
        "PreconditionFailed": {"Bucket": "logs", "Key": "there", "IfMatch": '"0"'},
    }
    for code, request in cases.items():
        error = failed(s3, **request)
        assert aws.code(error) == code
        meaning = aws.fault(error, "s3://logs/x", "s3:GetObject")
        assert isinstance(meaning, BadObject)
        assert code in meaning.reason
    with pytest.raises(ClientError) as caught:
        s3.head_object(Bucket="logs", Key="gone")
    assert isinstance(aws.fault(caught.value, "s3://logs/gone", "s3:GetObject"), BadObject)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("AccessDenied", Retry, "s3:GetObject"),
        ("403", Retry, "access denied"),
        ("SlowDown", Retry, "SlowDown"),
        ("InternalError", Retry, "InternalError"),
        ("ExpiredToken", Retry, "ExpiredToken"),
        ("InvalidObjectState", BadObject, "archived"),
        ("NoSuchVersion", BadObject, "deleted"),
        ("", Retry, "Unknown"),
    ],
)
def test_other_refusals_and_their_meaning(code: str, kind: type[PenstockError], words: str) -> None:
    """What passes, or what someone can grant, comes again; the message names object and permission."""
    error = ClientError({"Error": {"Code": code, "Message": "m"}}, "GetObject")
    meaning = aws.fault(error, "s3://logs/x", "s3:GetObject")
    assert type(meaning) is kind
    assert "s3://logs/x" in str(meaning)
    assert words in str(meaning)


def test_no_answer_comes_again(s3: Any, tmp_path: Path) -> None:
    """A connection that fails or breaks off is Retry, from the call itself too."""
    for error in (
        EndpointConnectionError(endpoint_url="http://x"),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ):
        assert isinstance(aws.fault(error, "s3://logs/x", "s3:GetObject"), Retry)
    account = aws.Account(access_key="k", secret_key="s", endpoint_url="http://127.0.0.1:1", retry_attempts=1)
    with pytest.raises(Retry, match="s3://logs/x: EndpointConnectionError"):
        read(aws.client("s3", account), ObjectRef("logs", "x", None, "e"), tmp_path)
