"""A store for the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.collect import store as stores


@pytest.fixture(scope="session")
def store() -> Iterator[stores.Store]:
    """A running store."""
    with stores.running() as started:
        yield started
