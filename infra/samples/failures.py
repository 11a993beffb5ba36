"""Errors in the samples: which calls fail, with the codes and messages of their services.

Shapes: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.samples.calls import Call
from infra.samples.draw import Draw

__all__ = ["denied", "failure"]

_SHARE = 0.07
_MISSING: Mapping[str, tuple[str, str]] = {
    "GetBucketPolicy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "GetBucketPublicAccessBlock": (
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
    ),
    "GetRolePolicy": ("NoSuchEntityException", "The role policy with name {policy} cannot be found."),
    "GetUser": ("NoSuchEntityException", "The user with name {user} cannot be found."),
    "GetParameter": ("ParameterNotFound", ""),
    "GetSecretValue": ("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
    "HeadObject": ("NoSuchKey", "The specified key does not exist."),
    "GetObject": ("NoSuchKey", "The specified key does not exist."),
    "DescribeInstances": (
        "Client.InvalidInstanceID.NotFound",
        "The instance ID '{new_instance}' does not exist",
    ),
    "CreateLogStream": ("ResourceAlreadyExistsException", "The specified log stream already exists"),
    "PutItem": ("ConditionalCheckFailedException", "The conditional request failed"),
    "BatchGetImage": ("ImageNotFoundException", "The image with imageDigest 'sha256:{sha}' does not exist"),
    "CreateBucket": (
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
    ),
}


def denied(draw: Draw, service: str, name: str, principal: str) -> tuple[str, str]:
    """Code and message of a refused call, as the service words it."""
    reason = f"because no identity-based policy allows the {service}:{name} action"
    who = f"User: {principal} is not authorized to perform: {service}:{name}"
    if service == "ec2":
        sealed = "".join(draw(f"token{part}") for part in (71, 72, 73))
        return (
            "Client.UnauthorizedOperation",
            f"You are not authorized to perform this operation. {who} {reason}. "
            f"Encoded authorization failure message: {sealed}",
        )
    code = "AccessDenied" if service in ("s3", "iam", "sts") else "AccessDeniedException"
    return code, f"{who} on resource: arn:aws:{service}:{draw.region}:{draw.account.id}:* {reason}"


def failure(draw: Draw, call: Call, identity: Mapping[str, Any]) -> tuple[str, str] | None:
    """Code and message when this call fails, None when it succeeds."""
    rng = draw.rng
    if rng.random() >= _SHARE:
        return None
    if call.name in _MISSING and rng.random() < 0.7:
        code, message = _MISSING[call.name]
        fields = {
            slot: draw(slot) for slot in ("policy", "user", "new_instance", "sha") if f"{{{slot}}}" in message
        }
        return code, message.format(**fields)
    if rng.random() < 0.3:
        return "ThrottlingException", "Rate exceeded"
    return denied(
        draw, call.service, call.name, identity.get("arn") or identity.get("principalId") or "anonymous"
    )
