"""The deployed compact function moves old days to a tier, kept to its role; a person reads them there."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from infra.local_cloud import LocalCloud
from tests.infra.privilege import used
from tests.infra.test_collect_function import CONFIG, EVENTS, cloudtrail_object

from penstock.cli import main

OBJECTS = 3
TIERS = """{
  tier {
    after         = "1d"
    storage_class = "STANDARD_IA"
  }
  tier {
    after         = "10d"
    root          = "s3://cold/deep"
    storage_class = "GLACIER_IR"
  }
"""


def test_old_days_move_and_are_read_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No call is refused, each grant of the tiers is used, and nothing is written outside of the root."""
    with LocalCloud(
        log_buckets=("logs", "logs-plain"), parameters={"GraceSeconds": "0", "TierRoots": "cold/deep"}
    ) as cloud:
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket="cold")
        cloud.put_config(CONFIG.replace("{\n", TIERS, 1))
        for number in range(OBJECTS):
            key, body = cloudtrail_object(number)
            s3.put_object(Bucket="logs", Key=key, Body=body)
            cloud.run_until_idle()
        reports = [cloud.invoke("CompactFunction") for _ in range(6)]
        assert [report["failed"] for report in reports] == [{}] * 6
        assert sum(report["tiered_days"] for report in reports) == 1
        bucket = cloud.hive.removeprefix("s3://")
        assert s3.list_objects_v2(Bucket=bucket, Prefix="tp_table=").get("KeyCount") == 0
        (found,) = s3.list_objects_v2(Bucket="cold")["Contents"]
        assert found["Key"].startswith("deep/tp_table=aws_cloudtrail_log/tp_partition=local/")
        assert found["StorageClass"] == "GLACIER_IR"
        assert {action for sid, action in used(cloud, "CompactFunction") if sid == "Tiers"} == {
            "s3:DeleteObject", "s3:GetObject", "s3:PutObject"
        }  # fmt: skip
        config = tmp_path / "cloud.tpc"
        config.write_text(cloud.workspace, encoding="utf-8")
        monkeypatch.setenv("HOME", str(tmp_path))
        sql = "SELECT count(*) FROM aws_cloudtrail_log"
        given = ["query", "--config-path", str(config), "--output", "csv", "--header=false", sql]
        done = CliRunner().invoke(main, given)
        assert (done.exit_code, done.stdout) == (0, f"{OBJECTS * EVENTS}\n"), done.output
