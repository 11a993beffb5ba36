"""Real access log lines, where they are at hand: each is read, and comes out as it stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.convert.trial import Trial

from penstock import tables

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "apache_nginx"
FILES = sorted(REAL.rglob("*.log"))
ACCESS = re.compile(r'^(\S+) \S+ (\S+) \[[^\]]+\] "')

pytestmark = pytest.mark.skipif(not FILES, reason="no real logs beside this repository")


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """An engine."""
    made = Trial(tmp_path_factory.mktemp("real"))
    yield made
    made.close()


@pytest.mark.parametrize("name", ["apache_access_log", "nginx_access_log"])
def test_access_lines_are_stored(trial: Trial, name: str) -> None:
    """Every line that is one of an access log; what else stands in the files is of other logs."""
    for path in FILES:
        lines = [line for line in path.read_text().splitlines() if ACCESS.match(line)]
        assert lines
        out = trial("\n".join(lines).encode(), table=tables.find(name))
        (record,) = out.records
        assert (record.state, record.stored, record.rejected) == ("done", len(lines), 0)
        rows = {row["tp_id"]: row for row in out.rows(name)}
        for line, (_, row) in zip(lines, sorted(rows.items()), strict=True):
            found = ACCESS.match(line)
            assert found
            assert row["remote_addr"] == found[1]
            assert row["remote_user"] == (None if found[2] == "-" else found[2])
            assert f'"{row["request_method"]} {row["request_uri"]} ' in line
