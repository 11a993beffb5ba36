"""Real cost reports and CloudFront logs, where they are at hand: compared with the raw texts."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.convert.trial import Outcome, Row, Trial

from penstock import tables

DATA = Path(__file__).parents[2].parent / "shared" / "data"
CUR = DATA / "cur/fivetran+dbt_aws_cloud_cost/raw/aws_cost_report.csv"
FOCUS = DATA / "focus/FinOps-Open-Cost-and-Usage-Spec+FOCUS-Sample-Data/raw/focus_sample.csv"
CLOUDFRONT = sorted((DATA / "cloudfront").glob("*/raw/*cloudfront*"))
OTHERS = sorted(path for path in (DATA / "cloudfront").glob("*/raw/*") if path not in CLOUDFRONT)

pytestmark = pytest.mark.skipif(not CUR.exists(), reason="no real logs beside this repository")


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """An engine."""
    made = Trial(tmp_path_factory.mktemp("real"))
    yield made
    made.close()


def content(path: Path) -> bytes:
    """The text, inflated where it is packed."""
    data = path.read_bytes()
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def in_order(out: Outcome, name: str) -> list[Row]:
    """Its rows in the order of the text."""
    return sorted(out.rows(name), key=lambda row: str(row["tp_id"]))


def records(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV, read by Python."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def same(found: object, raw: str) -> bool:
    """Whether a stored value is what the text says; empty and NULL mean nothing."""
    if raw in ("", "NULL") or found is None:
        return found is None and raw in ("", "NULL")
    if isinstance(found, float):
        return found == float(raw)
    if isinstance(found, dt.datetime):
        return found == dt.datetime.fromisoformat(raw).replace(tzinfo=None)
    return str(found) == raw


def test_cost_and_usage_report(trial: Trial) -> None:
    """Every row is stored with its values; only what the exporter added is unmapped."""
    table = tables.find("aws_cost_and_usage_report")
    raw = records(CUR)
    out = trial(content(CUR), table=table)
    assert out.counts == [("done", len(raw), 0, 0)] == [("done", 20, 0, 0)]
    for row, record in zip(in_order(out, table.name), raw, strict=True):
        added = {name: record[name] for name in ("_file", "_line", "_fivetran_synced", "_modified")}
        assert json.loads(row["unmapped"]) == added
        for column in table.columns:
            if column.type != "JSON" and column.source in record:
                assert same(row[column.name], record[column.source]), column.name
        for name in ("product", "resource_tags", "cost_category", "discount"):
            assert json.loads(row[name]) == json.loads(record[name] or "{}")


def test_focus(trial: Trial) -> None:
    """Every row is stored with its values, NULL is null; the column Id, which FOCUS has not, is unmapped."""
    table = tables.find("aws_cost_and_usage_focus")
    raw = records(FOCUS)
    out = trial(content(FOCUS), table=table)
    assert out.counts == [("done", len(raw), 0, 0)] == [("done", 1000, 0, 0)]
    for row, record in zip(in_order(out, table.name), raw, strict=True):
        assert json.loads(row["unmapped"]) == {"Id": record["Id"]}
        for column in table.columns:
            if column.type != "JSON" and column.source in record:
                assert same(row[column.name], record[column.source]), column.name
        tags = "{}" if record["Tags"] == "NULL" else record["Tags"]
        assert json.loads(row["tags"]) == json.loads(tags)


def test_focus_loses_no_money(trial: Trial) -> None:
    """The sums are those of the text, to the last digit that a double has."""
    out = trial(content(FOCUS), table=tables.find("aws_cost_and_usage_focus"))
    rows = in_order(out, "aws_cost_and_usage_focus")
    for name, column in (("BilledCost", "billed_cost"), ("EffectiveCost", "effective_cost")):
        assert sum(row[column] for row in rows) == sum(float(record[name]) for record in records(FOCUS))


def test_cloudfront(trial: Trial) -> None:
    """Every line below the header is stored: 26 fields in 2018, 33 since; texts are decoded."""
    table = tables.find("aws_cloudfront_access_log")
    texts = [content(path) for path in CLOUDFRONT]
    out = trial(*texts, table=table)
    lines = [[line for line in text.decode().splitlines() if not line.startswith("#")] for text in texts]
    assert out.counts == [("done", len(found), 0, 0) for found in lines]
    assert sorted(len(found) for found in lines) == [2, 2, 2, 66]
    rows = out.rows(table.name)
    assert all(row["tp_ips"][0] == row["c_ip"] and row["sc_status"] >= 200 for row in rows)
    assert not [row for row in rows if "%20" in (row["cs_user_agent"] or "")]
    assert {"13.231.15.129", "10.3.200.121"} <= {ip for row in rows for ip in row["tp_ips"]}
    # A generated sample has a blank before the minus in one field.
    assert {row["unmapped"] for row in rows} == {None, '{"fle-encrypted-fields":" -"}'}


def test_logs_of_other_kinds_are_rejected(trial: Trial) -> None:
    """A line of a load balancer and those of Lambda@Edge lie in the same folder: no row comes of them."""
    out = trial(*(content(path) for path in OTHERS), table=tables.find("aws_cloudfront_access_log"))
    assert sum(record.stored for record in out.records) == 0
    assert sum(record.rejected for record in out.records) == 39
