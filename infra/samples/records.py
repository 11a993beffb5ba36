"""Whole CloudTrail records: an endless, realistic mix of API calls, sign-ins and service events.

Fields and the eventVersion that brought each:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate
from random import Random
from typing import Any

from infra.samples.calls import CALLS, Call
from infra.samples.draw import Account, Draw, compile_template, fill, make_account, utc_text
from infra.samples.failures import failure
from infra.samples.identities import caller
from infra.samples.others import other

__all__ = ["ACCOUNTS", "REGIONS", "Record", "api_call", "event", "events"]

Record = dict[str, Any]

ACCOUNTS = ("111122223333", "444455556666")
REGIONS = ("eu-central-1", "us-east-1")

_MINORS = (5, 6, 7, 8, 9, 10, 11)
_MINOR_WEIGHTS = tuple(accumulate((3, 1, 2, 22, 22, 20, 30)))
_CALL_WEIGHTS = tuple(accumulate(call.weight for call in CALLS))
_API_VERSIONS = {
    "logs": "20140328",
    "dynamodb": "2012-08-10",
    "cloudfront": "2020-05-31",
    "route53": "2013-04-01",
}
_OTHERS = 0.05  # share of records that are no plain API call

_S3_EXTRA = compile_template(
    {
        "SignatureVersion": "SigV4",
        "CipherSuite": "TLS_AES_128_GCM_SHA256",
        "bytesTransferredIn": "<#size7>",
        "bytesTransferredOut": "<#size8>",
        "AuthenticationMethod": "AuthHeader",
        "x-amz-id-2": "<sha7>",
        "SSEApplied": "SSE_KMS",
    }
)
_CONTEXT = compile_template(
    {
        "requestContext": {
            "aws:SourceVpc": "<vpc6>",
            "aws:PrincipalOrgID": "<org6>",
            "aws:MultiFactorAuthAge": "<small6>",
        },
        "tagContext": {
            "resourceTags": [
                {"arn": "arn:aws:s3:::<bucket6>", "tags": {"team": "<group6>", "data": "<note6>"}}
            ],
            "principalTags": {"department": "<group6>"},
        },
    }
)
_ADDENDUM = compile_template(
    {
        "reason": "UPDATED_DATA",
        "updatedFields": "responseElements",
        "originalRequestID": "<uuid5>",
        "originalEventID": "<uuid6>",
    }
)
_EDGE = compile_template({"type": "snowball", "deviceId": "<id6>", "site": "<zone6>"})
_TLS = (
    ("TLSv1.3", "TLS_AES_128_GCM_SHA256"),
    ("TLSv1.3", "TLS_AES_256_GCM_SHA384"),
    ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"),
)


@cache
def account(seed: int | str, account_id: str) -> Account:
    """`make_account`, made once a process."""
    return make_account(seed, account_id)


def _tls(draw: Draw, host: str, minor: int) -> dict[str, str]:
    version, suite = draw.rng.choice(_TLS)
    details = {"tlsVersion": version, "cipherSuite": suite, "clientProvidedHostHeader": host}
    if minor >= 11 and version == "TLSv1.3":
        details["keyExchange"] = draw.rng.choice(("X25519MLKEM768", "x25519", "secp256r1"))
    return details


def api_call(draw: Draw, call: Call, minor: int) -> Record:
    """One `AwsApiCall` record of `call`, with the fields that eventVersion 1.`minor` knows."""
    rng = draw.rng
    who = caller(draw, call.name, minor)
    request, response = fill(call.request, draw), fill(call.response, draw)
    record: Record = {
        "eventVersion": f"1.{minor:02d}",
        "userIdentity": who.identity,
        "eventTime": utc_text(draw.at),
        "eventSource": f"{call.service}.amazonaws.com",
        "eventName": call.name,
        "awsRegion": draw.region,
        "sourceIPAddress": who.address,
        "userAgent": who.agent,
    }
    problem = failure(draw, call, who.identity)
    if problem:
        record["errorCode"], record["errorMessage"] = problem
        response = None
        if call.service == "ec2":
            request = None if rng.random() < 0.1 else request
    record["requestParameters"], record["responseElements"] = request, response
    if call.service == "s3":
        record["additionalEventData"] = fill(_S3_EXTRA, draw)
    record["requestID"], record["eventID"] = draw("uuid90"), draw("uuid91")
    record["readOnly"] = call.read_only
    if call.resources:
        record["resources"] = fill(call.resources, draw)
    record["eventType"] = "AwsApiCall"
    if call.service in _API_VERSIONS:
        record["apiVersion"] = _API_VERSIONS[call.service]
    _newer_fields(record, draw, call, minor)
    if minor >= 8 and not who.address.endswith(".com"):
        record["tlsDetails"] = _tls(draw, f"{call.service}.{draw.region}.amazonaws.com", minor)
    if minor >= 8 and who.console:
        record["sessionCredentialFromConsole"] = "true"
    return record


def _newer_fields(record: Record, draw: Draw, call: Call, minor: int) -> None:
    """What came with 1.06 and later, and the rare fields."""
    rng = draw.rng
    if minor >= 6:
        record["managementEvent"] = not call.data
    record["recipientAccountId"] = draw.account.id
    if record["userIdentity"].get("type") == "AWSAccount":
        record["sharedEventID"] = draw("uuid92")
    if record["sourceIPAddress"].startswith("10."):
        record["vpcEndpointId"] = draw("vpce92")
        if minor >= 9:
            record["vpcEndpointAccountId"] = draw.account.id
    if minor >= 7:
        record["eventCategory"] = "Data" if call.data else "Management"
    if minor >= 8 and rng.random() < 0.002:
        record["addendum"] = fill(_ADDENDUM, draw)
    if minor >= 8 and call.data and rng.random() < 0.004:
        record["edgeDeviceDetails"] = fill(_EDGE, draw)
    if minor >= 11 and rng.random() < 0.1:
        record["eventContext"] = fill(_CONTEXT, draw)


def event(draw: Draw) -> Record:
    """One record of the mix."""
    rng = draw.rng
    minor = rng.choices(_MINORS, cum_weights=_MINOR_WEIGHTS)[0]
    if rng.random() < _OTHERS:
        return other(draw, minor)
    return api_call(draw, rng.choices(CALLS, cum_weights=_CALL_WEIGHTS)[0], minor)


def events(
    seed: int | str,
    count: int,
    start: dt.datetime,
    *,
    account_ids: Sequence[str] = ACCOUNTS,
    regions: Sequence[str] = REGIONS,
    span: dt.timedelta = dt.timedelta(minutes=15),
) -> Iterator[Record]:
    """`count` records of the accounts and regions, unordered, each within `span` after `start`.

    The same arguments give the same records, whatever the day and the machine.
    """
    rng = Random(f"{seed}:events")
    seconds = max(1, int(span.total_seconds()))
    for _ in range(count):
        owner = account(seed, rng.choice(account_ids))
        at = start + dt.timedelta(seconds=rng.randrange(seconds))
        yield event(Draw(rng, owner, rng.choice(regions), at))
