"""Hives to compact: in a directory with SQLite, and on S3 with DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.collect import store as stores
from tests.compact import yard as yards
from tests.compact.yard import Yard


@pytest.fixture(scope="session")
def store() -> Iterator[stores.Store]:
    """A running store."""
    with stores.running() as started:
        yield started


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    """A hive in a directory."""
    made = yards.make(tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "dynamodb"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Yard]:
    """One of each kind."""
    store = request.getfixturevalue("store") if request.param == "dynamodb" else None
    made = yards.make(tmp_path, store)
    yield made
    made.close()
    if store is not None:
        store.client("dynamodb").delete_table(TableName=made.source.removeprefix("dynamodb://"))
