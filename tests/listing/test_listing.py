"""Listing finds what the layout matches, in order, with as few requests as there are pages and folders."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.collect.store import Fault, Store
from tests.listing.bucket import MODIFIED, Bucket

from penstock import tables
from penstock.errors import ConfigError, Retry
from penstock.layout import compile_layout
from penstock.listing import EVER, Seen, Window, nearest_key, objects, parts
from penstock.model import ObjectRef
from penstock.sources.aws_s3_bucket import S3BucketSource

CLOUDTRAIL = tables.find("aws_cloudtrail_log").layouts["aws_s3_bucket"]
ACCOUNTS = ("111122223333", "o-a1b2/444455556666")
REGIONS = ("eu-central-1", "us-east-1")


def at(text: str) -> dt.datetime:
    """A time in UTC."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def source(layout: str = CLOUDTRAIL, prefix: str = "", bucket: str = "logs", **more: Any) -> S3BucketSource:
    """A source with this layout."""
    return S3BucketSource(bucket, compile_layout(layout, more.pop("patterns", {}), prefix), **more)


def cloudtrail(days: int = 60, each: int = 1, service: str = "CloudTrail") -> list[str]:
    """Keys of some accounts and regions from 2026-01-01 on."""
    first = at("2026-01-01")
    return [
        f"AWSLogs/{account}/{service}/{region}/{first + dt.timedelta(day):%Y/%m/%d}/{number:04d}.json.gz"
        for account in ACCOUNTS
        for region in REGIONS
        for day in range(days)
        for number in range(each)
    ]


def keys(found: Any) -> list[str]:
    """The keys of a listing."""
    return [ref.key for ref in found]


@pytest.mark.parametrize("by_folder", [False, True])
@pytest.mark.parametrize("newest_first", [False, True])
def test_by_day(newest_first: bool, by_folder: bool) -> None:
    """Days come in order whatever account or region they are in; other trees are not gone into."""
    tree = cloudtrail() + cloudtrail(service="vpcflowlogs") + ["AWSLogs/111122223333/CloudTrail/", "x/y.gz"]
    window = Window(at("2026-01-30T13:00"), at("2026-02-02"))
    seen = Seen()
    bucket: Any = Bucket(tree)
    given = parts(source(), bucket, window, by_folder=by_folder, newest_first=newest_first, seen=seen)
    found = [ref.key for _, refs in given for ref in refs]
    days = ["2026/01/30", "2026/01/31", "2026/02/01"]
    ordered = days[::-1] if newest_first else days
    assert [key[-23:-13] for key in found] == [day for day in ordered for _ in range(4)]
    assert sorted(found) == sorted(k for k in cloudtrail() if any(day in k for day in days))
    # By folder: the root, x/, AWSLogs/; an account or an organization, and CloudTrail/ below; each region,
    # its year and its two months; each day. All of it stands on one page.
    assert seen.requests == (3 + 2 * 2 + 4 * 4 + 12 if by_folder else 1)
    assert bucket.asked["list_object_versions"] == (12 if by_folder else 1)


def test_one_request_for_a_thousand_keys() -> None:
    """A day of 2,500 objects takes three requests."""
    tree = [f"2026/01/31/{number:05d}.gz" for number in range(2500)]
    bucket: Any = Bucket(tree)
    wanted = source("^%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA}.gz")
    assert keys(objects(wanted, bucket)) == tree
    assert bucket.asked == {"list_object_versions": 3}


