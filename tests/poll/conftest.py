"""CloudWatch Logs as moto serves them for the session; a directory and SQLite for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.collect import rig as rigs
from tests.collect.conftest import store
from tests.collect.store import Store

__all__ = ["rig", "store"]


@pytest.fixture
def rig(store: Store, tmp_path: Path) -> Iterator[rigs.Rig]:
    """Hive in a directory, ledger on SQLite."""
    made = rigs.make(store, tmp_path, kind="sqlite")
    yield made
    made.close()
