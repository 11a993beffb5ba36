"""Records of others: Resolver queries, firewall events and audit events from public repositories."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.convert.trial import Trial

from penstock import tables

DATA = Path(__file__).parents[2].parent / "shared" / "data"
FOLDERS = {
    "aws_route53_resolver_query_log": "route53_resolver",
    "aws_network_firewall_log": "network_firewall",
    "aws_eks_audit_log": "eks_audit",
}


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    """An engine."""
    trial = Trial(tmp_path)
    yield trial
    trial.close()


def records(folder: str) -> list[dict[str, Any]]:
    """The records of a folder; those from rule tests stand in a field `log`."""
    paths = sorted((DATA / folder).rglob("*.ndjson"))
    if not paths:
        pytest.skip("no sample logs beside this repository")
    lines = [json.loads(line) for path in paths for line in path.read_text().splitlines() if line.strip()]
    return [line.get("log", line) for line in lines]


@pytest.mark.parametrize("name", FOLDERS)
def test_every_record_is_stored(trial: Trial, name: str) -> None:
    """No record is rejected but those without any time; what tests added to them is in `unmapped`."""
    given = records(FOLDERS[name])
    text = "".join(json.dumps(record) + "\n" for record in given).encode()
    out = trial(text, table=tables.find(name))
    timeless = sum(not _timed(record) for record in given)
    assert out.counts == [("done", len(given) - timeless, 0, timeless)]
    assert len(given) > timeless
    for row in out.rows("tp_rejected"):
        assert row["reason"].endswith("is missing")


def _timed(record: dict[str, Any]) -> bool:
    names = ("query_timestamp", "event_timestamp", "stageTimestamp", "requestReceivedTimestamp")
    return any(record.get(name) for name in names) or "timestamp" in record.get("event", {})