LAYOUTS = (
    "^a/%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA}.gz",
    "a/%{DATA:who}/%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA}",
    "a/(%{DATA:who}/)?x/%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{HOUR:hour}/%{DATA}.gz",
    "%{GREEDYDATA:path}/%{YEAR:year}/%{MONTHNUM:month}/%{DATA}.gz",
    "year=%{YEAR:year}/month=%{MONTHNUM:month}/day=%{MONTHDAY:day}/",
    "a/%{YEAR:year}-%{MONTHNUM:month}-%{MONTHDAY:day}/%{DATA}.gz",
    "a/%{YEAR:year}-%{MONTHNUM:month}-%{MONTHDAY:day}-%{DATA}.gz",
    "%{DATA}.gz",
    "^",
    "(a/b|x)/%{YEAR:year}/%{DATA}",
    "^%{YEAR:year}/%{DATA:who}/%{MONTHNUM:month}/%{DATA}",
    "^a/a-%{DATA}",
    "^%{YEAR:year}-%{MONTHNUM:month}-%{MONTHDAY:day}-%{DATA}.gz",
    "^a-%{YEAR:year}%{MONTHNUM2:month}",
    "^a/b-%{YEAR:year}.%{MONTHNUM:month}.%{DATA}",
)
_DATES = ("2025/12/31", "2026/01/01", "2026/01/31", "2026/02/01", "2026/1/9", "2026-01-31", "2026-01-31-q")
_HIVE = ("year=2026/month=01/day=31", "year=2026/month=02/day=01", "2026/q/01", "2026")
_FOLDERS = st.lists(st.sampled_from(("a", "b", "x", "a-b")), max_size=3)
_FLAT = ("2026-01-31-1.gz", "2026-1-31-1.gz", "2026-01-09-1.gz", "2025-12-31-q.gz", "26-01-31-1.gz")
_ODD = ("a-202601", "a-202512x", "b-2026.01.x", "b-2026.1.gz", "b-2025.12.31", "a-1.gz", "2026-01-31")
_NAMES = ("1.gz", "2.gz", "n.txt")
_KEYS = st.builds(
    lambda before, date, after, name: "/".join([*before, *date, *after, name]),
    _FOLDERS,
    st.lists(st.sampled_from((*_DATES, *_HIVE)), max_size=1),
    st.lists(st.sampled_from(("00", "23", "b")), max_size=1),
    st.sampled_from((*_NAMES, *_FLAT, *_ODD)),
)
_TIMES = st.sampled_from(
    [at(t) for t in ("2025-12-31", "2026-01-09T05:00", "2026-01-31", "2026-02-01T12:30", "2026-03-01")]
)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    tree=st.lists(_KEYS, min_size=10, max_size=40),
    prefix=st.sampled_from(("", "a", "a/", "a-", "x/", "a/b")),
    times=st.lists(_TIMES, min_size=2, max_size=2, unique=True).map(sorted),
    page=st.sampled_from((1, 2, 1000)),
    newest_first=st.booleans(),
    by_folder=st.booleans(),
)
def test_finds_what_matches(
    layout: str,
    tree: list[str],
    prefix: str,
    times: list[dt.datetime],
    page: int,
    newest_first: bool,
    by_folder: bool,
) -> None:
    """Listing gives each matching key of the window once, and nothing else."""
    wanted, window = source(layout, prefix), Window(*times)
    bucket: Any = Bucket(tree, page)
    given = parts(wanted, bucket, window, by_folder=by_folder, newest_first=newest_first)
    found = [ref.key for _, refs in given for ref in refs]
    assert len(found) == len(set(found))
    expected = {key for key in set(tree) if _expected(wanted, key, window)}
    spread = {key for key in expected - set(found) if _spreads(wanted, key)}
    assert set(found) == expected - spread


def _expected(wanted: S3BucketSource, key: str, window: Window) -> bool:
    captures = wanted.layout.match(key)
    if captures is None:
        return False
    span = wanted.layout.span(captures)
    return window.overlaps(span) if span else window.holds(MODIFIED)


def _spreads(wanted: S3BucketSource, key: str) -> bool:
    """The convention of `layout.folders`: what is read as one folder, or ends at a date, is not more."""
    captures = wanted.layout.match(key) or {}
    who = captures.get("who", "a")
    return "/" in who or not who or ("year" in captures and sum(p in key for p in ("2025", "2026")) > 1)


