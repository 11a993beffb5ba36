"""Open the ledger that a workspace names, whichever store keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.errors import ConfigError, Problem
from penstock.ledger import Blobs, Ledger

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["FORMS", "open_ledger"]

FORMS = ("sqlite:///relative/path.db", "sqlite:////absolute/path.db", "dynamodb://table-name")
"""What a ledger's URL looks like, for messages and docs."""


def open_ledger(url: str, *, dynamodb: DynamoDBClient | None = None, blobs: Blobs | None = None) -> Ledger:
    """The ledger at `url`, one of `FORMS`; a SQLite file is made when it is not there.

    `dynamodb` (a boto3 client) and `blobs` (the hive, for long lists) are needed by `dynamodb://`
    only. ConfigError for any other URL. Each store is imported when it is asked for.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest[:1] == "/" and rest[1:].strip("/") not in ("", ":memory:"):
        from penstock.ledger.sqlite import SqliteLedger

        return SqliteLedger(rest[1:])
    if scheme == "dynamodb" and rest and "/" not in rest:
        from penstock.ledger.dynamodb import DynamoLedger

        if dynamodb is None or blobs is None:
            raise TypeError(f"{url}: a DynamoDB client and the hive's blobs are needed to open it")
        return DynamoLedger(dynamodb, rest, blobs)
    raise ConfigError(Problem("ledger", 0, f"found {url!r}, expected one of: {', '.join(FORMS)}"))
