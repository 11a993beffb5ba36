"""The odd objects: what each promises is true of its bytes."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import json
import zlib
from collections import Counter

import pytest
import zstandard

from infra import samples

ALL = samples.bad_objects(11)
BY_KIND = {obj.kind: obj for obj in ALL}


def inflate(body: bytes) -> bytes:
    """By content, as any collector must; raises when the bytes are broken."""
    if body.startswith(b"\x1f\x8b"):
        return gzip.decompress(body)
    if body.startswith(b"\x28\xb5\x2f\xfd"):
        reader = zstandard.ZstdDecompressor().decompressobj()
        text = reader.decompress(body)
        if not reader.eof:
            raise EOFError("zstd ends in the middle")
        return text
    if body.startswith(b"BZh"):
        return bz2.decompress(body)
    return body


def sound(record: object) -> bool:
    """Whether a record can be stored: an object that happened at a time."""
    if not isinstance(record, dict):
        return False
    time = record.get("eventTime")
    try:
        dt.datetime.fromisoformat(time if isinstance(time, str) else "no text")
    except ValueError:
        return False
    return True


def test_same_seed_same_bytes() -> None:
    """Two runs give the same; another seed gives other bytes."""
    assert samples.bad_objects(11) == ALL
    assert samples.bad_objects(12)[0].body != ALL[0].body


def test_kinds_are_unique() -> None:
    """Each kind comes once; keys too, but for the duplicate's."""
    assert max(Counter(obj.kind for obj in ALL).values()) == 1
    shared = {key for key, many in Counter(obj.key for obj in ALL).items() if many > 1}
    assert shared == {BY_KIND["duplicate"].key}


def test_the_duplicate_is_the_original() -> None:
    """Same key, same bytes, same ETag: the same object, which adds nothing the second time."""
    original, again = BY_KIND["original"], BY_KIND["duplicate"]
    assert (original.key, original.body, original.etag) == (again.key, again.body, again.etag)
    assert (original.stored, again.stored) == (original.events, 0)


@pytest.mark.parametrize(
    "obj", [o for o in ALL if o.expect == "done" and o.kind != "duplicate"], ids=lambda o: o.kind
)
def test_done_objects_hold_what_they_promise(obj: samples.SampleObject) -> None:
    """They inflate and parse; the records that have a time are `stored`, the others `rejected`."""
    records = json.loads(inflate(obj.body).decode("utf-8", "replace"))["Records"]
    taken = sum(sound(record) for record in records)
    assert (len(records), taken, len(records) - taken) == (obj.events, obj.stored, obj.rejected)
    assert obj.events == obj.stored + obj.rejected


@pytest.mark.parametrize("obj", [o for o in ALL if o.expect == "bad"], ids=lambda o: o.kind)
def test_bad_objects_are_broken(obj: samples.SampleObject) -> None:
    """They cannot be inflated, or what comes out is no JSON, or has no list of records."""
    assert (obj.stored, obj.rejected) == (0, 0)
    assert obj.reason
    try:
        text = inflate(obj.body)
    except (EOFError, OSError, zlib.error, ValueError, zstandard.ZstdError):
        assert obj.reason in ("gzip", "zstd", "bzip2")
        return
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        assert obj.reason == ("JSON" if text else "empty")
        return
    assert obj.reason == "Records"
    assert not (isinstance(value, dict) and isinstance(value.get("Records"), list))


@pytest.mark.parametrize("obj", [o for o in ALL if o.expect == "ignored"], ids=lambda o: o.kind)
def test_ignored_objects_are_no_logs(obj: samples.SampleObject) -> None:
    """Their keys do not name log files."""
    assert "/CloudTrail/" not in obj.key or not obj.key.endswith(".json.gz")
    assert (obj.stored, obj.rejected) == (0, 0)


def test_hostile_texts_come_through() -> None:
    """Each hostile text stands in a record, unchanged; NUL, quotes and megabytes are among them."""
    records = samples.unpack(BY_KIND["hostile texts"].body)
    assert [record["userAgent"] for record in records] == list(samples.HOSTILE)
    assert any("\x00" in text for text in samples.HOSTILE)
    assert any("';" in text and "--" in text for text in samples.HOSTILE)
    assert sum(len(text.encode()) >= 1_000_000 for text in samples.HOSTILE) == 2


def test_the_bomb_is_small_and_inflates_far() -> None:
    """5 MB come out of some kilobytes, and it is sound JSON."""
    bomb = samples.bomb(5_000_000)
    assert len(bomb.body) < 10_000
    text = gzip.decompress(bomb.body)
    assert len(text) == 5_000_000
    assert json.loads(text) == {"Records": []}
