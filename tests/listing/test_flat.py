"""Listing in the order of the keys finds what going from folder to folder finds, with no more requests."""

from __future__ import annotations

import datetime as dt
import uuid
from itertools import chain
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.collect.store import Store
from tests.listing.bucket import Bucket
from tests.listing.test_listing import CLOUDTRAIL, at, source

from penstock.listing import Seen, Window, parts
from penstock.listing.flat import _SLACK
from penstock.listing.values import order

LAYOUTS = (
    CLOUDTRAIL,
    "^AWSLogs/%{NUMBER:account}/%{DATA:kind}/%{DATA:region}/%{YEAR:year}/%{MONTHNUM2:month}/%{MONTHDAY:day}/",
    "^a/%{DATA:region}/%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{HOUR:hour}/%{DATA}.gz",
    "%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/%{DATA}",
    "^%{DATA:app}/x/%{YEAR:year}/%{MONTHNUM:month}/%{DATA:who}/%{DATA}",
    "^(%{DATA:app}/)?b/%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/",
    "^a/%{WORD:app}/dt=%{YEAR:year}-%{MONTHNUM:month}-%{MONTHDAY:day}/%{DATA}",
    "^%{WORD:app}/%{YEAR:year}%{MONTHNUM2:month}/%{MONTHDAY:day}",
    "a/%{DATA:app}/%{YEAR:year}-%{MONTHNUM:month}-%{MONTHDAY:day}-%{DATA}",
    "^%{DATA:app}/%{YEAR:year}/%{DATA}|^a/%{DATA:app}/%{YEAR:year}/%{MONTHNUM:month}/%{DATA}",
)
_HEADS = (
    *("AWSLogs/1/CloudTrail/", "AWSLogs/1/CloudTrail-Digest/", "AWSLogs/1/Config/", "AWSLogs/22/Config/"),
    *("AWSLogs/o-1/333/CloudTrail/", "AWSLogs/333/CloudTrail/", "AWSLogs/zz/", "a/", "a/x/", "b/", "~/"),
    *("b/x/", "é/x/", "", "q/b/", "x/b/"),
)
_REGIONS = ("", "r-1/", "r-2/", "x/", "2026/")
_TIMES = (
    *("2024/12/31", "2025/06/15", "2026/01/09", "2026/1/9", "2026/01/31", "2026/02/01", "2027/03/04"),
    *("26/01/31", "2026/12/31", "2026/11/5", "dt=2026-01-31", "dt=2026-1-9", "202601/31", "202712/01"),
    *("2026-01-31-a", "junk", "2026/01/31/23", "2026/01/31/05"),
)
_FOLDERS = st.builds(
    lambda head, region, time, count: [f"{head}{region}{time}/{number}.gz" for number in range(count)],
    st.sampled_from(_HEADS),
    st.sampled_from(_REGIONS),
    st.sampled_from(_TIMES),
    st.sampled_from((1, 1, 3, 12)),
)
_TREES = st.lists(_FOLDERS, min_size=1, max_size=40).map(lambda folders: sorted(chain.from_iterable(folders)))
_WHEN = st.sampled_from(
    [None, *map(at, ("2024-06-01", "2026-01-09T05:00", "2026-01-31", "2026-02-01T12:30", "2027-03-01"))]
)
_WINDOWS = st.builds(Window, _WHEN, _WHEN)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    tree=_TREES,
    window=_WINDOWS,
    page=st.sampled_from((1, 2, 5, 1000)),
    held=st.sampled_from((3, 20, 200_000)),
    newest_first=st.booleans(),
)
def test_both_ways_find_the_same(
    monkeypatch: pytest.MonkeyPatch,
    layout: str,
    tree: list[str],
    window: Window,
    page: int,
    held: int,
    newest_first: bool,
) -> None:
    """The same keys in the order of their times, and hardly ever more requests, whatever the tree is like."""
    monkeypatch.setattr("penstock.listing.held.HELD", held)
    wanted = source(layout)
    bucket: Any = Bucket(tree, page)
    found, requests = [], []
    for by_folder in (False, True):
        seen = Seen()
        given = parts(wanted, bucket, window, by_folder=by_folder, newest_first=newest_first, seen=seen)
        listed = [(stretch, [ref.key for ref in refs]) for stretch, refs in given]
        found.append([(stretch, keys) for stretch, keys in listed if keys])
        requests.append(seen.requests)
    flat, walk = ([key for _, keys in one for key in keys] for one in found)
    assert sorted(flat) == sorted(walk)
    ordered = [order(stretch, newest_first=newest_first) for stretch, _ in found[0]]
    assert ordered == sorted(ordered)
    if held > len(tree):
        assert requests[0] <= requests[1] + _SLACK + 4


FIRST = Window(at("2026-01-25"), at("2026-01-31T23:45"))


def days(
    region: str, count: int, each: int, last: str = "2026-01-31", service: str = "CloudTrail"
) -> list[str]:
    """Keys of one account and region: so many days up to the last."""
    return [
        f"AWSLogs/{region}/{at(last) - dt.timedelta(days=day):%Y/%m/%d}/{number:05d}.json.gz".replace(
            "/", f"/1/{service}/", 1
        )
        for day in range(count)
        for number in range(each)
    ]


