"""Objects that a collector meets and must survive, each with the promise of what becomes of it.

Bad means the whole object is recorded with its reason; done with `rejected` rows means the others
are stored; ignored means it is no log of this table.
"""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import json
from collections.abc import Callable
from random import Random
from typing import Any

import zstandard

from infra.samples.draw import Draw
from infra.samples.records import ACCOUNTS, REGIONS, Record, account, event
from infra.samples.trees import Expect, SampleObject, log_key, pack

__all__ = ["BAD_START", "HOSTILE", "bad_objects", "bomb"]

BAD_START = dt.datetime(2026, 1, 31, 12, 0, tzinfo=dt.UTC)
_MANY = 6  # sound records beside the odd ones

HOSTILE = (
    "'; DROP TABLE aws_cloudtrail_log;--",
    "\"quoted\" 'twice' `thrice` \\ back\\slash",
    "nul\x00inside",
    "line\nfeed\r\ttab\x1b[31mred\x7f",
    "%00%2e%2e/../../etc/passwd",
    "${jndi:ldap://example.org/a}{{7*7}}$(id)",
    "\u202eright to left\u2066 \ufeff zero\u200bwidth 😀 \U0010ffff \ufffe",
    "NULL",
    "null",
    "",
    " ",
    "x" * 1_000_000,
    "é" * 500_000,
)
"""Texts for every field: quoting, NUL, control and bidirectional characters, 1 MB values."""


def _records(rng: Random, many: int = _MANY) -> list[Record]:
    owner = account("bad", ACCOUNTS[0])
    return [
        event(Draw(rng, owner, REGIONS[0], BAD_START - dt.timedelta(seconds=rng.randrange(900))))
        for _ in range(many)
    ]


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _log(records: list[Any]) -> bytes:
    return _json({"Records": records})


def _hostile(rng: Random) -> list[Record]:
    """One record per hostile text, with it in every field that is text."""
    made = []
    for text in HOSTILE:
        record = _records(rng, 1)[0]
        for name in (
            "eventName",
            "eventSource",
            "userAgent",
            "sourceIPAddress",
            "errorCode",
            "awsRegion",
            "eventID",
        ):
            record[name] = text
        record["userIdentity"] = {"type": text, "arn": text, "userName": text, "accessKeyId": text}
        record["requestParameters"] = {text[:100] or "empty": text}
        record["resources"] = [{"ARN": text, "type": text, "accountId": text}]
        made.append(record)
    return made


def _sound(rng: Random) -> list[tuple[str, bytes, int]]:
    """(kind, body, records): whole and sound, however they are packed; every record is stored."""
    text = _log(_records(rng))
    half = len(text) // 2
    # Bytes that are no UTF-8 become U+FFFD, as every reader of logs has it.
    spoilt = text.replace(b'"eventName":"', b'"eventName":"\xff\xfe\xc3', 1)
    return [
        ("zstd", zstandard.ZstdCompressor(level=3).compress(text), _MANY),
        (
            "zstd without size",
            zstandard.ZstdCompressor(level=3, write_content_size=False).compress(text),
            _MANY,
        ),
        ("bzip2", bz2.compress(text), _MANY),
        ("plain json", text, _MANY),
        (
            "gzip of two members",
            gzip.compress(text[:half], mtime=0) + gzip.compress(text[half:], mtime=0),
            _MANY,
        ),
        (
            "indented json",
            gzip.compress(json.dumps({"Records": json.loads(text)["Records"]}, indent=2).encode(), mtime=0),
            _MANY,
        ),
        (
            "other fields beside Records",
            gzip.compress(_json({"Version": 1, "Records": json.loads(text)["Records"]}), mtime=0),
            _MANY,
        ),
        ("invalid utf-8", gzip.compress(spoilt, mtime=0), _MANY),
        ("no records", pack([]), 0),
        ("hostile texts", pack(_hostile(rng)), len(HOSTILE)),
    ]


def _without(record: Record, name: str) -> Record:
    return {key: value for key, value in record.items() if key != name}


