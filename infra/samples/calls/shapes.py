"""What the shapes of calls are made of: slots that many have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["FUNCTION_ARN", "KMS_KEY", "PAGE", "ROLE_ARN", "TAGS", "TAG_SET", "Body", "Shapes", "arn"]

Body = tuple[float, Any, Any]
"""Weight, request, response."""

Shapes = Mapping[str, Body]
"""A service's calls by name."""


def arn(service: str, rest: str) -> str:
    """The name of a thing in the event's account and region."""
    return f"arn:aws:{service}:<region>:<account>:{rest}"


PAGE = {"maxResults": "<#limit>", "nextToken": "<token>"}
TAGS = [
    {"key": "team", "value": "<group>"},
    {"key": "Name", "value": "<note>"},
    {"key": "cost", "value": "<id>"},
]
TAG_SET = {"items": TAGS}
KMS_KEY = arn("kms", "key/<kms>")
ROLE_ARN = "arn:aws:iam::<account>:role/<role>"
FUNCTION_ARN = arn("lambda", "function:<function>")
