"""Decides whether a policy lets a call through, so that least privilege is tested and not believed.

Covers what identity policies of the template use: Allow and Deny, wildcards in actions and
resources, the condition operators below. Anything else in a policy is refused rather than guessed.
Order of decision: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

__all__ = ["Access", "allowed", "granting", "statements"]


@dataclass(frozen=True, slots=True)
class Access:
    """One thing a call needs: `service:Action` on an ARN, with the condition keys of the request."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def statements(documents: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """All statements of some policy documents, in order."""
    return [statement for document in documents for statement in _listed(document["Statement"])]


def granting(policy: Sequence[Mapping[str, Any]], access: Access, effect: str = "Allow") -> list[int]:
    """Indices of the statements of that effect that apply to `access`."""
    return [
        index
        for index, statement in enumerate(policy)
        if statement["Effect"] == effect and _applies(statement, access)
    ]


def allowed(policy: Sequence[Mapping[str, Any]], access: Access) -> bool:
    """Whether some statement allows `access` and none denies it."""
    return not granting(policy, access, "Deny") and bool(granting(policy, access))


def _applies(statement: Mapping[str, Any], access: Access) -> bool:
    unknown = set(statement) - {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    if unknown:
        raise ValueError(
            f"statement {statement.get('Sid', '?')}: found {sorted(unknown)}, not understood here"
        )
    return (
        any(_like(pattern.lower(), access.action.lower()) for pattern in _listed(statement["Action"]))
        and any(_like(pattern, access.resource) for pattern in _listed(statement["Resource"]))
        and _conditions_hold(statement.get("Condition", {}), access.context)
    )


def _conditions_hold(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    return all(
        key in context and any(_OPERATORS[operator](str(wanted), context[key]) for wanted in _listed(values))
        for operator, block in conditions.items()
        for key, values in block.items()
    )


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _like(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _equal(wanted: str, found: str) -> bool:
    return wanted == found


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "ArnEquals": _like,
    "ArnLike": _like,
    "ForAllValues:StringLike": _like,  # of the one value that a context holds here
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
    "StringEquals": _equal,
    "StringLike": _like,
}