_ODD: tuple[tuple[str, str, Callable[[Record], Any]], ...] = (
    ("no eventTime", "eventTime", lambda record: _without(record, "eventTime")),
    ("null eventTime", "eventTime", lambda record: record | {"eventTime": None}),
    ("empty eventTime", "eventTime", lambda record: record | {"eventTime": ""}),
    ("impossible eventTime", "eventTime", lambda record: record | {"eventTime": "2026-02-30T25:61:00Z"}),
    ("eventTime in words", "eventTime", lambda record: record | {"eventTime": "yesterday"}),
    ("eventTime a list", "eventTime", lambda record: record | {"eventTime": ["2026-01-31T12:00:00Z"]}),
    ("record a text", "record", lambda _: "not a record"),
    ("record a number", "record", lambda _: 42),
    ("record a list", "record", lambda _: ["not", "a", "record"]),
    ("record null", "record", lambda _: None),
)
"""(kind, field to blame, what it does to one record): the record is rejected, its neighbours stored."""


_STRANGE: tuple[tuple[str, Record], ...] = (
    ("userIdentity a text", {"userIdentity": "root"}),
    ("sessionContext a list", {"userIdentity": {"type": "Root", "sessionContext": [1, 2]}}),
    ("tlsDetails a list", {"tlsDetails": ["TLSv1.3"]}),
    ("readOnly a word", {"readOnly": "perhaps"}),
    ("eventName a number", {"eventName": 17}),
    ("userAgent an object", {"userAgent": {"name": "curl"}}),
    ("requestParameters a text", {"requestParameters": "none"}),
    ("resources an object", {"resources": {"ARN": "arn:aws:s3:::example"}}),
    ("fields nobody knows", {"neverSeen": {"deep": [1, None, "x"]}, "tp_id": "mine", "": ""}),
)
"""(kind, fields of one record): of a wrong type or unknown; the record is stored, nothing of it is lost."""


