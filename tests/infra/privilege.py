"""What a function's role grants, and what of that the function used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from infra.local_cloud import LocalCloud, key_of
from infra.local_cloud.iam import Access, granting

__all__ = ["granted", "used"]

Granted = set[tuple[str, str]]
"""(Sid of the statement, action)."""


def granted(policy: Sequence[Mapping[str, Any]]) -> Granted:
    """Every action of every statement."""
    return {
        (statement["Sid"], action)
        for statement in policy
        for action in (
            statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        )
    }


def used(cloud: LocalCloud, function: str, context: Mapping[str, str] | None = None) -> Granted:
    """What the calls of a function, of which none was refused, were allowed by."""
    calls = cloud.calls(key_of(function))
    assert [call for call in calls if not call.allowed] == []
    policy = cloud.stack.functions[function].policy
    return {
        (policy[index]["Sid"], call.action)
        for call in calls
        for index in granting(policy, Access(call.action, call.resource, context or {}))
    }
