"""Real WAF logs and findings of GuardDuty and Security Hub, where they are at hand."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.convert.trial import Outcome, Trial

from penstock import tables

DATA = Path(__file__).parents[2].parent / "shared" / "data"
FILES = {
    name: sorted(path for path in (DATA / folder).rglob("*") if path.is_file())
    for name, folder in (
        ("aws_waf_traffic_log", "waf"),
        ("aws_guardduty_finding", "guardduty"),
        ("aws_securityhub_finding", "securityhub"),
    )
}

pytestmark = pytest.mark.skipif(not all(FILES.values()), reason="no real logs beside this repository")


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """An engine."""
    made = Trial(tmp_path_factory.mktemp("real"))
    yield made
    made.close()


def content(path: Path) -> str:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def documents(text: str) -> list[dict[str, object]]:
    """The JSON documents in a text."""
    decoder, found, place = json.JSONDecoder(), [], 0
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip())
        document, place = decoder.raw_decode(text, place)
        found.append(document)
    return found


def converted(trial: Trial, name: str) -> Outcome:
    texts = [content(path).encode() for path in FILES[name]]
    return trial(*texts, names=[path.name for path in FILES[name]], table=tables.find(name))


def test_waf_logs(trial: Trial) -> None:
    """Every request is stored with its client, in the order of the file."""
    out = converted(trial, "aws_waf_traffic_log")
    raw = [documents(content(path)) for path in FILES["aws_waf_traffic_log"]]
    assert out.counts == [("done", len(records), 0, 0) for records in raw]
    rows = {row["http_request"]["requestId"]: row for row in out.rows("aws_waf_traffic_log")}
    for record in (record for records in raw for record in records):
        request = record["httpRequest"]
        assert isinstance(request, dict)
        row = rows[request["requestId"]]
        assert row["timestamp"].replace(tzinfo=dt.UTC).timestamp() * 1000 == pytest.approx(
            record["timestamp"]
        )
        assert row["web_acl_id"] == record["webaclId"]
        assert row["tp_ips"] == [request["clientIp"]]
        assert json.loads(row["http_request"]["headers"]) == request["headers"]
        assert row["unmapped"] is None


def test_guardduty_findings(trial: Trial) -> None:
    """Every finding is stored; nothing of it is lost but to `unmapped`."""
    out = converted(trial, "aws_guardduty_finding")
    raw = [documents(content(path)) for path in FILES["aws_guardduty_finding"]]
    assert out.counts == [("done", len(records), 0, 0) for records in raw]
    rows = out.rows("aws_guardduty_finding")
    assert len(rows) == sum(map(len, raw)) > 0
    by_id = {record["id"]: record for records in raw for record in records}
    for row in rows:
        record = by_id[row["id"]]
        assert (row["arn"], row["type"], row["severity"]) == tuple(
            record[key] for key in ("arn", "type", "severity")
        )
        assert row["tp_akas"] == [record["arn"]]
        assert row["tp_ips"]
        assert set(json.loads(row["unmapped"] or "{}")) <= {"service", "resource"}


def test_securityhub_findings(trial: Trial) -> None:
    """Every finding is stored, from an event or alone."""
    out = converted(trial, "aws_securityhub_finding")
    assert out.counts == [("done", 1, 0, 0)] * len(FILES["aws_securityhub_finding"])
    raw = {path.name: json.loads(content(path)) for path in FILES["aws_securityhub_finding"]}
    for row in out.rows("aws_securityhub_finding"):
        record = raw[row["tp_source_location"]]
        finding = record["detail"]["findings"][0] if "detail" in record else record
        assert row["finding_id"] == finding["Id"]
        assert row["title"] == finding["Title"]
        assert row["severity"]["label"] == finding["Severity"]["Label"]
        assert json.loads(row["resources"]) == finding["Resources"]
        assert row["unmapped"] is None
