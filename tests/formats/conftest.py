"""An engine for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.convert.trial import Trial


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Conversions in a folder of their own."""
    made = Trial(tmp_path_factory.mktemp("formats"))
    yield made
    made.close()
