"""Clients of the services that sources are asked through, by connection and region."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from penstock import aws
from penstock.collect.prepare import account
from penstock.config import Config

__all__ = ["AwsServices"]


@dataclass(slots=True)
class AwsServices:
    """Clients made when first asked for. `account` is whose credentials connections begin with."""

    account: aws.Account
    reader: Callable[[], Config]
    made: dict[Any, Any] = field(default_factory=dict)

    def __call__(self, service: str, connection: str, region: str | None) -> Any:
        """The client; raises as the SDK does when a profile or a role is not there."""
        wanted = account(self.reader().connections, connection, self.account)
        if region:
            wanted = replace(wanted, region=region)
        key = (service, wanted)
        if key not in self.made:
            self.made[key] = aws.client(service, wanted)
        return self.made[key]
