"""`penstock collect` asks polled sources too, where this machine does the work."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.poll.test_poll_http import Api, event, url

from penstock.cli import main

__all__ = ["url"]

CONFIG = """
workspace "default" {{
  hive = "{home}/hive"
}}
partition "aws_eks_audit_log" "prod" {{
  source "http" {{
    url         = "{url}/events"
    records     = "data"
    pagination  = "page"
    since_param = "since"
    since_field = "at"
    env_headers = {{ X-Key = "API_KEY" }}
  }}
}}
"""


def test_collect_polls_here(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """New records each run, none twice; what fails is told, and fails the run."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "PENSTOCK_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("API_KEY", "key")
    (tmp_path / "main.tpc").write_text(CONFIG.format(home=tmp_path, url=url))

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--config-path", str(tmp_path)])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    Api.records = [event(name, at) for at, name in enumerate("abc")]
    status, out, _ = run("collect", "--output", "json")
    (told,) = json.loads(out)["partitions"]
    assert (status, told["state"], told["rows"]["stored"]) == (0, "done", 3)
    Api.records.append(event("d", 9))
    assert json.loads(run("collect", "--output", "json")[1])["partitions"][0]["rows"]["stored"] == 1
    status, out, _ = run("query", "select count(*) as n from aws_eks_audit_log", "--output", "csv")
    assert (status, out.splitlines()) == (0, ["n", "4"])
    Api.spoilt = {1: (403, b"no")}
    status, _, err = run("collect")
    assert status == 1
    assert "found status 403" in err
    status, _, err = run("collect", "--overwrite")
    assert status == 1
    assert f"http {url}/events: --overwrite cannot replace its rows" in err
    Api.spoilt = {}
    status, _, err = run("collect", "--to", "2026-02")
    assert (status, "--to does not bound them" in err) == (0, True)
    assert run("query", "select count(*) as n from aws_eks_audit_log", "--output", "csv")[1].split() == [
        "n",
        "4",
    ]
