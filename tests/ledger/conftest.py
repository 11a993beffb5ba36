"""Each test of the suite gets a fresh ledger of each store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.ledger import stores

from penstock.ledger import Ledger
from penstock.ledger.dynamodb import DynamoLedger
from penstock.ledger.sqlite import SqliteLedger


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """A moto server for the session."""
    with stores.moto_server() as url:
        yield url


@pytest.fixture(scope="session")
def dynamodb_local_url() -> Iterator[str]:
    """Amazon's engine for the session; its tests are skipped where it cannot be had."""
    try:
        with stores.dynamodb_local() as url:
            yield url
    except stores.UnavailableError as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=["moto", "dynamodb-local"])
def dynamodb_url(request: pytest.FixtureRequest) -> str:
    """Either DynamoDB."""
    url: str = request.getfixturevalue("moto_url" if request.param == "moto" else "dynamodb_local_url")
    return url


@pytest.fixture
def blobs(tmp_path: Path) -> stores.DirectoryBlobs:
    """Where long lists go."""
    return stores.DirectoryBlobs(tmp_path / "hive")


@pytest.fixture
def dynamo(dynamodb_url: str, blobs: stores.DirectoryBlobs) -> DynamoLedger:
    """A fresh table of either DynamoDB."""
    return stores.fresh_table(dynamodb_url, blobs)


@pytest.fixture(params=["sqlite", "moto", "dynamodb-local"])
def open_again(
    request: pytest.FixtureRequest, tmp_path: Path, blobs: stores.DirectoryBlobs
) -> Callable[[], Ledger]:
    """Opens one and the same fresh ledger, as another worker would."""
    if request.param == "sqlite":
        return lambda: SqliteLedger(tmp_path / "ledger.db")
    url = request.getfixturevalue("moto_url" if request.param == "moto" else "dynamodb_local_url")
    first = stores.fresh_table(url, blobs)
    return lambda: DynamoLedger(first.client, first.table, blobs)


@pytest.fixture
def ledger(open_again: Callable[[], Ledger]) -> Ledger:
    """A fresh ledger of each store."""
    return open_again()
