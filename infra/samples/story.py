"""The story in the samples: a stolen key looks around, makes an administrator and blinds the trail.

What an engineer sees who asks for errors by principal, new users, policies attached to users,
trails stopped, and sign-ins without MFA. It happens as the access key of `ci-deploy` from one
address that no other record has.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from infra.samples.draw import Draw, utc_text
from infra.samples.failures import denied
from infra.samples.others import sign_in

__all__ = ["INTRUDER_ADDRESS", "INTRUDER_USER", "NEW_USER", "STEPS", "story"]

Record = dict[str, Any]

INTRUDER_USER = "ci-deploy"
INTRUDER_ADDRESS = "203.0.113.254"
NEW_USER = "support-backup"

_KEY = "AKIAPENSTOCKDEMO7WQX"
_AGENT = "aws-cli/2.15.30 Python/3.11.8 Linux/6.6.9-amd64 exe/x86_64.kali.2024 prompt/off"
_ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"

_Step = tuple[str, str, bool, Any, Any]


def _steps(account: str, region: str, now: str) -> tuple[_Step, ...]:
    """(service, name, refused, request, response) in order; `name` ConsoleLogin is a sign-in."""
    trail = f"arn:aws:cloudtrail:{region}:{account}:trail/org-trail"
    user = {"path": "/", "userName": NEW_USER, "userId": "AIDAPENSTOCKDEMO3KZLM"}
    user |= {"arn": f"arn:aws:iam::{account}:user/{NEW_USER}", "createDate": now}
    key = {"userName": NEW_USER, "accessKeyId": "AKIAPENSTOCKDEMO2NEW", "status": "Active", "createDate": now}
    looks: list[tuple[str, str, bool, Any]] = [
        ("sts", "GetCallerIdentity", False, None),
        ("iam", "ListUsers", False, None),
        ("iam", "ListRoles", True, None),
        ("iam", "GetAccountAuthorizationDetails", True, {"maxItems": 1000}),
        ("s3", "ListBuckets", False, {"Host": "s3.amazonaws.com"}),
        ("ec2", "DescribeInstances", True, {"instancesSet": {}, "filterSet": {}}),
        ("ec2", "DescribeSnapshots", True, {"ownersSet": {"items": [{"owner": "self"}]}}),
        ("secretsmanager", "ListSecrets", True, {"maxResults": 100}),
        ("ssm", "GetParametersByPath", True, {"path": "/", "recursive": True, "withDecryption": True}),
        ("kms", "ListKeys", True, None),
        ("lambda", "ListFunctions20150331", True, None),
        ("rds", "DescribeDBInstances", True, None),
        ("organizations", "ListAccounts", True, None),
        ("cloudtrail", "DescribeTrails", False, {"includeShadowTrails": False}),
        ("guardduty", "ListDetectors", True, None),
        ("iam", "AttachUserPolicy", True, {"userName": INTRUDER_USER, "policyArn": _ADMIN}),
    ]
    return (
        *((service, name, refused, request, None) for service, name, refused, request in looks),
        ("iam", "CreateUser", False, {"userName": NEW_USER}, {"user": user}),
        ("iam", "CreateLoginProfile", False, {"userName": NEW_USER, "passwordResetRequired": False}, None),
        ("iam", "CreateAccessKey", False, {"userName": NEW_USER}, {"accessKey": key}),
        ("iam", "AttachUserPolicy", False, {"userName": NEW_USER, "policyArn": _ADMIN}, None),
        ("signin", "ConsoleLogin", True, None, None),
        ("signin", "ConsoleLogin", False, None, None),
        ("guardduty", "DeleteDetector", True, {"detectorId": "12abc34d567e8fa901bc2d34e56789f0"}, None),
        ("cloudtrail", "StopLogging", False, {"name": trail}, None),
        ("cloudtrail", "DeleteTrail", True, {"name": trail}, None),
        ("signin", "ConsoleLogin", False, None, None),
    )


STEPS = len(_steps("111122223333", "us-east-1", "x"))
"""Records in the story."""


def story(draw: Draw, times: Sequence[dt.datetime]) -> Iterator[Record]:
    """The story's records, one for each of `times` (at most STEPS), in order."""
    steps = _steps(draw.account.id, draw.region, utc_text(times[0]))
    for at, step in zip(times, steps, strict=False):
        yield _record(replace(draw, at=at, seen={}), *step)


def _record(draw: Draw, service: str, name: str, refused: bool, request: Any, response: Any) -> Record:
    if name == "ConsoleLogin":
        record = sign_in(draw, 11, mfa=False, ok=not refused, address=INTRUDER_ADDRESS)
        record["userIdentity"] |= {
            "userName": NEW_USER,
            "arn": f"arn:aws:iam::{draw.account.id}:user/{NEW_USER}",
            "principalId": "AIDAPENSTOCKDEMO3KZLM",
        }
        return record
    arn = f"arn:aws:iam::{draw.account.id}:user/{INTRUDER_USER}"
    record = {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAPENSTOCKDEMO5CICD",
            "arn": arn,
            "accountId": draw.account.id,
            "accessKeyId": _KEY,
            "userName": INTRUDER_USER,
        },
        "eventTime": utc_text(draw.at),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": draw.region,
        "sourceIPAddress": INTRUDER_ADDRESS,
        "userAgent": _AGENT,
    }
    if refused:
        record["errorCode"], record["errorMessage"] = denied(draw, service, name, arn)
    return record | {
        "requestParameters": request,
        "responseElements": response,
        "requestID": draw("uuid90"),
        "eventID": draw("uuid91"),
        "readOnly": name.startswith(("List", "Get", "Describe")),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": draw.account.id,
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{service}.{draw.region}.amazonaws.com",
            "keyExchange": "x25519",
        },
    }
