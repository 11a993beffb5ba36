"""Who calls in the samples: every kind of `userIdentity` with the address and agent that go with it.

Shapes: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.samples.draw import Draw, Template, compile_template, fill

__all__ = ["KINDS", "Caller", "caller"]


@dataclass(frozen=True, slots=True)
class Caller:
    """The identity of one event, where it calls from, and whether a person sits at a console."""

    identity: dict[str, Any]
    address: str
    agent: str
    console: bool = False


_ISSUER = {
    "type": "Role",
    "principalId": "<role_id9>",
    "arn": "arn:aws:iam::<account>:role/<role9>",
    "accountId": "<account>",
    "userName": "<role9>",
}


def _assumed(session: str, mfa: str, **more: object) -> dict[str, object]:
    return {
        "type": "AssumedRole",
        "principalId": f"<role_id9>:{session}",
        "arn": f"arn:aws:sts::<account>:assumed-role/<role9>/{session}",
        "accountId": "<account>",
        "accessKeyId": "<asia9>",
        "sessionContext": {
            "sessionIssuer": _ISSUER,
            **more,
            "attributes": {"creationDate": "<since9>", "mfaAuthenticated": mfa},
        },
    }


_USER = {
    "type": "IAMUser",
    "principalId": "<user_id9>",
    "arn": "arn:aws:iam::<account>:user/<user9>",
    "accountId": "<account>",
    "accessKeyId": "<user_key9>",
    "userName": "<user9>",
}
_SESSION = {"sessionContext": {"attributes": {"creationDate": "<since9>", "mfaAuthenticated": "true"}}}
_PROVIDER = "arn:aws:iam::<account>:oidc-provider"
_STORE = "arn:aws:identitystore::<account>:identitystore/d-<id9>"

_SHAPES: Mapping[str, tuple[float, dict[str, object]]] = {
    "role": (46, _assumed("<session9>", "false")),
    "instance role": (
        14,
        _assumed("<instance9>", "false", ec2RoleDelivery="2.0"),
    ),
    "web identity role": (
        8,
        _assumed(
            "botocore-session-<small9>",
            "false",
            webIdFederationData={
                "federatedProvider": f"{_PROVIDER}/oidc.eks.<region>.amazonaws.com/id/<task9>",
                "attributes": {},
            },
        ),
    ),
    "console role": (6, _assumed("<email9>", "true")),
    "role with source identity": (3, _assumed("<session9>", "false", sourceIdentity="<email9>")),
    "user": (12, dict(_USER)),
    "console user": (3, {**_USER, "accessKeyId": "<asia9>", **_SESSION}),
    "service": (5, {"type": "AWSService", "invokedBy": "<service9>"}),
    "root": (
        0.3,
        {
            "type": "Root",
            "principalId": "<account>",
            "arn": "arn:aws:iam::<account>:root",
            "accountId": "<account>",
            "accessKeyId": "",
            **_SESSION,
        },
    ),
    "assumed root": (
        0.2,
        {
            "type": "Root",
            "principalId": "<account>",
            "arn": "arn:aws:iam::<account>:root",
            "accountId": "<account>",
            "accessKeyId": "<asia9>",
            "sessionContext": {
                "assumedRoot": "true",
                "attributes": {"creationDate": "<since9>", "mfaAuthenticated": "false"},
            },
        },
    ),
    "federated": (
        0.6,
        {
            "type": "FederatedUser",
            "principalId": "<account>:<user9>",
            "arn": "arn:aws:sts::<account>:federated-user/<user9>",
            "accountId": "<account>",
            "accessKeyId": "<asia9>",
            "sessionContext": {
                "sessionIssuer": {key: value for key, value in _USER.items() if key != "accessKeyId"},
                "attributes": {"creationDate": "<since9>", "mfaAuthenticated": "false"},
            },
        },
    ),
    "other account": (
        1.5,
        {"type": "AWSAccount", "principalId": "<aroa9>:<session9>", "accountId": "<stranger9>"},
    ),
    "identity center": (
        0.8,
        {
            "type": "IdentityCenterUser",
            "accountId": "<account>",
            "onBehalfOf": {"userId": "<uuid9>", "identityStoreArn": _STORE},
            "credentialId": "<uuid8>",
        },
    ),
    "scoped": (
        0.8,
        {
            **_assumed("<function9>", "false"),
            "inScopeOf": {
                "sourceArn": "arn:aws:lambda:<region>:<account>:function:<function9>",
                "sourceAccount": "<account>",
                "issuerType": "AWS::Lambda::Function",
                "credentialsIssuedTo": "arn:aws:lambda:<region>:<account>:function:<function9>",
            },
        },
    ),
    "web identity": (
        0,
        {
            "type": "WebIdentityUser",
            "principalId": f"{_PROVIDER}/token.example.com:sts.amazonaws.com:<group9>",
            "userName": "<group9>",
            "identityProvider": f"{_PROVIDER}/token.example.com",
        },
    ),
    "saml": (
        0,
        {
            "type": "SAMLUser",
            "principalId": "<id9>:<email9>",
            "userName": "<email9>",
            "identityProvider": "https://idp.example.com/saml",
        },
    ),
}

_TEMPLATES: dict[str, Template] = {name: compile_template(shape) for name, (_, shape) in _SHAPES.items()}
KINDS = tuple(name for name, (weight, _) in _SHAPES.items() if weight)
_WEIGHTS = [_SHAPES[name][0] for name in KINDS]

_SINCE = {"identity center": 9, "scoped": 10, "assumed root": 10, "role with source identity": 8}
"""Minor eventVersion from which a kind of identity can occur."""

_FORCED = {"AssumeRoleWithWebIdentity": "web identity", "AssumeRoleWithSAML": "saml"}
_SDKS = (
    "Boto3/1.40.55 md/Botocore#1.40.55 ua/2.1 os/linux lang/python#3.13.1 exec-env/AWS_Lambda_python3.13",
    "aws-sdk-java/2.30.22 md/io#async md/http#AwsCommonRuntime ua/2.1 os/Linux#5.10 lang/java#21.0.5",
    "aws-sdk-go-v2/1.32.7 ua/2.1 os/linux lang/go#1.23.4 md/GOARCH#arm64 api/sts#1.33.3 karpenter",
    "APN/1.0 HashiCorp/1.0 Terraform/1.9.8 (+https://www.terraform.io) terraform-provider-aws/5.81.0",
    "aws-cli/2.22.4 md/awscrt#0.23.4 ua/2.0 os/macos#24.1.0 lang/python#3.12.6 cfg/retry-mode#standard",
    "aws-sdk-js/3.699.0 ua/2.1 os/linux#5.10 lang/js md/nodejs#22.11.0 api/dynamodb#3.699.0",
)
_BROWSERS = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "AWS Internal",
)
_PEOPLE = ("user", "console user", "console role", "root", "federated", "identity center")


def caller(draw: Draw, event_name: str, minor: int) -> Caller:
    """Somebody who may make this call, with fields no newer than eventVersion 1.`minor`."""
    rng = draw.rng
    kind = _FORCED.get(event_name) or rng.choices(KINDS, _WEIGHTS)[0]
    if minor < _SINCE.get(kind, 0):
        kind = "role"
    identity = fill(_TEMPLATES[kind], draw)
    if kind == "service":
        return Caller(identity, identity["invokedBy"], identity["invokedBy"])
    if kind in ("console user", "console role", "root"):
        return Caller(identity, draw("office9"), rng.choice(_BROWSERS), console=True)
    if kind in _PEOPLE:
        address = draw("ipv9") if rng.random() < 0.15 else draw("office9")
    else:
        address = draw("ip9" if rng.random() < 0.6 else "private9")
    if kind == "role" and rng.random() < 0.15:
        identity["invokedBy"] = address = draw("service9")
        return Caller(identity, address, address)
    return Caller(identity, address, rng.choice(_SDKS))
