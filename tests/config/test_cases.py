"""Whole configurations beside what must come of them: `cases/valid/*` and `cases/wrong/*`.

A valid case holds `expected.json`, a wrong one `expected.txt` with every problem (`…` stands for
any text). To add a case, write a folder.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest

from penstock.config import Config, load
from penstock.errors import ConfigError
from penstock.sources.aws_s3_bucket import S3BucketSource

CASES = Path(__file__).with_name("cases")
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def summary(config: Config, folder: Path) -> dict[str, Any]:
    """What a configuration says, without what it leaves at its default."""
    return {
        "files": [Path(file).name for file in config.files],
        "connections": {
            name: {
                field: value
                for field in connection.__slots__
                if field != "name" and (value := getattr(connection, field)) is not None
            }
            for name, connection in config.connections.items()
            if name != "aws.default"
        },
        "partitions": {
            str(partition.id): {
                "place": f"{Path(partition.file).name}:{partition.line}",
                "filter": partition.filter,
                "tp_index": partition.tp_index,
                "sources": [
                    {
                        "bucket": source.bucket,
                        "prefix": source.prefix,
                        "layout": source.layout.text,
                        "connection": source.connection,
                        "format": source.format,
                    }
                    for source in partition.sources
                    if isinstance(source, S3BucketSource)
                ],
            }
            for partition in config.partitions.values()
        },
        "workspaces": {
            name: [space.hive, space.ledger, space.region, space.profile, space.endpoint_url]
            for name, space in config.workspaces.items()
        },
        **({"tables": tables(config)} if config.tables else {}),
        "notices": [str(notice).replace(f"{folder}/", "") for notice in config.notices],
    }


def tables(config: Config) -> dict[str, Any]:
    """Its own tables: columns with types and fields, common columns, what is required."""
    return {
        name: {
            "columns": {column.name: f"{column.type} {column.source}" for column in table.columns},
            "common": sorted(table.enrichment),
            "reader": table.syntax.reader,
            "required": list(table.required),
        }
        for name, table in config.tables.items()
    }


@pytest.mark.parametrize("case", sorted(p.name for p in (CASES / "valid").iterdir()))
def test_valid(case: str) -> None:
    """A right configuration decodes to exactly what stands beside it."""
    folder = CASES / "valid" / case
    found = summary(load([folder], now=lambda: NOW), folder)
    assert found == json.loads((folder / "expected.json").read_text())


@pytest.mark.parametrize("case", sorted(p.name for p in (CASES / "wrong").iterdir()))
def test_wrong(case: str) -> None:
    """A wrong configuration is refused with every problem, each with its file and line, in order."""
    folder = CASES / "wrong" / case
    with pytest.raises(ConfigError) as caught:
        load([folder], now=lambda: NOW)
    found = [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]
    expected = (folder / "expected.txt").read_text().splitlines()
    assert len(found) == len(expected), "\n".join(found)
    for line, pattern in zip(found, expected):
        assert re.fullmatch(re.escape(pattern).replace("…", ".*"), line), f"found {line}\nexpected {pattern}"
