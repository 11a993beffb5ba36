"""Fixtures that several folders of tests use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from infra.local_cloud import LocalCloud


@pytest.fixture(scope="module")
def local_cloud() -> Iterator[LocalCloud]:
    """A local cloud with the log bucket `logs`, one for each test file; starting one takes 3 seconds."""
    with LocalCloud() as cloud:
        yield cloud
