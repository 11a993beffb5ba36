"""Real CloudTrail objects, where they are at hand, through the deployed template to a query over httpfs."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from infra.local_cloud import LocalCloud

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "cloudtrail" / "invictus-ir+aws_dataset"
OBJECTS = sorted(REAL.rglob("*.json.gz"))

pytestmark = pytest.mark.skipif(not OBJECTS, reason="no real logs beside this repository")

CONFIG = """
partition "aws_cloudtrail_log" "real" {
  source "aws_s3_bucket" {
    bucket = "logs"
  }
}
"""


def ask(config: Path, home: Path, sql: str) -> list[dict[str, Any]]:
    """What `penstock query` prints, run as a person runs it."""
    command = [
        sys.executable,
        "-m",
        "penstock.cli",
        "query",
        "--config-path",
        str(config),
        "--output",
        "json",
    ]
    done = subprocess.run(
        [*command, sql],
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_every_real_event_can_be_queried(local_cloud: LocalCloud, tmp_path: Path) -> None:
    """55 objects land, are announced, collected and asked for: 2,900 events, with the names they have."""
    local_cloud.put_config(CONFIG)
    s3 = local_cloud.client("s3")
    names: dict[str, int] = {}
    for path in OBJECTS:
        s3.put_object(Bucket="logs", Key=path.relative_to(REAL).as_posix(), Body=path.read_bytes())
        for record in json.loads(gzip.decompress(path.read_bytes()))["Records"]:
            names[record["eventName"]] = names.get(record["eventName"], 0) + 1
    local_cloud.run_until_idle()
    assert local_cloud.dead_letters() == []
    config = tmp_path / "real.tpc"
    config.write_text(CONFIG + local_cloud.workspace, encoding="utf-8")
    (total,) = ask(
        config, tmp_path, "select count(*) as n, count(distinct tp_id) as ids from aws_cloudtrail_log"
    )
    assert (total["n"], total["ids"]) == (2900, 2900)
    found = ask(config, tmp_path, "select event_name, count(*) as n from aws_cloudtrail_log group by 1")
    assert {row["event_name"]: row["n"] for row in found} == names
