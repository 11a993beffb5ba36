"""The sample logs: same seed same bytes, AWS's layout, and a mix worth collecting."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from itertools import islice

import pytest
from infra.samples.calls import CALLS
from infra.samples.story import STEPS

from infra import samples

START = dt.datetime(2026, 1, 31, 12, 0, tzinfo=dt.UTC)
KEY = re.compile(
    r"AWSLogs/(?:(?P<org>o-[a-z0-9]+)/)?(?P<account>\d{12})/CloudTrail/(?P<region>[a-z]+-[a-z]+-\d)"
    r"/(?P<day>\d{4}/\d{2}/\d{2})/(?P=account)_CloudTrail_(?P=region)_(?P<minute>\d{8}T\d{4})Z_[A-Za-z0-9]{16}\.json\.gz"
)


@pytest.fixture(scope="module")
def tree() -> list[samples.SampleObject]:
    """40 objects of 100 records, one each twelve minutes from 20 h to 4 h."""
    return list(samples.objects(7, 40, 100, START.replace(hour=20), span=dt.timedelta(hours=8)))


@pytest.fixture(scope="module")
def records(tree: list[samples.SampleObject]) -> list[dict]:  # type: ignore[type-arg]
    return [record for obj in tree for record in samples.unpack(obj.body)]


def minor(record: dict) -> int:  # type: ignore[type-arg]
    return int(record["eventVersion"].partition(".")[2])


def test_same_seed_same_bytes() -> None:
    """Two runs give the same keys and bodies; another seed gives others."""
    one, two = (list(samples.objects(3, 6, 20, START)) for _ in range(2))
    assert one == two
    assert not {obj.key for obj in samples.objects(4, 6, 20, START)} & {obj.key for obj in one}


def test_events_are_the_same_for_a_seed() -> None:
    """Records do not depend on how many are asked for."""
    assert list(samples.events(1, 30, START)) == list(islice(samples.events(1, 300, START), 30))


def test_an_object_does_not_depend_on_its_neighbours() -> None:
    """The first object is the same in a tree of ten: each has its own generator."""
    at = dt.timedelta(days=1)
    first = next(samples.objects(3, 10, 20, START, span=at, with_story=False))
    assert first == next(samples.objects(3, 2, 20, START, span=at, with_story=False))


def test_keys_are_as_aws_writes_them(tree: list[samples.SampleObject]) -> None:
    """Every key has account, region, day and minute twice over, and all are different."""
    for obj in tree:
        found = KEY.fullmatch(obj.key)
        assert found, obj.key
        assert found["minute"].startswith(found["day"].replace("/", ""))
        assert {r["awsRegion"] for r in samples.unpack(obj.body)} == {found["region"]}
        assert {r["recipientAccountId"] for r in samples.unpack(obj.body)} == {found["account"]}
    assert len({obj.key for obj in tree}) == len(tree)


def test_organization_and_prefix_stand_in_the_key() -> None:
    """An organization trail with a prefix puts both before the account."""
    obj = next(samples.objects(1, 1, 1, START, organization="o-ab12cd34ef", prefix="/logs/"))
    assert obj.key.startswith("logs/AWSLogs/o-ab12cd34ef/111122223333/CloudTrail/")
    assert KEY.fullmatch(obj.key.removeprefix("logs/"))


def test_records_lie_before_delivery_and_unordered(tree: list[samples.SampleObject]) -> None:
    """Within a quarter of an hour before the minute in the key, in no order, some over midnight."""
    days_of_objects = []
    for obj in tree:
        found = KEY.fullmatch(obj.key)
        assert found
        delivered = dt.datetime.strptime(found["minute"] + "+0000", "%Y%m%dT%H%M%z")
        times = [dt.datetime.fromisoformat(r["eventTime"]) for r in samples.unpack(obj.body)]
        assert times != sorted(times)
        assert all(dt.timedelta() <= delivered - time <= dt.timedelta(minutes=15) for time in times)
        days_of_objects.append(len({time.date() for time in times}))
    assert 2 in days_of_objects


def test_ids_are_fresh(records: list[dict]) -> None:  # type: ignore[type-arg]
    """No event id comes twice."""
    ids = Counter(record["eventID"] for record in records)
    assert max(ids.values()) == 1
    assert all(re.fullmatch(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", id_) for id_ in ids)


def test_the_mix(records: list[dict]) -> None:  # type: ignore[type-arg]
    """Many names of many services, every kind of identity, category and type, and a real size."""
    assert len({call.name for call in CALLS}) >= 120
    assert len({r["eventName"] for r in records}) >= 120
    assert len({r["eventSource"] for r in records}) >= 30
    kinds = {r["userIdentity"].get("type") for r in records}
    assert kinds >= {
        "IAMUser",
        "AssumedRole",
        "Root",
        "AWSService",
        "WebIdentityUser",
        "SAMLUser",
        "IdentityCenterUser",
    }
    assert kinds >= {"AWSAccount", "FederatedUser", None}
    assert {r.get("eventCategory") for r in records} == {None, "Management", "Data", "NetworkActivity"}
    types = {"AwsApiCall", "AwsServiceEvent", "AwsConsoleSignIn", "AwsConsoleAction", "AwsVpceEvent"}
    assert {r["eventType"] for r in records} == types
    sizes = [len(json.dumps(r, separators=(",", ":"))) for r in records]
    assert 1300 < sum(sizes) / len(sizes) < 1800
    assert min(sizes) < 700
    assert max(sizes) > 3500
    failed = sum("errorCode" in r for r in records)
    assert 0.03 < failed / len(records) < 0.15


def test_sources_are_of_every_form(records: list[dict]) -> None:  # type: ignore[type-arg]
    """IPv4, IPv6 and service names stand as source address."""
    sources = [r["sourceIPAddress"] for r in records]
    assert any(":" in source for source in sources)
    assert any(source.endswith(".amazonaws.com") for source in sources)
    assert any(re.fullmatch(r"(\d+\.){3}\d+", source) for source in sources)


@pytest.mark.parametrize(
    ("field", "since"),
    [("managementEvent", 6), ("eventCategory", 7), ("tlsDetails", 8), ("sessionCredentialFromConsole", 8),
     ("addendum", 8), ("edgeDeviceDetails", 8), ("vpcEndpointAccountId", 9), ("eventContext", 11)],
)  # fmt: skip
def test_fields_come_with_their_version(field: str, since: int) -> None:
    """A record has no field that is newer than its eventVersion, and each field does occur."""
    having = [r for r in samples.events(5, 12_000, START) if field in r]
    assert having
    assert min(minor(r) for r in having) >= since


def test_nested_fields_occur(records: list[dict]) -> None:  # type: ignore[type-arg]
    """The fields inside userIdentity and tlsDetails that AWS added over time all occur."""
    identities = [r["userIdentity"] for r in records]
    sessions = [identity.get("sessionContext", {}) for identity in identities]
    assert {"onBehalfOf", "credentialId", "inScopeOf", "invokedBy", "identityProvider"} <= {
        k for i in identities for k in i
    }
    wanted = {
        "sourceIdentity",
        "assumedRoot",
        "ec2RoleDelivery",
        "webIdFederationData",
        "sessionIssuer",
        "attributes",
    }
    assert wanted <= {k for s in sessions for k in s}
    assert all(minor(r) >= 11 for r in records if "keyExchange" in r.get("tlsDetails", {}))
    assert any("keyExchange" in r.get("tlsDetails", {}) for r in records)


def test_every_version_occurs(records: list[dict]) -> None:  # type: ignore[type-arg]
    """eventVersion runs from 1.05 to 1.11."""
    assert {r["eventVersion"] for r in records} == {f"1.{n:02d}" for n in range(5, 12)}


def test_sign_ins_with_and_without_mfa(records: list[dict]) -> None:  # type: ignore[type-arg]
    """Console sign-ins succeed and fail, with MFA and without."""
    seen = {
        (r["responseElements"]["ConsoleLogin"], r["additionalEventData"]["MFAUsed"])
        for r in records
        if r["eventName"] == "ConsoleLogin"
    }
    assert {("Success", "Yes"), ("Success", "No"), ("Failure", "No")} <= seen


@pytest.mark.parametrize(("objects", "events"), [(40, 100), (4, 50), (60, 8), (40, 1), (1, 30)])
def test_the_story_is_told_whole_and_in_order(objects: int, events: int) -> None:
    """All its steps stand in one account and region at rising times, in place of other records."""
    tree = list(
        samples.objects(7, objects, events, START, account_ids=["111122223333"], regions=["us-east-1"])
    )
    assert (
        [obj.events for obj in tree] == [events] * objects == [len(samples.unpack(obj.body)) for obj in tree]
    )
    told = [
        r
        for obj in tree
        for r in samples.unpack(obj.body)
        if r["sourceIPAddress"] == samples.INTRUDER_ADDRESS
    ]
    told.sort(key=lambda record: record["eventTime"])
    assert len(told) == STEPS
    names = [record["eventName"] for record in told]
    for earlier, later in [
        ("ListUsers", "CreateUser"),
        ("CreateUser", "StopLogging"),
        ("AttachUserPolicy", "StopLogging"),
    ]:
        assert names.index(earlier) < names.index(later)
    given = [r for r in told if r["eventName"] == "AttachUserPolicy" and "errorCode" not in r]
    assert [r["requestParameters"]["userName"] for r in given] == [samples.NEW_USER]
    assert sum("errorCode" in r for r in told) >= 8


def test_without_the_story() -> None:
    """`with_story=False` leaves it out."""
    tree = samples.objects(7, 10, 50, START, with_story=False)
    assert all(
        r["sourceIPAddress"] != samples.INTRUDER_ADDRESS for obj in tree for r in samples.unpack(obj.body)
    )


def test_no_slot_is_left_open(records: list[dict]) -> None:  # type: ignore[type-arg]
    """Every template was filled."""
    assert not re.search(r"<#?[a-z_]+\d*>", json.dumps(records))


def test_every_call_can_be_drawn() -> None:
    """No call of the catalogue has a slot that nothing fills."""
    from random import Random

    from infra.samples.draw import Draw, make_account
    from infra.samples.records import api_call

    for call in CALLS:
        record = api_call(
            Draw(Random(call.name), make_account(1, "111122223333"), "eu-central-1", START), call, 11
        )
        assert record["eventName"] == call.name