def _broken(rng: Random) -> list[tuple[str, bytes, str]]:
    """(kind, body, a word of the reason): the object is bad as a whole."""
    records = _records(rng)
    text, whole = _log(records), pack(records)
    flipped = bytearray(whole)
    flipped[-6] ^= 0xFF  # inside the checksum
    return [
        ("truncated gzip", whole[: len(whole) // 2], "gzip"),
        ("gzip of ten bytes", whole[:10], "gzip"),
        ("wrong checksum", bytes(flipped), "gzip"),
        ("truncated zstd", zstandard.ZstdCompressor().compress(text)[:-40], "zstd"),
        ("truncated bzip2", bz2.compress(text)[:-40], "bzip2"),
        ("text named gz", b"This is a plain text file, whatever its name says.\n", "JSON"),
        ("empty", b"", "empty"),
        ("gzip of nothing", gzip.compress(b"", mtime=0), "empty"),
        ("cut json", gzip.compress(text[: len(text) * 2 // 3], mtime=0), "JSON"),
        ("Records an object", gzip.compress(_json({"Records": {"0": records[0]}}), mtime=0), "Records"),
        ("Records null", gzip.compress(b'{"Records":null}', mtime=0), "Records"),
        ("Records a text", gzip.compress(b'{"Records":"none"}', mtime=0), "Records"),
        ("Records missing", gzip.compress(b'{"Message":"no such thing"}', mtime=0), "Records"),
        ("a list of other things", gzip.compress(b'[{"message":"no record"}]', mtime=0), "Records"),
        ("json a number", gzip.compress(b"17", mtime=0), "Records"),
    ]


def _digest(rng: Random, log: SampleObject) -> SampleObject:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html"""
    kind = "CloudTrail-Digest"
    stem = log_key(rng, ACCOUNTS[0], REGIONS[0], BAD_START, kind=kind).rsplit("/", 1)[0]
    key = (
        f"{stem}/{ACCOUNTS[0]}_{kind}_{REGIONS[0]}_org-trail_{REGIONS[0]}_{BAD_START:%Y%m%dT%H%M%SZ}.json.gz"
    )
    body = {
        "awsAccountId": ACCOUNTS[0],
        "digestStartTime": "2026-01-31T11:00:00Z",
        "digestEndTime": "2026-01-31T12:00:00Z",
        "digestS3Bucket": "example-trail",
        "digestS3Object": key,
        "digestPublicKeyFingerprint": f"{rng.getrandbits(128):032x}",
        "digestSignatureAlgorithm": "SHA256withRSA",
        "newestEventTime": "2026-01-31T11:59:00Z",
        "oldestEventTime": "2026-01-31T11:45:00Z",
        "previousDigestS3Bucket": None,
        "previousDigestS3Object": None,
        "previousDigestHashValue": None,
        "previousDigestHashAlgorithm": None,
        "previousDigestSignature": None,
        "logFiles": [
            {
                "s3Bucket": "example-trail",
                "s3Object": log.key,
                "hashValue": f"{rng.getrandbits(256):064x}",
                "hashAlgorithm": "SHA-256",
                "newestEventTime": "2026-01-31T11:59:00Z",
                "oldestEventTime": "2026-01-31T11:45:00Z",
            }
        ],
    }
    return SampleObject(key, gzip.compress(_json(body), mtime=0), None, "digest", "ignored")


def _insight(rng: Random) -> SampleObject:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-insights-fields-trails.html"""
    rate = {
        "baseline": {"average": 0.0017},
        "insight": {"average": 6},
        "insightDuration": 5,
        "baselineDuration": 10080,
    }
    record = {
        "eventVersion": "1.09",
        "eventTime": "2026-01-31T11:50:00Z",
        "awsRegion": REGIONS[0],
        "eventID": f"{rng.getrandbits(128):032x}",
        "eventType": "AwsCloudTrailInsight",
        "recipientAccountId": ACCOUNTS[0],
        "sharedEventID": f"{rng.getrandbits(128):032x}",
        "insightDetails": {
            "state": "Start",
            "eventSource": "ec2.amazonaws.com",
            "eventName": "RunInstances",
            "insightType": "ApiCallRateInsight",
            "insightContext": {"statistics": rate},
        },
        "eventCategory": "Insight",
    }
    key = log_key(rng, ACCOUNTS[0], REGIONS[0], BAD_START, kind="CloudTrail-Insight")
    return SampleObject(key, pack([record]), 1, "insight", "ignored")


def _no_logs(rng: Random, log: SampleObject) -> list[SampleObject]:
    folder = f"AWSLogs/{ACCOUNTS[0]}/CloudTrail/"
    return [
        _digest(rng, log),
        _insight(rng),
        SampleObject("README.md", b"# Logs of the example organization\n", None, "readme", "ignored"),
        SampleObject(f"{folder}README.md", b"# Do not delete\n", None, "readme in the tree", "ignored"),
        SampleObject(folder, b"", None, "folder", "ignored"),
    ]


def bad_objects(seed: int | str) -> list[SampleObject]:
    """One object of every odd kind; the kinds are unique but for the duplicate, which is the first again.

    `stored` of the duplicate is 0: delivered beside the original it adds nothing.
    """
    rng = Random(f"{seed}:bad")
    minute = iter(range(10_000))

    def made(kind: str, body: bytes, events: int | None, expect: Expect, stored: int = 0, rejected: int = 0,
             reason: str = "") -> SampleObject:  # fmt: skip
        at = BAD_START + dt.timedelta(minutes=next(minute))
        key = log_key(rng, ACCOUNTS[0], REGIONS[0], at)
        return SampleObject(key, body, events, kind, expect, stored, rejected, reason)

    original = made("original", pack(_records(rng)), _MANY, "done", _MANY)
    again = SampleObject(original.key, original.body, _MANY, "duplicate", "done", reason="already")
    found = [original, again]
    found += [made(kind, body, many, "done", many) for kind, body, many in _sound(rng)]
    for kind, blame, spoil in _ODD:
        records: list[Any] = list(_records(rng))
        at = rng.randrange(_MANY)
        records[at] = spoil(records[at])
        found.append(made(kind, pack(records), _MANY, "done", _MANY - 1, 1, blame))
    for kind, fields in _STRANGE:
        records = list(_records(rng))
        records[0] = records[0] | fields
        found.append(made(kind, pack(records), _MANY, "done", _MANY))
    found += [made(kind, body, None, "bad", reason=word) for kind, body, word in _broken(rng)]
    return found + _no_logs(rng, original)


def bomb(inflated: int) -> SampleObject:
    """A gzip, a thousandth of its `inflated` bytes, of sound JSON without records."""
    packer = gzip.compress(b'{"Records":[' + b" " * max(0, inflated - 14) + b"]}", mtime=0)
    key = log_key(Random("bomb"), ACCOUNTS[0], REGIONS[0], BAD_START)
    return SampleObject(key, packer, 0, "bomb", "bad", reason="inflate")