@pytest.mark.parametrize("pages", [1000, 3])
def test_versions(store: Store, monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    """Of a versioned bucket every version is found under the identity that its event gave it."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", str(pages))
    name, s3 = f"logs-{uuid.uuid4().hex[:12]}", store.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="d/before.gz", Body=b"0")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    expected = {ObjectRef(name, "d/before.gz", etag="cfcd208495d565ef66e7dff9f98764da").identity}
    for number, key in itertools.product(range(3), ("a b+ü%41.gz", "d/two.gz", "d/before.gz")):
        put = s3.put_object(Bucket=name, Key=key, Body=str(number).encode())
        expected.add(ObjectRef(name, key, put["VersionId"], put["ETag"].strip('"')).identity)
    s3.delete_object(Bucket=name, Key="d/two.gz")
    found = list(objects(source("%{DATA}.gz", bucket=name), s3))
    assert {ref.identity for ref in found} == expected
    assert len(found) == len(expected) == 10
    assert all(ref.size == 1 and ref.last_modified is not None for ref in found)


def test_the_simulated_bucket_answers_as_moto_does(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders, keys, pages and what stands behind a marker are those that moto gives."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "4")
    name, s3 = f"logs-{uuid.uuid4().hex[:12]}", store.client("s3")
    s3.create_bucket(Bucket=name)
    tree = ["a/1", "a/2", "a-b/1", "a/b/1", "a/b/2", "b", "c/1", "c/2/3", "d/1", "e", "f/1", "g/1", "ü/1"]
    for key in tree:
        s3.put_object(Bucket=name, Key=key, Body=b"x")
    simulated = Bucket(tree, page=4)
    for prefix in ("", "a", "a/", "c/", "none"):
        for arguments in ({"Delimiter": "/"}, {}):
            folders = [_all_folders(one, name, Prefix=prefix, **arguments) for one in (s3, simulated)]
            assert folders[0] == folders[1]
        for after in ("a/~", "a/b/~", "c", "none"):
            arguments = {"Prefix": prefix, "Delimiter": "/", "StartAfter": after}
            folders = [_all_folders(one, name, **arguments) for one in (s3, simulated)]
            assert folders[0] == folders[1]
        for marker in ("", "a/1", "c/1", "b.~", "a/~"):
            more = {"KeyMarker": marker} if marker else {}
            told = [_all_versions(one, name, Prefix=prefix, **more) for one in (s3, simulated)]
            assert told[0] == told[1]


def _all_folders(client: Any, bucket: str, **arguments: str) -> list[tuple[list[str], list[str]]]:
    found = []
    while True:
        page = client.list_objects_v2(Bucket=bucket, **arguments)
        folders = [entry["Prefix"] for entry in page.get("CommonPrefixes", ())]
        found.append(([entry["Key"] for entry in page.get("Contents", ())], folders))
        if not page["IsTruncated"]:
            return found
        arguments["ContinuationToken"] = page["NextContinuationToken"]


def _all_versions(client: Any, bucket: str, **arguments: str) -> list[str]:
    found: list[str] = []
    while True:
        page = client.list_object_versions(Bucket=bucket, **arguments)
        found += [entry["Key"] for entry in page.get("Versions", ())]
        if not page["IsTruncated"]:
            return found
        arguments |= {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}


def test_without_dates_by_last_modified() -> None:
    """A layout without dates is listed whole; the window holds when an object was last modified."""
    tree = [f"{letter}/{number}.gz" for letter in "ab" for number in range(4)]
    old = dict.fromkeys(tree[::2], at("2026-01-01"))
    bucket: Any = Bucket(tree, modified=old)
    window = Window(at("2026-01-15"), at("2026-03-01"))
    assert keys(objects(source("%{DATA}.gz"), bucket, window)) == tree[1::2]
    assert bucket.asked == {"list_object_versions": 1}


def test_goes_on_behind_a_key() -> None:
    """A stretch can be listed from behind a key on, whether or not that key is still there."""
    tree = [f"2026/01/31/{number:02d}.gz" for number in range(10)]
    wanted = source("^%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA}.gz")
    bucket: Any = Bucket([key for key in tree if "05" not in key], page=3)
    for after, left in (("", 9), (tree[4], 4), (tree[5], 4), (tree[9], 0)):
        behind: dict[Any, str] = defaultdict(lambda after=after: after)  # type: ignore[misc]
        for by_folder in (False, True):
            found = parts(wanted, bucket, after=behind.__getitem__, by_folder=by_folder)
            assert [len(list(refs)) for _, refs in found] == [left]


def test_whoever_pays() -> None:
    """Each request to a bucket whose requesters pay says that we do."""

    class Payer(Bucket):
        def __getattribute__(self, name: str) -> Any:
            found = super().__getattribute__(name)
            if not name.startswith("list_"):
                return found

            def paid(*, RequestPayer: str, **arguments: str) -> Any:  # noqa: N803
                assert RequestPayer == "requester"
                return found(**arguments)

            return paid

    bucket: Any = Payer(cloudtrail(days=2))
    assert len(list(objects(source(requester_pays=True), bucket))) == 8


def test_a_bucket_that_cannot_be_listed(store: Store) -> None:
    """The error names the permission; without a bucket there is nobody to be asked again."""
    name, s3 = f"logs-{uuid.uuid4().hex[:12]}", store.client("s3")
    with pytest.raises(ConfigError, match=f"s3://{name}: found no such bucket"):
        list(objects(source(bucket=name), s3))
    s3.create_bucket(Bucket=name)
    store.faults.append(Fault("denied", "LIST", name))
    with pytest.raises(Retry, match=f"s3://{name}: access denied.*s3:ListBucket and s3:ListBucketVersions"):
        list(objects(source(bucket=name), s3))


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (
            "AWSLogs/%{NUMBER:account}/elb/%{YEAR:year}/%{DATA}",
            "AWSLogs/111122223333/CloudTrail/eu-central-1/",
        ),
        ("AWSLogs/%{WORD:account}/CloudTrail/%{DATA}.csv", "AWSLogs/111122223333/CloudTrail/eu-central-1/"),
        ("^logs/%{DATA}", "AWSLogs/111122223333/CloudTrail/eu-central-1/"),
    ],
)
def test_the_nearest_key(layout: str, expected: str) -> None:
    """A layout that matches nothing can show a key that it came close to."""
    bucket: Any = Bucket([*cloudtrail(days=1), "other/x.gz"])
    seen = Seen()
    assert list(objects(source(layout), bucket, seen=seen)) == []
    nearest = nearest_key(source(layout), bucket, seen)
    assert nearest is not None
    assert nearest.startswith(expected)


def test_an_empty_bucket_has_no_nearest_key() -> None:
    """There is nothing to show."""
    bucket: Any = Bucket([])
    seen = Seen()
    assert list(objects(source(), bucket, EVER, seen=seen)) == []
    assert nearest_key(source(), bucket, seen) is None


def test_a_hostile_folder_name() -> None:
    """A folder's name cannot make reading it take long."""
    hostile = "-".join("a" * 300)
    bucket: Any = Bucket([f"{hostile}/{hostile}/1.gz"])
    assert not list(objects(source("%{DATA}-%{DATA}-%{DATA}-%{DATA}-b/%{YEAR:year}/%{DATA}.gz"), bucket))