def asked(tree: list[str], window: Window = FIRST, layout: str = CLOUDTRAIL) -> tuple[int, int]:
    """How many LIST requests it takes for versions, and for folders."""
    bucket: Any = Bucket(tree)
    found = parts(source(layout), bucket, window)
    assert sum(1 for _, refs in found for _ in refs)
    return bucket.asked["list_object_versions"], bucket.asked["list_objects_v2"]


def test_ten_full_pages() -> None:
    """Where a bucket holds nothing else, a page is full of what is wanted whatever folders it is in."""
    tree = [key for region in "abcde" for key in days(region, 5, 400)]
    assert asked(tree) == (10, 0)


def test_years_before() -> None:
    """Older days are jumped over: one page to see them first, then one request for each region."""
    tree = [key for region in "abcde" for key in days(region, 1000, 3)]
    assert asked(tree) == (1 + 5, 0)


def test_years_after() -> None:
    """Later ones are as well, when folders were asked for what may come behind the days wanted."""
    tree = [key for region in "abcde" for key in days(region, 1000, 3)]
    # Each region is asked for a year of two digits; then CloudTrail/, AWSLogs/ and the root for others.
    assert asked(tree, Window(at("2024-11-12"), at("2024-11-15"))) == (1 + 5, 5 + 3)


def test_other_services() -> None:
    """Their keys are jumped over to the folder that the layout names, not read."""
    services = ("CloudTrail", "CloudTrail-Digest", "Config", "vpcflowlogs")
    tree = [key for service in services for region in "ab" for key in days(region, 1000, 5, service=service)]
    # CloudTrail/ is asked for its regions; behind the last of them AWSLogs/ and the root for others.
    assert asked(tree) == (1 + 2, 1 + 2)


def test_many_folders_of_no_use() -> None:
    """They are asked for by a thousand, as going from folder to folder does, and not jumped over singly."""
    closed = [f"%{number:04d}/{key}.gz" for number in range(300) for key in range(1001)]
    wanted = [f"app/2026/01/31/{number}.gz" for number in range(5)]
    versions, folders = asked(
        [*closed, *wanted], layout="^%{WORD:app}/%{YEAR:year}/%{MONTHNUM:month}/%{DATA}"
    )
    assert (versions, folders) == (2, 1)


def test_files_beside_the_folder_that_has_to_come() -> None:
    """Where the layout names the one folder that counts, thousands of other keys are not read."""
    other = [f"app/{number:05d}.gz" for number in range(5000)]
    wanted = [f"app/x/2026/01/{day}/1.gz" for day in (30, 31)]
    layout = "^%{DATA:app}/x/%{YEAR:year}/%{MONTHNUM:month}/%{MONTHDAY:day}/"
    assert asked([*other, *wanted], layout=layout) == (2, 0)


@pytest.mark.parametrize("newest_first", [False, True])
def test_more_than_can_be_held(monkeypatch: pytest.MonkeyPatch, newest_first: bool) -> None:
    """A long window is gone through in parts; memory holds one, and the order is that of the days."""
    monkeypatch.setattr("penstock.listing.held.HELD", 2000)
    tree = [key for region in "abc" for key in days(region, 60, 50)]
    bucket: Any = Bucket(tree)
    given = parts(source(), bucket, Window(at("2025-01-01"), None), newest_first=newest_first)
    found = [ref.key for _, refs in given for ref in refs]
    shown = [key.split("/", 4)[4][:10] for key in found]
    assert shown == sorted(shown, reverse=newest_first)
    assert sorted(found) == sorted(tree)
    assert bucket.asked.total() < 100  # from folder to folder it is 193


def test_one_day_of_more_than_can_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is listed folder by folder, and given once."""
    monkeypatch.setattr("penstock.listing.held.HELD", 2000)
    tree = [key for region in "abc" for key in days(region, 3, 1001)]
    bucket: Any = Bucket(tree)
    found = [ref.key for _, refs in parts(source(), bucket, FIRST) for ref in refs]
    assert sorted(found) == sorted(tree)


@pytest.mark.parametrize("page", [1, 4, 1000])
def test_versions_on_both_sides_of_a_jump(store: Store, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    """Of each key of the days wanted every version is found once, wherever pages end and jumps begin."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", str(page))
    name, s3 = f"logs-{uuid.uuid4().hex[:12]}", store.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    expected = set()
    for key in [key for region in "ab" for key in days(region, 10, 1)] * 2:
        put = s3.put_object(Bucket=name, Key=key, Body=b"x")
        if "/2026/01/3" in key:
            expected.add((key, put["VersionId"]))
        if key.endswith("31/00000.json.gz"):
            s3.delete_object(Bucket=name, Key=key)
    window = Window(at("2026-01-30"), at("2026-02-01"))
    given = parts(source(bucket=name), s3, window, newest_first=True)
    found = [(ref.key, ref.version_id) for _, refs in given for ref in refs]
    assert {*found} == expected
    assert len(found) == len(expected) == 8
