"""Sources of every kind, as the configuration names them."""

from __future__ import annotations

from penstock.config import loads
from penstock.model import PartitionId
from penstock.sources.aws_s3_bucket import S3BucketSource
from penstock.sources.command import CommandSource
from penstock.sources.file import FileSource

TEXT = """
partition "aws_cloudtrail_log" "p" {
  source "file" {
    paths       = ["~/logs", "exports/*.zip"]
    file_layout = `%{YEAR:year}/%{DATA}.gz`
  }
  source "command" {
    command = ["journalctl", "--since", "{from}", "a b"]
    timeout = 1.5
  }
  source "aws_s3_bucket" {
    bucket         = "logs"
    requester_pays = true
  }
}
workspace "w" {
  hive   = "s3://hive/logs"
  ledger = "dynamodb://ledger"
  queue  = "https://sqs.eu-central-1.amazonaws.com/123456789012/penstock"
}
"""


def test_sources_of_every_kind_in_one_partition() -> None:
    """Each is read as its own kind, in order; only the bucket's objects come by events."""
    config = loads({"main.tpc": TEXT})
    (partition,) = config.partitions.values()
    file, command, bucket = partition.sources
    assert isinstance(file, FileSource)
    assert (file.paths, file.layout and file.layout.text) == (
        ("~/logs", "exports/*.zip"),
        "%{YEAR:year}/%{DATA}.gz",
    )
    assert isinstance(command, CommandSource)
    assert (command.command[-1], command.timeout) == ("a b", 1.5)
    assert command.place == "journalctl --since '{from}' 'a b'"
    assert isinstance(bucket, S3BucketSource)
    assert (bucket.requester_pays, bucket.place) == (True, "s3://logs/")
    assert config.buckets == ("logs",)
    assert config.workspace("w").queue == "https://sqs.eu-central-1.amazonaws.com/123456789012/penstock"


def test_the_layout_for_s3_is_not_that_of_files() -> None:
    """Without a layout of its own a file source takes every file, whatever the table's layout in S3."""
    text = 'partition "aws_cloudtrail_log" "p" {\n source "file" {\n paths = ["x"]\n }\n}\n'
    (source,) = loads({"main.tpc": text}).partitions[PartitionId("aws_cloudtrail_log", "p")].sources
    assert isinstance(source, FileSource)
    assert source.layout is None
