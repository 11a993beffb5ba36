"""What a partition block says of compaction."""

from __future__ import annotations

import pytest

from penstock import config
from penstock.errors import ConfigError
from penstock.model import PartitionId

BLOCK = """
partition "aws_cloudtrail_log" "prod" {
  source "aws_s3_bucket" {
    bucket = "my-logs"
  }
  %s
}
"""


def read(line: str) -> config.Partition:
    """The partition with this line in it."""
    found = config.loads({"main.tpc": BLOCK % line})
    return found.partitions[PartitionId("aws_cloudtrail_log", "prod")]


def test_defaults() -> None:
    """Rows are kept for ever, and all of them."""
    assert (read("").retention, read("").unique_key) == (None, None)
    assert read('retention = "forever"').retention is None


def test_what_is_said() -> None:
    """Days, and a column."""
    assert read('retention = "400d"').retention == 400
    assert read('unique_key = "event_id"').unique_key == "event_id"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('retention = "400"', 'main.tpc:6: retention: found "400", expected days such as 400d'),
        ('retention = "0d"', "expected days such as 400d"),
        ('unique_key = "event_ids"', 'main.tpc:6: unique_key: found "event_ids", expected a column'),
        ('unique_key = "user_identity"', "expected a column of aws_cloudtrail_log"),
    ],
)
def test_what_is_refused(line: str, said: str) -> None:
    """With its place, what was found and what was expected."""
    with pytest.raises(ConfigError) as caught:
        read(line)
    assert said in str(caught.value)
