"""A store for the session, and a fresh deployment for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.collect import rig as rigs
from tests.collect import store as stores


@pytest.fixture(scope="session")
def store() -> Iterator[stores.Store]:
    """A running store."""
    with stores.running() as started:
        yield started


@pytest.fixture
def rig(store: stores.Store, tmp_path: Path) -> Iterator[rigs.Rig]:
    """Hive on S3, ledger on DynamoDB, one partition."""
    made = rigs.make(store, tmp_path)
    store.faults.clear()
    yield made
    store.faults.clear()
    made.close()
