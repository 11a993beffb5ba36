"""What several folders of tests use.

Property tests try the same examples in each run of `make test`, so that a change is judged by what it
changes; `make soak` lets them search for new ones. What a search finds is pinned by a test.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from infra.local_cloud import LocalCloud

settings.register_profile("same", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile("same")


@pytest.fixture(scope="module")
def local_cloud() -> Iterator[LocalCloud]:
    """A local cloud with the log bucket `logs`, one for each test file; starting one takes 3 seconds."""
    with LocalCloud() as cloud:
        yield cloud
