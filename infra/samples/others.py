"""Records that are no plain API call: console sign-ins, service events, VPC endpoint events.

Sources: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html,
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/non-api-aws-service-events.html and
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-network-events-with-cloudtrail.html
"""

from __future__ import annotations

from typing import Any

from infra.samples.draw import Draw, compile_template, fill, utc_text

__all__ = ["other", "sign_in"]

Record = dict[str, Any]

_BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36"
_PERSON = compile_template(
    {
        "type": "IAMUser",
        "principalId": "<user_id9>",
        "accountId": "<account>",
        "arn": "arn:aws:iam::<account>:user/<user9>",
        "userName": "<user9>",
        "accessKeyId": "",
    }
)
_SERVICE_EVENTS = tuple(
    (source, name, compile_template(details))
    for source, name, details in (
        ("kms", "RotateKey", {"keyId": "<kms>", "rotationType": "AUTOMATIC", "backingKeyId": "<sha>"}),
        ("ec2", "SharedSnapshotVolumeCreated", {"snapshotId": "<snapshot>"}),
        ("ec2", "BidEvictedEvent", {"instanceIdSet": ["<instance1>", "<instance2>"]}),
        (
            "autoscaling",
            "TerminateInstanceInAutoScalingGroup",
            {"instanceId": "<instance>", "cause": "<note>"},
        ),
        ("signin", "UserAuthentication", {"CredentialVerification": "Success"}),
        (
            "organizations",
            "CreateAccountResult",
            {"createAccountStatus": {"state": "SUCCEEDED", "id": "car-<hex>"}},
        ),
        (
            "lakeformation",
            "GetDataAccess",
            {"tableArn": "arn:aws:glue:<region>:<account>:table/<group>/<table>"},
        ),
    )
)
_VPC_CALLER = compile_template(
    {"type": "AWSAccount", "principalId": "<aroa9>:<session9>", "accountId": "<stranger9>"}
)


def _head(
    draw: Draw, minor: int, identity: Record, source: str, name: str, address: str, agent: str
) -> Record:
    return {
        "eventVersion": f"1.{minor:02d}",
        "userIdentity": identity,
        "eventTime": utc_text(draw.at),
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": draw.region,
        "sourceIPAddress": address,
        "userAgent": agent,
    }


def _tail(draw: Draw, minor: int, kind: str, read_only: bool) -> Record:
    tail: Record = {"eventID": draw("uuid91"), "readOnly": read_only, "eventType": kind}
    if minor >= 6:
        tail["managementEvent"] = True
    tail["recipientAccountId"] = draw.account.id
    if minor >= 7:
        tail["eventCategory"] = "Management"
    return tail


def sign_in(draw: Draw, minor: int, *, mfa: bool, ok: bool, address: str, root: bool = False) -> Record:
    """A console sign-in, as a user or as root; a failed one carries the message of a wrong password."""
    identity = fill(_PERSON, draw)
    if root:
        arn = f"arn:aws:iam::{draw.account.id}:root"
        identity = {"type": "Root", "principalId": draw.account.id, "arn": arn, "accountId": draw.account.id}
        identity["accessKeyId"] = ""
    record = _head(draw, minor, identity, "signin", "ConsoleLogin", address, _BROWSER)
    if not ok:
        record["errorMessage"] = "Failed authentication"
    record["requestParameters"] = None
    record["responseElements"] = {"ConsoleLogin": "Success" if ok else "Failure"}
    record["additionalEventData"] = {
        "LoginTo": f"https://{draw.region}.console.aws.amazon.com/console/home?region={draw.region}&state=hashArgs%23",
        "MobileVersion": "No",
        "MFAUsed": "Yes" if mfa else "No",
    }
    if mfa:
        device = f"arn:aws:iam::{draw.account.id}:mfa/{identity.get('userName', 'root-account-mfa-device')}"
        record["additionalEventData"]["MFAIdentifier"] = device
    record |= _tail(draw, minor, "AwsConsoleSignIn", read_only=False)
    if minor >= 8:
        host = f"{draw.region}.signin.aws.amazon.com"
        record["tlsDetails"] = {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"}
        record["tlsDetails"]["clientProvidedHostHeader"] = host
    return record


def _some_sign_in(draw: Draw, minor: int) -> Record:
    rng = draw.rng
    root = rng.random() < 0.03
    return sign_in(
        draw,
        minor,
        mfa=rng.random() < 0.8,
        ok=rng.random() < 0.9,
        address=draw("ipv9") if rng.random() < 0.1 else draw("office9"),
        root=root,
    )


def _service_event(draw: Draw, minor: int) -> Record:
    """Made by a service on its own; such identities name no type."""
    source, name, details = draw.rng.choice(_SERVICE_EVENTS)
    host = f"{source}.amazonaws.com"
    identity = {"accountId": draw.account.id, "invokedBy": host}
    record = _head(draw, minor, identity, source, name, host, host)
    record |= {"requestParameters": None, "responseElements": None}
    record |= _tail(draw, minor, "AwsServiceEvent", read_only=False)
    record["serviceEventDetails"] = fill(details, draw)
    return record


def _network_event(draw: Draw, minor: int) -> Record:
    """A call through a VPC endpoint, seen by the endpoint's owner; refused by its policy, mostly."""
    source, name = draw.rng.choice(
        (("kms", "Decrypt"), ("secretsmanager", "GetSecretValue"), ("ec2", "DescribeInstances"))
    )
    record = _head(draw, max(minor, 9), fill(_VPC_CALLER, draw), source, name, draw("private9"), "")
    del record["userAgent"]
    if draw.rng.random() < 0.8:
        record["errorCode"] = "VpceAccessDenied"
        record["errorMessage"] = "The request was denied due to a VPC endpoint policy"
    record["requestID"], record["eventID"] = draw("uuid90"), draw("uuid91")
    record["eventType"] = "AwsVpceEvent"
    record["recipientAccountId"] = draw.account.id
    record["sharedEventID"] = draw("uuid92")
    record["vpcEndpointId"] = draw("vpce9")
    record["vpcEndpointAccountId"] = draw.account.id
    record["eventCategory"] = "NetworkActivity"
    return record


def _console_action(draw: Draw, minor: int) -> Record:
    """Something done in the console that is no public API."""
    record = _head(draw, minor, fill(_PERSON, draw), "signin", "SwitchRole", draw("office9"), _BROWSER)
    record |= {"requestParameters": None, "responseElements": {"SwitchRole": "Success"}}
    record["additionalEventData"] = {
        "SwitchFrom": f"arn:aws:iam::{draw.account.id}:user/{draw('user9')}",
        "RedirectTo": f"https://console.aws.amazon.com/console/home?region={draw.region}",
    }
    return record | _tail(draw, minor, "AwsConsoleAction", read_only=False)


_KINDS = (_some_sign_in, _service_event, _network_event, _console_action)


def other(draw: Draw, minor: int) -> Record:
    """One record of these kinds."""
    return draw.rng.choices(_KINDS, (30, 35, 25, 10))[0](draw, minor)
