"""Hives to ask, on a directory and on S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.query.asking import Asker
from tests.query.hives import Hive
from tests.query.store import Store, serving


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """A running store."""
    with serving() as store:
        yield store


@pytest.fixture
def hive(tmp_path: Path) -> Hive:
    """An empty hive in a directory."""
    return Hive(tmp_path)


@pytest.fixture
def ask(hive: Hive) -> Iterator[Asker]:
    """Ask the hive."""
    asker = Asker(hive)
    yield asker
    for session in asker.opened:
        session.close()
